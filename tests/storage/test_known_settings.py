"""Known settings: stored with the outcome of the change that set them, or not at all."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, KnownValue, SettingsWrite
from flowbot.services.ports.changes import FlowClaimedError, VersionConflictError
from flowbot.storage.engine import open_database
from flowbot.storage.migrations import upgrade
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from flowbot.storage.tables import new_id
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    ANYTHING,
    FLOW,
    MOMENTS,
    NOON,
    OURS,
    TEXTS,
    move_through,
    new_event,
    new_request,
    submit_change,
)
from tests.storage.older_databases import upgrade_to

HOUR = timedelta(hours=1)
VALUES = WriteOnlyFields("7", "news", "push", "")


@pytest.fixture
def known(database: Database) -> KnownSettingsRepository:
    """Return the store of known settings."""
    return KnownSettingsRepository(database)


async def submit_applying(store: ChangeRepository, token: str = "t1", **other: object) -> Change:
    return await move_through(store, await submit_change(store, token, **other), ChangeState.APPLYING)


def written_by(change: Change, values: WriteOnlyFields = VALUES, at: datetime = NOON) -> SettingsWrite:
    return SettingsWrite(FLOW, change.id, values, at, at, at)


async def test_they_are_stored_with_the_outcome(store: ChangeRepository, known: KnownSettingsRepository) -> None:
    change = await submit_applying(store)
    await store.replace_if_unchanged(
        change,
        replace(change, state=ChangeState.APPLIED),
        settings=lambda _: written_by(change, WriteOnlyFields("7", "news")),
    )
    value = KnownValue("7", NOON, change.id, NOON)
    assert await known.get(FLOW) == KnownSettings(segment=value, utm_source=replace(value, value="news"))
    assert await known.get(FlowId(99)) == NOTHING_KNOWN


async def test_another_change_adds_field_by_field(store: ChangeRepository, known: KnownSettingsRepository) -> None:
    first = await submit_applying(store)
    await store.replace_if_unchanged(
        first, replace(first, state=ChangeState.APPLIED), settings=lambda _: written_by(first)
    )
    second = await submit_applying(store, "t2")
    moved = replace(second, state=ChangeState.APPLIED)
    values = WriteOnlyFields(segment="8")
    await store.replace_if_unchanged(second, moved, settings=lambda _: written_by(second, values, NOON + HOUR))
    now = await known.get(FLOW)
    assert now.values == replace(VALUES, segment="8")
    assert (now.segment and now.segment.change, now.utm_source and now.utm_source.change) == (second.id, first.id)


async def test_a_move_that_is_refused_stores_none(store: ChangeRepository, known: KnownSettingsRepository) -> None:
    change = await submit_applying(store)
    moved = replace(change, state=ChangeState.APPLIED)
    with pytest.raises(VersionConflictError):
        await store.replace_if_unchanged(replace(change, version=1), moved, settings=lambda _: written_by(change))
    made = Outcome("applied.create", {}, FLOW)
    creates = [await submit_applying(store, f"c{number}", kind=ChangeKind.CREATE, flow=None) for number in (1, 2)]
    event = new_event("change.applied", kind=ChangeKind.CREATE)
    first, second = [replace(create, state=ChangeState.APPLIED, outcome=made) for create in creates]
    await store.replace_if_unchanged(creates[0], first, event)
    with pytest.raises(FlowClaimedError):
        await store.replace_if_unchanged(creates[1], second, event, settings=lambda _: written_by(second))
    assert await known.get(FLOW) == NOTHING_KNOWN


async def test_a_write_that_sets_nothing_of_a_flow_of_which_nothing_is_known_stores_no_row(
    store: ChangeRepository, database: Database
) -> None:
    change = await submit_applying(store)
    moved = replace(change, state=ChangeState.APPLIED)
    await store.replace_if_unchanged(change, moved, settings=lambda _: written_by(change, WriteOnlyFields()))
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM known_settings")) == 0


async def test_two_changes_settled_in_the_same_instant_both_count(
    store: ChangeRepository, other_store: ChangeRepository, known: KnownSettingsRepository
) -> None:
    one, other = [
        await move_through(store, await submit_applying(store, token), ChangeState.UNKNOWN) for token in ("t1", "t2")
    ]
    ended = [replace(change, state=ChangeState.APPLIED) for change in (one, other)]
    writes = [written_by(one, WriteOnlyFields(segment="7")), written_by(other, WriteOnlyFields(utm_source="a"))]
    await asyncio.gather(
        store.replace_if_unchanged(one, ended[0], settings=lambda _: writes[0]),
        other_store.replace_if_unchanged(other, ended[1], settings=lambda _: writes[1]),
    )
    assert (await known.get(FLOW)).values == WriteOnlyFields("7", "a")


@ANYTHING
@given(values=st.builds(WriteOnlyFields, *[st.none() | TEXTS] * 4), at=MOMENTS, number=st.integers(1, 2**62))
async def test_any_text_and_moment_comes_back(
    store: ChangeRepository, known: KnownSettingsRepository, values: WriteOnlyFields, at: datetime, number: int
) -> None:
    record, _ = await store.submit(new_request(new_id(), flow=None), OURS, new_event())
    change = await move_through(store, record.change, ChangeState.APPLYING)
    write = SettingsWrite(FlowId(number), change.id, values, at, at, at)
    before = await known.get(FlowId(number))
    await store.replace_if_unchanged(change, replace(change, state=ChangeState.APPLIED), settings=lambda _: write)
    assert await known.get(FlowId(number)) == before.after(write)


# --- what the changes of an older flowbot tell ---------------------------------------------------------------------

OLDER = """
INSERT INTO changes (id, token, kind, state, version, flow_id, website_id, requester, channel_id, asked, outcome,
                     shown_version, created_at, changed_at, sent_at)
