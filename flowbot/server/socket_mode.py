"""Socket Mode: Slack's socket client, with an end to every attempt."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from flowbot.bootstrap import Flowbot
from flowbot.config import secret_value
from flowbot.errors import REFUSED_TOKEN, ConfigurationError
from flowbot.server.http import check_token, listen
from flowbot.server.receiver import Receiver, is_envelope, report_malformed
from flowbot.slack.api.client import proxy_for
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """The timing of the Socket Mode connection, in seconds.

    Attributes:
        ping_interval: between pings; a dead connection is noticed after four of these.
        connect_timeout: for one attempt.
        retry_delays: between the attempts at the start; the last one repeats.
    """

    ping_interval: float = 5.0
    connect_timeout: float = 15.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)


class _SocketClient(SocketModeClient):
    """Slack's client, with an end to every attempt.

    Slack's own tries the same address for ever, although an address is valid for a short while only.
    """

    def __init__(self, bot: Flowbot, reconnect: ReconnectPolicy) -> None:
        super().__init__(
            secret_value(bot.settings.slack_app_token),
            logger=bot.bolt.logger,
            web_client=bot.slack,
            ping_interval=reconnect.ping_interval,
        )
        self.proxy = proxy_for(bot.settings.slack_api_url)  # else the environment's, whatever the host
        self._metrics = bot.metrics
        self._connect_timeout = reconnect.connect_timeout
        receiver = Receiver(bot.bolt, bot.tasks, bot.metrics)

        async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
            answer = await receiver.answer(request.payload, build_headers(request) or {}, delivery=request.envelope_id)
            await send_async_response(client, request, answer, time.time())

        self.socket_mode_request_listeners.append(listener)

    async def issue_new_wss_url(self) -> str:
        # Slack's own fails on answers that are no JSON, and sleeps where a stop cannot end it.
        answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        return str(answer["url"])

    async def enqueue_message(self, message: str) -> None:
        # Slack's own writes a traceback for every malformed payload.
        if is_envelope(message):
            await super().enqueue_message(message)
        else:
            report_malformed(self._metrics, "envelope")

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self._connect_timeout):
                await super().connect()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped
        except TimeoutError:
            self.auto_reconnect_enabled = True
            raise


@asynccontextmanager
async def serve_probes(bot: Flowbot, host: str, port: int | None) -> AsyncIterator[int | None]:
    """Serve `/healthz`, `/readyz` and `/metrics` beside Socket Mode, and yield their port. With no port, serve nothing.

    Raises:
        ConfigurationError: the port is taken or not allowed.
    """
    if port is None:
        yield None
        return
    async with listen(bot, host, port, slack_events=False) as bound:
        log.info("watched", host=host, port=bound)
        yield bound


async def serve_socket_mode(bot: Flowbot, stop: asyncio.Event, *, reconnect: ReconnectPolicy | None = None) -> None:
    """Serve Socket Mode until `stop`. Slack's client keeps the connection; the first one is retried until it stands.

    Raises:
        ConfigurationError: Slack refuses a token.
    """
    bot.settings.require("slack_app_token")
    await check_token(bot)
    reconnect = reconnect or ReconnectPolicy()
    client = _SocketClient(bot, reconnect)
    bot.metrics.watch_connection(lambda: client.current_session is not None and not client.current_session.closed)
    try:
        if await _run_until_stopped(stop, _connect(client, reconnect.retry_delays)):
            log.info("connected")
            await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))
    finally:
        await client.close()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped


async def _connect(client: _SocketClient, retry_delays: Sequence[float]) -> None:
    """Connect for the first time, and retry until it succeeds.

    Raises:
        ConfigurationError: Slack refuses the token.
    """
    for delay in itertools.chain(retry_delays, itertools.repeat(retry_delays[-1])):
        try:
            client.wss_uri = await client.issue_new_wss_url()
            await client.connect()
        except SlackApiError as error:
            if (code := error_code(error)) in REFUSED_TOKEN:
                raise ConfigurationError(f"SLACK_APP_TOKEN: Slack refuses it ({code})") from None
            log.warning("socket.not_connected", error=code)
        except SLACK_ERRORS as error:
            log.warning("socket.not_connected", error=type(error).__name__)
        else:
            return
        await asyncio.sleep(delay)


async def _run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Run `work`, cancel it at a stop, and return whether it was done by then."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
