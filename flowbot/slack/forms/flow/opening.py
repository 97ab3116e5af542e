"""Opening a flow's form."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowbot.domain.draft import Draft
from flowbot.domain.fields import FormKind, FormValues, default_values, duplicate_values, form_values
from flowbot.domain.flow import FieldDifference, flow_differences
from flowbot.domain.ids import ChannelId, FlowId, FormToken, parse_website_id
from flowbot.domain.step import parse_step_token
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
class FormSource:
    """What a form begins with: a flow or the defaults, and what goes over that.

    Attributes:
        flow: The flow to edit or to duplicate; None for a new one.
        resumes: Whether to go on with what the person typed before and did not save.
        draft: The stored draft to go on with.
        values: Values of an earlier version or of a message.
        replaces: The token of the draft whose place the form's own takes, where `draft` is none.
        version_at: When the flow had these values.
        problem: What is to be said above the fields.
        turn: That of the form's metadata.
        token: The form's own, where that is known before it opens.
    """

    kind: FormKind
    flow: FlowId | None = None
    resumes: bool = False
    draft: Draft | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    replaces: FormToken | None = None
    version_at: datetime | None = None
    problem: Text | None = None
    turn: int = 0
    token: FormToken | None = None


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
        await self._fill_or_refuse(interaction, view_id, FormSource(kind, flow, resumes=True))
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
        source = FormSource(kind, draft.flow, draft=draft if draft.typed else None, resumes=not draft.typed)
        await self._fill_or_refuse(interaction.in_channel(draft.channel), view_id, source)
        return NO_REPLY

    async def open_filled(
        self, interaction: Interaction, token: FormToken, values: Mapping[str, str], trigger: str
    ) -> Reply:
        """Open the form of a new flow under a token of its own, filled with values, or as it was typed before.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        user, channel = interaction.user, interaction.target.require_channel()
        await self.forms.require_edit(user, channel, None)
        view_id = await self.modals.open(trigger, form_status.loading_view(FormKind.CREATE, interaction.t))
        draft = await self.forms.drafts.get(token)
        if draft is not None and draft.user == user.id and draft.typed:
            source = FormSource(FormKind.CREATE, draft=draft, token=token)
        else:
            source = FormSource(FormKind.CREATE, values=values, token=token)
        await self._fill_or_refuse(interaction, view_id, source)
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
        values = form_values(version.content)
        source = FormSource(FormKind.EDIT, version.flow, values=values, version_at=version.at)
        await self._fill_or_refuse(interaction, view_id, source)
        return NO_REPLY

    async def fill(self, interaction: Interaction, view_id: str, source: FormSource) -> None:
        """Put the form in the place of a view, in the channel of the interaction.

        Raises:
            UserError: not allowed, or Slack did not show it.
            DependencyError: Enkapush or the database did not answer.
        """
        channel, t = interaction.target.require_channel(), interaction.t
        await self.modals.replace_loading(view_id, await self._build_form(interaction.user, channel, source, t))

    async def start_over(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        """Fill the form anew, and forget what was typed."""
        metadata = form.metadata
        await self.forms.drafts.delete(metadata.token)
        view_id, token = press.view_id, metadata.token if parse_step_token(metadata.token) else None
        source = FormSource(metadata.kind, metadata.flow, turn=metadata.turn + 1, token=token)
        await self._fill_or_refuse(interaction, view_id, source)
        return NO_REPLY

    async def _fill_or_refuse(self, interaction: Interaction, view_id: str, source: FormSource) -> None:
        """Put the form, or the reason why there is none, in the place of the loading view.

        Raises:
            UserError: Slack did not show it.
        """
        channel, t = interaction.target.require_channel(), interaction.t
        try:
            view = await self._build_form(interaction.user, channel, source, t)
        except (UserError, DependencyError) as error:
            view = form_status.sentence_view(source.kind, t, error.text)
        await self.modals.replace_loading(view_id, view)

    async def recreate_form(self, user: CurrentUser, t: Translator, draft: Draft, problem: Text) -> View:
        """Rebuild the form as it was typed, with the problem on top, and write its draft under a new token.

        Raises:
            UserError: not allowed any more, or the flow is gone.
            DependencyError: Enkapush or the database did not answer.
        """
        await self.forms.require_edit(user, draft.channel, None)
        source = FormSource(draft_form_kind(draft), draft.flow, draft=draft, problem=problem)
        return await self._build_form(user, draft.channel, source, t)

    async def _build_form(self, user: CurrentUser, channel: ChannelId, source: FormSource, t: Translator) -> View:
        """Build a form with a token of its own, and write a draft under it: what was typed, and the flow it showed."""
        kind, context = await self._load_context(user, channel, source)
        before, draft = context.before, source.draft or context.draft
        is_saved = draft is not None and context.is_of_request(draft)
        metadata = FormMetadata(
            token=source.token or new_form_token(),
            kind=kind,
            channel=channel,
            flow=before.id if before else None,
            locale=user.locale,
            timezone=user.timezone,
            turn=source.turn,
            needs_approval=context.needs_approval,
            needs_reason=context.needs_reason,
        )
        first_values, changed_meanwhile = _first_values(kind, context, draft, t)
        values = {**first_values, **source.values}
        typed = values if draft or source.values else {}
        replaced = draft.token if draft else source.replaces
        await self.forms.drafts.save(
            Draft(metadata.token, user.id, channel, kind.change_kind, metadata.flow, before, typed, self.clock()),
            replaces=None if replaced == metadata.token else replaced,
        )
        data = FlowFormData(
            typed=values,
            websites=context.websites,
            segments=context.segments_of(parse_website_id(values.get("website", ""))),
            metadata=metadata,
            before=before,
            problem=source.problem,
            typed_at=draft.changed_at if draft and source.problem is None and not is_saved else None,
            changed_meanwhile=changed_meanwhile,
            has_open_request=context.open_request is not None and not context.revises,
            revises=context.revises,
            settings=context.settings,
            version_at=source.version_at,
        )
        return FlowForm.build(data, t)

    async def _load_context(
        self, user: CurrentUser, channel: ChannelId, source: FormSource
    ) -> tuple[FormKind, FormContext]:
        """Load what the form needs. A draft of a flow that is gone becomes the form of a new one."""
        kind, is_fresh = source.kind, not source.resumes
        try:
            return kind, await self.forms.load_form(user, channel, kind.change_kind, source.flow, fresh=is_fresh)
        except NoSuchFlowError:
            if source.draft is None:
                raise
            new = FormKind.CREATE
            return new, await self.forms.load_form(user, channel, new.change_kind, None, fresh=True)


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
