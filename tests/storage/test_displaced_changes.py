"""Disables that take the place of a flow's open change, or follow one that is being applied."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.outcomes import DISABLED_MEANWHILE
from flowbot.domain.votes import Vote, VoteChoice, approved_by
from flowbot.services.ports.changes import FlowBusyError, VersionConflictError, VoteResult
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    AYSE,
    FLOW,
    NOON,
    OURS,
    SECOND,
    THEIRS,
    list_actions,
    move_through,
    new_event,
    new_request,
    submit_change,
)  # fmt: skip
from tests.storage.vote_cases import CAN, submit_pending

LATER = THEIRS.until + SECOND
OUTCOME = Outcome(DISABLED_MEANWHILE, {"id": str(FLOW), "person": str(AYSE)})
DISABLED = Transition(ChangeState.OUT_OF_DATE, AuditAction.OUT_OF_DATE, AYSE, OUTCOME)


async def displace(store: ChangeRepository, token: str = "off", flow: FlowId = FLOW) -> Change:
    """Submit a disable that displaces whatever is open."""
    request = new_request(token, kind=ChangeKind.DISABLE, flow=flow)
    record, is_new = await store.submit(request, THEIRS, new_event(), displacing=DISABLED)
    assert is_new
    return record.change


async def submit_applying(store: ChangeRepository, token: str = "t1") -> Change:
    return await move_through(store, await submit_change(store, token), ChangeState.APPLYING)


# --- one by one ----------------------------------------------------------------------------------------------------


async def test_where_nothing_is_open_a_disable_is_a_draft_like_any(store: ChangeRepository) -> None:
    change = await displace(store)
    assert (change.state, change.follows, change.lease_owner) == (ChangeState.DRAFT, None, THEIRS.owner)
    assert await store.open_change_of(FLOW) == change
    assert await list_actions(store) == ["change.submitted"]


@pytest.mark.parametrize("is_pending", [False, True], ids=["draft", "pending"])
async def test_an_open_request_is_out_of_date_from_then_on(store: ChangeRepository, is_pending: bool) -> None:
    first = await submit_pending(store, due_at=NOON) if is_pending else await submit_change(store)
    disable = await displace(store)
    ended = await store.get(first.id)
    assert ended == replace(
        first,
        state=ChangeState.OUT_OF_DATE,
        version=first.version + 1,
        outcome=OUTCOME,
        due_at=None,
        lease_owner=None,
        lease_until=None,
    )
    assert disable.follows is None
    assert await store.open_change_of(FLOW) == disable


async def test_the_trail_says_who_made_it_out_of_date_and_how(store: ChangeRepository) -> None:
    first = await submit_pending(store)
    disable = await displace(store)
    events = [event async for event in store.all_events()][-2:]
    assert [(event.change, event.action) for event in events] == [
        (first.id, "change.out_of_date"),
        (disable.id, "change.submitted"),
    ]
    assert (events[0].actor, events[0].kind, events[0].flow) == (AYSE, ChangeKind.ENABLE, FLOW)
    assert events[0].details["outcome"] == DISABLED_MEANWHILE


async def test_who_worked_on_the_displaced_request_settles_nothing(store: ChangeRepository) -> None:
    first = await submit_change(store)
    await displace(store)
    with pytest.raises(VersionConflictError) as conflict:
        await move_through(store, first, ChangeState.PENDING)
    assert conflict.value.current.state is ChangeState.OUT_OF_DATE
    assert not await store.mark_sent_once(first.id, OURS.owner, NOON, None)


async def test_a_displaced_request_takes_no_vote(store: ChangeRepository) -> None:
    first = await submit_pending(store)
    await displace(store)
    with pytest.raises(VersionConflictError):
        await store.record_vote(first.id, Vote(CAN, VoteChoice.APPROVE, NOON), OURS)
    assert approved_by((await store.get_record(first.id)).votes) == ()


async def test_another_flows_open_request_stays(store: ChangeRepository) -> None:
    first = await submit_pending(store)
    await displace(store, flow=FlowId(99))
    assert await store.open_change_of(FLOW) == first


async def test_the_same_token_displaces_once(store: ChangeRepository) -> None:
    disable = await displace(store)
    await move_through(store, disable, ChangeState.APPLYING, ChangeState.APPLIED)
    pending = await submit_pending(store)
    again, is_new = await store.submit(new_request("off"), THEIRS, new_event(), displacing=DISABLED)
    assert (again.change.id, is_new) == (disable.id, False)
    assert await store.get(pending.id) == pending


async def test_a_request_that_displaces_nothing_is_still_shown_the_first(store: ChangeRepository) -> None:
    disable = await displace(store)
    with pytest.raises(FlowBusyError) as busy:
        await submit_change(store, "t2")
    assert busy.value.current == disable


# --- following -----------------------------------------------------------------------------------------------------


async def test_a_disable_follows_what_is_being_applied_and_that_goes_on(store: ChangeRepository) -> None:
    first = await submit_applying(store)
    disable = await displace(store)
    assert (disable.follows, disable.state) == (first.id, ChangeState.DRAFT)
    assert await store.get(disable.id) == disable
    assert await store.get(first.id) == first
    assert await store.open_change_of(FLOW) == first
    assert (await move_through(store, first, ChangeState.APPLIED)).state is ChangeState.APPLIED


async def list_in_progress(store: ChangeRepository) -> list[ChangeId]:
    """List what a process has to work on."""
    return [change.id for change in (await store.find_backlog(LATER)).in_progress]


async def test_a_follower_is_taken_over_only_after_the_end_of_what_it_follows(store: ChangeRepository) -> None:
    first = await submit_applying(store)
    disable = await displace(store)
    await store.release_lease(disable.id, THEIRS.owner)
    assert await store.renew_lease(first.id, replace(OURS, until=LATER + SECOND))
    assert await list_in_progress(store) == [first.id]
    await move_through(store, first, ChangeState.UNKNOWN, due_at=None)
    assert await list_in_progress(store) == [disable.id]


async def test_what_is_followed_is_taken_over_alone_where_its_process_died(store: ChangeRepository) -> None:
    first = await submit_applying(store)
    disable = await displace(store)
    assert await list_in_progress(store) == [first.id]
    follower = await store.get(disable.id)
    assert follower is not None
    assert follower.follows == first.id


async def test_a_followers_place_in_line_survives_its_moves(store: ChangeRepository) -> None:
    first = await submit_applying(store)
    disable = await displace(store)
    await move_through(store, first, ChangeState.APPLIED)
    moved = await move_through(store, disable, ChangeState.APPLYING, ChangeState.APPLIED)
    assert moved.follows == first.id


async def test_without_a_change_to_follow_the_database_takes_one_open_change_alone(
    store: ChangeRepository, database: Database
) -> None:
    await submit_applying(store)
    disable = await displace(store)
    async with database.write() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(changes.update().where(changes.c.id == disable.id).values(follows=None))
    async with database.read() as connection:
        open_ones = await connection.scalars(select(changes.c.follows).where(changes.c.flow_id == FLOW))
        assert len(open_ones.all()) == 2


# --- at once -------------------------------------------------------------------------------------------------------


async def test_of_a_vote_and_a_disable_at_once_both_are_kept_in_either_order(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    for number in range(8):
        flow = FlowId(200 + number)
        first = await submit_pending(store, token=f"on{number}", flow=flow)
        vote = Vote(CAN, VoteChoice.APPROVE, NOON)
        voting = store.record_vote(first.id, vote, OURS)
        disabling = displace(other_store, f"off{number}", flow)
        voted, disable = await asyncio.gather(voting, disabling, return_exceptions=True)
        ended = await store.get(first.id)
        assert ended is not None
        if isinstance(voted, VersionConflictError):
            assert isinstance(disable, Change)
            assert (ended.state, disable.follows) == (ChangeState.OUT_OF_DATE, None)
        else:
            assert isinstance(voted, VoteResult)
            assert isinstance(disable, Change)
            assert (ended.state, disable.follows) == (ChangeState.APPLYING, first.id)


async def test_of_many_disables_at_once_the_last_is_open_and_no_fault_arises(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    await submit_pending(store)
    calls = [displace(one, f"{name}{n}") for name, one in (("a", store), ("b", other_store)) for n in range(6)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert not [result for result in results if not isinstance(result, Change | FlowBusyError)]
    current = await store.open_change_of(FLOW)
    assert current is not None
    assert current.request.kind is ChangeKind.DISABLE
    stored = [await store.get(result.id) for result in results if isinstance(result, Change)]
    open_ones = [change.id for change in stored if change is not None and change.state is ChangeState.DRAFT]
    assert open_ones == [current.id]
