"""The Bolt app: its listeners, registered."""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.observability.metrics import Metrics
from flowbot.slack.forms.policy.submission import PolicyFormViews
from flowbot.slack.listeners.commands.dispatcher import CommandDispatcher
from flowbot.slack.listeners.flow_actions import FlowActions
from flowbot.slack.listeners.form_views import FormViews
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.request_labels import UNKNOWN, request_label
from flowbot.slack.payloads.incoming import (
    BlockActions,
    BlockSuggestion,
    FormEvent,
    HomeOpened,
    SlashCommand,
    parse_payload,
)

COMMAND_NAME: Final = "/flows"


ACKED: Final = "flowbot_acked"
"""Where a request's context says after how many seconds it was acknowledged, if it was before Bolt had it."""


LOGGER: Final = "flowbot.bolt"
"""Bolt gives the logger of the app's name its own level: it must be nobody else's."""


M = TypeVar("M", bound=BaseModel)


ANYTHING: Final = re.compile("", re.DOTALL)


Listener = Callable[..., Awaitable[BoltResponse | None]]


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Those who take what comes in."""

    commands: CommandDispatcher
    actions: FlowActions
    forms: FormViews
    requests: RequestActions
    home: HomeTab
    setup: PolicyFormViews

    def handle_action(self, press: BlockActions) -> None:
        """A button was press, or something was chosen: in a message, on the Home tab or in a form."""
        if press.channel is not None or press.is_on_home_tab:
            self.actions.handle(press)
        elif press.view is not None:
            self.forms.handle_action(press)

    async def handle_submission(self, event: FormEvent) -> dict[str, Any] | None:
        """A form was submitted: what to acknowledge it with."""
        answer = await self.requests.handle_reason(event)
        answer = await self.setup.accept(event) if answer is None else answer
        return await self.forms.handle_submission(event) if answer is None else answer

    async def suggest(self, question: BlockSuggestion) -> dict[str, Any]:
        """A menu asks for its entries."""
        answer = await self.setup.suggest_options(question)
        return await self.forms.suggest_options(question) if answer is None else answer


def build_app(client: AsyncWebClient, *, signing_secret: str, listeners: Listeners, metrics: Metrics) -> AsyncApp:
    """The app with its listeners. It asks Slack nothing before it acknowledges.

    A listener parses, acknowledges and hands over: it runs to its end before the answer leaves, so no exception of
    later work can take the acknowledgement back, and nothing is polled for (`process_before_response`).
    """

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    app = AsyncApp(
        name=LOGGER,
        client=client,
        logger=_bolt_logger(),
        signing_secret=signing_secret,
        authorize=authorize,
        process_before_response=True,
        ssl_check_enabled=False,
    )
    _register(app, listeners, metrics)
    return app


def _register(app: AsyncApp, listeners: Listeners, metrics: Metrics) -> None:
    app.command(COMMAND_NAME)(_acking_listener("command", SlashCommand, metrics, listeners.commands.dispatch))
    app.action(ANYTHING)(_acking_listener("action", BlockActions, metrics, listeners.handle_action))
    app.view_closed(ANYTHING)(_acking_listener("form_closed", FormEvent, metrics, listeners.forms.handle_close))
    app.view_submission(ANYTHING)(_answering_listener("form", FormEvent, metrics, listeners.handle_submission))
    app.options(ANYTHING)(_answering_listener("options", BlockSuggestion, metrics, listeners.suggest))

    app.event("app_home_opened")(_event_listener(HomeOpened, metrics, listeners.home.handle_opened))
    app.event(ANYTHING)(_ignoring_listener(metrics))


def _acking_listener(kind: str, model: type[M], metrics: Metrics, take: Callable[[M], None]) -> Listener:
    """A listener that acknowledges with nothing, and leaves everything else to what it starts."""

    async def answer(parsed: M) -> dict[str, Any] | None:
        take(parsed)
        return None

    return _answering_listener(kind, model, metrics, answer)


def _answering_listener(
    kind: str, model: type[M], metrics: Metrics, answer: Callable[[M], Awaitable[dict[str, Any] | None]]
) -> Listener:
    """A listener that parses, and acknowledges with what `answer` says."""

    async def listener(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse | None:
        started = time.perf_counter()
        parsed = parse_payload(model, body)
        if parsed is None:
            return _reject_payload(kind)
        await ack(**(await answer(parsed) or {}))
        acked = context.get(ACKED, time.perf_counter() - started)
        metrics.ack_seconds.labels(kind, request_label(parsed)).observe(acked)
        return None

    return listener


def _event_listener(model: type[M], metrics: Metrics, take: Callable[[M], None]) -> Listener:
    """A listener to an event: it acknowledges any, and hands on what is of the kind that it waits for."""

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        started = time.perf_counter()
        parsed = parse_payload(model, body)
        if parsed is not None:
            take(parsed)
        await ack()
        name = UNKNOWN if parsed is None else request_label(parsed)
        metrics.ack_seconds.labels("event", name).observe(time.perf_counter() - started)

    return listener


def _ignoring_listener(metrics: Metrics) -> Listener:
    """A listener that acknowledges what means nothing to flowbot, so that Slack does not send it again."""

    async def listener(ack: AsyncAck) -> None:
        started = time.perf_counter()
        await ack()
        metrics.ack_seconds.labels("event", UNKNOWN).observe(time.perf_counter() - started)

    return listener


def _bolt_logger() -> logging.Logger:
    """Errors only: Bolt warns of a token that it finds in the environment and leaves to `authorize`, as it should."""
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.ERROR)
    return logger


def _reject_payload(kind: str) -> BoltResponse:
    log.warning("payload.malformed", kind=kind)
    return BoltResponse(status=400, body="malformed payload")
