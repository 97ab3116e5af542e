"""The audit trail: its events, and what each transition of a change is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit trail.

    Attributes:
        number: Grows with every event; None until it is kept.
        action: What happened, `noun.verb`: an `AuditAction`, or what an older flowbot called it.
        actor: Who did it; None where flowbot did, by itself.
        details: What else is worth knowing, as plain data, never a secret.
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
    """What an event tells: `noun.verb`. The words are kept for ever, so none of them ever changes."""

    SUBMITTED = "change.submitted"
    PENDING = "change.pending"
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
    POLICY_CHANGED = "policy.changed"
    POLICY_IMPORTED = "policy.imported"

    @classmethod
    def for_state(cls, state: ChangeState) -> "AuditAction":
        """That a change has come to `state`.

        Raises:
            ValueError: no change comes to it: one is submitted as a draft.
        """
        return cls(f"change.{state}")


@dataclass(frozen=True, slots=True)
class Transition:
    """The next state of a change.

    Attributes:
        action: What the audit calls it.
        actor: Who did it; None where nobody did.
        outcome: How it ended, for people; where there is none, the one from before stays.
        details: What else the audit says.
    """

    to: ChangeState
    action: AuditAction
    actor: UserId | None = None
    outcome: Outcome | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def event_for_request(
    asked: ChangeRequest, at: datetime, action: AuditAction, details: Mapping[str, Any]
) -> AuditEvent:
    """An event of what was asked for; nobody's, and of no change yet."""
    return AuditEvent(
        at=at,
        action=action,
        actor=None,
        channel=asked.channel,
        kind=asked.kind,
        flow=asked.flow,
        website=asked.website,
        details=details,
    )


def submission_event(asked: ChangeRequest, at: datetime) -> AuditEvent:
    """That it was asked for, by whom and why. A restore is asked for on the flow that was deleted."""
    reason = {"reason": asked.reason} if asked.reason else {}
    event = event_for_request(asked, at, AuditAction.SUBMITTED, reason)
    return replace(event, actor=asked.requester, flow=event.flow or _restored_flow(asked))


def event_for_change(
    change: Change, at: datetime, action: AuditAction, actor: UserId | None, details: Mapping[str, Any]
) -> AuditEvent:
    """An event of a change that is kept."""
    said = {**details, **_skip_details(change)}
    return replace(event_for_request(change.request, at, action, said), change=change.id, actor=actor)


def transition_event(change: Change, at: datetime, step: Transition) -> AuditEvent:
    """That a change takes a step."""
    outcome = step.outcome
    ended = {"outcome": outcome.key, **outcome.params} if outcome else {}
    origin = {"restored_from": old} if (old := _restored_flow(change.request)) else {}
    said = {**ended, **origin, "state": str(step.to), **step.details}
    event = event_for_change(change, at, step.action, step.actor, said)
    return replace(event, flow=(outcome.flow if outcome else None) or event.flow)


def _restored_flow(asked: ChangeRequest) -> FlowId | None:
    """The deleted flow that is made again."""
    return asked.before.id if asked.kind is ChangeKind.RESTORE and asked.before else None


def _skip_details(change: Change) -> dict[str, str]:
    """For the audit: who broke the glass for it, so that what was done without an approval is seen at a glance."""
    by = change.progress.skipped_by
    return {"break_glass": str(by)} if by is not None else {}
