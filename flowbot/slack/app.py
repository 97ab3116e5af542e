"""The Bolt app and its listeners, registered by id."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from structlog.contextvars import bind_contextvars, clear_contextvars

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import FormKind
from flowbot.domain.step import StepKind
from flowbot.errors import UserError
from flowbot.observability.logging import new_incident_id
from flowbot.slack.api.modals import AckArgs
from flowbot.slack.forms.absence import AbsenceForm
from flowbot.slack.forms.approval import ApprovalForm
from flowbot.slack.forms.change import ChangeForm
from flowbot.slack.forms.flow.buttons import FormButtonHandler, form_button_starter
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.form import FlowForm
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.forms.policy.form import PolicyForm
from flowbot.slack.forms.reason import ReasonForm
from flowbot.slack.listeners.absence_actions import AbsenceActions
from flowbot.slack.listeners.approval_form import ApprovalFormHandler
from flowbot.slack.listeners.change_form import ChangeFormHandler
from flowbot.slack.listeners.commands.dispatcher import CommandDispatcher
from flowbot.slack.listeners.details_window import DetailsWindow
from flowbot.slack.listeners.factory import ListenerFactory
from flowbot.slack.listeners.finding_actions import FindingActions
from flowbot.slack.listeners.flow_actions import FlowActions, flow_menu_listener
from flowbot.slack.listeners.history_actions import HistoryActions
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.policy_form import PolicyFormHandler
from flowbot.slack.listeners.reason_form import ReasonFormHandler
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.shortcuts import FlowWindow, MessageShortcutHandler
from flowbot.slack.listeners.step_actions import StepActions
from flowbot.slack.listeners.stop_actions import StopActions
from flowbot.slack.listeners.workspace_events import WorkspaceEvents
from flowbot.slack.payloads.action_ids import ActionId, ShortcutId
from flowbot.slack.payloads.incoming import COMMAND_NAME, UNKNOWN, BlockActions, Incoming
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner

LOGGER: Final = "flowbot.bolt"
"""A logger of Bolt's own: it sets the level of the logger that has the app's name."""
ANYTHING: Final = re.compile("")
CHANGE_FORM_BUTTONS: Final[Mapping[ActionId, ChangeKind]] = {
    ActionId.FLOW_ENABLE: ChangeKind.ENABLE,
    ActionId.FLOW_DISABLE: ChangeKind.DISABLE,
    ActionId.FLOW_DELETE: ChangeKind.DELETE,
}
LIST_CONTROLS: Final = (
    ActionId.LIST_NEXT,
    ActionId.LIST_PREVIOUS,
    ActionId.LIST_STATE,
    ActionId.LIST_WEBSITE,
    ActionId.LIST_SORT,
)
"""What puts another page, filter or order in the place of a list."""
SETUP_BUTTONS: Final = (
    ActionId.SETUP_BACK,
    ActionId.SETUP_NAMES,
    ActionId.SETUP_SAME,
    ActionId.SETUP_MORE,
    ActionId.SETUP_ADD_STAGE,
    ActionId.SETUP_REMOVE_STAGE,
    ActionId.SETUP_ADD_WEEKLY,
    ActionId.SETUP_ADD_DAYS,
    ActionId.SETUP_ADD_HOLIDAYS,
    ActionId.SETUP_REMOVE_FREEZE,
)
"""The buttons in a channel's policy form."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of what comes in."""

    commands: CommandDispatcher
    flows: FlowActions
    history: HistoryActions
    requests: RequestActions
    stops: StopActions
    steps: StepActions
    absences: AbsenceActions
    findings: FindingActions
    approval_form: ApprovalFormHandler
    change_form: ChangeFormHandler
    opener: FormOpener
    editor: FormEditor
    submission: FlowFormSubmission
    reason_form: ReasonFormHandler
    policy_form: PolicyFormHandler
    message_shortcut: MessageShortcutHandler
    window: FlowWindow
    home: HomeTab
    workspace: WorkspaceEvents
    details: DetailsWindow


