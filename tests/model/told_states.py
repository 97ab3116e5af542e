"""The states of changes as the audit trail tells them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.transitions import can_transition

BECOMES: Final = {
    "change.submitted": ChangeState.DRAFT,
    "change.approved": ChangeState.APPLYING,
    "change.break_glass": ChangeState.APPLYING,
    **{f"change.{state}": state for state in ChangeState},
}
"""The state after each event of a change whose details do not name it."""


def state_told_by(event: AuditEvent) -> ChangeState | None:
    """Return the state of a change after an event; None where that changes none."""
    return ChangeState(event.details["state"]) if "state" in event.details else BECOMES.get(event.action)


def check_events(change: Change, events: Sequence[AuditEvent]) -> None:
    """Check that the audit trail tells of every move of a change, and of none that cannot be."""
    told = [state for event in events if (state := _find_state(change, event)) is not None]
    assert told[0] is (ChangeState.DRAFT if change.request.ends is None else ChangeState.SCHEDULED)
    # What is scheduled may get another start, and what is pending other content.
    moves = [(before, after) for before, after in pairwise(told) if before is not after]
    assert all(can_transition(before, after) for before, after in moves), told
    assert told[-1] is change.state, f"{change.state}, told as {told}"


def _find_state(change: Change, event: AuditEvent) -> ChangeState | None:
    """Return the state of a change after an event: what needs approvals waits for them again with new content."""
    is_anew = event.action == AuditAction.REVISED and change.rule is not None
    return ChangeState.PENDING if is_anew else state_told_by(event)
