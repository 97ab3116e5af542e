"""Opening a flow's form."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowbot.domain.change import ChangeKind
from flowbot.domain.draft import Draft
from flowbot.domain.fields import FormKind, FormValues, default_values, duplicate_values, form_values
from flowbot.domain.flow import FieldDifference, flow_differences
from flowbot.domain.ids import ChannelId, FlowId, FormToken, parse_website_id
from flowbot.domain.validation import rebase_values
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import NoSuchFlowError
from flowbot.services.forms import FormContext, FormService
from flowbot.services.history import FlowVersion
from flowbot.services.ports import Clock
from flowbot.services.users import CurrentUser
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.flow.form import FlowForm, FlowFormData, FormMetadata, SubmittedForm, format_copy_name
from flowbot.slack.payloads.incoming import BlockActions
from flowbot.slack.runner import NO_REPLY, Interaction, Reply
from flowbot.slack.views import form_status, sentences
from flowbot.slack.views.block_kit import View


def new_form_token() -> FormToken:
    """Return a token that no other form has."""
    return FormToken(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class FormOpener:
    """Opens forms."""

    forms: FormService
    modals: Modals
    clock: Clock

    async def open_form(self, interaction: Interaction, kind: FormKind, flow: FlowId | None, trigger: str) -> Reply:
        """Open a form for a new flow, an edit or a duplicate; what was typed and not saved is brought back.

        Without a trigger, the reply has a button that opens it.
        """
        target = interaction.target
        await self.forms.require_edit(interaction.user, target.require_channel(), target.channel)
        if not trigger:
            return Reply(form_status.form_offer_message(kind, flow, interaction.t))
        view_id = await self.modals.open(trigger, form_status.loading_view(kind, interaction.t))
        await self._fill(interaction, kind, flow, view_id, fresh=False)
        return NO_REPLY

    async def reopen_form(self, interaction: Interaction, token: FormToken, trigger: str) -> Reply:
        """Open a form again that was not saved, as it was typed, even if its flow has changed since.

        Raises:
            UserError: not allowed; names the draft's channel where the person acts from another one.
        """
        draft = await self.forms.load_draft(interaction.user, token)
        here = interaction.target.channel
        try:
            await self.forms.require_edit(interaction.user, draft.channel, here)
        except UserError as error:
            if draft.channel == here:
                raise
            raise UserError(sentences.with_channel_name(error.text, draft.channel)) from error
        kind = draft_form_kind(draft)
        view_id = await self.modals.open(trigger, form_status.loading_view(kind, interaction.t))
        there = replace(interaction, target=replace(interaction.target, channel=draft.channel))
        await self._fill(there, kind, draft.flow, view_id, fresh=True, draft=draft)
        return NO_REPLY

    async def open_version(self, interaction: Interaction, version: FlowVersion, trigger: str) -> Reply:
        """Open the form that edits a flow, filled with an earlier version of it.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        user, channel = interaction.user, interaction.target.require_channel()
        await self.forms.require_edit(user, channel, interaction.target.channel)
        view_id = await self.modals.open(trigger, form_status.loading_view(FormKind.EDIT, interaction.t))
        values, flow = form_values(version.content), version.flow
        draft = Draft(new_form_token(), user.id, channel, ChangeKind.EDIT, flow, None, values, version.at)
        await self._fill(interaction, FormKind.EDIT, flow, view_id, fresh=True, draft=draft, is_version=True)
        return NO_REPLY

    async def fill_from_message(
        self, interaction: Interaction, draft: Draft, view_id: str, problem: Text | None
    ) -> None:
        """Put the form of a new flow in the place of a view, with a message's text in it.

        Args:
            interaction: who asks, in the channel whose policy decides.
            draft: the text by field; the form's own draft takes its place.
            view_id: the view.
            problem: what is to be said above the fields.

        Raises:
            UserError: not allowed, or Slack did not show it.
            DependencyError: Enkapush or the database did not answer.
        """
        user, channel, kind = interaction.user, interaction.target.require_channel(), FormKind.CREATE
        kind, context = await self._load_context(user, channel, kind, None, fresh=True, draft=None)
        values = {**_first_values(kind, context, None, interaction.t)[0], **draft.typed}
        data = await self._create_form(user, channel, kind, context, replace(draft, typed=values), interaction.t)
        await self.modals.replace_loading(view_id, FlowForm.build(replace(data, problem=problem), interaction.t))

    async def start_over(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        """Fill the form anew, and forget what was typed."""
        metadata = form.metadata
        await self.forms.drafts.delete(metadata.token)
        view_id = press.view.id if press.view else ""
        await self._fill(interaction, metadata.kind, metadata.flow, view_id, fresh=True, turn=metadata.turn + 1)
        return NO_REPLY

    async def _fill(  # noqa: PLR0913 - each is one thing that tells a form from another
        self,
        interaction: Interaction,
        kind: FormKind,
        flow: FlowId | None,
        view_id: str,
        *,
        fresh: bool,
        turn: int = 0,
        draft: Draft | None = None,
        is_version: bool = False,
    ) -> None:
        """Put the form, or the reason why there is none, in the place of the loading view.

        Raises:
            UserError: Slack did not show it.
        """
        user, channel, t = interaction.user, interaction.target.require_channel(), interaction.t
        try:
            typed = None if is_version else draft
            kind, context = await self._load_context(user, channel, kind, flow, fresh=fresh, draft=typed)
        except (UserError, DependencyError) as error:
            await self.modals.replace_loading(view_id, form_status.sentence_view(kind, t, error.text))
            return
        draft = draft or context.draft
        data = await self._create_form(user, channel, kind, context, draft, t, turn=turn)
        if draft and is_version:
            data = replace(data, version_at=draft.changed_at)
        elif draft:
            data = replace(data, typed_at=draft.changed_at)
        await self.modals.replace_loading(view_id, FlowForm.build(data, t))

    async def _load_context(
        self,
        user: CurrentUser,
        channel: ChannelId,
        kind: FormKind,
        flow: FlowId | None,
        *,
        fresh: bool,
        draft: Draft | None,
    ) -> tuple[FormKind, FormContext]:
        """Load what the form needs. A draft of a flow that is gone becomes the form of a new one."""
        try:
            return kind, await self.forms.load_form(user, channel, kind.change_kind, flow, fresh=fresh)
        except NoSuchFlowError:
            if draft is None:
                raise
            return FormKind.CREATE, await self.forms.load_form(
                user, channel, FormKind.CREATE.change_kind, None, fresh=True
            )

    async def recreate_form(self, user: CurrentUser, t: Translator, draft: Draft, problem: Text) -> View:
        """Rebuild the form as it was typed, with the problem on top, and write its draft under a new token.

        Raises:
            UserError: not allowed any more, or the flow is gone.
            DependencyError: Enkapush or the database did not answer.
        """
        await self.forms.require_edit(user, draft.channel, None)
        kind = draft_form_kind(draft)
        kind, context = await self._load_context(user, draft.channel, kind, draft.flow, fresh=True, draft=draft)
        data = await self._create_form(user, draft.channel, kind, context, draft, t)
        return FlowForm.build(replace(data, problem=problem), t)

    async def _create_form(  # noqa: PLR0913 - as for `_fill`
        self,
        user: CurrentUser,
        channel: ChannelId,
        kind: FormKind,
        context: FormContext,
        draft: Draft | None,
        t: Translator,
        *,
        turn: int = 0,
    ) -> FlowFormData:
        """Make a form with a token of its own, and write a draft under it: what was typed, and the flow it showed."""
        before = context.before
        metadata = FormMetadata(
            token=new_form_token(),
            kind=kind,
            channel=channel,
            flow=before.id if before else None,
            locale=user.locale,
            timezone=user.timezone,
            turn=turn,
        )
        values, changed_meanwhile = _first_values(kind, context, draft, t)
        typed = values if draft else {}
        await self.forms.drafts.save(
            Draft(metadata.token, user.id, channel, kind.change_kind, metadata.flow, before, typed, self.clock()),
            replaces=draft.token if draft else None,
        )
        return FlowFormData(
            typed=values,
            websites=context.websites,
            segments=context.segments_of(parse_website_id(values.get("website", ""))),
            metadata=metadata,
            before=before,
            has_open_request=context.has_open_request,
            settings=context.settings,
            changed_meanwhile=changed_meanwhile,
        )


def draft_form_kind(draft: Draft) -> FormKind:
    """Return the kind of form that the draft was typed into."""
    if draft.kind is FormKind.EDIT.change_kind:
        return FormKind.EDIT
    return FormKind.CREATE if draft.flow is None else FormKind.DUPLICATE


def _first_values(
    kind: FormKind, context: FormContext, draft: Draft | None, t: Translator
) -> tuple[FormValues, Sequence[FieldDifference]]:
    """Return a form's first values, and the flow's changes since the draft, which untouched fields follow."""
    before, is_edit = context.before, kind is FormKind.EDIT
    if draft is None:
        if before is None:
            # Where there are several, a flow on the wrong one would be the price of a choice that nobody made.
            return default_values(next(iter(context.websites)) if len(context.websites) == 1 else None), ()
        if is_edit:
            return form_values(before), ()
        copied = replace(before, name=format_copy_name(before.name, t))
        return duplicate_values(copied, context.settings.known.values), ()
    if not is_edit or draft.before is None or before is None:
        return draft.typed, ()
    changes = tuple(flow_differences(draft.before, before))
    return (rebase_values(draft.typed, draft.before, before) if changes else draft.typed), changes