def build_app(client: AsyncWebClient, handlers: Handlers, runner: Runner) -> AsyncApp:
    """Return the app with its listeners. It asks Slack nothing before it acknowledges."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    # Errors only: Bolt warns of a token in the environment that it rightly leaves to `authorize`.
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.ERROR)
    app = AsyncApp(
        name=LOGGER,
        client=client,
        logger=logger,
        authorize=authorize,
        # `flowbot.server.receiver` has verified the request, and answered Slack's checks of the address.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        # A step's own token is put into no client: flowbot acts by its bot token, also when the step ends days later.
        attaching_function_token_enabled=False,
        # A listener runs to its end before its acknowledgement leaves: later work cannot take that back, and Bolt does
        # not poll for it.
        process_before_response=True,
    )
    register_listeners(app, handlers, runner)
    return app


def register_listeners(app: AsyncApp, handlers: Handlers, runner: Runner) -> None:
    """Register a listener for everything that Slack sends."""
    listeners = ListenerFactory(runner, handlers.home)
    showing, changing = partial(listeners.button, once=False), partial(listeners.button, once=True)
    flows, requests, editor = handlers.flows, handlers.requests, handlers.editor
    app.middleware(bind_request)
    app.command(COMMAND_NAME)(listeners.command(handlers.commands.dispatch))

    app.action(ActionId.COMMAND)(changing(handlers.commands.run_suggestion))
    for control in LIST_CONTROLS:
        app.action(control)(showing(flows.redraw_list))
    for turn in (ActionId.HISTORY_NEXT, ActionId.HISTORY_PREVIOUS):
        app.action(turn)(showing(handlers.history.turn_page))
    app.action(ActionId.LIST_SHARE)(changing(flows.share_list))
    app.action(ActionId.RESTORE_VERSION)(showing(handlers.history.restore_version))
    flow_actions = {
        ActionId.SHOW: showing(flows.show_flow),
        ActionId.FLOW_EDIT: showing(flows.form_handler(FormKind.EDIT)),
        ActionId.FLOW_DUPLICATE: showing(flows.form_handler(FormKind.DUPLICATE)),
    }
    for action, kind in CHANGE_FORM_BUTTONS.items():
        flow_actions[action] = showing(handlers.change_form.open_handler(kind))
    for action, listener in flow_actions.items():
        app.action(action)(listener)
    unknown = showing(refuse_unknown, label=UNKNOWN)
    app.action(ActionId.FLOW_MENU)(flow_menu_listener(flow_actions, otherwise=unknown))
    app.action(ActionId.SHOW_SHARE)(changing(flows.share_flow))
    app.action(ActionId.FLOW_CREATE)(showing(flows.create_flow))
    app.action(ActionId.FORM_OPEN)(showing(flows.reopen_form))
    app.action(ActionId.SETUP_OPEN)(showing(handlers.policy_form.open_by_button))

    app.action(ActionId.APPROVE)(changing(handlers.approval_form.approve))
    app.action(ActionId.REJECT)(changing(requests.ask_rejection_reason))
    app.action(ActionId.REQUEST_CHANGES)(changing(requests.ask_changes))
    app.action(ActionId.COMMENT)(changing(requests.ask_comment))
    app.action(ActionId.WITHDRAW)(changing(requests.withdraw))
    app.action(ActionId.BREAK_GLASS)(changing(requests.ask_skip_reason))
    app.action(ActionId.CHECK_AGAIN)(changing(requests.recheck))
    app.action(ActionId.ASK_AGAIN)(changing(handlers.change_form.ask_again))
    app.action(ActionId.RESTORE)(changing(requests.restore))
    app.action(ActionId.STOP_ALL)(changing(handlers.stops.stop_all))
    app.action(ActionId.ABSENCE_OPEN)(showing(handlers.absences.open_form))
    app.action(ActionId.ABSENCE_END)(changing(handlers.absences.end_by_button))
    app.action(ActionId.FINDING_ACCEPT)(changing(handlers.findings.accept))
    app.action(ActionId.FINDING_REVERT)(changing(handlers.findings.revert))
    app.action(ActionId.FINDING_DISABLE)(changing(handlers.findings.disable))
    app.action(ActionId.STEP_FORM)(showing(handlers.steps.open_form))
    app.action(ActionId.STEP_REQUEST)(changing(handlers.steps.request_approval))
    app.action(ActionId.CHANGE_WHOLE)(showing(handlers.details.show_request))
    for show in (ActionId.FLOW_WHOLE, ActionId.WINDOW_SHOW):
        app.action(show)(showing(handlers.details.show_flow))
    # A link, whose press Slack reports all the same.
    app.action(ActionId.CHANGE_OPEN)(listeners.acknowledge_then("action", ignore))

    app.action(ActionId.FORM_TYPED)(listeners.acknowledge_then("action", editor.save_typed))
    app.action(ActionId.FORM_SEGMENT)(listeners.acknowledge_then("action", editor.save_typed))
    form_buttons: dict[ActionId, FormButtonHandler] = {
        ActionId.FORM_WEBSITE: editor.offer_segments,
        ActionId.FORM_PREVIEW: editor.show_preview,
        ActionId.FORM_START_OVER: handlers.opener.start_over,
    }
    for action, handler in form_buttons.items():
        app.action(action)(listeners.acknowledge_then("action", form_button_starter(runner, handler)))
    for action in SETUP_BUTTONS:
        app.action(action)(listeners.acknowledge_then("action", handlers.policy_form.start_turn))
    register_shortcuts(app, handlers, listeners)
    # Last: Bolt takes the first listener that matches.
    app.action(ANYTHING)(unknown)

    register_forms(app, handlers, listeners)
    register_events(app, handlers, listeners)


def register_shortcuts(app: AsyncApp, handlers: Handlers, listeners: ListenerFactory) -> None:
    """Register a listener for each shortcut, and for the buttons of what it opens."""
    showing, message, window = partial(listeners.button, once=False), handlers.message_shortcut, handlers.window
    app.message_shortcut(ShortcutId.MESSAGE)(listeners.acknowledge_then("shortcut", message.start))
    app.global_shortcut(ShortcutId.WINDOW)(listeners.acknowledge_then("shortcut", window.start))
    # Others are acknowledged, too: else Slack would show a warning.
    app.shortcut(ANYTHING)(listeners.acknowledge_then("shortcut", ignore, label=UNKNOWN))
    app.action(ActionId.MESSAGE_FORM)(showing(message.open_by_button))
    app.action(ActionId.MESSAGE_CHANNEL)(showing(message.choose_channel))
    app.action(ActionId.WINDOW_OPEN)(showing(window.open_by_button))
    for turn in (ActionId.WINDOW_CHANNEL, ActionId.WINDOW_PREVIOUS, ActionId.WINDOW_NEXT):
        app.action(turn)(showing(window.turn_page))


def register_forms(app: AsyncApp, handlers: Handlers, listeners: ListenerFactory) -> None:
    """Register a listener for each form and for each menu that asks for its entries."""
    editor = handlers.editor
    app.view(FlowForm.CALLBACK)(listeners.acknowledge_with("form", handlers.submission.submit))
    app.view_closed(FlowForm.CALLBACK)(listeners.acknowledge_then("form_closed", editor.save_closed))
    app.view(ChangeForm.CALLBACK)(listeners.acknowledge_with("form", handlers.change_form.submit))
    app.view(ApprovalForm.CALLBACK)(listeners.acknowledge_with("form", handlers.approval_form.submit))
    app.view(AbsenceForm.CALLBACK)(listeners.acknowledge_with("form", handlers.absences.submit))
    app.view(ReasonForm.CALLBACK)(listeners.acknowledge_with("form", handlers.reason_form.submit))
    for callback in (PolicyForm.CALLBACK, PolicyForm.WHOLE_CALLBACK):
        app.view(callback)(listeners.acknowledge_with("form", handlers.policy_form.submit))
    for menu in (ActionId.FORM_WEBSITE, ActionId.FORM_SEGMENT):
        app.options(menu)(listeners.acknowledge_with("options", editor.suggest_options, label=FlowForm.CALLBACK))
    for menu in (ActionId.SETUP_WEBSITE, ActionId.SETUP_GROUP, ActionId.SETUP_COUNTRY):
        suggest = handlers.policy_form.suggest_options
        app.options(menu)(listeners.acknowledge_with("options", suggest, label=PolicyForm.CALLBACK))
    # Others are acknowledged, too: else Slack would show a warning.
    app.view_submission(ANYTHING)(listeners.acknowledge_then("form", ignore, label=UNKNOWN))
    app.view_closed(ANYTHING)(listeners.acknowledge_then("form_closed", ignore, label=UNKNOWN))
    app.options(ANYTHING)(listeners.acknowledge_with("options", suggest_nothing, label=UNKNOWN))


def register_events(app: AsyncApp, handlers: Handlers, listeners: ListenerFactory) -> None:
    """Register a listener for each event."""
    app.event("app_home_opened")(listeners.acknowledge_then("event", handlers.home.open))
    app.event("app_mention")(listeners.acknowledge_then("event", handlers.commands.dispatch_mention))
    app.event("channel_id_changed")(listeners.acknowledge_if_stored("event", handlers.workspace.move_channel))
    app.event("channel_shared")(listeners.acknowledge_if_stored("event", handlers.workspace.note_shared_channel))
    for step in StepKind:
        run_step = listeners.acknowledge_if_stored("step", handlers.steps.run_step)
        # It acknowledges by itself, once the step is stored.
        app.function(step, auto_acknowledge=False)(run_step)
    for removal in ("app_uninstalled", "tokens_revoked"):
        app.event(removal)(listeners.acknowledge_then("event", handlers.workspace.note_removal))
    # Others are acknowledged, too: else Slack would send them again.
    app.event(ANYTHING)(listeners.acknowledge_then("event", ignore, label=UNKNOWN))


async def bind_request(next_: Callable[[], Awaitable[None]]) -> None:
    """Bind the incident id of a request, which its log lines carry."""
    clear_contextvars()
    bind_contextvars(incident=new_incident_id())
    await next_()


async def refuse_unknown(_interaction: Interaction, press: BlockActions) -> Reply:
    """Refuse a button that no listener is registered for: another version of flowbot made it."""
    if press.channel is None and not press.is_on_home_tab:
        # A field of a form: Slack reports what is chosen there.
        return NO_REPLY
    raise UserError("action.unknown")


async def suggest_nothing(_question: Incoming) -> AckArgs:
    """Return no entries for a menu."""
    return {"options": []}


def ignore(_incoming: Incoming) -> None:
    """Do nothing but acknowledge."""
