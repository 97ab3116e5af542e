"""Where the policies are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowbot.domain.audit import Event
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook


@dataclass(frozen=True, slots=True)
class ChannelScope:
    """What is known of a channel: its policy, if it has one, and the websites' names."""

    channel: ChannelId
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]


class PolicyStore(Protocol):
    """Keeps the policies. Every read sees what was committed last: nothing is kept in the process."""

    async def scope(self, channel: ChannelId) -> ChannelScope:
        """The channel's policy and the websites' names, read together.

        Raises:
            Fault: the database did not answer.
        """

    async def book(self) -> PolicyBook:
        """All policies, in the order in which they were written."""

    async def replace(self, book: PolicyBook, *told: Event) -> None:
        """Put `book` in the place of all that was there, and write `told`, in one transaction."""

    async def swap(self, seen: ChannelPolicy | None, policy: ChannelPolicy, *told: Event) -> bool:
        """Put one channel's policy in the place of the one it had, or add it, if that still is `seen`; write `told`.

        All in one transaction; the other channels' policies stay as they are.

        Returns:
            Whether it was done; if not, nothing was written.
        """
