"""Labels of requests in metrics, of a fixed set, whatever was typed or sent."""

from typing import Final

from pydantic import BaseModel

from flowbot.slack.forms.flow.form import FlowForm
from flowbot.slack.forms.policy.form import PolicyForm
from flowbot.slack.forms.reason import ReasonForm
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.incoming import BlockActions, BlockSuggestion, FormEvent, HomeOpened

UNKNOWN: Final = "unknown"
_ACTIONS: Final = frozenset(map(str, ActionId))
_FORMS: Final = frozenset({FlowForm.CALLBACK, ReasonForm.CALLBACK, PolicyForm.CALLBACK})


def request_label(request: BaseModel) -> str:
    """Return the action id, the form's callback id or the event; else `unknown`."""
    match request:
        case BlockActions():
            return request.action.action_id if request.action.action_id in _ACTIONS else UNKNOWN
        case FormEvent() | BlockSuggestion():
            form = request.view.get("callback_id")
            return form if isinstance(form, str) and form in _FORMS else UNKNOWN
        case HomeOpened():
            return "app_home_opened"
        case _:
            return UNKNOWN
