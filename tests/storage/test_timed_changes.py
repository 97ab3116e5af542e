"""Changes that wait for a time: what they block, and what an older process makes of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.services.ports.storage import FlowBusyError, VersionConflictError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import FLOW, NOON, OURS, move_through, new_event, new_request, submit_change

TOMORROW = NOON + timedelta(days=1)


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
    change, _ = await store.submit(asked, OURS, new_event())
    assert (await store.get(change.id)) == change
    assert change.request == asked


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
