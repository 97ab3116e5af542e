"""The listener of what happens to the workspace: channels that are shared or get another id, the app's removal."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import structlog
from slack_bolt.response import BoltResponse

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.errors import DependencyError
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports import Clock
from flowbot.services.ports.channels import ChannelStore
from flowbot.slack.api.token import TokenMonitor
from flowbot.slack.payloads.events import ChannelMoved, ChannelShared, Event, TokensRevoked

STORE_SECONDS: Final = 2.3
"""Slack waits three seconds for an answer."""
NOT_TAKEN: Final = 503
"""The status at which Slack sends an event again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkspaceEvents:
    """The handlers of events that nobody waits for."""

    channels: ChannelStore
    privacy: ChannelPrivacy
    token: TokenMonitor
    clock: Clock

    async def move_channel(self, moved: Event) -> BoltResponse | None:
        """Let everything that names a channel name its new id, before the event is acknowledged.

        Returns:
            None once it is done; else the answer at which Slack sends the event again.
        """
        if not isinstance(moved, ChannelMoved):
            return None
        old, new = moved.event.old_channel_id, moved.event.new_channel_id
        event = AuditEvent(self.clock(), AuditAction.CHANNEL_MOVED, None, new, details={"from": old, "to": new})

        async def move() -> None:
            is_known = await self.channels.move(old, new, event)
            log.info("channel.moved", old=old, new=new, known=is_known)

        return await store_in_time(move(), "channel.not_moved", old=old, new=new)

    async def note_shared_channel(self, shared: Event) -> BoltResponse | None:
        """Note that a channel is shared with another organisation, before the event is acknowledged.

        Returns:
            None once it is done; else the answer at which Slack sends the event again.
        """
        if not isinstance(shared, ChannelShared):
            return None
        channel = shared.event.channel

        async def note() -> None:
            await self.privacy.note_shared(channel)
            log.info("channel.shared", channel=channel)

        return await store_in_time(note(), "channel.sharing_not_noted", channel=channel)

    def note_removal(self, event: Event) -> None:
        """Stop work once Slack has taken the bot's token back. People's tokens do not matter: flowbot has none."""
        if not isinstance(event, TokensRevoked) or event.names_bot:
            self.token.note_refusal(event.event.type)


async def store_in_time(write: Awaitable[None], failure: str, **about: str) -> BoltResponse | None:
    """Await a write, as long as Slack waits; log its failure, and return the answer at which Slack sends it again."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await write
    except (DependencyError, TimeoutError) as error:
        log.warning(failure, **about, error=str(error) or type(error).__name__)
        return BoltResponse(status=NOT_TAKEN)
    return None
