"""The Bolt app and the registration of its listeners."""

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

from flowbot.i18n.translator import Translators
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.forms import FormService
from flowbot.services.history import History
from flowbot.services.inbox import HomeOverviews, RequestQueue
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports import Clock
from flowbot.services.ports.slack import ImageSource
from flowbot.services.ports.storage import ChangeStore, DeliveryStore, DraftStore, ImageStore, PolicyStore
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessagePoster, Responder
from flowbot.slack.api.modals import AckArgs, Modals
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.listeners.action_dispatcher import ActionDispatcher
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.commands.catalog import build_commands
from flowbot.slack.listeners.commands.dispatcher import CommandDispatcher
from flowbot.slack.listeners.flow_actions import FlowActions
from flowbot.slack.listeners.flow_form import FlowFormHandler
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.listeners.reason_form import ReasonFormHandler
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.request_labels import UNKNOWN, request_label
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.slack.notify.request_message import RequestMessage
from flowbot.slack.payloads.incoming import (
    BlockActions,
    BlockSuggestion,
    FormEvent,
    HomeOpened,
    SlashCommand,
    parse_payload,
)
from flowbot.slack.runner import Runner
from flowbot.slack.tracked_tasks import TrackedTasks

COMMAND_NAME: Final = "/flows"
ACKED: Final = "flowbot_acked"
"""The key in a request's context for the seconds until it was acknowledged, where that was before Bolt had it."""
LOGGER: Final = "flowbot.bolt"
"""A logger of Bolt's own: it sets the level of the logger that has the app's name."""
ANYTHING: Final = re.compile("", re.DOTALL)
P = TypeVar("P", bound=BaseModel)

