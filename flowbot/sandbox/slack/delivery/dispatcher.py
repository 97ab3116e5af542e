"""Delivery of envelopes to the bot, with retries of events and a record of every delivery."""

import asyncio
from typing import Any

from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from flowbot.sandbox.slack.delivery.http import HttpTransport
from flowbot.sandbox.slack.delivery.socket import SocketModeServer
from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.exchange_log import ExchangeLog

EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)
_RETRY_REASONS = {"operation_timeout": "http_timeout", "dispatch_failed": "http_error"}


class Dispatcher:
    """Delivers envelopes: over HTTP once a request URL is set, else over Socket Mode.

    Attributes:
        deliveries: Every delivery so far, oldest first.
        event_retry_seconds: Pauses before the repetitions of an event that was not acknowledged
            (Slack: at once, after a minute, after five); tests may shorten them.
    """

    def __init__(self, sockets: SocketModeServer, feed: EventFeed, exchange_log: ExchangeLog) -> None:
        self.sockets = sockets
        self._transports: list[HttpTransport] = []
        self.deliveries: list[Delivery] = []
        self.event_retry_seconds = EVENT_RETRY_SECONDS
        self._feed = feed
        self._exchange_log = exchange_log
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def http(self) -> HttpTransport | None:
        """The HTTP transport in use, if a request URL was set."""
        return self._transports[-1] if self._transports else None

    def use_http(self, transport: HttpTransport) -> None:
        """Deliver over HTTP from now on."""
        self._transports.append(transport)

    @property
    def is_online(self) -> bool:
        """True if there is a way to the bot."""
        return self.http is not None or self.sockets.connection_count > 0

    async def deliver(self, envelope: Envelope) -> Delivery:
        """Deliver once and record the delivery."""
        return await self._attempt(envelope, 0, "")

    async def redeliver(self, delivery: Delivery) -> Delivery:
        """Deliver the same payload once more, with its old trigger id but a new signature."""
        return await self.deliver(Envelope(delivery.kind, delivery.label, delivery.payload))

    def deliver_event(self, envelope: Envelope) -> None:
        """Deliver an event in the background, repeating it if it is not acknowledged."""
        task = asyncio.create_task(self._deliver_with_retries(envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait_until_idle(self) -> None:
        """Wait until no event is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _deliver_with_retries(self, envelope: Envelope) -> None:
        delivery = await self._attempt(envelope, 0, "")
        for number, pause in enumerate(self.event_retry_seconds, start=1):
            headers = {name.lower(): value for name, value in delivery.headers.items()}
            if delivery.ok or headers.get("x-slack-no-retry") == "1":
                return
            await asyncio.sleep(pause)
            reason = _RETRY_REASONS.get(delivery.error or "", "unknown_error")
            delivery = await self._attempt(envelope, number, reason)

    async def _attempt(self, envelope: Envelope, number: int, reason: str) -> Delivery:
        if self.http is not None:
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason} if number else {}
            delivery = await self.http.send(envelope, headers)
        else:
            retry = {"retry_attempt": number, "retry_reason": reason}
            delivery = await self.sockets.send(envelope, retry if number else None)
        self.deliveries.append(delivery)
        self._exchange_log.record(
            "to_bot", envelope.label, delivery.error or str(delivery.status), delivery.seconds * 1000
        )
        self._feed.wake()
        return delivery

    async def close(self) -> None:
        """Cancel the events on their way and close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close()
        for transport in self._transports:
            await transport.close()
