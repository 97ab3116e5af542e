"""What a vote does to a pending change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from flowbot.domain.approval import apply_vote, is_skippable, lacks_approvals, schedule_change, wait_again
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditAction
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.votes import Vote, VoteChoice

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE: Final = Lease("here", NOON + timedelta(seconds=3))
REQUEST: Final = ChangeRequest(
    FormToken("t1"), ChangeKind.ENABLE, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1), flow=FlowId(7)
)
PENDING: Final = Change(
    ChangeId("c1"), REQUEST, ChangeState.PENDING, 2, NOON, NOON, rule=ApprovalRule(quorum=2), due_at=NOON
)
FIRST: Final = Vote(UserId("U0CAN"), VoteChoice.APPROVE, NOON)
SECOND: Final = Vote(UserId("U0DENIZ"), VoteChoice.APPROVE, NOON + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("kind", "rule", "is_skippable_then"),
    [
        (ChangeKind.DISABLE, None, False),
        (ChangeKind.DISABLE, ApprovalRule(), True),
        (ChangeKind.ENABLE, None, True),
        (ChangeKind.DELETE, None, True),
    ],
)
def test_what_needs_no_approval_and_meets_no_freeze_cannot_be_skipped(
    kind: ChangeKind, rule: ApprovalRule | None, is_skippable_then: bool
) -> None:
    waiting = replace(PENDING, request=replace(REQUEST, kind=kind), rule=rule)
    assert is_skippable(waiting) is is_skippable_then


def test_an_approval_short_of_the_quorum_leaves_the_change_pending() -> None:
    assert apply_vote(PENDING, [FIRST], FIRST, LEASE) == (replace(PENDING, changed_at=FIRST.at), ())


def test_a_rejection_does_not_count_for_the_quorum() -> None:
    rejection = replace(SECOND, choice=VoteChoice.REJECT)
    moved, events = apply_vote(PENDING, [FIRST, rejection], rejection, LEASE)
    assert (moved.state, events) == (ChangeState.PENDING, ())


def test_who_asked_is_told_once_of_each_time_that_an_approved_change_is_put_off() -> None:
    _, scheduled = schedule_change(PENDING, NOON, NOON)
    scheduled = replace(scheduled, state=ChangeState.SCHEDULED)
    assert not scheduled.is_put_off
    _, moved = schedule_change(scheduled, NOON + timedelta(hours=1), NOON)
    assert moved.is_put_off
    _, looked_at = schedule_change(replace(moved, version=5), NOON + timedelta(hours=1), NOON)
    assert looked_at.progress == moved.progress
    waiting = replace(wait_again(replace(looked_at, version=6), ApprovalRule(), NOON), state=ChangeState.PENDING)
    assert (waiting.is_put_off, waiting.progress.put_off_version) == (True, 7)
    _, again = schedule_change(waiting, NOON + timedelta(hours=1), NOON)
    assert not replace(again, state=ChangeState.SCHEDULED).is_put_off


def test_what_was_scheduled_lacks_approvals_once_its_votes_have_begun_anew() -> None:
    """Its rule is the new one by then, by which it was never approved."""
    scheduled = replace(PENDING, state=ChangeState.SCHEDULED, rule=ApprovalRule(stages=((UserId("U0CAN"),),)))
    assert lacks_approvals(scheduled, scheduled, [])
    assert not lacks_approvals(scheduled, scheduled, [FIRST])


def test_the_last_approval_moves_the_change_under_the_lease_and_names_who_approved() -> None:
    moved, (event,) = apply_vote(PENDING, [FIRST, SECOND], SECOND, LEASE)
    assert moved == replace(
        PENDING, state=ChangeState.APPLYING, changed_at=SECOND.at, due_at=None, lease_owner="here",
        lease_until=LEASE.until,
    )  # fmt: skip
    assert (event.action, event.actor, event.at) == (AuditAction.APPROVED, SECOND.person, SECOND.at)
    assert event.details == {"approvers": ["U0CAN", "U0DENIZ"]}
