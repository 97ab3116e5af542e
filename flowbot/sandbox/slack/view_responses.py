"""What the bot may answer to a submitted form: nothing, errors, another view, or clear all."""

from dataclasses import dataclass, field

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import build_view


@dataclass(frozen=True)
class SubmissionResult:
    """What became of a form.

    Attributes:
        response_action: `errors`, `update`, `push` or `clear`; None when the form simply closed.
        errors: Sentences by block id.
        delivered: False if the client held the form back itself.
        error: Why the client shows that something went wrong, such as `invalid_blocks`.
    """

    response_action: str | None = None
    errors: Json = field(default_factory=dict)
    delivered: bool = True
    error: str | None = None


def apply_view_response(context: Context, view: View, delivery: Delivery) -> SubmissionResult:
    """Do what the bot answered to a submission; what Slack would not accept leaves the form open."""
    answer = delivery.json() if delivery.body.strip() else {}
    if not isinstance(answer, dict):
        return SubmissionResult(error="invalid_response")
    try:
        return _act(context, view, answer)
    except SlackError as refusal:
        delivery.refusal = refusal
        return SubmissionResult(error=refusal.code)


def _act(context: Context, view: View, answer: Json) -> SubmissionResult:
    action = answer.get("response_action")
    if action is None:
        _close(context, view)
    elif action == "clear":
        context.mutations.close_all_views(view.owner)
    elif action == "errors":
        return SubmissionResult("errors", _known_errors(view, answer.get("errors")))
    elif action in {"update", "push"}:
        _show(context, view, action, answer.get("view"))
    else:
        raise SlackError("invalid_response_action")
    return SubmissionResult(action)


def _close(context: Context, view: View) -> None:
    stack = context.workspace.modals[view.owner]
    if stack and stack[-1].id == view.id:
        context.mutations.close_top_view(view.owner)


def _show(context: Context, view: View, action: str, definition: object) -> None:
    new = build_view(view.owner, check_view(definition, context.workspace, "modal"))
    current = context.workspace.find_view(view.id)
    if action == "push":
        context.mutations.open_view(new)
    elif current is not None:
        context.mutations.replace_view(current, new)


def _known_errors(view: View, errors: object) -> Json:
    """Return the errors; Slack shows them only at input blocks of this view."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise SlackError("invalid_error_block_id")
    return errors
