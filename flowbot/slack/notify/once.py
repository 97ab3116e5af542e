"""Messages that are sent once, over crashes and several processes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import DependencyError, SlackFaultError
from flowbot.services.ports import Monotonic
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore, Place
from flowbot.slack.api.messages import AnswerLostError, MessagePoster, MessageRefusedError
from flowbot.slack.views.message import Message

BEING_SENT: Final = "being_sent"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OnceSender:
    """Sends messages, each once as far as Slack lets that be known.

    A message that was cut off while it was sent, so that Slack may have it, is sent again without its mentions: nobody
    is mentioned twice, and nothing stays untold.

    Attributes:
        _unrecorded: The places of messages that could not be recorded yet.
        _seen: When this process first saw a message that somebody else had begun to send.
    """

    messages: MessageStore
    poster: MessagePoster
    monotonic: Monotonic = time.monotonic
    _locks: WeakValueDictionary[MessageKey, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _unrecorded: dict[MessageKey, Place] = field(default_factory=dict)
    _seen: dict[MessageKey, float] = field(default_factory=dict)

    async def send(
        self,
        key: MessageKey,
        version: int,
        channel: ChannelId | UserId,
        build: Callable[[bool], Message],
        *,
        thread: str | None = None,
        patience: float = 0.0,
    ) -> Place:
        """Send a message, unless it was sent before, and return where it is.

        Args:
            key: says which message it is.
            version: the version of the change that it shows.
            channel: where to; a person for a direct message.
            build: builds it, with its mentions or without.
            thread: the ts of the message under which it goes.
            patience: for how many seconds one that somebody else has begun to send is left to them.

        Raises:
            MessageRefusedError: the channel or the person does not take it.
            DependencyError: Slack failed, or somebody else is sending it.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            # Cancelled half-way it would leave a message that nobody knows of.
            sending = asyncio.ensure_future(self._send(key, version, channel, build, thread, patience))
            # Where this task is cancelled meanwhile, nobody else asks what became of it.
            sending.add_done_callback(lambda done: done.cancelled() or done.exception())
            return await asyncio.shield(sending)

    async def was_sent(self, key: MessageKey) -> bool:
        """Check whether a message was sent, or given up.

        Raises:
            DependencyError: the database did not answer.
        """
        sent = await self.messages.get(key)
        return sent is not None and sent.place is not None

    async def _send(
        self,
        key: MessageKey,
        version: int,
        channel: ChannelId | UserId,
        build: Callable[[bool], Message],
        thread: str | None,
        patience: float,
    ) -> Place:
        place = self._unrecorded.get(key)
        if place is None:
            is_first = await self.messages.claim(key, version)
            if not is_first:
                known = await self.messages.get(key)
                if known is not None and known.place is not None:
                    return known.place
                self._wait_for_others(key, patience)
            place = await self._post(key, channel, build(is_first), thread, is_first=is_first)
            self._seen.pop(key, None)
        if key.role == MessageRole.REQUEST:
            # Recorded with the place that the change has for it, in one transaction.
            return place
        # If this cannot be recorded now, the next attempt records it and sends no other.
        self._unrecorded[key] = place
        await self.messages.record(key, place, version)
        del self._unrecorded[key]
        return place

    def _wait_for_others(self, key: MessageKey, patience: float) -> None:
        """Leave a message to whoever has begun to send it, until that has taken too long.

        Raises:
            DependencyError: it is left to them; it will be tried again.
        """
        now = self.monotonic()
        if now - self._seen.setdefault(key, now) < patience:
            raise SlackFaultError(BEING_SENT)
        log.warning("telling.cut_off", subject=key.subject, role=key.role)

    async def _post(
        self, key: MessageKey, channel: ChannelId | UserId, message: Message, thread: str | None, *, is_first: bool
    ) -> Place:
        try:
            return await self.poster.post(channel, message, thread)
        except AnswerLostError:
            # Slack may have it. This process does not wait for itself.
            self._seen[key] = float("-inf")
            raise
        except (MessageRefusedError, DependencyError):
            if is_first:
                await self.messages.release(key)
            raise
