"""Buttons of lists and flows. Every press is authorised afresh, and answered."""

from collections.abc import Awaitable, Callable, Mapping

from flowbot.domain.fields import FormKind
from flowbot.domain.ids import FlowId, FormToken
from flowbot.domain.policy import Permission
from flowbot.errors import UserError
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.commands.show import FlowViewer
from flowbot.slack.listeners.home import HomeTab
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue, ListValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import Handler, Interaction, Reply, Runner
from flowbot.slack.views import flow_list, push, sentences

ActionHandler = Callable[[Interaction, BlockActions], Awaitable[Reply]]


class FlowActions:
    """The buttons of messages and of the Home tab."""

    def __init__(
        self, runner: Runner, opening: FormOpener, requests: RequestActions, showing: FlowViewer, home: HomeTab
    ) -> None:
        self._runner = runner
        self._showing = showing
        self._home = home
        self._opening = opening
        changing = requests.handlers()
        self._once = frozenset({ActionId.LIST_SHARE, ActionId.SHOW_SHARE, *changing})
        self._handlers: Mapping[str, ActionHandler] = {
            ActionId.LIST_PREVIOUS: self._turn,
            ActionId.LIST_NEXT: self._turn,
            ActionId.LIST_SHARE: self._share_list,
            ActionId.SHOW: self._show,
            ActionId.SHOW_SHARE: self._share_flow,
            ActionId.FLOW_EDIT: self._edit,
            ActionId.FLOW_DUPLICATE: self._duplicate,
            ActionId.FORM_OPEN: self._open_form,
            ActionId.CHANGE_OPEN: _do_nothing,
            **changing,
        }

    def handle(self, press: BlockActions) -> None:
        """Begin to carry out what a button stands for; its answer follows on its own."""
        place = ReplyTarget(press.channel.id if press.channel else None, press.user.id, press.response_url)
        work = self._home.refresh_after(self._work(press), seen=press.view_hash)
        once = press.delivery_key if press.action.action_id in self._once else None
        self._runner.start("action", request_label(press), press.caller, place, work, once=once)

    def _work(self, press: BlockActions) -> Handler:
        async def work(interaction: Interaction) -> Reply:
            handler = self._handlers.get(press.action.action_id)
            if handler is None:
                raise UserError("action.unknown")
            return await handler(interaction, press)

        return work

    async def _edit(self, interaction: Interaction, press: BlockActions) -> Reply:
        interaction, flow = await self._where_it_counts(interaction, press, Permission.EDIT)
        return await self._opening.open_form(interaction, FormKind.EDIT, flow, press.trigger_id)

    async def _duplicate(self, interaction: Interaction, press: BlockActions) -> Reply:
        interaction, flow = await self._where_it_counts(interaction, press, Permission.EDIT)
        return await self._opening.open_form(interaction, FormKind.DUPLICATE, flow, press.trigger_id)

    async def _where_it_counts(
        self, interaction: Interaction, press: BlockActions, permission: Permission
    ) -> tuple[Interaction, FlowId]:
        """The interaction to the channel whose policy decides, and the flow that the button is about."""
        value = parse_value(FlowValue, press.action.value)
        return await self._runner.switch_channel(interaction, value.channel, permission), value.flow

    async def _open_form(self, interaction: Interaction, press: BlockActions) -> Reply:
        return await self._opening.reopen_form(interaction, FormToken(press.action.value), press.trigger_id)

    async def _turn(self, interaction: Interaction, press: BlockActions) -> Reply:
        wanted = parse_value(ListValue, press.action.value).request
        result = await self._runner.flow_queries.list_flows(
            interaction.user, interaction.target.require_channel(), wanted, turning=True
        )
        return Reply(flow_list.flow_list_message(result, interaction.t, self._runner.clock()), replacing=True)

    async def _show(self, interaction: Interaction, press: BlockActions) -> Reply:
        interaction, flow_id = await self._where_it_counts(interaction, press, Permission.VIEW)
        return await self._showing.show(interaction, flow_id)

    async def _share_list(self, interaction: Interaction, press: BlockActions) -> Reply:
        runner, reader, channel = self._runner, interaction.user, interaction.target.require_channel()
        await runner.flow_queries.require_share(reader, channel)
        result = await runner.flow_queries.list_flows(
            reader, channel, parse_value(ListValue, press.action.value).request, turning=True
        )
        t = runner.locales.for_channel(reader.locale)
        await runner.responder.reply_publicly(
            interaction.target, flow_list.shared_list_message(result, reader.id, t, runner.clock())
        )
        return Reply(sentences.sentence_message(interaction.t, "share.done"))

    async def _share_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        interaction, flow_id = await self._where_it_counts(interaction, press, Permission.SHARE)
        runner, reader, channel = self._runner, interaction.user, interaction.target.require_channel()
        await runner.flow_queries.require_share(reader, channel)
        shown = await runner.flow_queries.get_flow(reader, channel, flow_id)
        t = runner.locales.for_channel(reader.locale)
        await runner.responder.reply_publicly(
            interaction.target, push.shared_flow_message(shown, reader.id, t, runner.clock())
        )
        return Reply(sentences.sentence_message(interaction.t, "share.done"))


async def _do_nothing(_interaction: Interaction, _press: BlockActions) -> Reply:
    """A button that leads to a page tells of it, too."""
    return Reply()
