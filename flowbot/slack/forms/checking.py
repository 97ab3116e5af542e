"""A form looked at before anything is made of it: the same when it is sent and when it is previewed."""

from typing import Final

from flowbot.domain.fields import FormKind
from flowbot.domain.flow import Flow
from flowbot.domain.validation import FieldProblem, ValidationResult, validate_form
from flowbot.services.forms import FormService
from flowbot.slack.forms.flow_form import Submitted

TOO_OLD: Final = "form.too_old"
"""The key of what is wrong with a form of which is not known any more what it showed."""


async def checked_now(forms: FormService, form: Submitted) -> tuple[ValidationResult, Flow | None]:
    """What a form asks for or what is wrong with it, as of now; and the flow that it showed, if any.

    Raises:
        Fault: the database did not answer.
    """
    metadata, typed = form.metadata, form.typed
    before, websites = await forms.submittable(metadata.channel, metadata.token, typed.get("website", ""))
    if metadata.kind is FormKind.EDIT and before is None:
        return ValidationResult(None, {"name": FieldProblem(TOO_OLD)}), None
    checked = validate_form(
        typed, kind=metadata.kind, before=before, websites=websites, segment_website=metadata.website
    )
    return checked, before
