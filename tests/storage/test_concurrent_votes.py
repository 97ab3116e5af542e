"""Votes from two processes at once: all are counted, one approval follows, and latecomers hear of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import text

from flowbot.domain.change import Change, ChangeState, Lease
from flowbot.domain.ids import UserId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.services.ports.changes import RequestRecord, VersionConflictError, VoteResult
from flowbot.storage.engine import open_database
from flowbot.storage.repositories.change_writes import count_vote
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import AYSE, NOON, OURS, SECOND, THEIRS, list_actions, new_event, open_stores
from tests.storage.vote_cases import (
    CAN,
    TWENTY,
    approval,
    catch_conflict,
    conflicts,
    rejection,
    submit_pending,
    vote_results,
)

pytestmark = pytest.mark.usefixtures("patient_locks")


def lease_of(person: UserId) -> Lease:
    return Lease(f"process of {person}", NOON + timedelta(minutes=1))


async def approve(
    one: ChangeRepository, change: Change, person: UserId, seen: RequestRecord | None = None
) -> VoteResult | VersionConflictError:
    event = new_event("change.voted", actor=person)
    result: VoteResult | VersionConflictError = await catch_conflict(
        one.record_vote(change.id, approval(person), lease_of(person), event, seen=seen)
    )
    return result


async def approve_all(
    processes: list[ChangeRepository], change: Change, people: list[UserId], seen: RequestRecord | None = None
) -> list[VoteResult | VersionConflictError]:
    """Approve as all of them in the same instant, by turns in one process and the next."""
    return await asyncio.gather(
        *(approve(one, change, person, seen) for one, person in zip(cycle(processes), people, strict=False))
    )


@pytest.mark.parametrize("repetition", range(3))
async def test_of_twenty_approvers_in_the_same_instant_the_third_moves_the_change_and_the_others_are_late(
    store: ChangeRepository, other_store: ChangeRepository, repetition: int
) -> None:
    change = await submit_pending(store, quorum=3)
    seen = await store.get_record(change.id) if repetition else None
    results = await approve_all([store, other_store], change, TWENTY, seen)

    counted, refused = vote_results(results), conflicts(results)
    (approving,) = [ballot for ballot in counted if ballot.change.state is ChangeState.APPLYING]
    assert (len(counted), len(refused)) == (3, 17)
    assert sorted(ballot.change.version for ballot in counted) == [3, 4, 5]
    assert sorted(len(ballot.votes) for ballot in counted) == [1, 2, 3]
    assert [conflict.current for conflict in refused] == [approving.change] * 17
    assert await store.get(change.id) == approving.change
    assert (await other_store.get_record(change.id)).votes == approving.votes
    assert await list_actions(store) == ["change.submitted", *["change.voted"] * 3, "change.approved"]


async def test_the_lease_is_that_of_the_vote_that_made_the_quorum(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_pending(store, quorum=2)
    results = await approve_all([store, other_store], change, TWENTY[:10])
    *_, approved = [event async for event in store.all_events()]
    kept = await store.get(change.id)
    assert kept is not None
    assert approved.actor is not None
    assert (kept.lease_owner, kept.due_at) == (lease_of(approved.actor).owner, None)
    assert {vote.person for vote in (await store.get_record(change.id)).votes} == set(approved.details["approvers"])
    assert len(vote_results(results)) == 2


async def test_the_same_person_twenty_times_counts_once(store: ChangeRepository, other_store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    results = await approve_all([store, other_store], change, [CAN] * 20)
    assert sorted(ballot.is_new for ballot in vote_results(results)) == [False] * 19 + [True]
    assert {ballot.change.version for ballot in vote_results(results)} == {3}
    assert (await store.get_record(change.id)).votes == (approval(CAN),)
    assert await list_actions(store) == ["change.submitted", "change.voted"]


async def test_twenty_votes_short_of_the_quorum_are_all_kept(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_pending(store, quorum=100)
    results = await approve_all([store, other_store], change, TWENTY, await store.get_record(change.id))
    assert sorted(ballot.change.version for ballot in vote_results(results)) == list(range(3, 23))
    assert [vote.person for vote in (await store.get_record(change.id)).votes] == TWENTY


async def test_a_mind_changed_in_two_windows_at_once_is_one_vote(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_pending(store, quorum=100)
    for after in range(10):
        await asyncio.gather(
            store.record_vote(change.id, approval(CAN, after), OURS),
            other_store.record_vote(change.id, rejection(CAN, after), OURS),
        )
        (kept,) = (await store.get_record(change.id)).votes
        assert kept.person == CAN


ENDS = [
    ("a withdrawal", ChangeState.WITHDRAWN, Progress(Closure(AYSE, ClosureKind.WITHDRAWN))),
    ("a rejection", ChangeState.REJECTED, Progress(Closure(CAN, ClosureKind.REJECTED, "not now"))),
    ("an expiry", ChangeState.EXPIRED, Progress(reminders=2)),
    ("a look at the flow that found it changed", ChangeState.OUT_OF_DATE, Progress()),
]


@pytest.mark.parametrize(("end", "progress"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
async def test_of_the_last_approval_and_an_end_in_the_same_instant_one_wins_and_the_other_is_told(
    store: ChangeRepository, other_store: ChangeRepository, end: ChangeState, progress: Progress
) -> None:
    for number in range(8):
        change = await submit_pending(store, token=f"t{number}", flow=None)
        ended = replace(change, state=end, progress=progress, due_at=None)
        one, two = (store, other_store) if number % 2 else (other_store, store)
        moving = catch_conflict(one.replace_if_unchanged(change, ended, new_event(f"change.{end}")))
        results = await asyncio.gather(approve(two, change, CAN), moving)
        kept = await store.get(change.id)
        (conflict,) = conflicts(results)
        assert kept is not None
        assert conflict.current == kept
        is_approved = bool(vote_results(results))
        assert kept.state is (ChangeState.APPLYING if is_approved else end)
        assert (await store.get_record(change.id)).votes == ((approval(CAN),) if is_approved else ())
        trail = [event.action async for event in store.all_events() if event.change == change.id]
        assert trail[1:] == (["change.voted", "change.approved"] if is_approved else [f"change.{end}"])


async def test_of_two_who_postpone_in_the_same_instant_one_does(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    change = await submit_pending(store)
    for reminders in range(1, 11):
        due = NOON + timedelta(hours=reminders)
        calls = [one.postpone(change, due, Progress(reminders=reminders)) for one in (store, other_store)]
        assert sorted(await asyncio.gather(*calls)) == [False, True]
        kept = await store.get(change.id)
        assert kept == replace(change, due_at=due, progress=Progress(reminders=reminders))
        change = kept


async def test_of_postponing_and_the_last_approval_in_the_same_instant_the_approval_always_stands(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    for number in range(8):
        change = await submit_pending(store, token=f"t{number}", flow=None)
        later = other_store.postpone(change, NOON + 3600 * SECOND, Progress(reminders=1))
        ballot, was_postponed = await asyncio.gather(store.record_vote(change.id, approval(CAN), THEIRS), later)
        kept = await store.get(change.id)
        assert kept == ballot.change
        assert (kept.state, kept.due_at) == (ChangeState.APPLYING, None)
        assert kept.progress == (Progress(reminders=1) if was_postponed else Progress())


async def has_waiting_transaction(database: Database) -> bool:
    """Check whether a transaction waits for a row of another; PostgreSQL answers anew in each transaction."""
    waiting_ones = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.read() as connection:
        return bool(await connection.scalar(text(waiting_ones)))


@pytest.mark.postgresql
@pytest.mark.parametrize("has_seen", [True, False])
async def test_who_counts_waits_for_who_counts_already_and_sees_that_vote(postgresql_url: str, has_seen: bool) -> None:
    """SQLite has one writer at a time anyway."""
    database, elsewhere = open_database(postgresql_url), open_database(postgresql_url)
    counting, voting = open_stores(elsewhere, database)
    change = await submit_pending(counting, quorum=2)
    seen = await voting.get_record(change.id) if has_seen else None
    async with elsewhere.write() as connection:
        first = await count_vote(connection, change, (), approval(AYSE), OURS)
        second = asyncio.create_task(voting.record_vote(change.id, approval(CAN, 1), THEIRS, seen=seen))
        async with asyncio.timeout(20):
            while not await has_waiting_transaction(database):
                assert not second.done()
    assert first.change.state is ChangeState.PENDING
    assert (await second).votes == (approval(AYSE), approval(CAN, 1))
    assert (await second).change.state is ChangeState.APPLYING
    await database.close()
    await elsewhere.close()
