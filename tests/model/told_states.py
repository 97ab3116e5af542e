"""The states of changes as the audit trail tells them."""

from typing import Final

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import ChangeState

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
