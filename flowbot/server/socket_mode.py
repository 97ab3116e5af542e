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
from flowbot.errors import ConfigurationError
from flowbot.server.http import REFUSED_TOKEN_ERRORS, check_token, listen
from flowbot.server.receiver import Receiver, is_envelope
from flowbot.slack.api.client import proxy_for
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """How patient Socket Mode is, in seconds.

    Attributes:
        ping_interval: between signs of life; a connection that went deaf is noticed after four of these.
        connect_timeout: how long one try to connect may take.
        retry_delays: between the first tries; the last one goes on for ever.
    """

    ping_interval: float = 5.0
    connect_timeout: float = 15.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)


class _SocketClient(SocketModeClient):
    """Slack's client, with an end to every try.

    By itself it tries the same address over and over, for ever; but an address is good for a short while only.
    """

    connect_timeout = 15.0

    async def issue_new_wss_url(self) -> str:
        # Slack's own stumbles over answers that are no JSON, and sleeps where nobody can wake it.
        answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        return str(answer["url"])

    async def enqueue_message(self, message: str) -> None:
        # Slack's own stumbles over a payload that is none, and writes a traceback for each.
        if is_envelope(message):
            await super().enqueue_message(message)
        else:
            log.warning("socket.malformed")

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self.connect_timeout):
                await super().connect()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped
        except TimeoutError:
            self.auto_reconnect_enabled = True
            raise


@asynccontextmanager
async def serve_probes(bot: Flowbot, host: str, port: int | None) -> AsyncIterator[int | None]:
    """In Socket Mode: `/healthz`, `/readyz` and `/metrics` on a port of their own, where one is asked for; which it is.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    if port is None:
        yield None
        return
    async with listen(bot, host, port, slack_events=False) as bound:
        log.info("watched", host=host, port=bound)
        yield bound


async def serve_socket_mode(bot: Flowbot, stop: asyncio.Event, *, reconnect: ReconnectPolicy | None = None) -> None:
    """Socket Mode, until `stop`. Slack's client keeps the connection; a start while Slack is away is tried again.

    Raises:
        ConfigurationError: Slack refuses a token.
    """
    bot.settings.require("slack_app_token")
    await check_token(bot)
    reconnect = reconnect or ReconnectPolicy()
    client = _socket_client(bot, reconnect)
    bot.metrics.watch_connection(lambda: _is_connected(client))
    try:
        if await _run_until_stopped(stop, _connect(client, reconnect.retry_delays)):
            log.info("connected")
            await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))
    finally:
        await client.close()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped


def _is_connected(client: SocketModeClient) -> bool:
    return client.current_session is not None and not client.current_session.closed


def _socket_client(bot: Flowbot, reconnect: ReconnectPolicy) -> _SocketClient:
    token, proxy = bot.settings.slack_app_token, proxy_for(bot.settings.slack_api_url)
    client = _SocketClient(
        token.get_secret_value() if token else "",
        logger=bot.bolt.logger,
        web_client=bot.slack,
        ping_interval=reconnect.ping_interval,
    )
    receiver = Receiver(bot.bolt, bot.tasks)
    client.proxy = proxy  # else it would be the environment's, for whatever host
    client.connect_timeout = reconnect.connect_timeout

    async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await receiver.answer(request.payload, build_headers(request) or {}, delivery=request.envelope_id)
        await send_async_response(client, request, answer, time.time())

    client.socket_mode_request_listeners.append(listener)
    return client


async def _connect(client: _SocketClient, pauses: Sequence[float]) -> None:
    """Connect for the first time, however long it takes.

    Raises:
        ConfigurationError: Slack refuses the token.
    """
    for pause in itertools.chain(pauses, itertools.repeat(pauses[-1])):
        try:
            client.wss_uri = await client.issue_new_wss_url()
            await client.connect()
        except SlackApiError as error:
            if (code := error_code(error)) in REFUSED_TOKEN_ERRORS:
                raise ConfigurationError(f"SLACK_APP_TOKEN: Slack refuses it ({code})") from None
            log.warning("socket.not_connected", error=code)
        except SLACK_ERRORS as error:
            log.warning("socket.not_connected", error=type(error).__name__)
        else:
            return
        await asyncio.sleep(pause)


async def _run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether `work` came to its end before the stop came; if not, it is cancelled."""
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
