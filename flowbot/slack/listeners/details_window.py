"""The window of one request or one flow."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError, UserError
from flowbot.i18n.translator import Translator
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.flow_queries import FlowQueries
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import CurrentUser
from flowbot.slack.api.modals import Modals
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.payloads.button_values import ChangeValue, FlowValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import NO_REPLY, Interaction, Reply
from flowbot.slack.views import details_window, push, sentences
from flowbot.slack.views.message import Message
from flowbot.slack.views.remarks import remark_list
from flowbot.slack.views.request_message import request_message


@dataclass(frozen=True, slots=True)
class DetailsWindow:
    """Shows people all of a request or a flow in a window, where they may see it; else the window says why not."""

    decisions: DecisionService
    details: RequestDetailsLoader
    channels: ChannelAuthorizer
    flow_queries: FlowQueries
    modals: Modals
    clock: Clock

    async def show_request(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Show the button's request."""
        change = parse_value(ChangeValue, press.action.value).change

        async def load() -> Message:
            record = await self._load_visible(interaction.user, change, interaction.target.channel)
            message = request_message(await self.details.load_newest(change), interaction.t, self.clock())
            remarks = await self.decisions.store.list_remarks([record.change])
            return replace(message, blocks=(*message.blocks, *remark_list(remarks[change], interaction.t)))

        return await self._show(interaction.t, press, load)

    async def _load_visible(self, user: CurrentUser, change: ChangeId, acting_from: ChannelId | None) -> RequestRecord:
        """Load a request that a person may see, or decide on: a stand-in sees what they decide on.

        Raises:
            UserError: they may do neither.
        """
        try:
            return await self.decisions.authorizer.load_visible(user, change, acting_from)
        except UserError as refusal:
            with suppress(UserError):
                await self.decisions.require_decidable(user, change, acting_from)
                return await self.decisions.authorizer.load_record(change)
            raise refusal from None

    async def show_flow(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Show the button's flow."""
        value = parse_value(FlowValue, press.action.value)

        async def load() -> Message:
            there = await self.channels.switch_channel(interaction, value.channel, Permission.VIEW)
            details = await self.flow_queries.get_flow(there.user, there.target.require_channel(), value.flow)
            return push.flow_details_message(details, interaction.t, self.clock())

        return await self._show(interaction.t, press, load)

    async def _show(self, t: Translator, press: BlockActions, load: Callable[[], Awaitable[Message]]) -> Reply:
        """Open the window at once, on top of the one in which the button is, and fill it with what `load` returns."""
        open_window = self.modals.push if press.is_in_modal else self.modals.open
        view_id = await open_window(press.trigger_id, details_window.loading_window(t))
        try:
            message = await load()
        except (UserError, DependencyError) as error:
            message = sentences.sentence_message(t, error.text)
        await self.modals.replace_loading(view_id, details_window.message_window(message, t))
        return NO_REPLY
