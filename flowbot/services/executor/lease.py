"""Leases: one process works on a change at a time, and renews its lease while it does.

Processes agree on no time: a lease has run out when another process saw it unchanged for its length by a clock of its
own that only grows. Its holder counts, by such a clock too, from the moment before it wrote it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar

import structlog

from flowbot.domain.change import Change, Lease, with_lease
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.leases import Leasable, LeaseStore

LEASE_SECONDS: Final = 3.0
"""A process that works on a change and is not heard of for this long has lost it."""

RENEW_SECONDS: Final = 0.75

Observed = TypeVar("Observed", bound=Leasable)

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Somebody else works on the change."""


@dataclass(slots=True)
class HeldLease:
    """A change while it is held.

    Attributes:
        is_done: The work that needs the lease is done; its holder sets this.
        is_given_up: It ended, or ends, with what was stored last, so nobody has to release it.
        is_lost: Another process has taken the change over.
        until: No other process takes it over before, by this process's monotonic clock; None where that is not known.
    """

    is_done: bool = False
    is_given_up: bool = False
    is_lost: bool = False
    until: float | None = None


@dataclass(slots=True)
class LeaseObserver:
    """What a process has seen of other processes' leases, and since when they are unchanged.

    Attributes:
        monotonic: Measures for how long.
    """

    monotonic: Monotonic
    _seen: dict[ChangeId, tuple[int, Lease | None, float]] = field(default_factory=dict)

    def find_free(self, changes: Iterable[Observed], *, pause: float = 0.0) -> list[Observed]:
        """Find the changes that nobody works on any more, and forget all others than these.

        Args:
            changes: as they have just been read.
            pause: seconds for which a change without a lease has to be seen unchanged.
        """
        # After the read: a lease that was renewed meanwhile is not taken for an older one.
        now, seen, free = self.monotonic(), self._seen, []
        self._seen = {}
        for change in changes:
            version, lease, since = seen.get(change.id, (change.version, change.lease, now))
            if (version, lease) != (change.version, change.lease):
                since = now
            self._seen[change.id] = (change.version, change.lease, since)
            if now - since >= (pause if change.lease is None else LEASE_SECONDS):
                free.append(change)
        return free


@dataclass(frozen=True, slots=True)
class LeaseKeeper:
    """The leases of this process.

    Attributes:
        owner: This process's name on leases.
        in_progress: What this process works on. A lease names a process, not one of its tasks: a process that was
            frozen for longer than a lease lasts finds its own work among the changes with a lapsed lease.
    """

    store: LeaseStore
    clock: Clock
    monotonic: Monotonic
    owner: str
    in_progress: dict[ChangeId, HeldLease] = field(default_factory=dict)
    _ends: dict[Lease, float] = field(default_factory=dict)

    def new_lease(self) -> Lease:
        """Return a lease of this process that begins now, and differs from its others, even if the clock stands."""
        now = self.monotonic()
        lease = Lease(self.owner, self.clock() + timedelta(seconds=LEASE_SECONDS))
        while lease in self._ends:
            lease = replace(lease, until=lease.until + timedelta.resolution)
        for past in [each for each, end in self._ends.items() if end < now]:
            del self._ends[past]
        self._ends[lease] = now + LEASE_SECONDS
        return lease

    async def try_acquire(self, seen: Leasable) -> Lease | None:
        """Take a change over; None where somebody has changed its lease since it was seen, or this process holds it.

        Args:
            seen: the change, which is free to take, as it was read.

        Raises:
            DependencyError: the database did not answer.
        """
        if seen.id in self.in_progress:
            return None
        lease = self.new_lease()
        return lease if await self.store.try_acquire_lease(seen, lease) else None

    def holds_for_certain(self, change: ChangeId) -> bool:
        """Check, without asking the database, that no other process can have taken the change over by now."""
        lease = self.in_progress.get(change)
        return lease is not None and lease.until is not None and self.monotonic() < lease.until

    def give_up(self, change: Change) -> Change:
        """Return a change that this process holds without its lease: stored like that, it is free to take at once."""
        self.in_progress[change.id].is_given_up = True
        return with_lease(None, change)

    @asynccontextmanager
    async def hold(self, change: ChangeId, taken: Lease | None = None) -> AsyncIterator[HeldLease]:
        """Renew the lease that this process has of a change while the block runs, and release it at the end.

        The block is cancelled where the lease is lost. A DependencyError before the work is done leaves the lease to
        run out: the rest of it is the pause before the next try.

        Args:
            change: the change.
            taken: the lease, where this process has just taken it; else it is renewed at once.

        Raises:
            LeaseLostError: another process has taken the change over, or another task of this one holds it.
        """
        if change in self.in_progress:
            raise LeaseLostError
        lease = HeldLease(until=self._ends.get(taken) if taken else None)
        keeps_lease = False
        self.in_progress[change] = lease
        try:
            async with self._renewing(change, lease):
                yield lease
            keeps_lease = lease.is_given_up
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
            fresh_until = self.monotonic() + LEASE_SECONDS - RENEW_SECONDS
            if lease.until is not None and lease.until > fresh_until:
                # It was taken a moment ago.
                await asyncio.sleep(RENEW_SECONDS)
            while await self._renew(change, lease):  # noqa: ASYNC110 - a heartbeat, not a poll
                await asyncio.sleep(RENEW_SECONDS)
            if lease.is_given_up:
                return
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
                lease.until = self._ends.get(renewed)
                return True
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def _release(self, change: ChangeId) -> None:
        with suppress(DependencyError):
            await self.store.release_lease(change, self.owner)
