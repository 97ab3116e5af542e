"""Leases: one process works on a change at a time, and renews its lease while it does."""

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
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore

LEASE_SECONDS: Final = 3.0
"""A process that works on a change and is not heard of for this long has lost it."""

RENEW_SECONDS: Final = 0.75

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Somebody else works on the change."""


@dataclass(slots=True)
class HeldLease:
    """A change while it is held.

    Attributes:
        is_done: The work that needs the lease is done; its holder sets this.
        is_lost: Another process has taken the change over.
        until: No other process takes it over before; None where that is not known.
    """

    is_done: bool = False
    is_lost: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeaseKeeper:
    """The leases of this process.

    Attributes:
        owner: This process's name on leases.
        in_progress: What this process works on. A lease names a process, not one of its tasks: a process that was
            frozen for longer than a lease lasts finds its own work among the changes with a lapsed lease.
    """

    store: ChangeStore
    clock: Clock
    owner: str
    in_progress: dict[ChangeId, HeldLease] = field(default_factory=dict)

    def new_lease(self) -> Lease:
        """Return a lease of this process that begins now."""
        return Lease(self.owner, self.clock() + timedelta(seconds=LEASE_SECONDS))

    async def try_acquire(self, change: ChangeId) -> Lease | None:
        """Take the lease of a change; None where somebody holds it, be it another task of this process.

        Raises:
            DependencyError: the database did not answer.
        """
        if change in self.in_progress:
            return None
        lease = self.new_lease()
        return lease if await self.store.try_acquire_lease(change, self.clock(), lease) else None

    def holds_for_certain(self, change: ChangeId) -> bool:
        """Check, without asking the database, that no other process can have taken the change over by now."""
        lease = self.in_progress.get(change)
        return lease is not None and lease.until is not None and self.clock() < lease.until

    @asynccontextmanager
    async def hold(self, change: ChangeId, *, until: datetime | None = None) -> AsyncIterator[HeldLease]:
        """Renew the lease that this process has of a change while the block runs, and release it at the end.

        The block is cancelled where the lease is lost. A DependencyError before the work is done leaves the lease to
        run out: the rest of it is the pause before the next try.

        Args:
            change: the change.
            until: when the lease ends, where that is known.

        Raises:
            LeaseLostError: another process has taken the change over, or another task of this one holds it.
        """
        if change in self.in_progress:
            raise LeaseLostError
        lease = HeldLease(until=until)
        keeps_lease = False
        self.in_progress[change] = lease
        try:
            async with self._renewing(change, lease):
                yield lease
        except DependencyError:
            keeps_lease = not lease.is_done
            raise
        finally:
            del self.in_progress[change]
            if not lease.is_lost and not keeps_lease:
                await asyncio.shield(self._release(change))

    @asynccontextmanager
    async def _renewing(self, change: ChangeId, lease: HeldLease) -> AsyncIterator[None]:
        """Renew the lease while the block runs, and cancel the block where the lease is lost."""
        work = asyncio.current_task()

        async def beat() -> None:
            fresh_until = self.clock() + timedelta(seconds=LEASE_SECONDS - RENEW_SECONDS)
            if lease.until is not None and lease.until > fresh_until:
                # It was taken a moment ago.
                await asyncio.sleep(RENEW_SECONDS)
            while await self._renew(change, lease):  # noqa: ASYNC110 - a heartbeat, not a poll
                await asyncio.sleep(RENEW_SECONDS)
            lease.is_lost = True
            if work is not None:
                work.cancel()

        heart = asyncio.create_task(beat())
        try:
            try:
                yield
            finally:
                heart.cancel()
                await asyncio.gather(heart, return_exceptions=True)
        except asyncio.CancelledError:
            if not lease.is_lost or work is None or work.uncancel() > 0:
                # Somebody else wants it to stop, too.
                raise
            raise LeaseLostError from None

    async def _renew(self, change: ChangeId, lease: HeldLease) -> bool:
        """Renew the lease, also where the database is away for a moment; False where it was lost."""
        while True:
            renewed = self.new_lease()
            try:
                if not await self.store.renew_lease(change, renewed):
                    return False
            except DependencyError as error:
                log.warning("change.not_renewed", change=change, error=str(error))
            except Exception:
                # Whatever it is, the work goes on, and the next beat may yet save its lease.
                log.exception("change.not_renewed", change=change)
            else:
                lease.until = renewed.until
                return True
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def _release(self, change: ChangeId) -> None:
        with suppress(DependencyError):
            await self.store.release_lease(change, self.owner)
