"""Scheduled changes: the looks at them before their start, and the start."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from flowbot.domain.audit import AuditAction, Transition, transition_event
from flowbot.domain.change import Change, ChangeState, with_lease
from flowbot.domain.disables import displaced_by
from flowbot.domain.schedule import end_disable
from flowbot.errors import DependencyError
from flowbot.services.executor.executor import ChangeExecutor, move_change
from flowbot.services.executor.hindrances import Hindrance, find_lateness
from flowbot.services.executor.preconditions import may_go_live
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, FlowBusyError, VersionConflictError
from flowbot.services.ports.slack import NotifyCallback

RETRY_PAUSE: Final = timedelta(seconds=10)
"""A due change is looked at again after this, where something did not answer or another change is being applied."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduledChanges:
    """Starts scheduled changes, and ends those that cannot start any more."""

    executor: ChangeExecutor

    @property
    def store(self) -> ChangeStore:
        """Return the store of changes."""
        return self.executor.store

    @property
    def clock(self) -> Clock:
        """Return the clock by which changes start."""
        return self.executor.clock

    async def proceed(self, due: Change, notify: NotifyCallback) -> None:
        """Start a scheduled change whose time has come, or find out whether it still may start, and tell if not.

        Where Enkapush does not answer, nothing is begun: it is tried again until it is too late.

        Raises:
            DependencyError: something did not answer; it is tried again soon.
        """
        now = self.clock()
        start = await self.executor.preconditions.find_start(due, now)
        if due.progress.revised_by is not None and find_lateness(due, start, now) is None:
            # Its requester's edit of the flow is being written; where that never ends, it expires all the same.
            await self.store.postpone(due, now + RETRY_PAUSE)
            return
        # Noted where it could start earlier than was known: whether it is late is counted from there.
        is_earlier = start <= now and due.progress.starts_at is not None and start < due.progress.starts_at
        progress = replace(due.progress, starts_at=start) if is_earlier else due.progress
        if not await self.store.postpone(due, now + RETRY_PAUSE, progress if is_earlier else None):
            return
        change = replace(due, due_at=now + RETRY_PAUSE, progress=progress)
        hindrance = await self.executor.preconditions.find_hindrance(change, now)
        if await self._has_nothing_to_do(change, is_start=hindrance is None):
            hindrance = Hindrance(end_disable(change), replace(change, due_at=None))
        with suppress(VersionConflictError, FlowBusyError):
            if hindrance is None:
                await self.executor.execute(await self._start(change), notify)
            elif hindrance.update.progress == change.progress and hindrance.step.to is change.state:
                await self.store.postpone(change, hindrance.update.due_at)
            else:
                moved = await move_change(self.store, change, hindrance.step, self.clock(), update=hindrance.update)
                await self.executor.notify_again(moved, notify)

    async def _has_nothing_to_do(self, change: Change, *, is_start: bool) -> bool:
        """Check whether a disable would find its flow off; before its start only where that was live when requested.

        Raises:
            DependencyError: Enkapush does not answer at the start, so no other kind is begun, either.
        """
        request, is_timed = change.request, change.request.is_timed_disable
        was_live = request.before is not None and request.before.is_enabled
        if request.flow is None or not (is_start or (is_timed and was_live)):
            return False
        try:
            flow = await self.executor.writer.context.source.get_flow(request.flow)
        except DependencyError:
            if is_start:
                raise
            return False
        if not is_timed or (flow is not None and flow.is_enabled):
            return False
        return flow is None or not await may_go_live(self.store, request.flow, self.clock())

    async def _start(self, change: Change) -> Change:
        """Take a change to `applying`, leased by this process; a disable takes the place of the flow's open request.

        Raises:
            VersionConflictError: somebody was faster.
            FlowBusyError: the flow's open change is being applied.
            DependencyError: the database did not answer.
        """
        now, step = self.clock(), Transition(ChangeState.APPLYING, AuditAction.APPLYING)
        applying = replace(change, state=step.to, changed_at=now, due_at=None)
        displacing = displaced_by(change.request) if change.request.is_timed_disable else None
        event = transition_event(change, now, step)
        leased = with_lease(self.executor.leases.new_lease(), applying)
        log.info("schedule.started", change=change.id, kind=change.request.kind)
        return await self.store.replace_if_unchanged(change, leased, event, displacing=displacing)
