"""Changes that wait for a time: what they block, and what an older process makes of them."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import ChangeId, FormToken
from flowbot.domain.outcomes import DISABLED_BEFORE, END_MOVED
from flowbot.domain.schedule import end_disable
from flowbot.services.ports.changes import FlowBusyError, VersionConflictError
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    FLOW,
    NOON,
    OURS,
    SHOP,
    list_actions,
    move_through,
    new_event,
    new_request,
    open_stores,
    submit_change,
)
from tests.storage.older_databases import downgrade, upgrade_to

TOMORROW = NOON + timedelta(days=1)
FLOW_NOW: Final = Flow(SHOP, "Welcome", "Hello", "Come", WaitTime(3, "days"), id=FLOW, is_enabled=False)


@pytest.mark.parametrize("state", [ChangeState.PENDING, ChangeState.SCHEDULED])
async def test_a_scheduled_change_is_the_flows_open_one(store: ChangeRepository, state: ChangeState) -> None:
    waiting = await move_through(store, await submit_change(store, not_before=TOMORROW), state)
    assert await store.open_change_of(FLOW) == waiting
    with pytest.raises(FlowBusyError):
        await submit_change(store, "t2")


async def test_a_disable_that_waits_for_its_time_blocks_nothing_until_it_runs(store: ChangeRepository) -> None:
    timed = [
        await submit_change(store, "at", kind=ChangeKind.DISABLE, not_before=TOMORROW),
        await submit_change(store, "end", kind=ChangeKind.DISABLE, not_before=TOMORROW, ends=ChangeId("enable")),
    ]
    waits = [
        await move_through(store, timed[0], ChangeState.PENDING, ChangeState.SCHEDULED),
        await move_through(store, timed[1], ChangeState.SCHEDULED),
    ]
    assert await store.open_change_of(FLOW) is None
    runs = await move_through(store, waits[0], ChangeState.APPLYING)
    assert await store.open_change_of(FLOW) == runs
    with pytest.raises(FlowBusyError):
        await submit_change(store, "t2")


async def test_times_are_stored_and_read_back(store: ChangeRepository) -> None:
    asked = new_request(not_before=TOMORROW, ends_at=TOMORROW + timedelta(hours=2))
    record, _ = await store.submit(asked, OURS, new_event())
    assert (await store.get(record.change.id)) == record.change
    assert record.change.request == asked


AS_STORED: Final = """{"timed": {
    "token": "t1", "kind": "enable", "requester": "U0AYSE", "channel": "C1", "website": 1, "flow": 12, "before": null,
    "wanted": null, "picture": null, "typed": {}, "reason": "", "locale": null, "timezone": null, "repeats": null,
    "doubtful": [], "not_before": "2026-03-02T12:30:15.000250+03:00", "ends_at": "2026-03-02T14:30:15.000250+03:00",
    "ends": null
}}"""


async def test_times_are_read_as_the_first_version_with_times_stored_them(
    store: ChangeRepository, database: Database
) -> None:
    change = await submit_change(store, not_before=TOMORROW, ends_at=TOMORROW + timedelta(hours=2))
    async with database.write() as connection:
        stored = (await connection.execute(select(changes.c.asked))).scalar_one()
        await connection.execute(update(changes).values(asked=json.loads(AS_STORED)))
    assert stored == json.loads(AS_STORED)
    assert await store.get(change.id) == change


@pytest.mark.parametrize("state", [ChangeState.PENDING, ChangeState.SCHEDULED, ChangeState.EXPIRED])
async def test_what_was_sent_goes_neither_back_nor_expires(store: ChangeRepository, state: ChangeState) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.PENDING, ChangeState.APPLYING)
    leased = await store.replace_if_unchanged(change, replace(change, lease_owner="here", lease_until=OURS.until))
    assert await store.mark_sent_once(change.id, "here", NOON, None)
    with pytest.raises(VersionConflictError):
        await store.replace_if_unchanged(leased, replace(leased, state=state))


async def test_an_older_process_reads_no_change_that_has_a_time(store: ChangeRepository, database: Database) -> None:
    for token, times in (("timed", {"not_before": TOMORROW}), ("ends", {"ends_at": TOMORROW}), ("now", {})):
        await submit_change(store, token, flow=None, kind=ChangeKind.ENABLE, **times)
    async with database.query() as connection:
        rows = (await connection.execute(select(changes.c.token, changes.c.asked))).all()
    assert {row.token for row in rows if "kind" in row.asked} == {"now"}


async def test_who_goes_back_to_an_older_version_has_nothing_left_that_it_would_start_at_once(
    empty_database_url: str,
) -> None:
    await asyncio.to_thread(upgrade_to, empty_database_url, "head")
    async with open_migrated(empty_database_url) as database:
        (store,) = open_stores(database)
        disable, times = ChangeKind.DISABLE, {"not_before": TOMORROW}
        await move_through(store, await submit_change(store, "s", flow=1, **times), ChangeState.SCHEDULED)
        await move_through(store, await submit_change(store, "d", flow=2, kind=disable, **times), ChangeState.PENDING)
        await move_through(store, await submit_change(store, "p", flow=3), ChangeState.PENDING)
    await asyncio.to_thread(downgrade, empty_database_url, "0010")
    await asyncio.to_thread(upgrade_to, empty_database_url, "head")
    async with open_migrated(empty_database_url) as database:
        (store,) = open_stores(database)
        found = [await store.get_by_token(FormToken(token)) for token in ("s", "d", "p")]
    assert [change and change.state for change in found] == ["failed", "failed", "pending"]


# --- what a settled change means for them ----------------------------------------------------------------------------


async def settle(
    store: ChangeRepository, change: Change, state: ChangeState = ChangeState.APPLIED, **other: Any
) -> Change:
    applying = await move_through(store, change, ChangeState.PENDING, ChangeState.APPLYING)
    return await move_through(store, applying, state, changed_at=NOON, **other)


async def find_end(store: ChangeRepository, enable: Change) -> Change:
    end = await store.get_by_token(FormToken(f"end.{enable.id}"))
    assert end is not None
    return end


@pytest.mark.parametrize("state", [ChangeState.APPLIED, ChangeState.UNKNOWN])
async def test_an_enable_that_took_effect_or_may_have_plans_its_end_once(
    store: ChangeRepository, state: ChangeState
) -> None:
    enable = await settle(store, await submit_change(store, before=FLOW_NOW, ends_at=TOMORROW), state)
    end = await find_end(store, enable)
    assert (end.state, end.request.ends, end.request.not_before) == (ChangeState.SCHEDULED, enable.id, TOMORROW)
    assert end.due_at == NOON + timedelta(hours=1)
    assert await list_actions(store) == ["change.submitted", "change.scheduled"]
    if state is ChangeState.UNKNOWN:
        await move_through(store, enable, ChangeState.APPLIED)
        assert len(await list_actions(store)) == 2


async def test_an_enable_that_failed_plans_nothing(store: ChangeRepository) -> None:
    enable = await settle(store, await submit_change(store, before=FLOW_NOW, ends_at=TOMORROW), ChangeState.FAILED)
    assert await store.get_by_token(FormToken(f"end.{enable.id}")) is None


@pytest.mark.parametrize("kind", [ChangeKind.DISABLE, ChangeKind.DELETE])
async def test_a_disable_or_delete_ends_what_has_nothing_left_to_do(store: ChangeRepository, kind: ChangeKind) -> None:
    enable = await settle(store, await submit_change(store, before=FLOW_NOW, ends_at=TOMORROW))
    timed = await submit_change(store, "at", kind=ChangeKind.DISABLE, not_before=TOMORROW)
    timed = await move_through(store, timed, ChangeState.PENDING)
    other = await submit_change(store, "other", flow=13, kind=ChangeKind.DISABLE, not_before=TOMORROW)
    other = await move_through(store, other, ChangeState.SCHEDULED)
    await settle(store, await submit_change(store, "off", kind=kind))
    ended = [await find_end(store, enable), await store.get(timed.id)]
    assert [(each.state, each.outcome.key) for each in ended if each and each.outcome] == [
        (ChangeState.OUT_OF_DATE, DISABLED_BEFORE)
    ] * 2
    assert await store.get(other.id) == other


async def test_another_end_takes_the_place_of_the_one_before_and_leaves_other_disables(store: ChangeRepository) -> None:
    first = await settle(store, await submit_change(store, before=FLOW_NOW, ends_at=TOMORROW))
    timed = await submit_change(store, "at", kind=ChangeKind.DISABLE, not_before=TOMORROW)
    timed = await move_through(store, timed, ChangeState.SCHEDULED)
    live = replace(FLOW_NOW, is_enabled=True)
    second = await settle(store, await submit_change(store, "t2", before=live, ends_at=TOMORROW + timedelta(hours=1)))
    moved = await find_end(store, first)
    assert (moved.state, moved.outcome and moved.outcome.key) == (ChangeState.OUT_OF_DATE, END_MOVED)
    assert (await find_end(store, second)).state is ChangeState.SCHEDULED
    assert await store.get(timed.id) == timed


async def test_a_disable_that_runs_takes_the_place_of_what_waits_and_not_of_what_is_applied(
    store: ChangeRepository,
) -> None:
    timed = await submit_change(store, "at", kind=ChangeKind.DISABLE, not_before=TOMORROW)
    timed = await move_through(store, timed, ChangeState.SCHEDULED)
    applying = await move_through(store, await submit_change(store), ChangeState.PENDING, ChangeState.APPLYING)
    runs = replace(timed, state=ChangeState.APPLYING)
    with pytest.raises(FlowBusyError):
        await store.replace_if_unchanged(timed, runs, displacing=end_disable(timed))
    await move_through(store, applying, ChangeState.FAILED)
    waiting = await move_through(store, await submit_change(store, "t2"), ChangeState.PENDING)
    running = await store.replace_if_unchanged(timed, runs, displacing=end_disable(timed))
    assert await store.open_change_of(FLOW) == running
    displaced = await store.get(waiting.id)
    assert displaced is not None
    assert displaced.state is ChangeState.OUT_OF_DATE