Listener = Callable[..., Awaitable[BoltResponse | None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that Slack's rooms call, and the stores that they read."""

    store: ChangeStore
    policies: PolicyStore
    drafts: DraftStore
    images: ImageStore
    deliveries: DeliveryStore
    form_images: ImageSource
    users: UserService
    flow_queries: FlowQueries
    executor: ChangeExecutor
    submitter: RequestSubmitter
    decisions: DecisionService
    rechecker: Rechecker
    forms: FormService
    setup: PolicySetup


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners, by what comes in."""

    commands: CommandDispatcher
    actions: ActionDispatcher
    forms: FlowFormHandler
    reasons: ReasonFormHandler
    home: HomeTab
    setup: PolicyFormHandler

    def handle_action(self, press: BlockActions) -> None:
        """Handle a button or menu of a message, of the Home tab or of a form."""
        if press.channel is not None or press.is_on_home_tab:
            self.actions.dispatch(press)
        elif press.view is not None:
            self.forms.handle_action(press)

    async def handle_submission(self, event: FormEvent) -> AckArgs | None:
        """Handle a submitted form. Return what to acknowledge it with."""
        for handle in (self.reasons.handle_submission, self.setup.handle_submission, self.forms.handle_submission):
            answer = await handle(event)
            if answer is not None:
                return answer
        return None

    async def suggest_options(self, question: BlockSuggestion) -> AckArgs:
        """Return the entries of a menu."""
        options = await self.setup.suggest_options(question)
        return await self.forms.suggest_options(question) if options is None else options


def build_slack(  # noqa: PLR0913 - everything of Slack's is joined here, once
    client: AsyncWebClient,
    services: Services,
    responder: Responder,
    locales: Translators,
    *,
    signing_secret: str,
    tasks: TrackedTasks,
    metrics: Metrics,
    clock: Clock,
) -> tuple[AsyncApp, SlackNotifier, HomeTab]:
    """Join the listeners, forms and messages. Return the app, the notifier, and the Home tab, which wants closing."""
    users, forms, flow_queries = services.users, services.forms, services.flow_queries
    runner = Runner(users, flow_queries, services.deliveries, responder, locales, tasks, metrics, clock)
    modals, poster = Modals(client), MessagePoster(client, responder)
    details = RequestDetailsLoader(services.store, services.policies, forms.known_hosts)
    message = RequestMessage(services.store, details, poster, locales, clock)
    opener = FormOpener(forms, modals, clock)
    form_result = FormResult(
        forms=forms,
        opener=opener,
        modals=modals,
        responder=responder,
        users=users,
        policies=services.policies,
        images=services.images,
        image_source=services.form_images,
        details=details,
        request_message=message,
        locales=locales,
        clock=clock,
    )
    notifier = SlackNotifier(services.store, details, message, form_result, poster, locales, clock)
    queue = RequestQueue(services.store, services.policies, users.find_members)
    overviews = HomeOverviews(queue, services.store, services.policies, users.find_members)
    home = HomeTab(runner, client, overviews, details, message)
    history = History(services.policies, services.store)
    viewer = FlowViewer(flow_queries, history, clock)
    channels = ChannelAuthorizer(services.policies, users)
    requests = RequestActions(
        channels=channels,
        submitter=services.submitter,
        decisions=services.decisions,
        rechecker=services.rechecker,
        executor=services.executor,
        notifier=notifier,
        request_message=message,
        details=details,
        modals=modals,
    )
    submission = FlowFormSubmission(
        forms=forms,
        submitter=services.submitter,
        executor=services.executor,
        clock=clock,
        images=services.images,
        image_source=services.form_images,
        users=users,
        deliveries=services.deliveries,
        locales=locales,
        tasks=tasks,
        metrics=metrics,
        notifier_for=form_result.for_open_form,
    )
    editor = FormEditor(forms, modals, users, locales, clock, tasks)
    setup = PolicyFormHandler(runner, services.setup, modals)
    commands = build_commands(
        flow_queries=flow_queries,
        viewer=viewer,
        history=history,
        opener=opener,
        requests=requests,
        queue=queue,
        details=details,
        request_message=message,
        policy_form=setup,
        clock=clock,
    )
    listeners = Listeners(
        commands=CommandDispatcher(runner, commands),
        actions=ActionDispatcher(runner, FlowActions(runner, channels, opener, viewer), requests, home),
        forms=FlowFormHandler(runner=runner, opener=opener, editor=editor, submission=submission),
        reasons=ReasonFormHandler(runner, services.decisions, services.executor, notifier, home),
        home=home,
        setup=setup,
    )
    return build_app(client, signing_secret=signing_secret, listeners=listeners, metrics=metrics), notifier, home


def build_app(client: AsyncWebClient, *, signing_secret: str, listeners: Listeners, metrics: Metrics) -> AsyncApp:
    """Return the app with its listeners. It asks Slack nothing before it acknowledges.

    A listener parses, acknowledges and hands over. It runs to its end before the acknowledgement leaves
    (`process_before_response`), so later work cannot take that back, and Bolt polls for nothing.
    """

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    # Errors only: Bolt warns of a token in the environment that it rightly leaves to `authorize`.
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.ERROR)
    app = AsyncApp(
        name=LOGGER,
        client=client,
        logger=logger,
        signing_secret=signing_secret,
        authorize=authorize,
        process_before_response=True,
        ssl_check_enabled=False,
    )
    app.command(COMMAND_NAME)(_command_listener(metrics, listeners.commands.dispatch))
    app.action(ANYTHING)(_listener("action", BlockActions, metrics, listeners.handle_action))
    app.view_closed(ANYTHING)(_listener("form_closed", FormEvent, metrics, listeners.forms.handle_close))
    app.view_submission(ANYTHING)(_acking_listener("form", FormEvent, metrics, listeners.handle_submission))
    app.options(ANYTHING)(_acking_listener("options", BlockSuggestion, metrics, listeners.suggest_options))
    app.event("app_home_opened")(_event_listener(metrics, listeners.home.handle_opened))
    # Acknowledged all the same: Slack would send it again.
    app.event(ANYTHING)(_event_listener(metrics))
    return app


def _command_listener(metrics: Metrics, dispatch: Callable[[SlashCommand], str]) -> Listener:
    """Return a listener that acknowledges with nothing after `dispatch` has started the command."""

    async def listener(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse | None:
        started = time.perf_counter()
        command = parse_payload(SlashCommand, body)
        if command is None:
            log.warning("payload.malformed", kind="command")
            return BoltResponse(status=400, body="malformed payload")
        word = dispatch(command)
        await ack()
        metrics.ack_seconds.labels("command", word).observe(context.get(ACKED, time.perf_counter() - started))
        return None

    return listener


def _listener(kind: str, model: type[P], metrics: Metrics, handle: Callable[[P], None]) -> Listener:
    """Return a listener that acknowledges with nothing after `handle` has started the work."""

    async def answer(payload: P) -> None:
        handle(payload)

    return _acking_listener(kind, model, metrics, answer)


def _acking_listener(
    kind: str, model: type[P], metrics: Metrics, handle: Callable[[P], Awaitable[AckArgs | None]]
) -> Listener:
    """Return a listener that parses the payload, and acknowledges with what `handle` returns."""

    async def listener(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> BoltResponse | None:
        started = time.perf_counter()
        payload = parse_payload(model, body)
        if payload is None:
            log.warning("payload.malformed", kind=kind)
            return BoltResponse(status=400, body="malformed payload")
        await ack(**(await handle(payload) or {}))
        seconds = context.get(ACKED, time.perf_counter() - started)
        metrics.ack_seconds.labels(kind, request_label(payload)).observe(seconds)
        return None

    return listener


def _event_listener(metrics: Metrics, handle: Callable[[HomeOpened], None] | None = None) -> Listener:
    """Return a listener that acknowledges any event, after `handle` has started the work where it is one to handle."""

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        started = time.perf_counter()
        opened = parse_payload(HomeOpened, body) if handle else None
        if handle and opened:
            handle(opened)
        await ack()
        name = request_label(opened) if opened else UNKNOWN
        metrics.ack_seconds.labels("event", name).observe(time.perf_counter() - started)

    return listener
