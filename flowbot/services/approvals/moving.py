"""How a request stops waiting."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from flowbot.domain.changes import IN_HAND, Change, State
from flowbot.domain.types import UserId
from flowbot.services.changes import Changes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """The next state of a request, and what the audit says of it; `actor` is None where nobody did it."""

    to: State
    action: str
    actor: UserId | None = None
    details: Mapping[str, str] = field(default_factory=dict)


async def moved(changes: Changes, change: Change, step: Step) -> Change:
    """The change, waiting no more; held by this process where it is to be carried out.

    Raises:
        Conflict: somebody was faster.
    """
    event = changes.event(change, step.action, step.actor, step.details)
    lease = changes.lease() if step.to in IN_HAND else None
    now_ended = replace(
        change,
        state=step.to,
        due_at=None,
        changed_at=changes.clock(),
        lease_owner=lease.owner if lease else None,
        lease_until=lease.until if lease else None,
    )
    kept = await changes.store.move(change, now_ended, event)
    log.info("change.moved", change=change.id, state=step.to)
    return kept
