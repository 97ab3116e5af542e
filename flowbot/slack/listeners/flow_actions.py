"""Buttons of lists and flows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from flowbot.domain.fields import FormKind
from flowbot.domain.ids import FlowId, FormToken
from flowbot.domain.policy import Permission
from flowbot.errors import Text, UserError
from flowbot.i18n.translator import Translators
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.ports import Clock
from flowbot.slack.api.messages import Responder
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.factory import Listener
from flowbot.slack.listeners.flow_viewer import FlowViewer
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowEntryValue, FlowValue, ListValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views import flow_list, push, sentences
from flowbot.slack.views.message import Message


@dataclass(frozen=True, slots=True)
class FlowActions:
    """The handlers of the buttons that show or share flows, or open their forms."""

    flow_queries: FlowQueries
    channels: ChannelAuthorizer
    opener: FormOpener
    viewer: FlowViewer
    responder: Responder
    privacy: ChannelPrivacy
    locales: Translators
    clock: Clock

    def form_handler(self, kind: FormKind) -> Callable[[Interaction, BlockActions], Awaitable[Reply]]:
        """Return the handler of a flow's button that opens its form."""

        async def open_form(interaction: Interaction, press: BlockActions) -> Reply:
            interaction, flow = await self._switch_channel(interaction, press, Permission.EDIT)
            return await self.opener.open_form(interaction, kind, flow, press.trigger_id)

        return open_form

    async def create_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form of a new flow."""
        return await self.opener.open_form(interaction, FormKind.CREATE, None, press.trigger_id)

    async def reopen_form(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open a form again as it was typed."""
        return await self.opener.reopen_form(interaction, FormToken(press.action.value), press.trigger_id)

    async def redraw_list(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Put another page, filter or order in the place of a list."""
        request, channel = parse_value(ListValue, press.action.value).request, interaction.target.require_channel()
        result = await self.flow_queries.list_flows(interaction.user, channel, request, turning=True)
        return Reply(flow_list.flow_list_message(result, interaction.t, self.clock()), replacing=True)

    async def show_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Show a flow to the person alone."""
        here = interaction.target.channel
        interaction, flow = await self._switch_channel(interaction, press, Permission.VIEW)
        return await self.viewer.show(interaction, flow, is_elsewhere=here not in {None, interaction.target.channel})

    async def share_list(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Post a list to the channel."""
        user, channel = interaction.user, interaction.target.require_channel()
        policy = await self.flow_queries.require_share(user, channel)
        request = parse_value(ListValue, press.action.value).request
        result = await self.flow_queries.list_flows(user, channel, request, turning=True)
        shown, t = await self.privacy.redact(result, channel, policy), self.locales.for_channel(policy, user.locale)
        return await self._post(interaction, flow_list.shared_list_message(shown, user.id, t, self.clock()))

    async def share_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Post a flow to the channel."""
        interaction, flow = await self._switch_channel(interaction, press, Permission.SHARE)
        user, channel = interaction.user, interaction.target.require_channel()
        policy = await self.flow_queries.require_share(user, channel)
        details = await self.flow_queries.get_flow(user, channel, flow)
        shown, t = await self.privacy.redact(details, channel, policy), self.locales.for_channel(policy, user.locale)
        return await self._post(interaction, push.shared_flow_message(shown, user.id, t, self.clock()))

    async def _post(self, interaction: Interaction, message: Message) -> Reply:
        await self.responder.reply_publicly(interaction.target, message)
        return Reply(sentences.sentence_message(interaction.t, Text("share.done")))

    async def _switch_channel(
        self, interaction: Interaction, press: BlockActions, permission: Permission
    ) -> tuple[Interaction, FlowId]:
        """Return the interaction in the channel whose policy decides, and the button's flow."""
        value = parse_value(FlowValue, press.action.value)
        return await self.channels.switch_channel(interaction, value.channel, permission), value.flow


def flow_menu_listener(buttons: Mapping[ActionId, Listener], otherwise: Listener) -> Listener:
    """Return the listener of a flow's menu: each entry is a press of the button that it stands for.

    Args:
        buttons: the listeners of the buttons.
        otherwise: the listener of an entry that another version of flowbot made.
    """

    async def listener(ack: AsyncAck, incoming: BlockActions, context: AsyncBoltContext) -> None:
        try:
            entry = parse_value(FlowEntryValue, incoming.action.value)
            button = buttons[entry.action]
        except (UserError, KeyError):
            await otherwise(ack, incoming, context)
            return
        await button(ack, incoming.as_press_of(entry.action, FlowValue(flow=entry.flow).dump()), context)

    return listener
