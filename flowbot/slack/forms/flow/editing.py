"""Drafts, menus and preview while a form is open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from flowbot.domain.fields import FormKind, reset_segment
from flowbot.domain.flow import Flow, WriteOnlyFields
from flowbot.domain.ids import FormToken, UserId, parse_website_id
from flowbot.domain.lint import lint
from flowbot.domain.validation import INVALID_URL_KEY, draft_content, parse_wait
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.forms import FormService
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import Segment
from flowbot.services.users import UserService
from flowbot.slack.api.modals import Modals
from flowbot.slack.forms.flow.form import FlowForm, FlowFormData, SubmittedForm
from flowbot.slack.forms.flow.opening import segments_in_form
from flowbot.slack.forms.flow.submission import FORM_TOO_OLD_KEY, validate_submission
from flowbot.slack.forms.widgets import SegmentOption
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockSuggestion, FormEvent
from flowbot.slack.runner import ACK_SECONDS, Interaction, Reply, TrackedTasks
from flowbot.slack.views import form_status as views
from flowbot.slack.views.block_kit import Block

log = structlog.get_logger(__name__)


NOT_WORTH_A_LOOK: Final = frozenset({INVALID_URL_KEY, FORM_TOO_OLD_KEY})
"""What is wrong where there is no preview: it leads to a page that nobody could open, or can never be saved."""


@dataclass(frozen=True, slots=True)
class FormEditor:
    """Serves a form while it is open."""

    forms: FormService
    modals: Modals
    users: UserService
    locales: Translators
    clock: Clock
    tasks: TrackedTasks

    async def save_draft(self, user: UserId, form: SubmittedForm, at: datetime) -> None:
        """Keep what was typed by `at`: what was typed later stays, whatever is kept first."""
        await self.forms.save_input(user, form.metadata.token, form.typed, at)

    async def save_on_close(self, event: FormEvent, at: datetime) -> None:
        """Keep what was typed when the form was closed, at `at`, if Slack tells it."""
        form = FlowForm.parse(event.view)
        if form is not None and any(form.typed.get(name) for name in ("name", "title", "description", "url")):
            await self.save_draft(event.user.id, form, at)

    async def offer_segments(self, interaction: Interaction, form: SubmittedForm, view_id: str) -> Reply:
        """Offer the segments of the website that was just chosen; everything else stays as it was typed."""
        at = self.clock()
        before = await self._before(form.metadata.token)
        edited = before if form.metadata.kind is FormKind.EDIT else None
        typed = reset_segment(form.typed, edited)
        ready = await self.forms.load_menus(interaction.user, form.metadata.channel)
        website = parse_website_id(typed.get("website", ""))
        await self.forms.save_input(interaction.user.id, form.metadata.token, typed, at)
        data = FlowFormData(
            typed=typed,
            websites=ready.websites,
            segments=_choices(ready.segments_of(website)),
            metadata=form.metadata,
            before=before,
        )
        await self.modals.update(view_id, FlowForm.build(data, interaction.t))
        return Reply()

    async def show_preview(self, interaction: Interaction, form: SubmittedForm, trigger: str) -> Reply:
        """Lay the push as a subscriber would see it on top of the form: what is wrong, what is worth a look."""
        checked, before = await validate_submission(self.forms, form)
        edited = before if form.metadata.kind is FormKind.EDIT else None
        wrong = FlowForm.label_problems(checked.problems, interaction.t)
        if any(problem.key in NOT_WORTH_A_LOOK for problem in checked.problems.values()):
            await self.modals.push(trigger, views.preview_refused(wrong, interaction.t))
            return Reply()
        content = draft_content(form.typed)
        view = views.preview_view(
            content,
            self._remarks(form, before),
            interaction.t,
            reached=_reached(form, edited, interaction.t),
            image_url=edited.image_url if edited else None,
            adds_picture=form.file is not None or bool(form.typed.get("image")),
        )
        await self.modals.push(trigger, views.under_refusals(view, wrong, interaction.t))
        return Reply()

    async def suggest_options(self, question: BlockSuggestion) -> dict[str, Any]:
        """The entries of a long menu that match what was typed, in time; none where they cannot be had."""
        try:
            return await self.tasks.run_within(ACK_SECONDS, self._suggest(question), name="entries")
        except (UserError, DependencyError, TimeoutError) as error:
            log.warning("forms.no_suggestions", error=str(error) or "slow")
            return {"options": []}

    async def _suggest(self, question: BlockSuggestion) -> dict[str, Any]:
        form = FlowForm.parse(question.view)
        if form is None:
            return {"options": []}
        metadata = form.metadata
        t = self.locales.translator(metadata.locale, metadata.timezone)
        reader = await self.users.identify(question.caller)
        ready = await self.forms.load_menus(reader, metadata.channel)
        if question.action_id == ActionId.FORM_WEBSITE:
            return FlowForm.suggest_websites(ready.websites, question.value, t)
        segments = _choices(ready.segments_of(metadata.website)) or []
        return FlowForm.suggest_segments(segments, question.value, t)

    def _remarks(self, form: SubmittedForm, before: Flow | None) -> tuple[Text, ...]:
        typed, content = form.typed, draft_content(form.typed)
        utm = (typed.get(f"utm_{part}") or None for part in ("source", "medium", "campaign"))
        hosts = self.forms.known_hosts(content.website_id, before.id if before else None)
        edited = form.metadata.kind is FormKind.EDIT
        return lint(content, WriteOnlyFields(None, *utm), sibling_hosts=hosts, utm_may_be_set=edited)

    async def _before(self, token: FormToken) -> Flow | None:
        draft = await self.forms.find_draft(token)
        return draft.before if draft else None


def _reached(form: SubmittedForm, edited: Flow | None, t: Translator) -> Block:
    """Whom the form's push is for: its menus are read as the person reads them."""
    website = form.chosen_labels.get("website") or t("flow.none")
    return views.reach_blocks(website, parse_wait(form.typed, edited), form.chosen_labels.get("segment"), t)


def _choices(segments: list[Segment] | None) -> list[SegmentOption] | None:
    return None if segments is None else segments_in_form(segments)
