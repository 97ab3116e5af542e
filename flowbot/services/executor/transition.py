"""Transitions: a change's next state and its audit event, stored in one transaction."""

from dataclasses import replace
from datetime import datetime

import structlog

from flowbot.domain.audit import Transition, transition_event
from flowbot.domain.change import Change
from flowbot.services.ports.storage import ChangeStore

log = structlog.get_logger(__name__)


async def transition(
    store: ChangeStore, seen: Change, step: Transition, now: datetime, *, update: Change | None = None
) -> Change:
    """Move a change to its next state, with its audit event in the same transaction.

    Args:
        store: where changes are stored.
        seen: the change as it was when the step was decided.
        step: the next state, and what the audit trail says of it.
        now: the current time.
        update: the change with what else becomes of it, such as its lease; None leaves it as it is.

    Raises:
        VersionConflictError: somebody was faster.
        FlowClaimedError: another change has created the flow that this one is said to have created.
        DependencyError: the database did not answer.
    """
    update = update or seen
    moved = replace(update, state=step.to, outcome=step.outcome or update.outcome, changed_at=now)
    event = transition_event(update, now, step)
    stored = await store.transition(seen, moved, event)
    log.info("change.moved", change=seen.id, kind=seen.request.kind, state=step.to, flow=event.flow)
    return stored
