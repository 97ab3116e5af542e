"""Expiry of requests, and their reminders."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from flowbot.domain.approval import due_times, expires_at
from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeState, with_lease
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports.storage import VersionConflictError

UNPOSTED_RETRY: Final = timedelta(seconds=30)
"""What is due and has no message yet is looked at again after this."""


@dataclass(frozen=True, slots=True)
class RequestExpiry:
    """Ends requests whose time is over, and says who reminds of the others."""

    executor: ChangeExecutor

    async def expire(self, change: Change) -> Change | None:
        """End a request whose time is over; None where somebody was faster."""
        over = with_lease(None, replace(change, due_at=None))
        try:
            return await self.executor.transition(change, Transition(ChangeState.EXPIRED, AuditAction.EXPIRED), over)
        except VersionConflictError as conflict:
            # A vote that was not enough came in between: the time is over all the same.
            still = conflict.current.state is ChangeState.PENDING
            return await self.expire(conflict.current) if still else None

    async def claim_reminder(self, change: Change) -> bool:
        """Whether this process is the one that reminds of a request now. Its next moment is set.

        What has no message yet is reminded of soon after it has one.
        """
        rule, ends = change.rule, expires_at(change)
        if rule is None or ends is None:
            return False
        now, store = self.executor.clock(), self.executor.store
        if change.message_ts is None:
            # What stayed due would be looked at first each time; many of them, and nobody looked at the others.
            await store.postpone(change, min(now + UNPOSTED_RETRY, ends), change.progress)
            return False
        later = [moment for moment in due_times(change.created_at, rule) if moment > now]
        progress = replace(change.progress, reminders=change.progress.reminders + 1)
        return await store.postpone(change, later[0] if later else ends, progress)
