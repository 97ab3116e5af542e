"""Opening a flow's form."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowbot.domain.change import Draft
from flowbot.domain.fields import FormKind, FormValues, default_values, duplicate_values, form_values
from flowbot.domain.flow import FieldDifference, Flow, flow_differences
from flowbot.domain.ids import ChannelId, FlowId, FormToken, parse_website_id
from flowbot.domain.validation import rebase_values
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import NO_SUCH_FLOW_KEY
from flowbot.services.forms import FormContext, FormService
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import Segment
from flowbot.services.users import CurrentUser
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.flow.form import FlowForm, FlowFormData, FormMetadata
from flowbot.slack.forms.widgets import SegmentOption
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views import form_status as views
from flowbot.slack.views import sentences
from flowbot.slack.views.block_kit import View


def new_form_token() -> FormToken:
    """A token that no other form has."""
    return FormToken(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class FormOpener:
    """Opens forms."""

    forms: FormService
    modals: Modals
    clock: Clock

    async def open_form(self, interaction: Interaction, kind: FormKind, flow: FlowId | None, trigger: str) -> Reply:
        """Open a form for a new flow, an edit or a duplicate; what was typed and not saved is brought back."""
        await self.forms.require_edit(
            interaction.user, interaction.target.require_channel(), interaction.target.channel
        )
        view_id = await self.modals.open(trigger, views.loading(kind, interaction.t))
        await self._fill(interaction, kind, flow, view_id, fresh=False)
        return Reply()

    async def reopen_form(self, interaction: Interaction, token: FormToken, trigger: str) -> Reply:
        """Open a form again that was not saved, as it was typed, even if its flow has changed since."""
        draft = await self.forms.load_draft(interaction.user, token)
        await self._allowed(interaction, draft.channel)
        kind = draft_form_kind(draft)
        view_id = await self.modals.open(trigger, views.loading(kind, interaction.t))
        here = replace(interaction, target=replace(interaction.target, channel=draft.channel))
        await self._fill(here, kind, draft.flow, view_id, fresh=True, draft=draft)
        return Reply()

    async def _allowed(self, interaction: Interaction, channel: ChannelId) -> None:
        """Make sure that a form of `channel` may be filled.

        Raises:
            UserError: not allowed; names the channel where it is another one than the visit's.
        """
        try:
            await self.forms.require_edit(interaction.user, channel, interaction.target.channel)
        except UserError as error:
            if channel == interaction.target.channel:
                raise
            key, params = sentences.with_channel_name(channel, error.key, error.params)
            raise UserError(key, **params) from error

    async def start_over(self, interaction: Interaction, metadata: FormMetadata, view_id: str) -> Reply:
        """Fill the form anew, and forget what was typed."""
        await self.forms.discard_draft(metadata.token)
        await self._fill(interaction, metadata.kind, metadata.flow, view_id, fresh=True, turn=metadata.turn + 1)
        return Reply()

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
    ) -> None:
        """Put the form, or the reason why there is none, in the place of the loading view.

        Raises:
            UserError: Slack did not show it.
        """
        try:
            kind, ready = await self._ready(
                interaction.user, interaction.target.require_channel(), kind, flow, fresh=fresh, draft=draft
            )
        except (UserError, DependencyError) as error:
            await self.modals.replace_loading(
                view_id, views.sentence_view(kind, interaction.t, error.key, error.params)
            )
            return
        draft = draft or ready.draft
        data = await self._create_form(
            interaction.user, interaction.target.require_channel(), kind, ready, draft, turn=turn
        )
        restored = replace(data, typed_at=draft.changed_at) if draft else data
        await self.modals.replace_loading(view_id, FlowForm.build(restored, interaction.t))

    async def _ready(
        self,
        reader: CurrentUser,
        channel: ChannelId,
        kind: FormKind,
        flow: FlowId | None,
        *,
        fresh: bool,
        draft: Draft | None,
    ) -> tuple[FormKind, FormContext]:
        """What the form is made of. What was typed about a flow that is gone by now becomes the form of a new one."""
        try:
            return kind, await self.forms.load_form(reader, channel, kind.change, flow, fresh=fresh)
        except UserError as error:
            if draft is None or error.key != NO_SUCH_FLOW_KEY:
                raise
            return FormKind.CREATE, await self.forms.load_form(
                reader, channel, FormKind.CREATE.change, None, fresh=True
            )

    async def recreate_form(self, reader: CurrentUser, t: Translator, draft: Draft, problem: Text) -> View:
        """The form once more, as it was typed, with the reason on top.

        Raises:
            UserError: not allowed any more, or the flow is gone.
            DependencyError: Enkapush or the database did not answer.
        """
        await self.forms.require_edit(reader, draft.channel, None)
        kind, ready = await self._ready(
            reader, draft.channel, draft_form_kind(draft), draft.flow, fresh=True, draft=draft
        )
        data = await self._create_form(reader, draft.channel, kind, ready, draft)
        return FlowForm.build(replace(data, problem=problem), t)

    async def _create_form(
        self,
        reader: CurrentUser,
        channel: ChannelId,
        kind: FormKind,
        ready: FormContext,
        draft: Draft | None,
        *,
        turn: int = 0,
    ) -> FlowFormData:
        """The form under a token of its own. What was typed so far, and what it is checked against, is kept for it."""
        metadata = FormMetadata(
            token=new_form_token(),
            kind=kind,
            channel=channel,
            flow=ready.before.id if ready.before else None,
            locale=reader.locale,
            timezone=reader.timezone,
            turn=turn,
        )
        typed, changed_meanwhile = _rebase_draft(draft, kind, ready.before) if draft else ({}, ())
        await self.forms.save_draft(
            Draft(metadata.token, reader.id, channel, kind.change, metadata.flow, ready.before, typed, self.clock()),
            instead_of=draft.token if draft else None,
        )
        shown = typed if draft else initial_values(kind, ready)
        return FlowFormData(
            typed=shown,
            websites=ready.websites,
            segments=segment_choices(ready, shown),
            metadata=metadata,
            before=ready.before,
            has_open_request=ready.has_open_request,
            changed_meanwhile=changed_meanwhile,
        )


def draft_form_kind(draft: Draft) -> FormKind:
    """The form that the draft was typed into."""
    if draft.kind is FormKind.EDIT.change:
        return FormKind.EDIT
    return FormKind.CREATE if draft.flow is None else FormKind.DUPLICATE


def _rebase_draft(draft: Draft, kind: FormKind, now: Flow | None) -> tuple[FormValues, Sequence[FieldDifference]]:
    """What was typed, brought up to a flow that is edited and has changed since, and what has changed."""
    if kind is not FormKind.EDIT or draft.before is None or now is None:
        return draft.typed, ()
    found = tuple(flow_differences(draft.before, now))
    return (rebase_values(draft.typed, draft.before, now) if found else draft.typed), found


def initial_values(kind: FormKind, ready: FormContext) -> FormValues:
    """What a form holds before anybody has typed: one website is chosen already."""
    if ready.before is None:
        return default_values(next(iter(ready.websites), None))
    return form_values(ready.before) if kind is FormKind.EDIT else duplicate_values(ready.before)


def segment_choices(ready: FormContext, typed: FormValues) -> list[SegmentOption] | None:
    """The segments of the website that is chosen."""
    found = ready.segments_of(parse_website_id(typed.get("website", "")))
    return None if found is None else segments_in_form(found)


def segments_in_form(segments: list[Segment]) -> list[SegmentOption]:
    """Segments as entries of a menu."""
    return [SegmentOption(segment.id, segment.name, segment.subscribers) for segment in segments]