VALUES (:id, :id, :kind, :state, 2, :flow, 1, 'U0AYSE', 'C1', :asked, :outcome, 0,
        '2026-03-01 09:30:15.000000', :at, :sent)
"""


def older_change(
    number: int, kind: str, state: str, flow: int | None, unread: object, made: int | None = None
) -> dict[str, object]:
    at = f"2026-03-01 09:30:{number:02}.000000"
    return {
        "id": f"c{number}",
        "kind": kind,
        "state": state,
        "flow": flow,
        "asked": json.dumps({"token": f"c{number}", "wanted": {"unread": unread} if unread is not None else None}),
        "outcome": json.dumps({"key": "k", "params": {}, "flow": made}) if made else None,
        "at": at,
        "sent": at if number % 2 else None,
    }


async def test_an_upgrade_finds_what_was_set_before_and_marks_it_as_doubtful(empty_database_url: str) -> None:
    await asyncio.to_thread(upgrade_to, empty_database_url, "0007")
    database = open_database(empty_database_url)
    older = [
        older_change(1, "create", "applied", None, {"segment": "all", "utm_source": None}, made=12),
        older_change(2, "edit", "applied", 12, {"segment": "7", "utm_medium": "push"}),
        older_change(3, "edit", "unknown", 12, {"segment": "8"}),
        older_change(4, "enable", "applied", 13, None),
        older_change(5, "edit", "applied", 14, {"utm_campaign": "bahar \ud83c"}),
        older_change(6, "edit", "applied", 15, {"segment": None}),
        older_change(7, "restore", "applied", None, {"segment": None}, made=16),
    ]
    async with database.write() as connection:
        for row in older:
            await connection.execute(text(OLDER), row)
    await asyncio.to_thread(upgrade, empty_database_url)
    known = KnownSettingsRepository(database)
    flows = {flow: await known.get(FlowId(flow)) for flow in range(12, 17)}
    await database.close()
    assert flows[12].values == WriteOnlyFields("7", "", "push", "")
    segment = flows[12].segment
    assert segment is not None
    assert (segment.change, segment.set_at.isoformat()) == (ChangeId("c2"), "2026-03-01T09:30:02+00:00")
    assert flows[12].doubtful(NOON) == ("segment", "utm_source", "utm_medium", "utm_campaign")
    assert flows[14].values == WriteOnlyFields(utm_campaign="bahar \ud83c")
    assert (flows[13], flows[15], flows[16]) == (NOTHING_KNOWN,) * 3
