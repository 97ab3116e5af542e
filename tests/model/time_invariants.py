"""Checks of times: nothing goes live early, in a freeze or long after its start, and nothing stays past its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.freezes import Freeze, FreezeCalendar
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.domain.outcomes import LATE_TIME, UNAPPROVED_TIME
from flowbot.services.ports import Clock
from tests.model.effect_invariants import describe
from tests.model.fake_enkapush import FakeEnkapush
from tests.model.live_content import LiveContent
from tests.model.processes import FREEZE_ZONE
from tests.model.told_states import state_told_by

LATE: Final = timedelta(hours=1)
"""What is not sent this long after its start is not sent any more."""
MOMENT: Final = timedelta(minutes=1)
"""What a start, an end or a write may take."""
SAMPLE: Final = timedelta(minutes=5)
"""So often a moment without a freeze is looked for."""
SETTLED: Final = frozenset({ChangeState.APPLIED, ChangeState.UNKNOWN})
Events = Mapping[ChangeId | None, Sequence[AuditEvent]]


@dataclass
class TimeInvariants:
    """Checks of times and freezes.

    Attributes:
        freezes: Those in force.
        skew: How wrong a clock of any process was, at most.
    """

    enkapush: FakeEnkapush
    live: LiveContent
    clock: Clock
    freezes: tuple[Freeze, ...] = ()
    skew: timedelta = timedelta()
    _earlier: list[tuple[datetime, tuple[Freeze, ...]]] = field(default_factory=list)
    _checked: set[ChangeId] = field(default_factory=set)

    def note_freezes(self, freezes: tuple[Freeze, ...]) -> None:
        """Note that these freezes are in force from now on."""
        self._earlier.append((self.clock(), self.freezes))
        self.freezes = freezes

    def check_write(self, change: Change, at: datetime, approved_at: datetime, *, goes_live: bool) -> None:
        """Check a write by the clock of the process that writes."""
        asked, is_skipped = change.request.not_before, change.progress.skipped_by is not None
        before = change.request.before
        is_moved = change.request.kind is ChangeKind.ENABLE and before is not None and before.is_enabled
        assert not is_moved, "written though only its end is moved"
        assert asked is None or asked <= at, f"written at {at}, and asked for at {asked}"
        if (goes_live or change.request.kind is ChangeKind.DELETE) and not is_skipped:
            is_frozen = self._is_held(self.freezes, at) and self._is_held(self.freezes, at - MOMENT)
            assert not is_frozen, f"written at {at} in a freeze"
        if change.request.kind is not ChangeKind.DISABLE and asked is not None and not self.enkapush.sent[change.id]:
            could_start = self._find_late(change, max(asked, approved_at), at - MOMENT, at - self.clock())
            assert could_start is None, f"written at {at}, and asked for at {asked}: free since {could_start}"

    def check(self, changes: Sequence[Change], events: Events) -> None:
        """Check everything that must hold at any moment."""
        ends = {change.request.ends: change for change in changes if change.request.ends is not None}
        for change in changes:
            plans = change.request.kind is ChangeKind.ENABLE and change.request.ends_at is not None
            if plans and change.state in SETTLED:
                assert change.id in ends, f"without its end: {describe(change)}"
            if change.request.ends is not None:
                assert change.state is not ChangeState.EXPIRED, f"not done late: {describe(change)}"
            if change.state is ChangeState.EXPIRED and change.id not in self._checked:
                self._checked.add(change.id)
                self._check_expired(change)
            if waits_unseen(change):
                self._check_not_void(change, changes, events)

    def _check_expired(self, change: Change) -> None:
        """Check that a change which is too late was not held in the hour before."""
        key, asked, at = change.outcome and change.outcome.key, change.request.not_before, change.changed_at
        if key not in {LATE_TIME, UNAPPROVED_TIME} or (change.request.ends_at or at) < at + MOMENT:
            return
        assert not change.request.is_timed_disable, f"not done late: {describe(change)}"
        could_start = self._find_late(change, asked or change.created_at, at + MOMENT, timedelta())
        assert could_start is not None, f"too late at {at}, and never free for an hour: {describe(change)}"

    def _check_not_void(self, timed: Change, changes: Sequence[Change], events: Events) -> None:
        """Check that a disable does not wait any more once its flow was disabled or deleted, or its end moved."""
        waits = max(event.number or 0 for event in events[timed.id] if state_told_by(event) in WAITING_STATES)
        for other in changes:
            is_off = other.request.kind in {ChangeKind.DISABLE, ChangeKind.DELETE} and other.id != timed.id
            if is_off and other.request.flow == timed.request.flow and other.state is ChangeState.APPLIED:
                done = _find_number(events[other.id], ChangeState.APPLIED)
                assert done < waits, f"waits though its flow was disabled: {describe(timed)}"
            is_newer = other.request.kind is ChangeKind.ENABLE and other.state in SETTLED
            if timed.request.ends is not None and is_newer and other.request.flow == timed.request.flow:
                done = _find_number(events[other.id], *SETTLED)
                assert done <= _find_number(events[timed.request.ends], *SETTLED), (
                    f"moved, and waits: {describe(timed)}"
                )

    def find_overdue(self, changes: Sequence[Change]) -> list[Change]:
        """Find the scheduled changes that neither a time nor a freeze holds, by any clock."""
        moments = (self.clock() - self.skew, self.clock())
        return [
            change
            for change in changes
            if change.state is ChangeState.SCHEDULED
            and (change.request.not_before or moments[0]) <= moments[0]
            and (change.request.is_timed_disable or not any(self._is_held(self.freezes, each) for each in moments))
        ]

    def check_at_rest(self, changes: Sequence[Change], events: Events) -> None:
        """Check what must hold after a recovery without faults."""
        overdue = [describe(change) for change in self.find_overdue(changes)]
        assert not overdue, f"not started: {overdue}"
        for flow in self.enkapush.flows.values():
            if flow.is_enabled and self.live.enabled_by.get(flow.id) is not None:
                self._check_end(flow.id, changes, events)

    def _check_end(self, flow: FlowId, changes: Sequence[Change], events: Events) -> None:
        """Check that a flow which flowbot enabled is not live past its end."""
        own = [change for change in changes if change.request.flow == flow]
        enables = [change for change in own if change.request.kind is ChangeKind.ENABLE and change.state in SETTLED]
        last = max(enables, key=lambda enable: _find_number(events[enable.id], *SETTLED))
        if last.request.ends_at is None or last.request.ends_at + MOMENT + self.skew > self.clock():
            return
        end = next(change for change in own if change.request.ends == last.id)
        assert end.state not in WAITING_STATES, f"live past its end: {describe(end)}"
        if end.state is ChangeState.OUT_OF_DATE:
            offs = [each for each in own if each.request.kind is ChangeKind.DISABLE and each.state in SETTLED]
            assert offs, f"live past its end, and not disabled before: {describe(end)}"

    def _find_late(self, change: Change, since: datetime, at: datetime, ahead: timedelta) -> datetime | None:
        """Find when a change could start more than an hour before `at`, on a clock that is ahead of the true time.

        Args:
            change: the change.
            since: when it was to start.
            at: the moment.
            ahead: by how much the clock is ahead.

        Returns:
            The start of the first hour without a freeze; None where there was none.
        """
        moment = free_since = since
        while moment < at and moment < free_since + LATE:
            is_held = change.progress.skipped_by is None and self._is_held(self._in_force(moment - ahead), moment)
            free_since = moment + SAMPLE if is_held else free_since
            moment += SAMPLE
        return free_since if free_since + LATE <= at else None

    def _in_force(self, moment: datetime) -> tuple[Freeze, ...]:
        return next((freezes for until, freezes in self._earlier if moment < until), self.freezes)

    @staticmethod
    def _is_held(freezes: tuple[Freeze, ...], moment: datetime) -> bool:
        return FreezeCalendar(freezes, FREEZE_ZONE).find_hold(moment) is not None


def waits_unseen(change: Change) -> bool:
    """Check whether a change is a disable that waits for its time, which blocks no request."""
    return change.request.is_timed_disable and change.state in WAITING_STATES


def _find_number(events: Sequence[AuditEvent], *states: ChangeState) -> int:
    """Return the number of the event by which a change reached one of the states first."""
    return next(event.number or 0 for event in events if state_told_by(event) in states)
