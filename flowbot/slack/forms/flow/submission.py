"""Submitting a flow's form."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog
from structlog.contextvars import bind_contextvars

from flowbot.domain.change import WAITING_STATES, ChangeRequest
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import is_unchanged
from flowbot.domain.validation import ValidationResult, validate_form
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translators
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.revise import EditSubmitter
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.forms import FormService, SubmissionContext, draft_from_change
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import FlowBusyError, RequestRecord
from flowbot.services.ports.deliveries import DeliveryStore
from flowbot.services.ports.form_storage import ImageStore
from flowbot.services.ports.slack import ImageSource, NotifyCallback
from flowbot.services.users import UserService
from flowbot.slack.api.modals import AckArgs, ack_errors, ack_update
from flowbot.slack.forms.flow.form import FlowForm, SubmittedForm
from flowbot.slack.payloads.incoming import FormEvent
from flowbot.slack.runner import ACK_SECONDS, explain_unsaved
from flowbot.slack.tracked_tasks import TrackedTasks
from flowbot.slack.views import form_status

FORM_TOO_OLD_KEY: Final = "form.too_old"
"""The problem of an edit whose flow, as the form showed it, is not kept any more."""
IMAGE_SECONDS: Final = 1.2
"""How long an image may take to be looked at before the acknowledgement; a slower one is fetched after it."""

Problems = Mapping[str, Text]
"""Why a form is not saved, by field; none where it is."""

log = structlog.get_logger(__name__)


async def validate_submission(forms: FormService, form: SubmittedForm) -> tuple[ValidationResult, SubmissionContext]:
    """Check a form as of now, and return the result with what it was checked against.

    Raises:
        DependencyError: the database did not answer.
    """
    metadata, typed = form.metadata, form.typed
    context = await forms.load_submission_context(metadata.channel, metadata.token, typed.get("website", ""))
    if metadata.kind is FormKind.EDIT and context.before is None:
        return ValidationResult(None, {"name": Text(FORM_TOO_OLD_KEY)}), context
    allowed = () if context.website is None else (context.website,)
    checked = validate_form(
        typed, kind=metadata.kind, before=context.before, websites=allowed, segment_website=metadata.website
    )
    return checked, context


@dataclass(frozen=True, slots=True)
class FlowFormSubmission:
    """Accepts submitted forms.

    Attributes:
        notifier_for_form: Returns the notifier that shows the result in an open form, by its view's id and its kind.
    """

    forms: FormService
    submitter: RequestSubmitter
    executor: ChangeExecutor
    clock: Clock
    images: ImageStore
    image_source: ImageSource
    image_slots: asyncio.Semaphore
    users: UserService
    deliveries: DeliveryStore
    locales: Translators
    tasks: TrackedTasks
    metrics: Metrics
    notifier_for_form: Callable[[str, FormKind], NotifyCallback]

    async def submit(self, event: FormEvent) -> AckArgs:
        """Return what to acknowledge a submitted form with: its problems, or that it is being saved.

        By then the change is committed, so that a crash cannot lose it. A form of another version is closed.
        """
        form = FlowForm.parse(event.view)
        if form is None:
            return {}
        metadata = form.metadata
        t = self.locales.for_reader(metadata.locale, metadata.timezone)
        bind_contextvars(request="form", user=event.user.id, channel=metadata.channel)
        problems: Problems
        try:
            problems = await self.tasks.run_within(ACK_SECONDS, self._save_once(event, form), name="form")
            outcome = "refused" if problems else "done"
        except Exception as error:  # noqa: BLE001 - said at the form, whatever it is, and logged there
            problems, outcome = {"name": explain_unsaved(error, t)}, "fault"
        self.metrics.requests.labels("form", FlowForm.CALLBACK, outcome).inc()
        if problems:
            return ack_errors(FlowForm.field_errors(problems, metadata, t))
        return ack_update(form_status.saving_view(metadata.kind, t))

    async def _save_once(self, event: FormEvent, form: SubmittedForm) -> Problems:
        """Save the form, and record the delivery if it is refused: delivered again, it stays refused.

        An accepted form needs no record: its token makes it once.
        """
        key = event.delivery_key
        if key is not None and await self.deliveries.was_recorded(key):
            return {"name": Text("form.repeated")}
        problems = await self._save(event, form)
        if problems and key is not None:
            await self.deliveries.record_once(key, self.clock())
        return problems

    async def _save(self, event: FormEvent, form: SubmittedForm) -> Problems:
        """Store the form's change and start to execute it. Return the problems because of which it is not stored."""
        checked, context = await validate_submission(self.forms, form)
        before = context.before
        form, image_problem = await self._keep_image(form)
        problems = {**checked.problems, **({"image": image_problem} if image_problem else {})}
        if problems or checked.wanted is None:
            return problems
        edited = before if form.metadata.kind is FormKind.EDIT else None
        wanted = replace(checked.wanted, image=form.typed.get("image") or None)
        if edited is not None and form.file is None and is_unchanged(wanted, edited):
            return {"name": Text("form.nothing_changed")}
        form = replace(form, metadata=form.metadata.model_copy(update={"channel": context.channel}))
        request = form.to_request(event.user.id, wanted, edited)
        try:
            if edited is not None:
                await self.submitter.require_approvers(request)
            draft = draft_from_change(request, before, self.clock())
            record, is_new = await EditSubmitter(self.submitter).submit(request, draft)
        except UserError as error:
            is_about_reason = error.text.key == "request.reason_required" and form.metadata.needs_approval
            return {"reason" if is_about_reason else "name": error.text}
        except FlowBusyError as busy:
            is_request = busy.current.state in WAITING_STATES
            asked = Text("form.flow_asked", {"id": str(busy.current.request.flow)})
            # Anything but a request is over in a moment.
            return {"name": asked if is_request else Text("form.flow_taken")}
        if not is_new and _typed_texts(record.change.request) != _typed_texts(request):
            return {"name": Text("form.sent_already")}
        if is_new:
            self.tasks.start(self._execute(record, form.metadata.kind, event), name=f"form {record.change.id}")
        return {}

    async def _keep_image(self, form: SubmittedForm) -> tuple[SubmittedForm, Text | None]:
        """Download the form's file and store it, in the place of an image that was stored with the form before.

        Returns:
            The form with the stored image's id, or without one if that takes long; and the file's problem.
        """
        if form.file is None:
            return form, None
        image = ""
        try:
            async with asyncio.timeout(IMAGE_SECONDS), self.image_slots:
                image = await self.images.add(await self.image_source.fetch(form.file), self.clock())
        except UserError as error:
            return form, error.text
        except (DependencyError, TimeoutError) as error:
            log.info("forms.image_later", error=str(error) or "slow")
        return replace(form, typed={**form.typed, "image": image, "image_file": form.file.file if image else ""}), None

    async def _execute(self, record: RequestRecord, kind: FormKind, event: FormEvent) -> None:
        """Execute the change of an acknowledged form, and show the result in the form's place."""
        bind_contextvars(change=record.change.id)
        try:
            notifier = self.notifier_for_form(event.view.id, kind)
            settled = await self.executor.execute(record.change, notifier, event.caller, record=record)
            log.info("flow_form.settled", state=settled.state)
        except DependencyError as fault:
            # The change is kept: the recovery of this or another process goes on where this one stopped.
            log.warning("forms.left_to_recovery", error=str(fault))


def _typed_texts(request: ChangeRequest) -> dict[str, str]:
    """Return what was typed, without the image: it is stored anew with every delivery of the same form."""
    return {name: text for name, text in request.typed.items() if name not in {"image", "image_file"}}
