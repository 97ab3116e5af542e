"""The factory of listeners: what Bolt calls, made of handlers."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from flowbot.errors import UserError
from flowbot.slack.api.modals import AckArgs, FormNotOpenedError
from flowbot.slack.forms.flow.form import FlowForm, SubmittedForm
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowEntryValue, FlowValue, parse_value
from flowbot.slack.payloads.incoming import ACKED, RECEIVED, UNKNOWN, BlockActions, Incoming, ReplyTarget, SlashCommand
from flowbot.slack.runner import NO_REPLY, Handler, Interaction, Reply, Runner
from flowbot.slack.views.form_status import offer_message

P = TypeVar("P", bound=Incoming)
Listener = Callable[..., Awaitable[BoltResponse | None]]
"""Called by Bolt with the arguments that it names; `incoming` is the validated request."""
ButtonHandler = Callable[[Interaction, BlockActions], Awaitable[Reply]]
FormButtonHandler = Callable[[Interaction, SubmittedForm, BlockActions], Awaitable[Reply]]


async def refuse_unknown(_interaction: Interaction, press: BlockActions) -> Reply:
    """Refuse a button that no listener is registered for: another version of flowbot made it."""
    if press.channel is None and not press.is_on_home_tab:
        # A field of a form: Slack reports what is chosen there.
        return NO_REPLY
    raise UserError("action.unknown")


@dataclass(frozen=True, slots=True)
class ListenerFactory:
    """Makes listeners of handlers: they acknowledge, time that, and start what goes on after it.

    Commands and buttons have been acknowledged by then, by `flowbot.server.receiver`; Bolt wants their `ack()` as well.
    """

    runner: Runner
    home: HomeTab

    def command(self, dispatch: Callable[[SlashCommand], str]) -> Listener:
        """Return a listener of commands; `dispatch` starts the handler, and returns the command's word."""

        async def listener(ack: AsyncAck, incoming: SlashCommand, context: AsyncBoltContext) -> None:
            await ack()
            self._observe_ack("command", dispatch(incoming), context)

        return listener

    def button(self, handler: ButtonHandler, *, once: bool, label: str | None = None) -> Listener:
        """Return a listener of a button in a message or on the Home tab, which is shown anew after the press.

        Args:
            handler: handles the press.
            once: handle each delivery once, since it changes something: a second one is refused.
            label: names the button in metrics; None takes its id.
        """

        async def listener(ack: AsyncAck, incoming: BlockActions, context: AsyncBoltContext) -> None:
            async def handle(interaction: Interaction) -> Reply:
                try:
                    return await handler(interaction, incoming)
                except FormNotOpenedError:
                    if incoming.is_on_home_tab:
                        # Its answers are direct messages, whose buttons would look for a request's message there.
                        raise
                    action = incoming.action
                    return Reply(offer_message(ActionId(action.action_id), action.value, interaction.t))

            await ack()
            name = label or incoming.metric_label
            self._observe_ack("action", name, context)
            key = incoming.delivery_key if once else None
            run: Handler = handle
            if incoming.is_on_home_tab and incoming.view:
                run = self.home.refresh_after(handle, seen=incoming.view.hash)
            self.runner.start("action", name, incoming.caller, incoming.target, run, once=key)

        return listener

    def flow_menu(self, buttons: Mapping[ActionId, Listener]) -> Listener:
        """Return a listener of a flow's menu: each entry is a press of the button that it stands for."""
        refuse = self.button(refuse_unknown, once=False, label=UNKNOWN)

        async def listener(ack: AsyncAck, incoming: BlockActions, context: AsyncBoltContext) -> None:
            try:
                entry = parse_value(FlowEntryValue, incoming.action.value)
                button = buttons[entry.action]
            except (UserError, KeyError):
                await refuse(ack, incoming, context)
                return
            await button(ack, incoming.as_press_of(entry.action, FlowValue(flow=entry.flow).dump()), context)

        return listener

    def form_button(self, handler: FormButtonHandler) -> Listener:
        """Return a listener of a button or menu in a flow's form, which answers in the channel of the form."""

        async def listener(ack: AsyncAck, incoming: BlockActions, context: AsyncBoltContext) -> None:
            await ack()
            self._observe_ack("action", incoming.metric_label, context)
            form = FlowForm.parse(incoming.view) if incoming.view else None
            if form is None:
                return

            async def handle(interaction: Interaction) -> Reply:
                return await handler(interaction, form, incoming)

            target = ReplyTarget(form.metadata.channel, incoming.user.id, "")
            self.runner.start("form_action", incoming.metric_label, incoming.caller, target, handle)

        return listener

    def background(self, kind: str, start: Callable[[P], None], *, label: str | None = None) -> Listener:
        """Return a listener that acknowledges with nothing, and lets `start` start the work."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> None:
            await ack()
            self._observe_ack(kind, label or incoming.metric_label, context)
            start(incoming)

        return listener

    def answering(self, kind: str, answer: Callable[[P], Awaitable[AckArgs]], *, label: str | None = None) -> Listener:
        """Return a listener that acknowledges with what `answer` returns."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> None:
            await ack(**await answer(incoming))
            self._observe_ack(kind, label or incoming.metric_label, context)

        return listener

    def deciding(self, kind: str, decide: Callable[[P], Awaitable[BoltResponse | None]]) -> Listener:
        """Return a listener that answers as `decide` says, which returns None for an acknowledgement."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> BoltResponse | None:
            answer = await decide(incoming)
            await ack()
            self._observe_ack(kind, incoming.metric_label, context)
            return answer

        return listener

    def _observe_ack(self, kind: str, label: str, context: AsyncBoltContext) -> None:
        seconds = context.get(ACKED) or time.perf_counter() - context[RECEIVED]
        self.runner.metrics.ack_seconds.labels(kind, label).observe(seconds)
