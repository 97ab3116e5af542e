"""The Bolt app: it knows the ways in, and hands what comes through them on. Nothing is decided here."""

import logging
import re
import time
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.metrics import Metrics
from flowbot.slack.actions import Actions
from flowbot.slack.commands import Commands
from flowbot.slack.payloads import BlockActions, SlashCommand, parse

COMMAND: Final = "/flows"
ANYTHING: Final = re.compile("", re.DOTALL)

log = structlog.get_logger(__name__)


def build(
    client: AsyncWebClient, *, signing_secret: str, commands: Commands, actions: Actions, metrics: Metrics
) -> AsyncApp:
    """The app with its listeners. It asks Slack nothing before it acknowledges.

    A listener parses, acknowledges and hands over: it runs to its end before the answer leaves, so no exception of
    later work can take the acknowledgement back, and nothing is polled for (`process_before_response`).
    """

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    app = AsyncApp(
        client=client,
        logger=_bolt_logger(),
        signing_secret=signing_secret,
        authorize=authorize,
        process_before_response=True,
        ssl_check_enabled=False,
    )

    @app.command(COMMAND)
    async def command(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        started = time.perf_counter()
        parsed = parse(SlashCommand, body)
        if parsed is None:
            return _malformed("command")
        await ack()
        commands.take(parsed)
        metrics.acks.labels("command").observe(time.perf_counter() - started)
        return None

    @app.action(ANYTHING)
    async def action(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        started = time.perf_counter()
        parsed = parse(BlockActions, body)
        if parsed is None:
            return _malformed("action")
        await ack()
        actions.take(parsed)
        metrics.acks.labels("action").observe(time.perf_counter() - started)
        return None

    @app.event(ANYTHING)
    async def event(ack: AsyncAck) -> None:
        await ack()

    return app


def _bolt_logger() -> logging.Logger:
    """Errors only: Bolt warns of a token that it finds in the environment and leaves to `authorize`, as it should."""
    logger = logging.getLogger("flowbot.bolt")
    logger.setLevel(logging.ERROR)
    return logger


def _malformed(kind: str) -> BoltResponse:
    log.warning("payload.malformed", kind=kind)
    return BoltResponse(status=400, body="malformed payload")
