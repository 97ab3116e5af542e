"""Submitting a flow's form."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from flowbot.domain.change import Change, ChangeRequest, ChangeState
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import DesiredFlow, Flow, is_unchanged
from flowbot.domain.images import ImageUpload
from flowbot.domain.validation import ValidationResult, validate_form
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translator, Translators
from flowbot.observability.logging import bind_incident
from flowbot.observability.metrics import Metrics
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.forms import FormService, draft_from_change
from flowbot.services.ports.slack import ImageSource
from flowbot.services.ports.storage import DeliveryStore, FlowBusyError, ImageStore
from flowbot.services.users import UserService
from flowbot.slack.forms.flow.form import FlowForm, SubmittedForm
from flowbot.slack.listeners.request_labels import request_label
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.payloads.incoming import FormEvent
from flowbot.slack.runner import ACK_SECONDS, TrackedTasks, explain_unsaved
from flowbot.slack.views import form_status as views

FORM_TOO_OLD_KEY: Final = "form.too_old"
"""The key of what is wrong with a form of which is not known any more what it showed."""


async def validate_submission(forms: FormService, form: SubmittedForm) -> tuple[ValidationResult, Flow | None]:
    """What a form asks for or what is wrong with it, as of now; and the flow that it showed, if any.

    Raises:
        DependencyError: the database did not answer.
    """
    metadata, typed = form.metadata, form.typed
    before, websites = await forms.load_submission_context(metadata.channel, metadata.token, typed.get("website", ""))
    if metadata.kind is FormKind.EDIT and before is None:
        return ValidationResult(None, {"name": Text(FORM_TOO_OLD_KEY)}), None
    checked = validate_form(
        typed, kind=metadata.kind, before=before, websites=websites, segment_website=metadata.website
    )
    return checked, before


IMAGE_SECONDS: Final = 1.2
"""How long a picture may take to be looked at before the acknowledgement; a slower one is fetched after it."""


AckArgs = dict[str, Any]


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FlowFormSubmission:
    """Takes forms in."""

    forms: FormService
    changes: ChangeExecutor
    images: ImageStore
    image_source: ImageSource
    users: UserService
    deliveries: DeliveryStore
    locales: Translators
    tasks: TrackedTasks
    metrics: Metrics
    results: FormResult

    async def accept(self, event: FormEvent) -> AckArgs | None:
        """What to acknowledge a submitted form with: what is wrong with it, or that it is being saved.

        By then it is kept, so that a crash cannot lose it. None where this is no form of flowbot's.
        """
        submitted = FlowForm.parse(event.view)
        if submitted is None:
            return None
        metadata = submitted.metadata
        t = self.locales.translator(metadata.locale, metadata.timezone)
        bind_incident(request="form", user=event.user.id, channel=metadata.channel)
        try:
            answer = await self.tasks.run_within(ACK_SECONDS, self._once(event, submitted, t), name="form")
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            answer, outcome = _ack_errors({"name": explain_unsaved(error, t)}, submitted, t), "fault"
        else:
            outcome = "refused" if answer["response_action"] == "errors" else "done"
        self.metrics.requests.labels("form", request_label(event), outcome).inc()
        return answer

    async def _once(self, event: FormEvent, submitted: SubmittedForm, t: Translator) -> AckArgs:
        """A refused submission stays refused when it is delivered again, even if it would pass now.

        What was accepted needs no such note: the form's token makes it once.
        """
        key = event.delivery_key
        if key is not None and await self.deliveries.was_recorded(key):
            return _ack_errors({"name": Text("form.repeated")}, submitted, t)
        answer = await self._take(event, submitted, t)
        if key is not None and answer["response_action"] == "errors":
            await self.deliveries.record_once(key, self.changes.clock())
        return answer

    async def _take(self, event: FormEvent, submitted: SubmittedForm, t: Translator) -> AckArgs:
        checked, before = await validate_submission(self.forms, submitted)
        submitted, problem = await self._with_picture(submitted)
        problems = {**checked.problems, **({"image": problem} if problem else {})}
        if problems or checked.wanted is None:
            return _ack_errors(problems, submitted, t)
        if _changes_nothing(submitted, checked.wanted, before):
            return _ack_errors({"name": Text("form.nothing_changed")}, submitted, t)
        return await self._keep(event, submitted, checked, before, t)

    async def _keep(
        self, event: FormEvent, submitted: SubmittedForm, checked: ValidationResult, before: Flow | None, t: Translator
    ) -> AckArgs:
        new = _new_change(event, submitted, checked, before)
        try:
            change, is_new = await self.changes.submit(new)
        except FlowBusyError as taken:
            return _ack_errors({"name": _ack_taken(taken.current)}, submitted, t)
        if not is_new and _error_texts(change.request) != _error_texts(new):
            return _ack_errors({"name": Text("form.sent_already")}, submitted, t)
        if is_new:
            self.tasks.start(self._carry_out(change, event, before), name=f"form {change.id}")
        return {"response_action": "update", "view": views.saving(submitted.metadata.kind, t)}

    async def _with_picture(self, submitted: SubmittedForm) -> tuple[SubmittedForm, Text | None]:
        """The form with its picture kept, or what is wrong with it; as it is where the picture takes its time."""
        file = submitted.file
        if file is None:
            return submitted, None
        try:
            async with asyncio.timeout(IMAGE_SECONDS):
                image = await self.image_source.fetch(ImageUpload(file.id, file.url_private_download, file.name))
                kept = await self.images.add(image, self.changes.clock())
        except UserError as error:
            return submitted, Text(error.key, error.params)
        except (DependencyError, TimeoutError) as error:
            log.warning("forms.picture_later", error=str(error) or "slow")
            return submitted, None
        return replace(submitted, typed={**submitted.typed, "image": kept}, file=None), None

    async def _carry_out(self, change: Change, event: FormEvent, before: Flow | None) -> None:
        """Carry out a form that was just acknowledged, and show in its place what became of it."""
        asked = change.request
        bind_incident(request="form", user=asked.requester, channel=asked.channel, change=change.id)
        try:
            # Kept until it is known that it was saved.
            await self.forms.save_draft(draft_from_change(asked, before, change.created_at))
            tell = self.results.for_open_form(event.view_id)
            settled = await self.changes.execute(change, tell, lambda: self.users.identify(event.caller))
            log.info("flow_form.settled", state=settled.state)
        except DependencyError as fault:
            # The change is kept: the recovery of this or another process goes on where this one stopped.
            log.warning("forms.left_to_recovery", error=str(fault))


def _new_change(
    event: FormEvent, submitted: SubmittedForm, checked: ValidationResult, before: Flow | None
) -> ChangeRequest:
    metadata, wanted = submitted.metadata, checked.wanted
    if wanted is None:
        raise ValueError("a form with problems is not a change")
    image = submitted.typed.get("image") or None
    edited = before if metadata.kind is FormKind.EDIT else None
    file = submitted.file
    return ChangeRequest(
        token=metadata.token,
        kind=metadata.kind.change,
        requester=event.user.id,
        channel=metadata.channel,
        website=edited.website_id if edited else wanted.content.website_id,
        flow=edited.id if edited else None,
        before=edited,
        wanted=replace(wanted, image=image),
        picture=ImageUpload(file.id, file.url_private_download, file.name) if file else None,
        typed=submitted.typed,
        locale=metadata.locale,
        timezone=metadata.timezone,
    )


def _changes_nothing(submitted: SubmittedForm, wanted: DesiredFlow, before: Flow | None) -> bool:
    """Whether an edit changes nothing: nobody should have to approve that."""
    if submitted.metadata.kind is not FormKind.EDIT or before is None or submitted.file is not None:
        return False
    return is_unchanged(replace(wanted, image=submitted.typed.get("image") or None), before)


def _ack_taken(current: Change) -> Text:
    """Why a flow with an open change is not changed: a request may wait for days, all else is over in a moment."""
    if current.state is ChangeState.PENDING:
        return Text("form.flow_asked", {"id": str(current.request.flow)})
    return Text("form.flow_taken")


def _error_texts(asked: ChangeRequest) -> dict[str, str]:
    """What was typed; a picture is kept anew with every delivery of the same form."""
    return {name: text for name, text in asked.typed.items() if name != "image"}


def _ack_errors(problems: dict[str, Text], submitted: SubmittedForm, t: Translator) -> AckArgs:
    return {"response_action": "errors", "errors": FlowForm.field_errors(problems, submitted.metadata, t)}
