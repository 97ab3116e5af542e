"""Fields of forms as input blocks: pure functions within Slack's limits, that lose nothing of what they are given.

A special field (for a URL, a number) refuses a present value that is not of its kind, so such a value gets a field for
any text. Sizes and shapes: https://docs.slack.dev/reference/block-kit/block-elements
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.fields import CHOICE_MAX, WAIT_MOST
from flowbot.domain.urls import is_web_url
from flowbot.slack.ids import Action
from flowbot.slack.views import kit
from flowbot.slack.views.kit import Block, Element

STATIC_MAX: Final = 100
"""Entries of a menu; where there are more, Slack asks for those that match what is typed."""
HINT_MAX: Final = 2000
PICTURES: Final = ("png", "jpg", "jpeg", "gif", "webp")

_WHOLE: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_AT_EVERY_CHARACTER: Final = {"trigger_actions_on": ["on_character_entered"]}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands: its block's id, its label, what helps to fill it, and whether it may stay empty."""

    block_id: str
    label: str
    hint: str | None
    optional: bool


def block(place: Place, element: Element) -> Block:
    """A field with its label. All but files tell at once what is typed, so that it can be kept."""
    made: Block = {
        "type": "input",
        "block_id": place.block_id,
        "label": kit.plain(place.label, HINT_MAX),
        "element": element,
        "optional": place.optional,
        "dispatch_action": element["type"] != "file_input",
    }
    return made | ({"hint": kit.plain(place.hint, HINT_MAX)} if place.hint else {})


def text(value: str) -> Element:
    """A field for any text: one line, or several where the value has them."""
    return _typed("plain_text_input", value) if value.splitlines() in ([], [value]) else tall_text(value)


def tall_text(value: str) -> Element:
    """A field for several lines of text."""
    return _typed("plain_text_input", value) | {"multiline": True}


def url(value: str) -> Element:
    """A field for a URL. Slack does not say what it takes beyond ASCII, so other values get a field for any text."""
    if value == "" or (value.isascii() and is_web_url(value)):
        return _typed("url_text_input", value)
    return text(value)


def number(value: str) -> Element:
    """A field for a positive whole number."""
    most = WAIT_MOST["minutes"]
    if value and not (_WHOLE.fullmatch(value) and int(value) <= most):
        return text(value)
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return _typed("number_input", value) | limits


def menu(action_id: str, options: Sequence[Element], chosen: str) -> Element:
    """A menu with the entry of value `chosen`, if there is one, selected. Long ones are asked for by what is typed."""
    initial = next((option for option in options if option["value"] == chosen), None)
    selected = {"initial_option": initial} if initial else {}
    if 1 <= len(options) <= STATIC_MAX:
        return {"type": "static_select", "action_id": action_id, "options": list(options)} | selected
    return {"type": "external_select", "action_id": action_id, "min_query_length": 0} | selected


def option(label: str, value: str) -> Element:
    """An entry of a menu."""
    return {"text": kit.plain(label, kit.LABEL_MAX), "value": value[:CHOICE_MAX]}


def box(label: str, *, ticked: bool) -> Element:
    """One box to tick."""
    options = [option(label, "1")]
    return {"type": "checkboxes", "action_id": Action.FORM_TYPED, "options": options} | (
        {"initial_options": options} if ticked else {}
    )


def picture() -> Element:
    """A field for one picture. What it may be is checked by its bytes later; this only helps to choose."""
    return {"type": "file_input", "action_id": Action.FORM_TYPED, "filetypes": list(PICTURES), "max_files": 1}


def _typed(kind: str, value: str) -> Element:
    made: Element = {"type": kind, "action_id": Action.FORM_TYPED, "dispatch_action_config": _AT_EVERY_CHARACTER}
    return made | ({"initial_value": value} if value else {})
