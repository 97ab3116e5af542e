"""A database with a history: changes of all flows, some of them open, and the events of each."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.protocol import CHANNEL
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import ChangeKind, ChangeRequest, ChangeState, Lease
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes, events

EVENTS_A_CHANGE: Final = 10
CHANGES_AN_OPEN_ONE: Final = 40
"""Of so many changes one is open: 500 of 20,000."""
ROWS_AT_ONCE: Final = 1000
REQUESTER: Final = UserId("U0AYSE")
WEBSITE: Final = WebsiteId(1)


async def fill(database: str, count: int) -> None:
    """Store a history of `count` changes, the open ones the newest: copies of one that flowbot itself stores."""
    now = utc_now()
    before = Flow(
        WEBSITE, "Winter sale", "Everything at half the price", "Until Sunday, in all shops and online.",
        WaitTime(3, "days"), id=FlowId(1), is_enabled=False,
    )  # fmt: skip
    request = ChangeRequest(
        FormToken("seed"), ChangeKind.ENABLE, REQUESTER, ChannelId(CHANNEL), WEBSITE, before.id, before
    )
    event = AuditEvent(
        now,
        "change.submitted",
        REQUESTER,
        ChannelId(CHANNEL),
        kind=request.kind,
        flow=request.flow,
        website=request.website,
    )
    async with open_migrated(database) as opened:
        store = ChangeRepository(opened, utc_now)
        record, _ = await store.submit(request, Lease("seed", now), event)
        submitted = record.change
        pending = replace(submitted, state=ChangeState.PENDING, rule=ApprovalRule(), lease_owner=None, lease_until=None)
        await store.replace_if_unchanged(submitted, pending)
        async with opened.write() as connection:
            change = await _take_row(connection, changes)
            told = await _take_row(connection, events)
            for start in range(0, count, ROWS_AT_ONCE):
                numbers = range(start, min(start + ROWS_AT_ONCE, count))
                rows = [{**change, **_vary(change, number, count)} for number in numbers]
                await connection.execute(insert(changes), rows)
                about = [{"change_id": row["id"], "flow_id": row["flow_id"], "at": row["created_at"]} for row in rows]
                told_of = [{**told, **each} for each in about for _ in range(EVENTS_A_CHANGE)]
                await connection.execute(insert(events), told_of)
                await asyncio.sleep(0)


async def _take_row(connection: AsyncConnection, table: Table) -> dict[str, Any]:
    """Return the table's last row, and delete all."""
    row = (await connection.execute(select(table))).mappings().all()[-1]
    await connection.execute(delete(table))
    return {name: value for name, value in row.items() if name != "number"}


def _vary(change: dict[str, Any], number: int, count: int) -> dict[str, Any]:
    """Return what tells one change from the others."""
    age = timedelta(minutes=number)
    is_open = number < count // CHANGES_AN_OPEN_ONE
    return {
        "id": f"c{number:06}",
        "token": f"t{number}",
        "flow_id": number + 1,
        "asked": {**change["asked"], "flow": number + 1},
        "state": ChangeState.PENDING if is_open else ChangeState.APPLIED,
        "created_at": change["created_at"] - age,
        "changed_at": change["created_at"] - age,
        "due_at": change["created_at"] + timedelta(days=1) if is_open else None,
        "shown_version": change["version"],
    }
