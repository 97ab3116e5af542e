"""Leases: one process works on a change at a time, and renews while it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from flowbot.domain.change import Lease
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError
from flowbot.services.executor.context import LeaseLostError
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore

LEASE_SECONDS: Final = 3.0
"""A process that works on a change and is not heard of for this long has lost it."""


RENEW_SECONDS: Final = 0.75


log = structlog.get_logger(__name__)


@dataclass(slots=True)
class HeldLease:
    """A change while it is held.

    Attributes:
        is_done: All that needed the change to be this process's is done; whoever holds it says so.
        is_lost: Another process has taken it over.
        until: No other process takes it over before that; None where that is not known.
    """

    is_done: bool = False
    is_lost: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeaseKeeper:
    """The leases of this process.

    Attributes:
        owner: This process's name on leases.
        in_progress: What this process works on. A lease says which process, not which of its tasks: one that was frozen
            for longer than a lease lasts finds its own work among what may be taken over.
    """

    store: ChangeStore
    clock: Clock
    owner: str
    in_progress: dict[ChangeId, HeldLease] = field(default_factory=dict)

    def new_lease(self) -> Lease:
        """A lease of this process's, from now."""
        return Lease(self.owner, self.clock() + timedelta(seconds=LEASE_SECONDS))

    async def try_acquire(self, change: ChangeId) -> bool:
        """Take a change that nobody holds; false where somebody does, be it another task of this process.

        Raises:
            DependencyError: the database did not answer.
        """
        return change not in self.in_progress and await self.store.try_acquire_lease(
            change, self.clock(), self.new_lease()
        )

    def holds_for_certain(self, change: ChangeId) -> bool:
        """Whether no other process can have taken the change over by now, by what is known here without asking."""
        hold = self.in_progress.get(change)
        return hold is not None and hold.until is not None and self.clock() < hold.until

    @asynccontextmanager
    async def hold(self, change: ChangeId, *, until: datetime | None = None) -> AsyncIterator[HeldLease]:
        """Keep the lease of a change that this process has, while the block runs.

        A DependencyError before all is done leaves the lease to run out: what is left of it is the pause before the
        next try.

        Args:
            change: which one.
            until: when the lease ends, where that is known.

        Raises:
            LeaseLostError: another process has taken the change over, or another task of this one holds it.
        """
        if change in self.in_progress:
            raise LeaseLostError
        hold = HeldLease(until=until)
        keeps_lease = False
        self.in_progress[change] = hold
        try:
            async with self._beating(change, hold):
                yield hold
        except DependencyError:
            keeps_lease = not hold.is_done
            raise
        finally:
            del self.in_progress[change]
            if not hold.is_lost and not keeps_lease:
                await asyncio.shield(self._release(change))

    @asynccontextmanager
    async def _beating(self, change: ChangeId, hold: HeldLease) -> AsyncIterator[None]:
        """Renew the lease while the block runs, and stop the block where the lease is lost."""
        work = asyncio.current_task()
        heart = asyncio.create_task(self._beat(change, hold, work))
        try:
            try:
                yield
            finally:
                heart.cancel()
                await asyncio.gather(heart, return_exceptions=True)
        except asyncio.CancelledError:
            if not hold.is_lost or work is None or work.uncancel() > 0:
                # Somebody else wants it to stop, too.
                raise
            raise LeaseLostError from None

    async def _beat(self, change: ChangeId, hold: HeldLease, work: asyncio.Task[object] | None) -> None:
        while await self._renewed(change, hold):  # noqa: ASYNC110 - a heartbeat, not a poll
            await asyncio.sleep(RENEW_SECONDS)
        hold.is_lost = True
        if work is not None:
            work.cancel()

    async def _renewed(self, change: ChangeId, hold: HeldLease) -> bool:
        """Renew the lease, also where the database is away for a moment; false where it was lost."""
        while True:
            lease = self.new_lease()
            try:
                if not await self.store.renew_lease(change, lease):
                    return False
            except DependencyError as fault:
                log.warning("change.not_renewed", change=change, error=str(fault))
            except Exception:
                # Whatever it is, the work goes on, and with the next beat its lease may yet be saved.
                log.exception("change.not_renewed", change=change)
            else:
                hold.until = lease.until
                return True
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def _release(self, change: ChangeId) -> None:
        with suppress(DependencyError):
            await self.store.release_lease(change, self.owner)
