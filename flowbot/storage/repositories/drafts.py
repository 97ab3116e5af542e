"""The repositories of drafts."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft, PolicyDraft
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId
from flowbot.services.ports.form_storage import DraftStore, PolicyDraftStore
from flowbot.storage.documents import Document, join_buttons, split_buttons, to_plain
from flowbot.storage.inserts import insert_or_replace
from flowbot.storage.tables import drafts
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import find_readable, keep_readable, row_reader

_FLOW: Final = Document(Flow)
_TYPED: Final = Document(dict[str, str])
_POLICY_TYPED: Final = Document(dict[str, Any])
_POLICY_KIND: Final = "policy"
"""Marks the rows of policy forms, beside the kinds of changes."""
_IS_OF_POLICY: Final = drafts.c.kind == _POLICY_KIND


class DraftRepository(DraftStore):
    """The drafts in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, draft: Draft, *, replaces: FormToken | None = None) -> None:
        async with self._database.write() as connection:
            await write_draft(connection, draft)
            if replaces is not None:
                await connection.execute(update(drafts).where(drafts.c.token == replaces).values(typed={}))

    async def get(self, token: FormToken) -> Draft | None:
        async with self._database.query() as connection:
            own = select(drafts).where(drafts.c.token == token, ~_IS_OF_POLICY)
            return await find_readable(connection, own, _read_draft)

    async def find_latest(
        self, user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        there = select(drafts).where(
            drafts.c.person == str(user),
            drafts.c.channel_id == str(channel),
            drafts.c.kind == kind.value,
            drafts.c.flow_id.is_not_distinct_from(flow),
            drafts.c.changed_at >= since,
        )
        async with self._database.query() as connection:
            rows = await connection.execute(there.order_by(drafts.c.changed_at.desc()))
            found = keep_readable(connection, rows, _read_draft)
        return next((draft for draft in found if draft.typed), None)

    async def delete(self, token: FormToken) -> None:
        async with self._database.write() as connection:
            await delete_draft(connection, token)

    async def delete_older_than(self, before: datetime) -> int:
        async with self._database.write() as connection:
            return (await connection.execute(delete(drafts).where(drafts.c.changed_at < before))).rowcount


class PolicyDraftRepository(PolicyDraftStore):
    """The drafts of policy forms, in the table of all drafts: they age and move to another channel id with those.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, draft: PolicyDraft) -> None:
        row = {
            "token": draft.token,
            "person": str(draft.user),
            "channel_id": str(draft.channel),
            "kind": _POLICY_KIND,
            "typed": to_plain(draft.typed),
            "changed_at": draft.changed_at,
        }
        async with self._database.write() as connection:
            await insert_or_replace(connection, drafts, row)

    async def get(self, token: FormToken) -> PolicyDraft | None:
        async with self._database.query() as connection:
            own = select(drafts).where(drafts.c.token == token, _IS_OF_POLICY)
            return await find_readable(connection, own, _read_policy_draft)


async def write_draft(connection: AsyncConnection, draft: Draft) -> None:
    """Write a draft over an older one of the same form; leave a newer one."""
    row = {
        "token": draft.token,
        "person": str(draft.user),
        "channel_id": str(draft.channel),
        "kind": draft.kind.value,
        "flow_id": draft.flow,
        "before": None if draft.before is None else join_buttons(_FLOW.write(draft.before)),
        "typed": to_plain(draft.typed),
        "changed_at": draft.changed_at,
    }
    await insert_or_replace(connection, drafts, row, newest=drafts.c.changed_at)


async def delete_draft(connection: AsyncConnection, token: FormToken) -> None:
    """Delete the draft of one form, if there is one."""
    await connection.execute(delete(drafts).where(drafts.c.token == token))


@row_reader(drafts)
def _read_policy_draft(row: Row[Any]) -> PolicyDraft:
    user, channel = UserId(row.person), ChannelId(row.channel_id)
    return PolicyDraft(
        FormToken(row.token), user, channel, typed=_POLICY_TYPED.read(row.typed), changed_at=row.changed_at
    )


@row_reader(drafts)
def _read_draft(row: Row[Any]) -> Draft:
    return Draft(
        token=FormToken(row.token),
        user=UserId(row.person),
        channel=ChannelId(row.channel_id),
        kind=ChangeKind(row.kind),
        flow=None if row.flow_id is None else FlowId(row.flow_id),
        before=None if row.before is None else _FLOW.read(split_buttons(row.before)),
        typed=_TYPED.read(row.typed),
        changed_at=row.changed_at,
    )


def read_any_draft(row: Row[Any]) -> Draft | PolicyDraft:
    """Read the draft of a flow's or a policy's form from its row."""
    return _read_policy_draft(row) if row.kind == _POLICY_KIND else _read_draft(row)
