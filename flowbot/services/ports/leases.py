"""The part of the database's ports that leases need, and what the recovery has to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowbot.domain.change import Change, Lease
from flowbot.domain.ids import ChangeId


class Leasable(Protocol):
    """What one process works on at a time, as it was read: a change, or the watch."""

    @property
    def id(self) -> ChangeId:
        """Return its id."""

    @property
    def version(self) -> int:
        """Return its version."""

    @property
    def lease(self) -> Lease | None:
        """Return its lease, or None where no process has one."""


@dataclass(frozen=True, slots=True)
class ChangeInProgress:
    """A change that a process has to work on, and the lease of the one that does, if any does."""

    id: ChangeId
    version: int
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What there is to do for the recovery at one moment.

    Attributes:
        in_progress: The changes that a process has to work on, oldest first.
        has_due: Whether any change is due.
        has_unshown: Whether the newest version of any change was not shown to people.
        has_unshown_reports: The same of reports.
    """

    in_progress: tuple[ChangeInProgress, ...]
    has_due: bool = False
    has_unshown: bool = False
    has_unshown_reports: bool = False


class LeaseStore(Protocol):
    """A store of leases. Taking one over replaces the very lease that was seen; whether it ran out is not asked.

    Every method is one transaction, and raises DependencyError where the database fails.
    """

    async def try_acquire_lease(self, seen: Leasable, lease: Lease) -> bool:
        """Write a lease in the place of the one that was seen; return whether that was still there."""

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        """Prolong the owner's lease; return false where it was lost."""

    async def release_lease(self, change: ChangeId, owner: str) -> None:
        """Give up a lease, so that anybody may take the change over at once; do nothing where it was lost."""


class BacklogStore(LeaseStore, Protocol):
    """The leases of changes, and what there is to do for the recovery. Every method is as those of `LeaseStore`."""

    async def find_backlog(self, now: datetime) -> Backlog:
        """Find the changes that a process has to work on, with their leases, and what else there is to do."""

    async def claim_lapsed(self, lapsed: Sequence[Leasable], lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        """Take over the first `limit` of the changes, oldest first, but those whose lease is not as it was seen.

        No two callers get the same one. The version stays: `renew_lease` and `mark_sent_once` ask for the owner.
        """
