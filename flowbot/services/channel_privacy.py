"""Channel privacy: what a channel's messages may show of a push, by whether another organisation is in it."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, Self, TypeVar

import structlog

from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import SlackFaultError
from flowbot.services.ports import Clock
from flowbot.services.ports.channels import ChannelDirectory, ChannelSharing, ChannelStore
from flowbot.services.request_details import RequestDetails
from flowbot.services.ttl_cache import SingleFlight

MAX_AGE: Final = timedelta(minutes=1)
"""The age of an answer of Slack's, after which it is asked again."""
ANSWER_SECONDS: Final = 2.0
"""The time to wait for Slack; after it the last answer counts."""

log = structlog.get_logger(__name__)


class Redactable(Protocol):
    """What a message shows of a push."""

    def without_content(self) -> Self:
        """Return the same for readers of another organisation."""


R = TypeVar("R", bound=Redactable)


@dataclass(frozen=True, slots=True)
class ChannelPrivacy:
    """Decides whether a channel's messages may carry a push's content.

    Slack's last answer counts, whichever process got it; without one, the channel counts as shared. Every
    method raises DependencyError where the database did not answer.

    Attributes:
        _silent: The channels of which Slack last gave no answer in time: nobody waits for it until it gives one.
    """

    store: ChannelStore
    directory: ChannelDirectory
    clock: Clock
    _lookups: SingleFlight[ChannelId, bool] = field(default_factory=SingleFlight)
    _silent: set[ChannelId] = field(default_factory=set)

    async def may_show(self, channel: ChannelId, policy: ChannelPolicy | None, is_shared: bool | None = None) -> bool:
        """Check whether a message in a channel may carry content, under the policy that decides on it.

        `is_shared` is what the database has just told of the channel; None where it told nothing.
        """
        if policy is not None and policy.approval.outsiders_may_read:
            return True
        return not (await self._is_shared(channel) if is_shared is None else is_shared)

    async def redact(self, shown: R, channel: ChannelId, policy: ChannelPolicy | None) -> R:
        """Return what is to be shown, without the push's content where a message in the channel may not carry it."""
        return shown if await self.may_show(channel, policy) else shown.without_content()

    async def redact_for_channel(self, details: RequestDetails, channel: ChannelId) -> RequestDetails:
        """Return a request's details as `redact` does, under the request's policy."""
        return await self.redact(details, channel, details.policy)

    async def note_shared(self, channel: ChannelId) -> None:
        """Note that a channel was shared: its open requests are shown anew, without content."""
        await self.store.note_sharing(channel, ChannelSharing(is_shared=True, answered_at=self.clock()))

    async def refresh_open_channels(self) -> None:
        """Ask Slack again about the channels with open requests; where its answer differs, they are shown anew."""
        for channel in await self.store.list_open():
            await self._is_shared(channel)

    async def close(self) -> None:
        """End running look-ups."""
        await self._lookups.close()

    async def _is_shared(self, channel: ChannelId) -> bool:
        """Check whether another organisation is in the channel, by an answer of the last minute or else the newest."""
        if channel.is_direct:
            return False
        known = await self.store.get_sharing(channel)
        if known is not None and abs(self.clock() - known.answered_at) < MAX_AGE:
            return known.is_shared
        try:
            async with asyncio.timeout(0 if channel in self._silent else ANSWER_SECONDS):
                return await self._lookups.run(channel, lambda: self._ask(channel, known))
        except (SlackFaultError, TimeoutError) as error:
            log.warning("channel.sharing_unknown", channel=channel, error=str(error) or type(error).__name__)
            if isinstance(error, TimeoutError):
                self._silent.add(channel)
            return known is None or known.is_shared

    async def _ask(self, channel: ChannelId, known: ChannelSharing | None) -> bool:
        answer = ChannelSharing(await self.directory.is_shared(channel), self.clock())
        self._silent.discard(channel)
        # An event that came meanwhile is newer than this answer.
        return (await self.store.note_sharing(channel, answer, known)).is_shared
