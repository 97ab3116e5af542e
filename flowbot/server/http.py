"""HTTP mode: Slack's requests, health, readiness and metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError

from flowbot.bootstrap import Flowbot
from flowbot.errors import REFUSED_TOKEN, ConfigurationError, describe_os_error
from flowbot.server.receiver import Receiver, SlackEventsHandler
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.api.users import find_installation_problem
from flowbot.slack.manifest import EVENTS_PATH

MAX_BODY_BYTES: Final = 1024 * 1024
"""Of a request of any kind: Slack sends far less."""
GRACE_SECONDS: Final = 1.5
"""For requests that are being answered when the stop comes. Their work has the drain's time after that."""
TOKEN_CHECK_SECONDS: Final = 3.0
"""A slow Slack delays the start by this much."""

log = structlog.get_logger(__name__)


async def serve_http(bot: Flowbot, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve HTTP mode until `stop`.

    Raises:
        ConfigurationError: Slack refuses the token, or the port is taken or not allowed.
    """
    bot.settings.require("slack_signing_secret")
    await check_token(bot)
    async with listen(bot, host, port) as bound:
        log.info("serving", host=host, port=bound)
        await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))


@asynccontextmanager
async def listen(bot: Flowbot, host: str, port: int, *, slack_events: bool = True) -> AsyncIterator[int]:
    """Run the HTTP server, and yield the port that it listens on.

    Args:
        bot: answers the requests.
        host: address to listen on.
        port: port to listen on; 0 for any.
        slack_events: serve Slack too, and not only health, readiness and metrics.

    Raises:
        ConfigurationError: the port is taken or not allowed.
    """
    # The signature covers the bytes as they came, so nothing is unpacked; Slack compresses nothing.
    runner = web.AppRunner(
        build_web_app(bot, slack_events=slack_events),
        access_log=None,
        shutdown_timeout=GRACE_SECONDS,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(f"PORT: cannot listen on {host}:{port} ({describe_os_error(error)})") from None
        except UnicodeError:
            raise ConfigurationError(f"--host: {host!a} is no address") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def build_web_app(bot: Flowbot, *, slack_events: bool = True) -> web.Application:
    """Build the routes that README, "Operate it", names. Slack's is there in HTTP mode only."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    secret = bot.settings.slack_signing_secret
    if slack_events and secret is not None:
        receiver = Receiver(bot.bolt, bot.tasks, bot.metrics)
        app.router.add_post(EVENTS_PATH, SlackEventsHandler(receiver, secret.get_secret_value(), bot.metrics).handle)

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        states = await bot.health.check()
        is_ready = all(state == "ok" for state in states.values())
        return web.json_response(dict(states), status=200 if is_ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=await bot.exporter.render(), headers=headers)

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


async def check_token(bot: Flowbot) -> None:
    """Check the bot token with Slack, which opens the connection for the first command too. A slow Slack is no failure.

    Raises:
        ConfigurationError: Slack refuses the token, or flowbot cannot serve its installation.
    """
    try:
        async with asyncio.timeout(TOKEN_CHECK_SECONDS):
            answer = await bot.slack.auth_test()
            problem = await find_installation_problem(bot.slack, answer)
    except SlackApiError as error:
        if (code := error_code(error)) in REFUSED_TOKEN:
            raise ConfigurationError(f"SLACK_BOT_TOKEN: Slack refuses it ({code})") from None
        log.warning("slack.no_greeting", error=code)
    except SLACK_ERRORS as error:
        log.warning("slack.no_greeting", error=type(error).__name__)
    else:
        if problem is not None:
            raise ConfigurationError(problem)
        log.info("slack.greeted", team=answer.get("team"), bot=answer.get("user"))
