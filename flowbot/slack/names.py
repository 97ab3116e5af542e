"""What requests are called where they are counted: one of a few names, whatever was typed or sent."""

from typing import Final

from pydantic import BaseModel

from flowbot.slack import grammar
from flowbot.slack.forms.flow_form import FlowForm
from flowbot.slack.forms.reason_form import ReasonForm
from flowbot.slack.ids import Action
from flowbot.slack.payloads import BlockActions, FormEvent, HomeOpened, SlashCommand, Suggestion
from flowbot.slack.setup.setup_form import SetupForm

UNKNOWN: Final = "unknown"
_ACTIONS: Final = frozenset(map(str, Action))
_FORMS: Final = frozenset({FlowForm.CALLBACK, ReasonForm.CALLBACK, SetupForm.CALLBACK})


def name_of(request: BaseModel) -> str:
    """The English command word, the button's action, the form or the event; `unknown` for what flowbot has not."""
    match request:
        case SlashCommand():
            return str(grammar.verb_of(request.text) or UNKNOWN)
        case BlockActions():
            return request.action.action_id if request.action.action_id in _ACTIONS else UNKNOWN
        case FormEvent() | Suggestion():
            form = request.view.get("callback_id")
            return form if isinstance(form, str) and form in _FORMS else UNKNOWN
        case HomeOpened():
            return "app_home_opened"
        case _:
            return UNKNOWN
