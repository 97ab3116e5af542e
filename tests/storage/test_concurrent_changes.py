"""Changes that two processes reach for at once: one wins, and every loser hears of it."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeState, Lease
from flowbot.domain.ids import FlowId, ImageId
from flowbot.services.ports.changes import FlowBusyError, VersionConflictError
from flowbot.services.ports.leases import Backlog
from flowbot.storage.engine import open_database
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    FLOW,
    NOON,
    OURS,
    SECOND,
    THEIRS,
    claim,
    in_progress,
    list_actions,
    move_through,
    new_event,
    new_request,
    open_stores,
    submit_change,
)

pytestmark = pytest.mark.usefixtures("patient_locks")

LATER = OURS.until + SECOND


async def submit_many(store: ChangeRepository, count: int) -> list[Change]:
    """Submit changes, each about another flow."""
    return [await submit_change(store, f"t{number}", flow=FlowId(number + 1)) for number in range(count)]


# --- submitting ----------------------------------------------------------------------------------------------------


async def test_twenty_submits_of_one_form_are_one_change(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    calls = [one.submit(new_request(), OURS, new_event()) for one in (store, other_store) for _ in range(10)]
    results = await asyncio.gather(*calls)
    assert len({record.change.id for record, _ in results}) == 1
    assert sorted(is_new for _, is_new in results) == [False] * 19 + [True]
    assert await list_actions(store) == ["change.submitted"]


async def test_of_twenty_requests_for_one_flow_one_is_kept_and_all_others_are_shown_it(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    calls = [
        one.submit(new_request(f"{name}{n}"), OURS, new_event())
        for name, one in (("a", store), ("b", other_store))
        for n in range(10)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    kept = [result[0].change.id for result in results if isinstance(result, tuple)]
    shown = [result.current.id for result in results if isinstance(result, FlowBusyError)]
    assert len(kept) == 1
    assert shown == kept * 19
    assert await list_actions(store) == ["change.submitted"]


async def test_submitting_and_settling_side_by_side_always_ends_in_an_answer(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    """Whoever finds the flow taken may find it free a moment later: nobody gets a fault for it."""

    async def submit_and_settle(one: ChangeRepository, token: str) -> str:
        try:
            record, _ = await one.submit(new_request(token), OURS, new_event())
        except FlowBusyError as taken:
            return f"taken by {taken.current.id}"
        await move_through(one, record.change, ChangeState.FAILED)
        return "settled"

    names = [(one, f"{name}{n}") for name, one in (("a", store), ("b", other_store)) for n in range(15)]
    ends = await asyncio.gather(*(submit_and_settle(*name) for name in names))
    assert len(await list_actions(store)) == ends.count("settled") >= 1


# --- moving --------------------------------------------------------------------------------------------------------


async def test_of_twenty_moves_of_one_version_one_wins_and_all_others_are_told(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_change(store)
    pending = replace(change, state=ChangeState.PENDING, rule=ApprovalRule())
    calls = [
        one.replace_if_unchanged(change, pending, new_event(f"{name}{n}"))
        for name, one in (("a", store), ("b", other_store))
        for n in range(10)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    won = [result for result in results if isinstance(result, Change)]
    lost = [result for result in results if isinstance(result, VersionConflictError)]
    assert (len(won), len(lost)) == (1, 19)
    assert {conflict.current.version for conflict in lost} == {2}
    assert await store.get(change.id) == won[0]
    assert len(await list_actions(store)) == 2


KILLED = """
import asyncio, sys
from sqlalchemy import text
from flowbot.storage.engine import open_database

async def die_inside():
    async with open_database(sys.argv[1]).write() as connection:
        await connection.execute(text("UPDATE changes SET state = 'applied', version = 9"))
        await connection.execute(text("DELETE FROM events"))
        print("inside", flush=True)
        await asyncio.Event().wait()

