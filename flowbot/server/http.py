"""HTTP mode: Slack's requests, health, readiness and metrics."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError

from flowbot.bootstrap import Flowbot
from flowbot.errors import ConfigurationError
from flowbot.server.receiver import Receiver, SlackEventsView
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

MAX_BODY_BYTES: Final = 1024 * 1024


GRACE_SECONDS: Final = 1.5
"""For requests that are being answered when the stop comes; their work has the drain's time after that."""


TOKEN_CHECK_SECONDS: Final = 3.0


REFUSED_TOKEN_ERRORS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)


Handler = Callable[[web.Request], Awaitable[web.Response]]


log = structlog.get_logger(__name__)


async def serve_http(bot: Flowbot, host: str, port: int, stop: asyncio.Event) -> None:
    """HTTP mode, until `stop`.

    Raises:
        ConfigurationError: Slack refuses the token, or the port cannot be had.
    """
    bot.settings.require("slack_signing_secret")
    await check_token(bot)
    async with listen(bot, host, port) as bound:
        log.info("serving", host=host, port=bound)
        await stop.wait()
        log.info("stopping", in_hand=len(bot.tasks))


@asynccontextmanager
async def listen(bot: Flowbot, host: str, port: int, *, slack_events: bool = True) -> AsyncIterator[int]:
    """The HTTP server, and the port that it has.

    Args:
        bot: who answers.
        host: address to listen on.
        port: port to listen on; 0 for any.
        slack_events: whether Slack is answered too, or only those who watch flowbot.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    # Nothing is unpacked before its signature is looked at, nor after: Slack packs nothing.
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
            raise ConfigurationError(f"PORT: cannot listen on {host}:{port} ({error.strerror})") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def build_web_app(bot: Flowbot, *, slack_events: bool = True) -> web.Application:
    """The addresses that README, "Operate it", names; Slack's only where Slack is answered here."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    secret = bot.settings.slack_signing_secret
    if slack_events and secret is not None:
        app.router.add_post(
            "/slack/events", SlackEventsView(Receiver(bot.bolt, bot.tasks), secret.get_secret_value()).handle
        )
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz_handler(bot))
    app.router.add_get("/metrics", _metrics_handler(bot))
    return app


async def check_token(bot: Flowbot) -> None:
    """Ask Slack who flowbot is, so that the first command need not; where Slack is slow, go on without.

    Raises:
        ConfigurationError: Slack refuses the token.
    """
    try:
        async with asyncio.timeout(TOKEN_CHECK_SECONDS):
            answer = await bot.slack.auth_test()
    except SlackApiError as error:
        if (code := error_code(error)) in REFUSED_TOKEN_ERRORS:
            raise ConfigurationError(f"SLACK_BOT_TOKEN: Slack refuses it ({code})") from None
        log.warning("slack.no_greeting", error=code)
    except SLACK_ERRORS as error:
        log.warning("slack.no_greeting", error=type(error).__name__)
    else:
        log.info("slack.greeted", team=answer.get("team"), bot=answer.get("user"))


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readyz_handler(bot: Flowbot) -> Handler:
    async def ready(_request: web.Request) -> web.Response:
        states = await bot.health.check()
        well = all(state == "ok" for state in states.values())
        return web.json_response(dict(states), status=200 if well else 503)

    return ready


def _metrics_handler(bot: Flowbot) -> Handler:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=await bot.scrape.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return metrics
