"""Forms: their buttons and fields, submit, close and menus."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowbot.observability.logging import bind_incident
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.api.modals import AckArgs
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.form import FlowForm, SubmittedForm
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent
from flowbot.slack.runner import Interaction, Reply, Runner

FormHandler = Callable[[Interaction, SubmittedForm, BlockActions], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class FormViews:
    """Hands what happens in a form on to who serves it."""

    runner: Runner
    opening: FormOpener
    live: FormEditor
    submission: FlowFormSubmission

    def handle_action(self, press: BlockActions) -> None:
        """Something was chosen, typed or pressed in a form."""
        form = FlowForm.parse(press.view)
        if form is None:
            return
        action = press.action.action_id
        if handler := self._handlers().get(action):
            place = ReplyTarget(form.metadata.channel, press.user.id, "")
            work = lambda interaction: handler(interaction, form, press)  # noqa: E731 - a name for it would say no more
            self.runner.start("form_action", request_label(press), press.caller, place, work)
        elif action in {ActionId.FORM_TYPED, ActionId.FORM_SEGMENT}:
            bind_incident(request="typed", user=press.user.id)
            self.runner.tasks.start(self.live.save_draft(press.user.id, form, self.runner.clock()), name="typed")

    async def handle_submission(self, event: FormEvent) -> AckArgs | None:
        """A form was submitted: what to acknowledge it with."""
        return await self.submission.accept(event)

    def handle_close(self, event: FormEvent) -> None:
        """A form was closed without being submitted."""
        self.runner.tasks.start(self.live.save_on_close(event, self.runner.clock()), name="closed")

    async def suggest_options(self, question: BlockSuggestion) -> dict[str, Any]:
        """A menu wants its entries."""
        return await self.live.suggest_options(question)

    def _handlers(self) -> Mapping[str, FormHandler]:
        return {
            ActionId.FORM_WEBSITE: self._website,
            ActionId.FORM_PREVIEW: self._preview,
            ActionId.FORM_START_OVER: self._start_over,
        }

    async def _website(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        return await self.live.offer_segments(interaction, form, press.view_id)

    async def _preview(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        return await self.live.show_preview(interaction, form, press.trigger_id)

    async def _start_over(self, interaction: Interaction, form: SubmittedForm, press: BlockActions) -> Reply:
        return await self.opening.start_over(interaction, form.metadata, press.view_id)