asyncio.run(die_inside())
"""


async def test_what_a_killed_process_was_about_to_write_never_was_and_holds_up_nobody(
    store: ChangeRepository, database_url: str
) -> None:
    change = await submit_change(store)
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, database_url, stdout=PIPE)
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"inside\n"
    moving = asyncio.create_task(
        store.replace_if_unchanged(change, replace(change, state=ChangeState.APPLYING), new_event("change.applying"))
    )
    dying.kill()
    await dying.communicate()
    assert (await moving).version == 2
    assert await list_actions(store) == ["change.submitted", "change.applying"]


# --- leases --------------------------------------------------------------------------------------------------------


async def test_changes_whose_lease_ran_out_are_taken_over_oldest_first(database: Database) -> None:
    times = iter(NOON - timedelta(seconds=age) for age in (1, 3, 2))
    store = ChangeRepository(database, lambda: next(times))
    changes = await submit_many(store, 3)
    claimed = await claim(store, limit=2)
    assert [change.id for change in claimed] == [changes[1].id, changes[2].id]
    assert claimed[0] == replace(changes[1], lease_owner=THEIRS.owner, lease_until=THEIRS.until)
    assert await store.get(claimed[0].id) == claimed[0]


async def test_nothing_is_taken_over_where_nothing_was_seen(store: ChangeRepository) -> None:
    await submit_change(store)
    assert await claim(store, seen=()) == ()


async def test_what_is_noted_on_the_way_leaves_a_lease_that_was_renewed_meanwhile(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    renewed = Lease(OURS.owner, LATER + 60 * SECOND)
    assert await store.renew_lease(change.id, renewed)
    kept = await store.replace_if_unchanged(
        change, replace(change, progress=replace(change.progress, image=ImageId("kept")))
    )
    assert kept.lease == renewed


async def test_only_what_is_in_hand_is_taken_over(store: ChangeRepository) -> None:
    applying = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    waiting = await move_through(store, await submit_change(store, "t2", flow=None), ChangeState.PENDING)
    await move_through(store, await submit_change(store, "t3", flow=None), ChangeState.APPLYING, ChangeState.UNKNOWN)
    assert [change.id for change in await claim(store, seen=[applying, waiting])] == [applying.id]


async def test_what_is_in_hand_is_told_with_its_lease_oldest_first(database: Database) -> None:
    times = iter(NOON - timedelta(seconds=age) for age in (1, 3, 2))
    store = ChangeRepository(database, lambda: next(times))
    young, old, middle = await submit_many(store, 3)
    await store.release_lease(middle.id, OURS.owner)
    waiting = await move_through(store, young, ChangeState.PENDING, due_at=NOON)
    free = replace(in_progress(middle), lease=None)
    backlog = Backlog((in_progress(old), free), has_unshown=True)
    assert await store.find_backlog(NOON - SECOND) == backlog
    assert await store.find_backlog(NOON) == replace(backlog, has_due=True)
    await store.mark_shown(waiting.id, waiting.version)
    assert not (await store.find_backlog(NOON)).has_unshown
    await move_through(store, waiting, ChangeState.EXPIRED)
    assert not (await store.find_backlog(LATER)).has_due


async def test_a_lease_that_was_renewed_or_given_up_since_it_was_seen_is_not_taken_over(
    store: ChangeRepository,
) -> None:
    renewed, given_up = await submit_many(store, 2)
    assert await store.renew_lease(renewed.id, Lease(OURS.owner, OURS.until + SECOND))
    await store.release_lease(given_up.id, OURS.owner)
    assert await claim(store, seen=[renewed, given_up]) == ()
    assert not await store.try_acquire_lease(renewed, THEIRS)
    assert not await store.try_acquire_lease(given_up, THEIRS)
    assert {kept.id for kept in await claim(store)} == {renewed.id, given_up.id}


async def test_two_processes_take_over_different_changes(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    changes = await submit_many(store, 30)
    seen = (await store.find_backlog(NOON)).in_progress
    leases = [Lease(lease.owner, LATER + 60 * SECOND) for lease in (OURS, THEIRS)]
    calls = [
        one.claim_lapsed(seen[first : first + 8], lease)
        for one, lease in zip((store, other_store), leases, strict=True)
        for first in range(0, 28, 4)
    ]
    claimed = [change for part in await asyncio.gather(*calls) for change in part]
    claimed += await store.claim_lapsed(seen, leases[0], limit=30)
    assert sorted(change.id for change in claimed) == sorted(change.id for change in changes)
    for change in claimed:
        assert await store.get(change.id) == change


@pytest.mark.postgresql
async def test_a_change_that_somebody_writes_to_is_passed_by_without_waiting(postgresql_url: str) -> None:
    here, there = open_database(postgresql_url), open_database(postgresql_url)
    store, other_store = open_stores(here, there)
    first, second = await submit_many(store, 2)
    async with here.write() as connection:
        await connection.execute(text("UPDATE changes SET version = version WHERE id = :id"), {"id": first.id})
        assert [change.id for change in await claim(other_store)] == [second.id]
    await here.close()
    await there.close()


async def test_of_two_who_take_a_free_lease_in_the_same_instant_one_holds_it(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_change(store)
    free = replace(change, lease_owner=None, lease_until=None)
    assert not await other_store.try_acquire_lease(free, THEIRS)
    await store.release_lease(change.id, OURS.owner)
    took = await asyncio.gather(
        *(one.try_acquire_lease(free, lease) for one, lease in ((store, OURS), (other_store, THEIRS)))
    )
    kept = await store.get(change.id)
    assert sorted(took) == [False, True]
    assert kept is not None
    assert (kept.lease_owner, kept.version) == ((OURS if took[0] else THEIRS).owner, 1)


async def test_of_two_who_take_over_the_same_lease_in_the_same_instant_one_holds_it(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_change(store)
    took = await asyncio.gather(
        *(
            one.try_acquire_lease(change, replace(THEIRS, owner=name))
            for one, name in ((store, "a"), (other_store, "b"))
        )
    )
    assert sorted(took) == [False, True]


async def test_half_a_lease_is_none(store: ChangeRepository, database: Database) -> None:
    change = await submit_change(store)
    async with database.write() as connection:
        await connection.execute(text("UPDATE changes SET lease_until = NULL"))
    (seen,) = (await store.find_backlog(NOON)).in_progress
    assert seen.lease is None
    assert [kept.id for kept in await claim(store)] == [change.id]


async def test_an_owner_prolongs_the_lease_and_nobody_else_does(store: ChangeRepository) -> None:
    change = await submit_change(store)
    assert await store.renew_lease(change.id, Lease(OURS.owner, LATER))
    assert not await store.renew_lease(change.id, Lease("somebody", LATER + SECOND))
    kept = await store.get(change.id)
    assert kept == replace(change, lease_until=LATER)


async def test_a_lost_lease_is_neither_prolonged_nor_given_up_nor_sent_under(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    (claimed,) = await claim(store)
    assert not await store.renew_lease(change.id, OURS)
    assert not await store.mark_sent_once(change.id, OURS.owner, LATER, None)
    await store.release_lease(change.id, OURS.owner)
    assert await store.get(change.id) == claimed


# --- sending once --------------------------------------------------------------------------------------------------


async def test_of_twenty_who_ask_leave_to_send_one_gets_it(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    calls = [one.mark_sent_once(change.id, OURS.owner, NOON, FLOW) for one in (store, other_store) for _ in range(10)]
    assert sorted(await asyncio.gather(*calls)) == [False] * 19 + [True]
    kept = await store.get(change.id)
    assert kept == replace(change, sent_at=NOON, newest_before=FLOW)


async def test_leave_to_send_is_given_once_for_all_owners(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    assert await store.mark_sent_once(change.id, OURS.owner, NOON, None)
    (claimed,) = await claim(store)
    assert claimed.sent_at == NOON
    assert not await store.mark_sent_once(change.id, THEIRS.owner, LATER, None)


async def test_a_move_that_knows_nothing_of_the_sending_does_not_undo_it(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    assert await store.mark_sent_once(change.id, OURS.owner, NOON, FLOW)
    kept = await store.replace_if_unchanged(change, replace(change, due_at=LATER))
    assert (kept.sent_at, kept.newest_before) == (NOON, FLOW)
    assert not await store.mark_sent_once(change.id, OURS.owner, LATER, None)


@pytest.mark.parametrize(
    "states", [[], [ChangeState.PENDING], [ChangeState.FAILED], [ChangeState.APPLYING, ChangeState.OUT_OF_DATE]]
)
async def test_nothing_is_sent_unless_the_change_is_being_applied(
    store: ChangeRepository, states: list[ChangeState]
) -> None:
    change = await move_through(store, await submit_change(store), *states)
    assert not await store.mark_sent_once(change.id, OURS.owner, NOON, None)
    assert await store.get(change.id) == change
