"""Channel privacy: what a channel's messages may show of a push, by whether another organisation is in it."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import SlackFaultError
from flowbot.services.ports import Clock
from flowbot.services.ports.channels import ChannelDirectory, ChannelSharing, ChannelStore
from flowbot.services.request_details import RequestDetails
from flowbot.services.ttl_cache import SingleFlight

KEEP: Final = timedelta(minutes=1)
"""The age of what Slack said, after which it is asked again."""
ANSWER_SECONDS: Final = 2.0
"""Longer nobody waits for Slack's answer: then what it said before counts."""
DIRECT_MESSAGES: Final = "D"
"""The first letter of the channel of somebody's direct messages."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelPrivacy:
    """Decides whether a channel's messages may carry a push's content.

    What Slack last said counts, whichever process heard it; where it never said anything, the channel is shared.
    Every method raises DependencyError where the database did not answer.
    """

    store: ChannelStore
    directory: ChannelDirectory
    clock: Clock
    _questions: SingleFlight[ChannelId, bool] = field(default_factory=SingleFlight)

    async def may_show(self, channel: ChannelId, policy: ChannelPolicy | None) -> bool:
        """Check whether a message in a channel may carry content, under the policy that decides on it."""
        if policy is not None and policy.approval.outsiders_may_read:
            return True
        return not await self._is_shared(channel)

    async def fit(self, details: RequestDetails, channel: ChannelId) -> RequestDetails:
        """Return what a message in a channel may show of a request."""
        return details if await self.may_show(channel, details.policy) else details.without_content()

    async def note_shared(self, channel: ChannelId) -> None:
        """Note that a channel was shared: its open requests are shown anew, without content."""
        await self.store.note_sharing(channel, ChannelSharing(is_shared=True, told_at=self.clock()))

    async def review(self) -> None:
        """Ask again of the channels with open requests, which are shown anew where Slack says otherwise than before."""
        for channel in await self.store.list_open():
            await self._is_shared(channel)

    async def close(self) -> None:
        """End running look-ups."""
        await self._questions.close()

    async def _is_shared(self, channel: ChannelId) -> bool:
        """Check whether another organisation is in the channel, as Slack said within the last minute, or at last."""
        if channel.startswith(DIRECT_MESSAGES):
            return False
        known = await self.store.get_sharing(channel)
        if known is not None and abs(self.clock() - known.told_at) < KEEP:
            return known.is_shared
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._questions.run(channel, lambda: self._ask(channel, known))
        except (SlackFaultError, TimeoutError) as error:
            log.warning("channel.sharing_unknown", channel=channel, error=str(error) or type(error).__name__)
            return known is None or known.is_shared

    async def _ask(self, channel: ChannelId, known: ChannelSharing | None) -> bool:
        told = ChannelSharing(await self.directory.is_shared(channel), self.clock())
        # What an event said meanwhile is newer than this answer.
        return (await self.store.note_sharing(channel, told, known)).is_shared
