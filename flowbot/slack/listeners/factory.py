"""The factory of listeners: it makes what Bolt calls of handlers."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from flowbot.slack.api.modals import AckArgs, ModalNotOpenedError
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import ACKED, RECEIVED, BlockActions, Incoming, SlashCommand
from flowbot.slack.runner import Handler, Interaction, Reply, Runner
from flowbot.slack.views.form_status import offer_message

P = TypeVar("P", bound=Incoming)
Listener = Callable[..., Awaitable[BoltResponse | None]]
"""Called by Bolt with the arguments that it names; `incoming` is the validated request."""
ButtonHandler = Callable[[Interaction, BlockActions], Awaitable[Reply]]


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
                except ModalNotOpenedError:
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

    def acknowledge_then(self, kind: str, start: Callable[[P], None], *, label: str | None = None) -> Listener:
        """Return a listener that acknowledges with nothing, and lets `start` start the work."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> None:
            await ack()
            self._observe_ack(kind, label or incoming.metric_label, context)
            start(incoming)

        return listener

    def acknowledge_with(
        self, kind: str, answer: Callable[[P], Awaitable[AckArgs]], *, label: str | None = None
    ) -> Listener:
        """Return a listener that acknowledges with what `answer` returns."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> None:
            await ack(**await answer(incoming))
            self._observe_ack(kind, label or incoming.metric_label, context)

        return listener

    def acknowledge_if_stored(self, kind: str, store: Callable[[P], Awaitable[BoltResponse | None]]) -> Listener:
        """Return a listener that acknowledges once `store` has stored what came, or answers as `store` returns."""

        async def listener(ack: AsyncAck, incoming: P, context: AsyncBoltContext) -> BoltResponse | None:
            answer = await store(incoming)
            await ack()
            self._observe_ack(kind, incoming.metric_label, context)
            return answer

        return listener

    def _observe_ack(self, kind: str, label: str, context: AsyncBoltContext) -> None:
        seconds = context.get(ACKED) or time.perf_counter() - context[RECEIVED]
        self.runner.metrics.ack_seconds.labels(kind, label).observe(seconds)
