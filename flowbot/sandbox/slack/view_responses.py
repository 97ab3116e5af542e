"""What the bot may answer to a submitted form: nothing, errors, another view, or clear all."""

from dataclasses import dataclass, field

from flowbot.sandbox.slack.blockkit.payload_checks import check_view
from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, View
from flowbot.sandbox.slack.mutations import new_view


@dataclass(frozen=True)
class Submitted:
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


def carry_out(core: Core, view: View, delivery: Delivery) -> Submitted:
    """Do what the bot answered to a submission; what Slack would not accept leaves the form open."""
    answer = delivery.json() if delivery.body.strip() else {}
    if not isinstance(answer, dict):
        return Submitted(error="invalid_response")
    try:
        return _act(core, view, answer)
    except SlackError as refusal:
        delivery.refused = refusal
        return Submitted(error=refusal.code)


def _act(core: Core, view: View, answer: Json) -> Submitted:
    action = answer.get("response_action")
    if action is None:
        _close(core, view)
    elif action == "clear":
        core.stage.close_all(view.owner)
    elif action == "errors":
        return Submitted("errors", _known_errors(view, answer.get("errors")))
    elif action in {"update", "push"}:
        _show(core, view, action, answer.get("view"))
    else:
        raise SlackError("invalid_response_action")
    return Submitted(action)


def _close(core: Core, view: View) -> None:
    stack = core.workspace.modals[view.owner]
    if stack and stack[-1].id == view.id:
        core.stage.close_top(view.owner)


def _show(core: Core, view: View, action: str, definition: object) -> None:
    new = new_view(view.owner, check_view(definition, core.workspace, "modal"))
    current = core.workspace.view(view.id)
    if action == "push":
        core.stage.open_view(new)
    elif current is not None:
        core.stage.replace_view(current, new)


def _known_errors(view: View, errors: object) -> Json:
    """Return the errors; Slack shows them only at input blocks of this view."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise SlackError("invalid_error_block_id")
    return errors
