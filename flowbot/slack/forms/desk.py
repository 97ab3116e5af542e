"""The ways into a form: its buttons and fields, its submit, its closing, its menus."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowbot import logs
from flowbot.slack.desk import Answer, Desk, Visit
from flowbot.slack.forms.flow_form import FlowForm, Submitted
from flowbot.slack.forms.live import FormLive
from flowbot.slack.forms.opening import FormOpening
from flowbot.slack.forms.submission import AckArgs, FormSubmission
from flowbot.slack.ids import Action
from flowbot.slack.names import name_of
from flowbot.slack.payloads import BlockActions, FormEvent, Suggestion
from flowbot.slack.replies import Place

Handler = Callable[[Visit, Submitted, BlockActions], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class FormDesk:
    """Hands what happens in a form on to who serves it."""

    desk: Desk
    opening: FormOpening
    live: FormLive
    submission: FormSubmission

    def take_action(self, press: BlockActions) -> None:
        """Something was chosen, typed or pressed in a form."""
        form = FlowForm.parse(press.view)
        if form is None:
            return
        action = press.action.action_id
        if handler := self._handlers().get(action):
            place = Place(form.metadata.channel, press.user.id, "")
            work = lambda visit: handler(visit, form, press)  # noqa: E731 - a name for it would say no more
            self.desk.take("form_action", name_of(press), press.caller, place, work)
        elif action in {Action.FORM_TYPED, Action.FORM_SEGMENT}:
            logs.bind_incident(request="typed", user=press.user.id)
            self.desk.tasks.start(self.live.typed(press.user.id, form, self.desk.clock()), name="typed")

    async def take_submit(self, event: FormEvent) -> AckArgs | None:
        """A form was submitted: what to acknowledge it with."""
        return await self.submission.take(event)

    def take_close(self, event: FormEvent) -> None:
        """A form was closed without being submitted."""
        self.desk.tasks.start(self.live.closed(event, self.desk.clock()), name="closed")

    async def take_question(self, question: Suggestion) -> dict[str, Any]:
        """A menu wants its entries."""
        return await self.live.suggest(question)

    def _handlers(self) -> Mapping[str, Handler]:
        return {
            Action.FORM_WEBSITE: self._website,
            Action.FORM_PREVIEW: self._preview,
            Action.FORM_START_OVER: self._start_over,
        }

    async def _website(self, visit: Visit, form: Submitted, press: BlockActions) -> Answer:
        return await self.live.website_chosen(visit, form, press.view_id)

    async def _preview(self, visit: Visit, form: Submitted, press: BlockActions) -> Answer:
        return await self.live.preview(visit, form, press.trigger_id)

    async def _start_over(self, visit: Visit, form: Submitted, press: BlockActions) -> Answer:
        return await self.opening.start_over(visit, form.metadata, press.view_id)
