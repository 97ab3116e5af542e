"""Responses of the bot to a submitted form: nothing, errors, another view, or clear all."""

from dataclasses import dataclass, field

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import build_view


@dataclass(frozen=True)
class SubmissionResult:
    """The outcome of submitting a form.

    Attributes:
        response_action: `errors`, `update`, `push` or `clear`; None when the form simply closed.
        errors: Sentences by block id.
        delivered: False if the client held the form back itself.
        error: The error that the client shows instead, such as `invalid_blocks`.
    """

    response_action: str | None = None
    errors: Json = field(default_factory=dict)
    delivered: bool = True
    error: str | None = None


def apply_view_response(context: Context, view: View, delivery: Delivery) -> SubmissionResult:
    """Apply the bot's response to a submission; a response that Slack would not accept leaves the form open."""
    response = delivery.json() if delivery.body.strip() else {}
    if not isinstance(response, dict):
        return SubmissionResult(error="invalid_response")
    try:
        return _apply(context, view, response)
    except SlackError as refusal:
        delivery.refusal = refusal
        return SubmissionResult(error=refusal.code)


def _apply(context: Context, view: View, response: Json) -> SubmissionResult:
    action = response.get("response_action")
    match action:
        case None:
            stack = context.workspace.modals[view.owner]
            if stack and stack[-1].id == view.id:
                context.mutations.close_top_view(view.owner)
        case "clear":
            context.mutations.close_all_views(view.owner)
        case "errors":
            errors, inputs = response.get("errors"), {b["block_id"] for b in view.blocks if b["type"] == "input"}
            if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
                raise SlackError("invalid_error_block_id")
            return SubmissionResult("errors", errors)
        case "update" | "push":
            new = build_view(view.owner, check_view(response.get("view"), context.workspace, "modal"))
            current = context.workspace.find_view(view.id)
            if action == "push":
                context.mutations.open_view(new)
            elif current is not None:
                context.mutations.replace_view(current, new)
        case _:
            raise SlackError("invalid_response_action")
    return SubmissionResult(action)
