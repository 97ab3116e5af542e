"""Schedules: when a change starts, how late is too late, and the planned end of an enabled flow."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.ids import FormToken
from flowbot.domain.outcomes import DISABLED_BEFORE, END_MOVED

LATE: Final = timedelta(hours=1)
"""What is not sent this long after its start is not sent any more, but for disables."""
LOOK_PAUSE: Final = timedelta(hours=1)
"""So often policy and rights of a scheduled change are looked at before its start."""

HoldEnd = Callable[[datetime], datetime | None]
"""Tells when the freeze ends that holds a change at a moment; None where none does."""


def is_held_by_freezes(request: ChangeRequest, *, may_go_live: bool) -> bool:
    """Check whether a change would make something go live or delete it, which waits in a freeze.

    Args:
        request: what is asked for.
        may_go_live: whether its flow, where it reads disabled, may go live by an earlier enable yet.
    """
    is_live = request.before is not None and request.before.is_enabled
    match request.kind:
        case ChangeKind.ENABLE:
            return not is_live
        case ChangeKind.EDIT:
            return is_live or may_go_live
        case kind:
            return kind is ChangeKind.DELETE


def find_start(change: Change, now: datetime, find_hold_end: HoldEnd) -> datetime:
    """Return when an approved change starts: at its time, or at the end of the freeze that holds it then or now.

    Where that freeze was taken away, it starts when it is due, which it is at once.

    Args:
        change: the change.
        now: the current time, which is the start of what has no time.
        find_hold_end: the freezes; not asked where the approval was skipped, and for disables.
    """
    asked = change.request.not_before or now
    if change.progress.skipped_by is not None or change.request.kind is ChangeKind.DISABLE:
        return asked
    if (found := change.progress.starts_at) is not None:
        # A freeze may have held it that began after its time, or was lifted since.
        free = min(found, change.due_at or now, now)
        asked = max(change.request.not_before or free, free)
    start = find_hold_end(asked) or asked
    return start if start > now or is_late(change, start, now) else find_hold_end(now) or start


def is_late(change: Change, start: datetime, now: datetime) -> bool:
    """Check whether it is too late to start a change; a disable is done late rather than never."""
    return change.request.kind is not ChangeKind.DISABLE and start + LATE <= now


def next_due(start: datetime, now: datetime) -> datetime:
    """Return when a scheduled change is to be looked at next."""
    return min(start, now + LOOK_PAUSE)


def plan_end(enable: Change) -> ChangeRequest | None:
    """Return the request of the planned end of an enable that took effect, or may have; None where it has none."""
    request, before = enable.request, enable.request.before
    if request.kind is not ChangeKind.ENABLE or request.ends_at is None or before is None:
        return None
    return replace(
        request,
        token=FormToken(f"end.{enable.id}"),
        kind=ChangeKind.DISABLE,
        before=replace(before, is_enabled=True),
        reason="",
        not_before=request.ends_at,
        ends_at=None,
        ends=enable.id,
    )


def void_disables(settled: Change, waiting: Iterable[Change]) -> list[tuple[Change, Transition]]:
    """Return which disables have nothing left to do once a change of their flow is settled, and how each ends.

    An applied disable or delete ends all, an enable the planned ends of those before it.

    Args:
        settled: the change, in its new state.
        waiting: the disables of its flow that wait for their time.
    """
    if settled.request.kind is ChangeKind.ENABLE:
        void = [each for each in waiting if each.request.ends not in {None, settled.id}]
        key = END_MOVED
    else:
        is_off = settled.request.kind in {ChangeKind.DISABLE, ChangeKind.DELETE}
        void = [each for each in waiting if is_off and settled.state is ChangeState.APPLIED and each.id != settled.id]
        key = DISABLED_BEFORE
    return [(each, end_disable(each, key)) for each in void]


def end_disable(timed: Change, key: str = DISABLED_BEFORE) -> Transition:
    """Return how a disable ends that has nothing left to do at its time."""
    outcome = Outcome(key, {"id": str(timed.request.flow)}, timed.request.flow)
    return Transition(ChangeState.OUT_OF_DATE, AuditAction.OUT_OF_DATE, outcome=outcome)
