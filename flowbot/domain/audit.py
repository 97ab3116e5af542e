"""The audit trail: its events, and what each transition of a change is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An entry of the audit trail.

    Attributes:
        number: Grows with every event; None until it is stored.
        action: What happened, `noun.verb`: an `AuditAction`, or the word of an older flowbot.
        actor: Who did it; None where flowbot did.
        details: More about it, as plain data, never a secret.
    """

    at: datetime
    action: str
    actor: UserId | None
    channel: ChannelId | None = None
    change: ChangeId | None = None
    kind: ChangeKind | None = None
    flow: FlowId | None = None
    website: WebsiteId | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None


class AuditAction(StrEnum):
    """The actions of the audit trail, `noun.verb`. The words are stored for ever, so none of them ever changes."""

    SUBMITTED = "change.submitted"
    PENDING = "change.pending"
    SCHEDULED = "change.scheduled"
    VOTE = "change.vote"
    APPROVED = "change.approved"
    BREAK_GLASS = "change.break_glass"
    APPLYING = "change.applying"
    APPLIED = "change.applied"
    FAILED = "change.failed"
    UNKNOWN = "change.unknown"
    CHECKED = "change.checked"
    REJECTED = "change.rejected"
    WITHDRAWN = "change.withdrawn"
    EXPIRED = "change.expired"
    OUT_OF_DATE = "change.out_of_date"
    ESCALATED = "change.escalated"
    RULES_CHANGED = "change.rules_changed"
    COMMENTED = "change.commented"
    CHANGES_REQUESTED = "change.changes_requested"
    REVISED = "change.revised"
    POLICY_CHANGED = "policy.changed"
    POLICY_IMPORTED = "policy.imported"
    CHANNEL_MOVED = "channel.moved"
    STOPPED = "flows.stopped"
    PERSON_AWAY = "person.away"
    PERSON_BACK = "person.back"
    OUTSIDE_FOUND = "outside_change.found"
    OUTSIDE_ACCEPTED = "outside_change.accepted"
    OUTSIDE_REVERTED = "outside_change.reverted"
    OUTSIDE_DISABLED = "outside_change.disabled"
    OUTSIDE_GONE = "outside_change.gone"

    @classmethod
    def for_state(cls, state: ChangeState) -> "AuditAction":
        """Return the action of a change that reaches `state`.

        Raises:
            ValueError: no change reaches it: a change is submitted as a draft.
        """
        return cls(f"change.{state}")


@dataclass(frozen=True, slots=True)
class Transition:
    """The next state of a change.

    Attributes:
        action: Its name in the audit trail.
        actor: Who did it; None where flowbot did.
        outcome: How the change ended, for people; None keeps the earlier one.
        details: More for the audit trail.
    """

    to: ChangeState
    action: AuditAction
    actor: UserId | None = None
    outcome: Outcome | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def event_for_request(
    request: ChangeRequest, at: datetime, action: AuditAction, details: Mapping[str, Any]
) -> AuditEvent:
    """Build an event about a request, without an actor or a change's id."""
    return AuditEvent(
        at=at,
        action=action,
        actor=None,
        channel=request.channel,
        kind=request.kind,
        flow=request.flow,
        website=request.website,
        details=details,
    )


def submission_event(request: ChangeRequest, at: datetime) -> AuditEvent:
    """Build the event of a submission. A restore is noted at the flow that was deleted."""
    details = {"reason": request.reason} if request.reason else {}
    details |= {"cause": request.cause.value} if request.cause else {}
    event = event_for_request(request, at, AuditAction.SUBMITTED, details)
    actor = None if request.cause is DisableCause.BREAKER else request.requester
    return replace(event, actor=actor, flow=event.flow or _restored_flow(request))


def event_for_change(
    change: Change, at: datetime, action: AuditAction, actor: UserId | None, details: Mapping[str, Any]
) -> AuditEvent:
    """Build an event about a stored change. Where its approval was skipped, each of its events names who did."""
    skipped = {"break_glass": str(by)} if (by := change.progress.skipped_by) is not None else {}
    event = event_for_request(change.request, at, action, {**details, **skipped})
    return replace(event, change=change.id, actor=actor)


def transition_event(change: Change, at: datetime, step: Transition) -> AuditEvent:
    """Build the event of a change that reaches its next state."""
    outcome = step.outcome
    ended = {"outcome": outcome.key, **outcome.params} if outcome else {}
    origin = {"restored_from": old} if (old := _restored_flow(change.request)) else {}
    raised = describe_raise(change) if step.to is ChangeState.PENDING else {}
    details = {**ended, **origin, **raised, "state": str(step.to), **step.details}
    event = event_for_change(change, at, step.action, step.actor, details)
    return replace(event, flow=(outcome.flow if outcome else None) or event.flow)


def describe_raise(change: Change) -> Mapping[str, Any]:
    """Return, as plain data, how many approvals a change needs for which audience; nothing where that raises none."""
    progress = change.progress
    return {"audience": progress.audience, "quorums": list(progress.quorums)} if progress.quorums else {}


def _restored_flow(request: ChangeRequest) -> FlowId | None:
    """Return the id of the deleted flow that a restore brings back."""
    return request.before.id if request.kind is ChangeKind.RESTORE and request.before else None
