"""Hindrances: what becomes of a change that cannot be applied now."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.deadlines import is_expired
from flowbot.domain.outcomes import LAPSED_TIME, LATE_TIME, OVER_TIME
from flowbot.domain.schedule import is_late


class Hindrance(NamedTuple):
    """What becomes of a change that cannot be applied now, and the change with what else that changes."""

    step: Transition
    update: Change


def end_unsent(change: Change, state: ChangeState, outcome: Outcome) -> Hindrance:
    """Return how a change ends that was not sent, and will not be."""
    step = Transition(state, AuditAction.for_state(state), outcome=outcome)
    return Hindrance(step, replace(change, due_at=None))


def find_lateness(change: Change, start: datetime, now: datetime) -> Hindrance | None:
    """Return how a change ends that was not sent in its time; None where it is in time."""
    ends_at, has_start = change.request.ends_at, change.progress.starts_at is not None
    if not has_start and is_expired(change, now):
        return end_unsent(change, ChangeState.FAILED, Outcome(LAPSED_TIME))
    if ends_at is not None and max(start, now) >= ends_at:
        return end_unsent(change, ChangeState.EXPIRED, Outcome(OVER_TIME))
    if is_late(change, start, now):
        return end_unsent(change, ChangeState.EXPIRED, Outcome(LATE_TIME))
    return None
