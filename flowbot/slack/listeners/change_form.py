"""The handler of the form that asks to enable, disable or delete a flow."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from structlog.contextvars import bind_contextvars

from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft
from flowbot.domain.ids import FormToken
from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.approvals.wish import FlowWish, IncompleteWishError, RequestOpenError
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.ports.form_storage import DraftStore
from flowbot.slack.api.modals import AckArgs, Modals, ack_errors
from flowbot.slack.forms.change import ChangeForm, ChangeFormMetadata, SubmittedChange
from flowbot.slack.forms.flow.opening import new_form_token
from flowbot.slack.forms.reason import reason_error
from flowbot.slack.listeners.channel_authorizer import ChannelAuthorizer
from flowbot.slack.listeners.request_actions import RequestActions
from flowbot.slack.payloads.button_values import FlowValue, parse_value
from flowbot.slack.payloads.incoming import BlockActions, FormEvent, ReplyTarget
from flowbot.slack.runner import NO_REPLY, Interaction, Reply, Runner
from flowbot.slack.views import sentences


@dataclass(frozen=True, slots=True)
class ChangeFormHandler:
    """Opens the form by a flow's button or by `Ask again`, and requests the change when the form is sent."""

    runner: Runner
    channels: ChannelAuthorizer
    submitter: RequestSubmitter
    requests: RequestActions
    drafts: DraftStore
    modals: Modals

    def open_handler(self, kind: ChangeKind) -> Callable[[Interaction, BlockActions], Awaitable[Reply]]:
        """Return the handler of a flow's button that opens the form, at once, and fills it after."""

        async def handle(interaction: Interaction, press: BlockActions) -> Reply:
            value = parse_value(FlowValue, press.action.value)
            there = await self.channels.switch_channel(interaction, value.channel, Permission.EDIT)
            wish = FlowWish(kind, value.flow)
            return await self.open_wish(there, press, wish, interaction.target, names_channel=value.channel is not None)

        return handle

    async def ask_again(self, interaction: Interaction, press: BlockActions) -> Reply:
        """Request the same change once more; open its form where it needs another time, or a reason."""
        try:
            return await self.requests.resubmit(interaction, press)
        except IncompleteWishError as error:
            there = interaction.in_channel(error.channel)
            is_elsewhere = interaction.target.channel != error.channel
            return await self.open_wish(there, press, error.wish, interaction.target, names_channel=is_elsewhere)

    async def open_wish(
        self,
        there: Interaction,
        press: BlockActions,
        wish: FlowWish,
        origin: ReplyTarget,
        *,
        names_channel: bool,
        token: FormToken | None = None,
    ) -> Reply:
        """Open the form of a wish, which is `there` in the channel whose policy decides, and fill it after.

        Args:
            there: the person, in that channel.
            press: the press that asks for it.
            wish: what the form is to ask for.
            origin: where the answer goes.
            names_channel: whether a refusal names the channel, since the person is elsewhere.
            token: the form's own, where that is known before it opens.
        """
        user, channel, t, kind = there.user, there.target.require_channel(), there.t, wish.kind
        view_id = await self.modals.open(press.trigger_id, ChangeForm.build_loading(kind, t))
        try:
            preview = await self.submitter.preview_change(user, channel, wish)
            token, now = token or new_form_token(), self.runner.clock()
            await self.drafts.save(Draft(token, user.id, channel, kind, wish.flow, preview.flow, {}, now))
        except RequestOpenError as error:
            reply = await self.requests.point_to_open_request(there, error.current)
            view = ChangeForm.build_refusal(kind, reply, t)
        except (UserError, DependencyError) as error:
            text = sentences.with_channel_name(error.text, channel) if names_channel else error.text
            view = ChangeForm.build_refusal(kind, sentences.sentence_message(t, text), t)
        else:
            metadata = ChangeFormMetadata(
                token=token,
                origin=origin.channel,
                thread=origin.thread,
                locale=user.locale,
                timezone=user.timezone,
            )
            view = ChangeForm.build(metadata, preview, t)
        await self.modals.replace_loading(view_id, view)
        return NO_REPLY

    async def submit(self, event: FormEvent) -> AckArgs:
        """Store the request, then start what follows from it. Return what to acknowledge with.

        The request is stored before the acknowledgement, so a crash cannot lose it. If it cannot be stored, the form
        stays open with what was typed, and says why.
        """
        submitted = ChangeForm.parse(event.view)
        if submitted is None:
            return {}
        metadata = submitted.metadata
        t = self.runner.locales.for_reader(metadata.locale, metadata.timezone)
        bind_contextvars(request="change", user=event.user.id, channel=metadata.origin)
        if errors := ChangeForm.field_errors(submitted, self.runner.clock(), t):
            return ack_errors(errors)
        store = partial(self._request, event, submitted)
        stored = await self.runner.store_submission(event, "change", ChangeForm.CALLBACK, store, t)
        if isinstance(stored, Text):
            return ack_errors(reason_error(stored, t))

        async def execute(interaction: Interaction) -> Reply:
            return await self.requests.execute(interaction, stored)

        target = ReplyTarget(metadata.origin, event.user.id, "", metadata.thread)
        self.runner.start("change", ChangeForm.CALLBACK, event.caller, target, execute)
        return {}

    async def _request(self, event: FormEvent, submitted: SubmittedChange) -> RequestRecord:
        user, draft = await self.runner.users.identify(event.caller), await self.drafts.get(submitted.metadata.token)
        if draft is None or draft.user != user.id or draft.flow is None:
            raise UserError("form.too_old")
        wish = FlowWish(draft.kind, draft.flow, submitted.reason, submitted.times)
        return await self.submitter.request_change(user, draft.channel, wish, form=draft)
