"""The two ways in, HTTP and Socket Mode, each from its start to its clean stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

from flowbot.app import Flowbot
from flowbot.errors import ConfigurationError
from flowbot.slack.client import proxy_for
from flowbot.slack.http import SlackEvents

BODY_MAX: Final = 1024 * 1024
GRACE_SECONDS: Final = 1.5
"""For requests that are being answered when the stop comes; their work has the drain's time after that."""
GREETING_SECONDS: Final = 3.0
PING_SECONDS: Final = 5.0
"""A connection that went deaf is noticed after four of these."""
RECONNECT_SECONDS: Final = (1.0, 2.0, 5.0, 10.0)
REFUSALS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)

Handler = Callable[[web.Request], Awaitable[web.Response]]

log = structlog.get_logger(__name__)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


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
async def listening(bot: Flowbot, host: str, port: int) -> AsyncIterator[int]:
    """The HTTP server, and the port that it has.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    runner = web.AppRunner(web_app(bot), access_log=None, shutdown_timeout=GRACE_SECONDS)
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


def web_app(bot: Flowbot) -> web.Application:
    """The addresses that CONTRACT names."""
    app = web.Application(client_max_size=BODY_MAX)
    secret = bot.settings.slack_signing_secret
    if secret is not None:
        app.router.add_post("/slack/events", SlackEvents(bot.bolt, secret.get_secret_value()).handle)
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
        code = error.response.get("error")
        if code in REFUSALS:
            raise ConfigurationError(f"SLACK_BOT_TOKEN: Slack refuses it ({code})") from None
        log.warning("slack.no_greeting", error=code)
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        log.warning("slack.no_greeting", error=type(error).__name__)
    else:
        log.info("slack.greeted", team=answer.get("team"), bot=answer.get("user"))


async def socket(bot: Flowbot, stop: asyncio.Event) -> None:
    """Socket Mode, until `stop`. Slack's client keeps the connection; a start while Slack is away is tried again.

    Raises:
        ConfigurationError: Slack refuses a token.
    """
    bot.settings.need("slack_app_token")
    await greet(bot)
    token = bot.settings.slack_app_token
    handler = AsyncSocketModeHandler(
        bot.bolt,
        token.get_secret_value() if token else "",
        web_client=bot.slack,
        ping_interval=PING_SECONDS,
    )
    handler.client.proxy = proxy_for(bot.settings.slack_api_url)
    try:
        if await _connected(handler, stop):
            log.info("connected")
            await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped


async def _connected(handler: AsyncSocketModeHandler, stop: asyncio.Event) -> bool:
    """Whether the first connection came about before the stop did."""
    attempt = 0
    while not stop.is_set():
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped
        except SlackApiError as error:
            if (code := error.response.get("error")) in REFUSALS:
                raise ConfigurationError(f"SLACK_APP_TOKEN: Slack refuses it ({code})") from None
            log.warning("socket.not_connected", error=code)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("socket.not_connected", error=type(error).__name__)
        else:
            return True
        pause = RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)]
        attempt += 1
        await _either(stop, pause)
    return False


async def _either(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


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
            body=bot.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return metrics
