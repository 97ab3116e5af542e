"""Expiry of requests, and their reminders."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeState, Outcome, with_lease
from flowbot.domain.deadlines import due_times, expires_at, is_expired, is_reminder_due, next_reminder, waits_since
from flowbot.domain.outcomes import UNAPPROVED_TIME
from flowbot.services.executor.executor import move_change
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, VersionConflictError

UNPOSTED_RETRY: Final = timedelta(seconds=30)
"""A due request that has no message yet is looked at again after this."""


@dataclass(frozen=True, slots=True)
class RequestExpiry:
    """Expires requests, and claims reminders of the others."""

    store: ChangeStore
    preconditions: Preconditions
    clock: Clock

    async def expire(self, change: Change) -> Change | None:
        """End a request whose time is over; None where somebody was faster, or a new freeze puts its start off.

        Raises:
            DependencyError: the database did not answer.
        """
        now, expired = self.clock(), replace(change, due_at=None)
        if await self._is_put_off(change, now):
            return None
        # The time of the approval is over, or that of the change.
        is_own_time = change.rule is not None and now < due_times(waits_since(change), change.rule)[-1]
        outcome = Outcome(UNAPPROVED_TIME) if is_own_time else None
        step = Transition(ChangeState.EXPIRED, AuditAction.EXPIRED, outcome=outcome)
        try:
            return await move_change(self.store, change, step, now, update=with_lease(None, expired))
        except VersionConflictError as conflict:
            # A vote that was not enough came in between: the time is over all the same.
            is_pending = conflict.current.state is ChangeState.PENDING
            return await self.expire(conflict.current) if is_pending else None

    async def _is_put_off(self, change: Change, now: datetime) -> bool:
        """Check whether a request starts later than was known, and goes on waiting; note its start."""
        if change.rule is None or change.request.not_before is None or change.request.is_timed_disable:
            return False
        start = await self.preconditions.find_start(change, now)
        waiting = replace(change, progress=replace(change.progress, starts_at=start))
        if is_expired(waiting, now):
            return False
        # Where that fails, another process has just put it off, or somebody has moved it.
        await self.store.postpone(change, next_reminder(waiting, change.rule, now), waiting.progress)
        return True

    async def claim_reminder(self, change: Change) -> bool:
        """Set when the request is due next, and return whether this process is to remind people of it now.

        A request without a message is not reminded of: it is due again soon.
        """
        rule, expiry = change.rule, expires_at(change)
        if rule is None or expiry is None:
            return False
        now = self.clock()
        if not is_reminder_due(change, now):
            await self.store.postpone(change, next_reminder(change, rule, now), change.progress)
            return False
        if change.message_ts is None:
            # Left due, it would be looked at first each time; many of them, and nobody would look at the others.
            await self.store.postpone(change, min(now + UNPOSTED_RETRY, expiry), change.progress)
            return False
        progress = replace(change.progress, reminders=change.progress.reminders + 1)
        return await self.store.postpone(change, next_reminder(change, rule, now), progress)
