"""Drafts, menus and preview while a form is open."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from structlog.contextvars import bind_contextvars

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import FormKind, reset_segment
from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import UserId, parse_website_id
from flowbot.domain.lint import lint
from flowbot.domain.validation import INVALID_URL_KEY, draft_content, parse_wait
from flowbot.errors import DependencyError, UserError
from flowbot.i18n.translator import Translators
from flowbot.services.forms import FormContext, FormService
from flowbot.services.ports import Clock
from flowbot.services.users import UserService
from flowbot.slack.api.modals import AckArgs, Modals
from flowbot.slack.forms.flow.form import FlowForm, FlowFormData, SubmittedForm, format_copy_name
from flowbot.slack.forms.flow.submission import FORM_TOO_OLD_KEY, validate_submission
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent
from flowbot.slack.runner import ACK_SECONDS, NO_REPLY, Interaction, Reply
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.views import flow_settings, push

log = structlog.get_logger(__name__)

NO_PREVIEW_KEYS: Final = frozenset({INVALID_URL_KEY, FORM_TOO_OLD_KEY})
"""Problems that rule out a preview: it leads to a page that nobody could open, or can never be saved."""


@dataclass(frozen=True, slots=True)
class FormEditor:
    """Serves a form while it is open."""

    forms: FormService
    modals: Modals
    users: UserService
    locales: Translators
    clock: Clock
    tasks: TrackedTasks

    def save_typed(self, press: BlockActions) -> None:
        """Start to write what was typed to the draft, never over what was typed later."""
        if press.view and (form := FlowForm.parse(press.view)):
            bind_contextvars(request="typed", user=press.user.id)
            self._save_draft(press.user.id, form, "typed")

    def save_closed(self, event: FormEvent) -> None:
        """Start to write what was typed when the form was closed to the draft, if Slack sends it."""
        form = FlowForm.parse(event.view)
        if form and any(form.typed.get(name) for name in ("name", "title", "description", "url")):
            self._save_draft(event.user.id, form, "closed")

    def _save_draft(self, user: UserId, form: SubmittedForm, name: str) -> None:
        t = self.locales.for_reader(form.metadata.locale, form.metadata.timezone)
        name_copy = partial(format_copy_name, t=t)
        saving = self.forms.save_input(user, form.metadata.token, form.typed, self.clock(), name_copy)
        self.tasks.start(saving, name=name)

    async def offer_segments(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        """Offer the segments of the website that was just chosen; everything else stays as it was typed."""
        at, metadata = self.clock(), form.metadata
        draft = await self.forms.drafts.get(metadata.token)
        before = draft.before if draft else None
        typed = reset_segment(form.typed, before if metadata.kind is FormKind.EDIT else None)
        context = await self.forms.load_menus(interaction.user, draft.channel if draft else metadata.channel)
        name_copy = partial(format_copy_name, t=interaction.t)
        await self.forms.save_input(interaction.user.id, metadata.token, typed, at, name_copy)
        newest = await self.forms.drafts.get(metadata.token)
        if newest and newest.changed_at > at and newest.typed.get("website", typed["website"]) != typed["website"]:
            # Another website was chosen meanwhile: its segments are on their way.
            return NO_REPLY
        website = parse_website_id(typed.get("website", ""))
        if website not in context.websites:
            # Only under new ids does Slack forget a website that the channel no longer has.
            metadata = metadata.model_copy(update={"turn": metadata.turn + 1})
        data = FlowFormData(
            typed=typed,
            websites=context.websites,
            segments=context.segments_of(website),
            metadata=metadata,
            before=before,
            settings=await self.forms.load_settings(before, metadata.kind.change_kind),
        )
        if press.view:
            await self.modals.update(press.view.id, FlowForm.build(data, interaction.t))
        return NO_REPLY

    async def show_preview(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        """Show the push as a subscriber would see it on top of the form, with its problems and remarks."""
        t, typed = interaction.t, form.typed
        checked, context = await validate_submission(self.forms, form)
        before = context.before
        problems = FlowForm.label_problems(checked.problems, t)
        if any(problem.key in NO_PREVIEW_KEYS for problem in checked.problems.values()):
            await self.modals.push(press.trigger_id, push.refused_preview_view(problems, t))
            return NO_REPLY
        content = draft_content(typed)
        is_edit = form.metadata.kind is FormKind.EDIT
        edited = before if is_edit else None
        utm = (typed.get(f"utm_{part}") or None for part in ("source", "medium", "campaign"))
        # The labels of the chosen entries, as the person reads them; not of a website that the channel no longer has.
        labels = form.chosen_labels if context.website else {}
        website, segment = labels.get("website"), labels.get("segment")
        if segment is None and edited is not None and context.website == edited.website_id:
            segment = flow_settings.format_known("segment", await self.forms.load_settings(edited, ChangeKind.EDIT), t)
        hosts = self.forms.flow_cache.find_hosts(context.website, before.id if before else None)
        remarks = lint(content, WriteOnlyFields(None, *utm), sibling_hosts=hosts, utm_may_be_set=is_edit)
        pushed = partial(push.preview_blocks, content, remarks, t)
        audience = push.audience_block(website, parse_wait(typed, edited), segment, t)
        preview = partial(push.preview_view, audience=audience, t=t, problems=problems)
        if form.file is None and not typed.get("image"):
            view = unshown = preview(pushed(image_url=edited.image_url if edited else None))
        else:
            unshown = preview(pushed(), note=push.format_unshown_image(form.file_info, t))
            view = preview(pushed(slack_file=form.shown_file)) if form.shown_file else unshown
        await self.modals.push(press.trigger_id, view, otherwise=unshown)
        return NO_REPLY

    async def suggest_options(self, question: BlockSuggestion) -> AckArgs:
        """Return the entries of a long menu that match what was typed; none where they cannot be had in time."""
        form = FlowForm.parse(question.view)
        if form is None:
            return {"options": []}
        metadata = form.metadata
        t = self.locales.for_reader(metadata.locale, metadata.timezone)

        async def load_menus() -> FormContext:
            return await self.forms.load_menus(await self.users.identify(question.caller), metadata.channel)

        try:
            context = await self.tasks.run_within(ACK_SECONDS, load_menus(), name="entries")
        except (UserError, DependencyError, TimeoutError) as error:
            log.warning("forms.no_suggestions", error=str(error) or "slow")
            return {"options": []}
        if question.action_id == ActionId.FORM_WEBSITE:
            return FlowForm.suggest_websites(context.websites, question.value, t)
        return FlowForm.suggest_segments(context.segments_of(metadata.website) or [], question.value, t)
