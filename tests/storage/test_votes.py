"""Votes on a change: each person's last one counts, and the quorum's last approval moves the change with it."""

from dataclasses import replace

import pytest

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.domain.progress import Progress
from flowbot.errors import DependencyError
from flowbot.services.ports.changes import VersionConflictError, VoteResult
from flowbot.storage.repositories.changes import ChangeRepository
from tests.storage.change_cases import (
    AYSE,
    C1,
    FLOW,
    NOON,
    OURS,
    SECOND,
    SHOP,
    THEIRS,
    list_actions,
    move_through,
    new_event,
    submit_change,
)
from tests.storage.vote_cases import CAN, DENIZ, approval, rejection, submit_pending

VOTED = new_event("change.voted", actor=CAN)


async def test_an_approval_short_of_the_quorum_counts_and_the_change_waits_on(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    ballot = await store.record_vote(change.id, approval(CAN, 1), OURS, VOTED)
    assert ballot == VoteResult(replace(change, version=3, changed_at=NOON + SECOND), (approval(CAN, 1),), is_new=True)
    assert await store.get(change.id) == ballot.change
    assert (await store.get_record(change.id)).votes == ballot.votes
    assert await list_actions(store) == ["change.submitted", "change.voted"]


async def test_a_vote_on_a_change_that_moved_since_it_was_read_counts_beside_the_others(
    store: ChangeRepository,
) -> None:
    change = await submit_pending(store, quorum=2)
    seen = await store.get_record(change.id)
    first = await store.record_vote(change.id, approval(CAN, 1), OURS, seen=seen)
    last = await store.record_vote(change.id, approval(DENIZ, 2), THEIRS, seen=seen)
    assert (first.record, last.votes) == (None, (approval(CAN, 1), approval(DENIZ, 2)))
    assert last.record == await store.get_record(change.id)


async def test_the_last_approval_hands_the_change_to_the_voters_process_due_no_more(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    await store.record_vote(change.id, approval(CAN, 1), OURS, VOTED)
    ballot = await store.record_vote(change.id, approval(DENIZ, 2), THEIRS, VOTED)
    assert ballot.votes == (approval(CAN, 1), approval(DENIZ, 2))
    assert ballot.change == replace(
        change, state=ChangeState.APPLYING, version=4, due_at=None, changed_at=NOON + 2 * SECOND,
        lease_owner=THEIRS.owner, lease_until=THEIRS.until,
    )  # fmt: skip
    assert await store.get(change.id) == ballot.change


async def test_the_approval_is_told_after_the_vote_and_names_who_approved(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    await store.record_vote(change.id, approval(CAN), OURS, VOTED)
    await store.record_vote(change.id, approval(DENIZ, 2), OURS, VOTED)
    *_, voted, approved = [event async for event in store.all_events()]
    assert (voted.action, voted.change) == ("change.voted", change.id)
    assert replace(approved, number=None) == AuditEvent(
        at=NOON + 2 * SECOND, action="change.approved", actor=DENIZ, channel=C1, change=change.id,
        kind=change.request.kind, flow=FLOW, website=SHOP, details={"approvers": [CAN, DENIZ]},
    )  # fmt: skip


async def test_the_same_vote_again_changes_and_writes_nothing(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    first = await store.record_vote(change.id, approval(CAN, 1), OURS, VOTED)
    again = await store.record_vote(change.id, approval(CAN, 5), THEIRS, VOTED)
    assert again == replace(first, is_new=False)
    assert await store.get(change.id) == first.change
    assert await list_actions(store) == ["change.submitted", "change.voted"]


async def test_who_changes_their_mind_has_one_vote_and_it_is_the_last(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=2)
    await store.record_vote(change.id, rejection(CAN, 1), OURS)
    await store.record_vote(change.id, rejection(DENIZ, 2), OURS)
    ballot = await store.record_vote(change.id, approval(CAN, 3), OURS)
    assert (ballot.is_new, ballot.votes) == (True, (rejection(DENIZ, 2), approval(CAN, 3)))
    assert (ballot.change.state, ballot.change.version) == (ChangeState.PENDING, 5)


async def test_refusals_never_make_a_quorum(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=1)
    ballot = await store.record_vote(change.id, rejection(CAN), OURS, VOTED)
    assert ballot.change.state is ChangeState.PENDING
    assert await list_actions(store) == ["change.submitted", "change.voted"]


async def test_votes_are_listed_oldest_first_each_with_its_own_change(store: ChangeRepository) -> None:
    first, second = await submit_pending(store, quorum=3), await submit_pending(store, quorum=3, token="t2", flow=None)
    await store.record_vote(first.id, approval(DENIZ, 2), OURS)
    await store.record_vote(first.id, rejection(CAN, 1), OURS)
    await store.record_vote(second.id, approval(AYSE), OURS)
    assert (await store.get_record(first.id)).votes == (rejection(CAN, 1), approval(DENIZ, 2))
    assert (await store.get_record(second.id)).votes == (approval(AYSE),)


NOT_PENDING = [
    ("not judged yet", ()),
    ("being applied", (ChangeState.APPLYING,)),
    ("failed", (ChangeState.FAILED,)),
    ("withdrawn", (ChangeState.PENDING, ChangeState.WITHDRAWN)),
    ("expired", (ChangeState.PENDING, ChangeState.EXPIRED)),
]


@pytest.mark.parametrize("states", [row[1] for row in NOT_PENDING], ids=[row[0] for row in NOT_PENDING])
async def test_a_vote_on_what_does_not_wait_is_shown_what_became_of_it(
    store: ChangeRepository, states: tuple[ChangeState, ...]
) -> None:
    change = await move_through(store, await submit_change(store), *states)
    with pytest.raises(VersionConflictError) as conflict:
        await store.record_vote(change.id, approval(CAN), OURS, VOTED)
    assert conflict.value.current == change
    assert (await store.get_record(change.id)).votes == ()


async def test_there_is_no_voting_on_a_change_that_does_not_exist(store: ChangeRepository) -> None:
    with pytest.raises(LookupError):
        await store.record_vote(ChangeId("gone"), approval(CAN), OURS)


async def test_a_vote_that_fails_half_way_leaves_neither_vote_nor_state_nor_event(store: ChangeRepository) -> None:
    change = await submit_pending(store, quorum=1)
    unwritable = replace(VOTED, at=NOON.replace(tzinfo=None))
    with pytest.raises(DependencyError):
        await store.record_vote(change.id, approval(CAN), OURS, VOTED, unwritable)
    assert await store.get(change.id) == change
    assert (await store.get_record(change.id)).votes == ()
    assert await list_actions(store) == ["change.submitted"]


async def test_a_vote_leaves_alone_what_it_does_not_decide(store: ChangeRepository) -> None:
    """The message and what is remembered are others' to write."""
    change = await submit_pending(store, progress=Progress(reminders=1))
    shown, _ = await store.mark_posted(change.id, 2, (C1, "1.5"))
    ballot = await store.record_vote(change.id, rejection(CAN), OURS)
    assert ballot.change == replace(shown, version=3)
