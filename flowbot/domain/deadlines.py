"""Deadlines of a request: when it is reminded of, escalated, and expires."""

from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change
from flowbot.domain.schedule import LATE

REMINDER_FRACTIONS: Final = (0.25, 0.5, 0.75)
"""Reminders go out at these fractions of a request's lifetime."""


def expires_at(change: Change) -> datetime | None:
    """Return the moment at which a request for approval expires; None for a change that needs none.

    It does not wait longer than an hour after its start, and not for an end that is past.
    """
    if change.rule is None:
        return None
    request = change.request
    moments = [waits_since(change) + timedelta(hours=change.rule.expires_after_hours)]
    if request.not_before is not None and not request.is_timed_disable:
        moments.append((change.progress.starts_at or request.not_before) + LATE)
    if request.ends_at is not None:
        moments.append(request.ends_at)
    return min(moments)


def is_expired(change: Change, now: datetime) -> bool:
    """Check whether a request's time is over."""
    expiry = expires_at(change)
    return expiry is not None and expiry <= now


def waits_since(change: Change) -> datetime:
    """Return since when a request waits for approvals."""
    return change.progress.waits_since or change.created_at


def due_times(requested_at: datetime, rule: ApprovalRule) -> list[datetime]:
    """List the moments of a request's reminders and, at last, of its expiry."""
    lifetime = timedelta(hours=rule.expires_after_hours)
    return [*(requested_at + lifetime * fraction for fraction in REMINDER_FRACTIONS), requested_at + lifetime]


def next_reminder(change: Change, rule: ApprovalRule, now: datetime) -> datetime:
    """Return when a request for approval is due next: of a reminder or its escalation, or at last of its expiry."""
    expiry, escalation = expires_at(change) or now, escalates_at(change)
    moments = [*due_times(waits_since(change), rule), *([] if escalation is None else [escalation])]
    return min((moment for moment in (*moments, expiry) if now < moment <= expiry), default=expiry)


def is_reminder_due(change: Change, now: datetime) -> bool:
    """Check whether people are to be reminded of a due request: not of one that is due for its escalation alone."""
    due_at = change.due_at
    if change.rule is None or due_at is None or due_at != escalates_at(change):
        return True
    return any(due_at <= moment <= now for moment in due_times(waits_since(change), change.rule))


def escalates_at(change: Change) -> datetime | None:
    """Return when a request is escalated by its own rule, if it waits until then; None where it was, or never is."""
    rule = change.rule
    if rule is None or rule.escalate_after_hours is None or change.progress.escalated_at is not None:
        return None
    return waits_since(change) + timedelta(hours=rule.escalate_after_hours)


def is_due_to_escalate(change: Change, now: datetime) -> bool:
    """Check whether a request has waited until its escalation, and was not escalated."""
    escalation = escalates_at(change)
    return escalation is not None and escalation <= now
