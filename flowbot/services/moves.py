"""The moves of a change from state to state, and how the audit tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flowbot.domain.audit import AuditAction
from flowbot.domain.changes import Change, Event, Kind, NewChange, Outcome, State
from flowbot.domain.types import FlowId, UserId
from flowbot.services.ports.changes import Lease


@dataclass(frozen=True, slots=True)
class Step:
    """The next state of a change.

    Attributes:
        action: What the audit calls it.
        actor: Who did it; None where nobody did.
        outcome: How it ended, for people; where there is none, the one from before stays.
        details: What else the audit says.
    """

    to: State
    action: AuditAction
    actor: UserId | None = None
    outcome: Outcome | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def under(lease: Lease | None, change: Change) -> Change:
    """The change under `lease`; free for all where that is None."""
    return replace(change, lease_owner=lease.owner if lease else None, lease_until=lease.until if lease else None)


def event_of(asked: NewChange, at: datetime, action: AuditAction, details: Mapping[str, Any]) -> Event:
    """An event of what was asked for; nobody's, and of no change yet."""
    return Event(
        at=at,
        action=action,
        actor=None,
        channel=asked.channel,
        kind=asked.kind,
        flow=asked.flow,
        website=asked.website,
        details=details,
    )


def submission(asked: NewChange, at: datetime) -> Event:
    """That it was asked for, by whom and why. A restore is asked for on the flow that was deleted."""
    reason = {"reason": asked.reason} if asked.reason else {}
    event = event_of(asked, at, AuditAction.SUBMITTED, reason)
    return replace(event, actor=asked.requester, flow=event.flow or _restored(asked))


def event_on(
    change: Change, at: datetime, action: AuditAction, actor: UserId | None, details: Mapping[str, Any]
) -> Event:
    """An event of a change that is kept."""
    said = {**details, **_glass_breaker(change)}
    return replace(event_of(change.asked, at, action, said), change=change.id, actor=actor)


def event_of_step(change: Change, at: datetime, step: Step) -> Event:
    """That a change takes a step."""
    outcome = step.outcome
    ended = {"outcome": outcome.key, **outcome.params} if outcome else {}
    origin = {"restored_from": old} if (old := _restored(change.asked)) else {}
    said = {**ended, **origin, "state": str(step.to), **step.details}
    event = event_on(change, at, step.action, step.actor, said)
    return replace(event, flow=(outcome.flow if outcome else None) or event.flow)


def _restored(asked: NewChange) -> FlowId | None:
    """The deleted flow that is made again."""
    return asked.before.id if asked.kind is Kind.RESTORE and asked.before else None


def _glass_breaker(change: Change) -> dict[str, str]:
    """For the audit: who broke the glass for it, so that what was done without an approval is seen at a glance."""
    by = change.progress.broke_glass
    return {"break_glass": str(by)} if by is not None else {}
