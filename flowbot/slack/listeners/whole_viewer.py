"""The viewer of what a message has in short."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError, UserError
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import RequestAuthorizer
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.ports import Clock
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.slack.api.modals import Modals
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.payloads.button_values import ChangeValue, FlowValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import NO_REPLY, Interaction, Reply
from flowbot.slack.views import push, sentences, whole
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_message import request_message


@dataclass(frozen=True, slots=True)
class WholeViewer:
    """Shows people the whole of a request or a flow, in a window."""

    authorizer: RequestAuthorizer
    details: RequestDetailsLoader
    channels: ChannelAuthorizer
    flow_queries: FlowQueries
    modals: Modals
    clock: Clock

    async def show_request(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Show the whole request, where the person may see it."""
        change = parse_value(ChangeValue, press.action.value).change
        await self.authorizer.load_visible(interaction.user, change, interaction.target.channel)

        async def load() -> Message:
            return request_message(await self.details.load_newest(change), interaction.t, self.clock())

        return await self._show(interaction.t, press.trigger_id, load)

    async def show_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Show the whole flow, where the person may see it."""
        value = parse_value(FlowValue, press.action.value)
        there = await self.channels.switch_channel(interaction, value.channel, Permission.VIEW)

        async def load() -> Message:
            details = await self.flow_queries.get_flow(there.user, there.target.require_channel(), value.flow)
            return push.flow_details_message(details, interaction.t, self.clock())

        return await self._show(interaction.t, press.trigger_id, load)

    async def _show(self, t: Translator, trigger: str, load: Callable[[], Awaitable[Message]]) -> Reply:
        view_id = await self.modals.open(trigger, whole.loading_view(t))
        try:
            message = await load()
        except (UserError, DependencyError) as error:
            message = sentences.sentence_message(t, error.text)
        await self.modals.replace_loading(view_id, whole.whole_view(message, t))
        return NO_REPLY
