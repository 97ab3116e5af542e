"""The two ways in, HTTP and Socket Mode, each from its start to its clean stop."""

import asyncio
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from flowbot.app import Flowbot
from flowbot.errors import ConfigurationError
from flowbot.slack.api.client import proxy_for
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.receiver import SlackEventsView, is_envelope

BODY_MAX: Final = 1024 * 1024
GRACE_SECONDS: Final = 1.5
"""For requests that are being answered when the stop comes; their work has the drain's time after that."""
GREETING_SECONDS: Final = 3.0
CUT_SECONDS: Final = 9.0
"""Of the ten seconds that a stop may take. What hangs for longer, such as a silent database, is left behind."""
REFUSALS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)

Handler = Callable[[web.Request], Awaitable[web.Response]]

log = structlog.get_logger(__name__)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; within ten seconds after it the process has ended."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping() -> None:
        if not stop.is_set():
            cut = threading.Timer(CUT_SECONDS, _leave)
            cut.daemon = True
            cut.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping)
    return stop


def _leave() -> None:
    """End at once, as a crash would: what is kept in the database is gone on with by another process or the next."""
    log.error("stop.cut_short", seconds=CUT_SECONDS)
    logging.shutdown()
    os._exit(0)


async def serve(bot: Flowbot, host: str, port: int, stop: asyncio.Event) -> None:
    """HTTP mode, until `stop`.

    Raises:
        ConfigurationError: Slack refuses the token, or the port cannot be had.
    """
    bot.settings.need("slack_signing_secret")
    await greet(bot)
    async with listening(bot, host, port) as bound:
        log.info("serving", host=host, port=bound)
        await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))


@asynccontextmanager
async def listening(bot: Flowbot, host: str, port: int, *, to_slack: bool = True) -> AsyncIterator[int]:
    """The HTTP server, and the port that it has.

    Args:
        bot: who answers.
        host: address to listen on.
        port: port to listen on; 0 for any.
        to_slack: whether Slack is answered too, or only those who watch flowbot.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    # Nothing is unpacked before its signature is looked at, nor after: Slack packs nothing.
    runner = web.AppRunner(
        web_app(bot, to_slack=to_slack), access_log=None, shutdown_timeout=GRACE_SECONDS, auto_decompress=False
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(f"PORT: cannot listen on {host}:{port} ({error.strerror})") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def web_app(bot: Flowbot, *, to_slack: bool = True) -> web.Application:
    """The addresses that README, "Operate it", names; Slack's only where Slack is answered here."""
    app = web.Application(client_max_size=BODY_MAX)
    secret = bot.settings.slack_signing_secret
    if to_slack and secret is not None:
        app.router.add_post("/slack/events", SlackEventsView(bot.entry, secret.get_secret_value()).handle)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _readiness(bot))
    app.router.add_get("/metrics", _metrics(bot))
    return app


async def greet(bot: Flowbot) -> None:
    """Ask Slack who flowbot is, so that the first command need not; where Slack is slow, go on without.

    Raises:
        ConfigurationError: Slack refuses the token.
    """
    try:
        async with asyncio.timeout(GREETING_SECONDS):
            answer = await bot.slack.auth_test()
    except SlackApiError as error:
        if (code := error_code(error)) in REFUSALS:
            raise ConfigurationError(f"SLACK_BOT_TOKEN: Slack refuses it ({code})") from None
        log.warning("slack.no_greeting", error=code)
    except SLACK_ERRORS as error:
        log.warning("slack.no_greeting", error=type(error).__name__)
    else:
        log.info("slack.greeted", team=answer.get("team"), bot=answer.get("user"))


@dataclass(frozen=True, slots=True)
class Patience:
    """How patient Socket Mode is, in seconds.

    Attributes:
        ping: between signs of life; a connection that went deaf is noticed after four of these.
        connect: how long one try to connect may take.
        pauses: between the first tries; the last one goes on for ever.
    """

    ping: float = 5.0
    connect: float = 15.0
    pauses: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)


class _SocketClient(SocketModeClient):
    """Slack's client, with an end to every try.

    By itself it tries the same address over and over, for ever; but an address is good for a short while only.
    """

    connect_seconds = 15.0

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
            async with asyncio.timeout(self.connect_seconds):
                await super().connect()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped
        except TimeoutError:
            self.auto_reconnect_enabled = True
            raise


@asynccontextmanager
async def watched(bot: Flowbot, host: str, port: int | None) -> AsyncIterator[int | None]:
    """In Socket Mode: `/healthz`, `/readyz` and `/metrics` on a port of their own, where one is asked for; which it is.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    if port is None:
        yield None
        return
    async with listening(bot, host, port, to_slack=False) as bound:
        log.info("watched", host=host, port=bound)
        yield bound


async def socket(bot: Flowbot, stop: asyncio.Event, *, pace: Patience | None = None) -> None:
    """Socket Mode, until `stop`. Slack's client keeps the connection; a start while Slack is away is tried again.

    Raises:
        ConfigurationError: Slack refuses a token.
    """
    bot.settings.need("slack_app_token")
    await greet(bot)
    pace = pace or Patience()
    client = _socket_client(bot, pace)
    bot.metrics.watch_connection(lambda: _is_open(client))
    try:
        if await _before(stop, _connect(client, pace.pauses)):
            log.info("connected")
            await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))
    finally:
        await client.close()  # type: ignore[no-untyped-call] # slack_sdk leaves it untyped


def _is_open(client: SocketModeClient) -> bool:
    return client.current_session is not None and not client.current_session.closed


def _socket_client(bot: Flowbot, pace: Patience) -> _SocketClient:
    token, proxy = bot.settings.slack_app_token, proxy_for(bot.settings.slack_api_url)
    client = _SocketClient(
        token.get_secret_value() if token else "",
        logger=bot.bolt.logger,
        web_client=bot.slack,
        ping_interval=pace.ping,
    )
    client.proxy = proxy  # else it would be the environment's, for whatever host
    client.connect_seconds = pace.connect

    async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await bot.entry.answer(request.payload, build_headers(request) or {}, delivery=request.envelope_id)
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
            if (code := error_code(error)) in REFUSALS:
                raise ConfigurationError(f"SLACK_APP_TOKEN: Slack refuses it ({code})") from None
            log.warning("socket.not_connected", error=code)
        except SLACK_ERRORS as error:
            log.warning("socket.not_connected", error=type(error).__name__)
        else:
            return
        await asyncio.sleep(pause)


async def _before(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
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


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readiness(bot: Flowbot) -> Handler:
    async def ready(_request: web.Request) -> web.Response:
        states = await bot.health.ask()
        well = all(state == "ok" for state in states.values())
        return web.json_response(dict(states), status=200 if well else 503)

    return ready


def _metrics(bot: Flowbot) -> Handler:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=await bot.scrape.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return metrics
