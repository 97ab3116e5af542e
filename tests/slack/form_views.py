"""Views of forms as Slack sends them."""

from typing import Any

from flowbot.slack.payloads.incoming import FormEvent
from flowbot.slack.payloads.parser import parse_incoming
from flowbot.slack.payloads.view_state import ViewPayload


def receive_view(view: Any) -> ViewPayload | None:
    """Return the view as flowbot gets it when its form is submitted; None where flowbot refuses the request."""
    typed = {"type": "modal"} | view if isinstance(view, dict) else view
    incoming = parse_incoming({"type": "view_submission", "user": {"id": "U0EMMA"}, "view": typed})
    return incoming.view if isinstance(incoming, FormEvent) else None


def receive_form(view: dict[str, Any]) -> ViewPayload:
    """Return the view of a form that Slack shows, as flowbot gets it."""
    received = receive_view(view)
    assert received is not None
    return received
