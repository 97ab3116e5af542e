"""Shortcuts of Slack's menus: a push of a message, and the list's window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft
from flowbot.domain.fields import FormKind
from flowbot.domain.ids import ChannelId, FormToken
from flowbot.domain.policy import Permission
from flowbot.domain.search import FlowQuery
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.authorization import find_permitted_channels
from flowbot.services.flow_queries import FlowQueries, ListRequest
from flowbot.services.forms import FormService
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.users import UserService
from flowbot.slack.api.modals import ModalNotOpenedError, Modals
from flowbot.slack.forms.flow.opening import FormOpener, FormSource, new_form_token
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import MessageValue, WindowValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions, MessageShortcut, Shortcut
from flowbot.slack.payloads.message_text import read_push_text
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner
from flowbot.slack.views import flow_window, form_status


@dataclass(frozen=True, slots=True)
class MessageShortcutHandler:
    """Opens the form of a new flow with a message's text; it asks for which channel, where there are several."""

    runner: Runner
    policies: PolicyStore
    users: UserService
    channels: ChannelAuthorizer
    forms: FormService
    opener: FormOpener
    modals: Modals

    def start(self, shortcut: MessageShortcut) -> None:
        """Start to open the form by the message's menu."""

        async def handle(interaction: Interaction) -> Reply:
            if (text := read_push_text(shortcut.message)) is None:
                raise UserError("shortcut.no_text")
            value = MessageValue(
                token=new_form_token(), is_cut=text.is_cut, is_from_elsewhere=shortcut.is_from_elsewhere
            )
            typed = {"title": text.title, "description": text.description}
            try:
                view_id = await self._open(interaction, shortcut.trigger_id)
            except ModalNotOpenedError:
                await self._save(interaction, value.token, typed)
                return Reply(form_status.offer_message(ActionId.MESSAGE_FORM, value.dump(), interaction.t))
            return await self._fill(interaction, typed, value, view_id)

        self.runner.start("shortcut", shortcut.metric_label, shortcut.caller, shortcut.target, handle)

    async def open_by_button(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the form by the button of a message, where Slack did not open it before."""
        value = parse_value(MessageValue, press.action.value)
        draft = await self.forms.load_draft(interaction.user, value.token)
        view_id = await self._open(interaction, press.trigger_id)
        return await self._fill(interaction.in_channel(draft.channel), draft.typed, value, view_id)

    async def choose_channel(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Put the form in the place of the question for which channel it is."""
        value = parse_value(MessageValue, press.action.value)
        draft = await self.forms.load_draft(interaction.user, value.token)
        there = await self.channels.switch_channel(interaction, value.channel, Permission.EDIT)
        await self.opener.fill(there, press.view_id, _message_source(draft.typed, value))
        return NO_REPLY

    async def _open(self, interaction: Interaction, trigger: str) -> str:
        return await self.modals.open(trigger, form_status.loading_view(FormKind.CREATE, interaction.t))

    async def _save(self, interaction: Interaction, token: FormToken, typed: Mapping[str, str]) -> None:
        """Save the text of a message in the channel of the interaction, until the form opens."""
        user, channel = interaction.user.id, interaction.target.require_channel()
        draft = Draft(token, user, channel, ChangeKind.CREATE, None, None, typed, self.runner.clock())
        await self.forms.drafts.save(draft)

    async def _fill(
        self, interaction: Interaction, typed: Mapping[str, str], value: MessageValue, view_id: str
    ) -> Reply:
        """Put the form, the question for a channel, or a refusal in the place of the loading view.

        Args:
            interaction: who asks, in the channel of the message.
            typed: the message's text by field.
            value: what else is to be known of it.
            view_id: the view.
        """
        t = interaction.t
        try:
            found = await self._find_channels(interaction, value)
            if len(found) == 1:
                await self.opener.fill(interaction.in_channel(found[0]), view_id, _message_source(typed, value))
                return NO_REPLY
            await self._save(interaction, value.token, typed)
        except (UserError, DependencyError) as error:
            view = form_status.sentence_view(FormKind.CREATE, t, error.text)
        else:
            values = {channel: value.model_copy(update={"channel": channel}).dump() for channel in found}
            question = t("shortcut.which_for_push")
            blocks = flow_window.channel_blocks(question, values, ActionId.MESSAGE_CHANNEL, t)
            view = form_status.modal_view(FormKind.CREATE, t, blocks)
        await self.modals.replace_loading(view_id, view)
        return NO_REPLY

    async def _find_channels(self, interaction: Interaction, value: MessageValue) -> Sequence[ChannelId]:
        """Find the channels for which the person may use the message's text.

        Raises:
            UserError: there is none.
        """
        user, here = interaction.user, interaction.target.require_channel()
        find_members = self.users.find_membership(user.id)
        found = await find_permitted_channels(self.policies, user, here, find_members, Permission.EDIT)
        if not found:
            raise UserError("shortcut.no_edit")
        if value.is_from_elsewhere and here not in found:
            # What another organisation wrote is for those who may act where it is written.
            raise UserError("shortcut.only_editors", channel=here)
        return found


def _message_source(typed: Mapping[str, str], value: MessageValue) -> FormSource:
    """Return the source of the form of a new flow with a message's text, in the place of the text's draft."""
    problem = Text("shortcut.cut") if value.is_cut else None
    return FormSource(FormKind.CREATE, values=typed, replaces=value.token, problem=problem)


@dataclass(frozen=True, slots=True)
class FlowWindow:
    """Shows the flows of a channel in a window; it asks for which channel, where there are several."""

    runner: Runner
    policies: PolicyStore
    users: UserService
    channels: ChannelAuthorizer
    flow_queries: FlowQueries
    modals: Modals

    def start(self, shortcut: Shortcut) -> None:
        """Start to open the window by Slack's menu."""

        async def handle(interaction: Interaction) -> Reply:
            try:
                return await self._open(interaction, shortcut.trigger_id)
            except ModalNotOpenedError:
                return Reply(form_status.offer_message(ActionId.WINDOW_OPEN, "", interaction.t))

        self.runner.start("shortcut", shortcut.metric_label, shortcut.caller, shortcut.target, handle)

    async def open_by_button(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Open the window by the button of a message, where Slack did not open it before."""
        return await self._open(interaction, press.trigger_id)

    async def turn_page(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Put another page, or a channel that was chosen, in the window."""
        value = parse_value(WindowValue, press.action.value)
        await self._show(interaction, value, press.view_id)
        return NO_REPLY

    async def _open(self, interaction: Interaction, trigger: str) -> Reply:
        t, find_members = interaction.t, self.users.find_membership(interaction.user.id)
        view_id = await self.modals.open(trigger, flow_window.loading_window(t))
        try:
            found = await find_permitted_channels(self.policies, interaction.user, None, find_members, Permission.VIEW)
            if not found:
                raise UserError("shortcut.no_view")  # noqa: TRY301 - told like any other refusal
        except (UserError, DependencyError) as error:
            await self.modals.replace_loading(view_id, flow_window.sentence_window(error.text, t))
            return NO_REPLY
        if len(found) == 1:
            await self._show(interaction, WindowValue(channel=found[0]), view_id)
            return NO_REPLY
        values = {channel: WindowValue(channel=channel).dump() for channel in found}
        blocks = flow_window.channel_blocks(t("shortcut.which_for_list"), values, ActionId.WINDOW_CHANNEL, t)
        await self.modals.replace_loading(view_id, flow_window.window_view(blocks, t))
        return NO_REPLY

    async def _show(self, interaction: Interaction, value: WindowValue, view_id: str) -> None:
        """Put a page of the list, or the reason why there is none, in the window."""
        t, request = interaction.t, ListRequest(FlowQuery(), page=value.page)
        try:
            there = await self.channels.switch_channel(interaction, value.channel, Permission.VIEW)
            result = await self.flow_queries.list_flows(there.user, value.channel, request, turning=True)
        except (UserError, DependencyError) as error:
            view = flow_window.sentence_window(error.text, t)
        else:
            view = flow_window.list_window(result, value.channel, t, self.runner.clock())
        await self.modals.replace_loading(view_id, view)
