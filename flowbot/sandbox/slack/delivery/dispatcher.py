"""Chooses the way to the bot, repeats events, and remembers every delivery."""

import asyncio
from collections.abc import Coroutine
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
        self._routes: list[HttpTransport] = []
        self.deliveries: list[Delivery] = []
        self.event_retry_seconds = EVENT_RETRY_SECONDS
        self._feed = feed
        self._exchange_log = exchange_log
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def http(self) -> HttpTransport | None:
        """The HTTP route in use, if a request URL was set."""
        return self._routes[-1] if self._routes else None

    def use_http(self, route: HttpTransport) -> None:
        """Deliver over HTTP from now on."""
        self._routes.append(route)

    @property
    def is_online(self) -> bool:
        """Whether there is a way to the bot at all."""
        return self.http is not None or self.sockets.connection_count > 0

    async def deliver(self, envelope: Envelope) -> Delivery:
        """Deliver once and remember how it went."""
        return await self._attempt(envelope, 0, "")

    async def redeliver(self, delivery: Delivery) -> Delivery:
        """Deliver the same payload once more, trigger and all: a recording of it, signed anew."""
        return await self.deliver(Envelope(delivery.kind, delivery.label, delivery.payload))

    def deliver_event(self, envelope: Envelope) -> None:
        """Deliver an event in the background, repeating it if it is not acknowledged."""
        self._spawn(self._persist(envelope))

    async def wait_until_idle(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _persist(self, envelope: Envelope) -> None:
        delivery = await self._attempt(envelope, 0, "")
        for number, pause in enumerate(self.event_retry_seconds, start=1):
            if delivery.ok or _wants_no_retry(delivery):
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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what is on its way and close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close()
        for route in self._routes:
            await route.close()


def _wants_no_retry(delivery: Delivery) -> bool:
    return {k.lower(): v for k, v in delivery.headers.items()}.get("x-slack-no-retry") == "1"
