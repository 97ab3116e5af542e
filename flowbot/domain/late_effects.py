"""Late effects: what a write that was sent may still do, and for how long (README, "Requests")."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.operations import EditOperation, FlowOperation, build_operation
from flowbot.domain.outcomes import stored_content

LATE_EFFECTS: Final = timedelta(hours=24)
"""So long after it was sent an effect that shows itself is taken for the write's own."""
SEARCH_TIME: Final = timedelta(minutes=15)
"""So long flowbot looks by itself for the effect of a write; until then the same kind is not sent again."""
LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 30, 60, 120, 240, 480, 900))
"""The looks for an effect, counted from when it was found to be unknown; the last ends the search."""
UNREPEATABLE: Final = frozenset({ChangeKind.ENABLE, ChangeKind.EDIT, ChangeKind.DELETE})
"""Kinds that are not sent again while flowbot looks for an earlier one of the same flow.

A flow is disabled at any time, and a create has no flow yet.
"""


def next_look(change: Change, now: datetime) -> datetime | None:
    """Return when to look next for the effect of an unknown change; None after the last look."""
    return next((change.changed_at + pause for pause in LOOKS if change.changed_at + pause > now), None)


def is_sought(change: Change, now: datetime) -> bool:
    """Check whether flowbot still looks by itself for the effect of a change; a clock may have been put back since."""
    return change.state is ChangeState.UNKNOWN and abs(now - change.changed_at) < SEARCH_TIME


def is_recent(change: Change, now: datetime) -> bool:
    """Check whether a change was sent so lately that an effect which shows itself now is its own."""
    return change.sent_at is not None and now < change.sent_at + LATE_EFFECTS


def may_take_effect(change: Change, now: datetime) -> bool:
    """Check whether a write of the change may be under way: it was not seen, or an earlier one was not answered."""
    is_open = change.state is ChangeState.UNKNOWN or (change.state is ChangeState.APPLIED and change.progress.is_resent)
    return is_open and is_recent(change, now)


def was_seen_since(change: Change, moment: datetime) -> bool:
    """Check whether the effect of a change was seen after a moment, whenever it was sent."""
    return change.state is ChangeState.APPLIED and change.changed_at > moment


def find_late_enables(writes: Sequence[Change], now: datetime) -> list[Change]:
    """Find the enables of one flow that may take effect; none that was submitted before another that was read back.

    Args:
        writes: the flow's writes, in the order in which they were submitted.
        now: the current time.
    """
    enables = [write for write in writes if write.request.kind is ChangeKind.ENABLE]
    seen = [place for place, write in enumerate(enables) if write.state is ChangeState.APPLIED]
    return [write for write in enables[seen[-1] if seen else 0 :] if may_take_effect(write, now)]


def was_enabled_since(writes: Iterable[Change], since: datetime) -> bool:
    """Check whether an enable of one flow was seen after `since`, whenever it was sent."""
    return any(write.request.kind is ChangeKind.ENABLE and was_seen_since(write, since) for write in writes)


def find_late_edits(writes: Iterable[Change], now: datetime) -> list[Change]:
    """Find the edits of one flow that may still take effect."""
    return [write for write in writes if write.request.kind is ChangeKind.EDIT and may_take_effect(write, now)]


def find_sought(writes: Iterable[Change], kind: ChangeKind, now: datetime) -> Change | None:
    """Find the change of one flow that has to be found before another of its kind is sent; None where there is none."""
    return next((write for write in writes if write.request.kind is kind and is_sought(write, now)), None)


def find_repeatable_disable(writes: Sequence[Change]) -> Change | None:
    """Find the disable of one flow that a late enable has to be undone by; None where there is none.

    It is the last toggle, unless it is itself a repetition. After a newer enable the flow may be live.

    Args:
        writes: the flow's writes, in the order in which they were submitted.
    """
    toggles = [write for write in writes if write.request.kind in {ChangeKind.ENABLE, ChangeKind.DISABLE}]
    last = toggles[-1] if toggles else None
    is_repeatable = last is not None and last.request.kind is ChangeKind.DISABLE and last.request.repeats is None
    return last if is_repeatable else None


def find_flow_before_repeat(enable: Change, writes: Iterable[Change]) -> Flow | None:
    """Find the flow as it was when a disable was repeated since an enable had shown itself; None where none was."""
    repeats = (write for write in writes if write.request.repeats is not None and write.created_at > enable.changed_at)
    return next((repeat.request.before for repeat in repeats), None)


def operations_since(change: Change, writes: Iterable[Change], now: datetime) -> tuple[FlowOperation, ...]:
    """Return the operations of one flow's other writes that may have shown themselves since `change` was requested.

    An effect that nobody saw in its time counts as made outside.
    """
    later = (
        write
        for write in writes
        if write.id != change.id
        and (
            write.state is ChangeState.APPLYING
            or may_take_effect(write, now)
            or was_seen_since(write, change.snapshot_at)
        )
    )
    built = (build_operation(request_as_stored(write)) for write in later)
    return tuple(each for each in built if isinstance(each, FlowOperation))


def request_as_stored(write: Change) -> ChangeRequest:
    """Return the request of a write as if what was read back right after it had been sent."""
    request, wanted = write.request, write.request.wanted
    if wanted is None or write.outcome is None or not write.is_stored_otherwise:
        return request
    return replace(request, wanted=replace(wanted, content=stored_content(wanted.content, write.outcome)))


def take_over_effects(change: Change, writes: Iterable[Change], now: datetime) -> Change:
    """Return a change as it is about the flow that late effects left, which showed themselves since it was requested.

    Args:
        change: a pending change.
        writes: the flow's writes.
        now: the current time.
    """
    request = change.request
    operation = build_operation(request)
    if not isinstance(operation, FlowOperation):
        return change
    shown = [write for write in writes if was_seen_since(write, change.snapshot_at)]
    current = operation.before
    for late in operations_since(change, shown, now):
        current = replace(current, **late.sent)
    wanted = operation.rebase(current).wanted if isinstance(operation, EditOperation) else request.wanted
    return replace(change, request=replace(request, before=current, wanted=wanted))
