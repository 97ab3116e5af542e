"""The handler of flow forms: buttons, typing, submit, close and menus."""

from dataclasses import dataclass
from typing import Any, Final

from flowbot.observability.logging import bind_incident
from flowbot.slack.api.messages import ReplyTarget
from flowbot.slack.api.modals import AckArgs
from flowbot.slack.forms.flow.editing import FormEditor
from flowbot.slack.forms.flow.form import FlowForm
from flowbot.slack.forms.flow.opening import FormOpener
from flowbot.slack.forms.flow.submission import FlowFormSubmission
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent
from flowbot.slack.runner import Interaction, Reply, Runner

SAVED_AT_ONCE: Final = frozenset({ActionId.FORM_TYPED, ActionId.FORM_SEGMENT})
"""The actions after which the draft is saved, and no more."""
ANSWERED: Final = frozenset({ActionId.FORM_WEBSITE, ActionId.FORM_PREVIEW, ActionId.FORM_START_OVER})


@dataclass(frozen=True, slots=True)
class FlowFormHandler:
    """Handles what happens in a flow's form."""

    runner: Runner
    opener: FormOpener
    editor: FormEditor
    submission: FlowFormSubmission

    def handle_action(self, press: BlockActions) -> None:
        """Start to handle what was chosen, typed or pressed in a form."""
        form, action = FlowForm.parse(press.view), press.action.action_id
        if form is None:
            return

        async def handle(interaction: Interaction) -> Reply:
            match action:
                case ActionId.FORM_WEBSITE:
                    return await self.editor.offer_segments(interaction, form, press.view_id)
                case ActionId.FORM_PREVIEW:
                    return await self.editor.show_preview(interaction, form, press.trigger_id)
                case _:
                    return await self.opener.start_over(interaction, form.metadata, press.view_id)

        if action in ANSWERED:
            target = ReplyTarget(form.metadata.channel, press.user.id, "")
            self.runner.start("form_action", request_label(press), press.caller, target, handle)
        elif action in SAVED_AT_ONCE:
            bind_incident(request="typed", user=press.user.id)
            self.runner.tasks.start(self.editor.save_draft(press.user.id, form, self.runner.clock()), name="typed")

    async def handle_submission(self, event: FormEvent) -> AckArgs | None:
        """Handle a submitted form. Return what to acknowledge it with; None for another form."""
        return await self.submission.accept(event)

    def handle_close(self, event: FormEvent) -> None:
        """Start to save the draft of a form that was closed without being submitted."""
        self.runner.tasks.start(self.editor.save_on_close(event, self.runner.clock()), name="closed")

    async def suggest_options(self, question: BlockSuggestion) -> dict[str, Any]:
        """Return the entries of a menu."""
        return await self.editor.suggest_options(question)
