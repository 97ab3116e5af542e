"""What a vote does to a pending change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from flowbot.domain.approval import apply_vote
from flowbot.domain.audit import AuditAction
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, Vote, VoteChoice
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.policy import ApprovalRule

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


def test_an_approval_short_of_the_quorum_leaves_the_change_pending() -> None:
    assert apply_vote(PENDING, [FIRST], FIRST, LEASE) == (replace(PENDING, changed_at=FIRST.at), ())


def test_a_rejection_does_not_count_for_the_quorum() -> None:
    rejection = replace(SECOND, choice=VoteChoice.REJECT)
    moved, events = apply_vote(PENDING, [FIRST, rejection], rejection, LEASE)
    assert (moved.state, events) == (ChangeState.PENDING, ())


def test_the_last_approval_moves_the_change_under_the_lease_and_names_who_approved() -> None:
    moved, (event,) = apply_vote(PENDING, [FIRST, SECOND], SECOND, LEASE)
    assert moved == replace(
        PENDING, state=ChangeState.APPLYING, changed_at=SECOND.at, due_at=None, lease_owner="here",
        lease_until=LEASE.until,
    )  # fmt: skip
    assert (event.action, event.actor, event.at) == (AuditAction.APPROVED, SECOND.person, SECOND.at)
    assert event.details == {"approvers": ["U0CAN", "U0DENIZ"]}
