"""The database's port for policies and freezes, and the values that pass through it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, Self

from flowbot.domain.absences import Absence
from flowbot.domain.audit import AuditEvent
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook, WebsiteRename


@dataclass(frozen=True, slots=True)
class FlowTimes:
    """When a flow goes live, and when it is disabled, by what is scheduled."""

    starts: datetime | None = None
    ends: datetime | None = None

    def joined(self, other: Self) -> Self:
        """Return the earlier times of both."""
        starts = min(filter(None, (self.starts, other.starts)), default=None)
        return replace(self, starts=starts, ends=min(filter(None, (self.ends, other.ends)), default=None))


NO_FLOW_TIMES: Final = FlowTimes()


@dataclass(frozen=True, slots=True)
class ChannelScope:
    """What counts in a channel: its policy, if it has one, names, freezes, flows' times, and who is away.

    Attributes:
        freezes: Those that cover the channel.
        absences: Those of the workspace, also past ones.
    """

    channel: ChannelId
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]
    freezes: tuple[Freeze, ...] = ()
    times: Mapping[FlowId, FlowTimes] = field(default_factory=dict)
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class FreezeReplacement:
    """A channel's own freezes, as they were seen and as they are to be."""

    before: tuple[Freeze, ...]
    after: tuple[Freeze, ...]


class PolicyStore(Protocol):
    """The store of policies. Every read sees what was committed last: nothing is kept in the process.

    Every method raises DependencyError where the database fails, or holds a policy that this flowbot cannot read.
    """

    async def get_scope(self, channel: ChannelId) -> ChannelScope:
        """Return the channel's policy, the websites' names and the channel's freezes, as they were at one moment."""

    async def get_book(self) -> PolicyBook:
        """Return all policies, names and freezes, in the order in which they were written."""

    async def replace_all(self, book: PolicyBook, *events: AuditEvent) -> None:
        """Put `book` in the place of all that was there, and write `events`, in one transaction.

        Open requests of a channel whose `outsiders_may_read` or freezes change count as not shown in their newest
        version, here and by `replace_if_unchanged`; those that are scheduled are due at once where its freezes change.
        """

    async def replace_if_unchanged(
        self,
        seen: ChannelPolicy | None,
        policy: ChannelPolicy,
        *events: AuditEvent,
        renames: Collection[WebsiteRename] = (),
        freezes: FreezeReplacement | None = None,
    ) -> bool:
        """Put one channel's policy in the place of `seen`, or add it where that is None, and write `events`.

        The other channels' policies, the names of other websites than those of `renames`, and the freezes that are
        not the channel's own stay as they are.

        Returns:
            Whether it was done: false where the policy is not `seen` any more, a website has another name than before
            its rename, or the channel's own freezes are not those seen, and nothing was written.
        """
