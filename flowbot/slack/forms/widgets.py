"""Input blocks and menus of forms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.fields import MAX_CHOICE_UTF16, MAX_WAIT_BY_UNIT, TTL_SECONDS, WAIT_UNITS, fits_field
from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import fold, utf16_length
from flowbot.domain.urls import is_web_url
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element

UNITS: Final[Mapping[str, str]] = {
    "minutes": "form.unit_minutes",
    "hours": "form.unit_hours",
    "days": "form.unit_days",
}


_NAME_MAX: Final = block_kit.LABEL_MAX - 2
"""Leaves room for the two characters around a text of the other direction."""


_SECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SegmentOption:
    """A segment to choose; `subscribers` is None where their number is not known."""

    id: int
    name: str
    subscribers: int | None = None


def website_options(names: Mapping[WebsiteId, str], t: Translator) -> list[Element]:
    """The websites by name."""
    return [option(_named(name, t("flow.website", id=str(key)), _NAME_MAX), str(key)) for key, name in names.items()]


def segment_options(choices: Sequence[SegmentOption], chosen: str, t: Translator) -> list[Element]:
    """All subscribers, then each segment. The chosen one is there even if it is not among them, so that it stays."""
    known = [option(t("form.segment_all"), ALL_SUBSCRIBERS), *(_segment(choice, t) for choice in choices)]
    if not chosen or any(entry["value"] == chosen for entry in known) or not fits_option(chosen):
        return known
    return [*known, option(_named("", t("form.segment_number", id=chosen), _NAME_MAX), chosen)]


def unit_options(chosen: str, t: Translator) -> list[Element]:
    """The units of waiting, and the chosen one if it is another that the flow has."""
    known = [option(t(UNITS[unit]), unit) for unit in WAIT_UNITS]
    is_odd = bool(chosen) and chosen not in WAIT_UNITS and fits_field("wait_unit", chosen)
    return [*known, option(_named(chosen, "?", _NAME_MAX), chosen)] if is_odd else known


def ttl_options(chosen: str, t: Translator) -> list[Element]:
    """The times to live in words, and the chosen one if it is another that the flow has."""
    seconds = [*TTL_SECONDS]
    if _SECONDS.fullmatch(chosen) and str(int(chosen)) == chosen and int(chosen) not in seconds:
        seconds.append(int(chosen))
    return [option(t.span(each) if each else t("flow.ttl_zero"), str(each)) for each in seconds]


def matching_options(options: Sequence[Element], query: str) -> list[Element]:
    """As many as Slack takes of those whose text holds what was typed; upper and lower case are the same."""
    wanted = fold(query.strip())
    return [entry for entry in options if wanted in fold(entry["text"]["text"])][:STATIC_MAX]


def fits_option(value: str) -> bool:
    """Whether a menu's entry can hold the value."""
    return 0 < utf16_length(value) <= MAX_CHOICE_UTF16


def _segment(choice: SegmentOption, t: Translator) -> Element:
    many = "" if choice.subscribers is None else f" ({t.number(choice.subscribers)})"
    name = _named(choice.name, t("form.segment_number", id=str(choice.id)), _NAME_MAX - len(many))
    return option(name + many, str(choice.id))


def _named(name: str, otherwise: str, limit: int) -> str:
    return block_kit.isolated(block_kit.clip(" ".join(name.split()) or otherwise, limit))


STATIC_MAX: Final = 100
"""Entries of a menu; where there are more, Slack asks for those that match what is typed."""


HINT_MAX: Final = 2000


PICTURES: Final = ("png", "jpg", "jpeg", "gif", "webp")


_WHOLE: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


_AT_EVERY_CHARACTER: Final = {"trigger_actions_on": ["on_character_entered"]}


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """Where a field stands: its block's id, its label, what helps to fill it, and whether it may stay empty."""

    block_id: str
    label: str
    hint: str | None
    optional: bool


def input_block(place: FieldLayout, element: Element) -> Block:
    """A field with its label. All but files tell at once what is typed, so that it can be kept."""
    made: Block = {
        "type": "input",
        "block_id": place.block_id,
        "label": block_kit.plain(place.label, HINT_MAX),
        "element": element,
        "optional": place.optional,
        "dispatch_action": element["type"] != "file_input",
    }
    return made | ({"hint": block_kit.plain(place.hint, HINT_MAX)} if place.hint else {})


def text_input(value: str) -> Element:
    """A field for any text: one line, or several where the value has them."""
    return _on_typing("plain_text_input", value) if value.splitlines() in ([], [value]) else multiline_input(value)


def multiline_input(value: str) -> Element:
    """A field for several lines of text."""
    return _on_typing("plain_text_input", value) | {"multiline": True}


def url_input(value: str) -> Element:
    """A field for a URL. Slack does not say what it takes beyond ASCII, so other values get a field for any text."""
    if value == "" or (value.isascii() and is_web_url(value)):
        return _on_typing("url_text_input", value)
    return text_input(value)


def number_input(value: str) -> Element:
    """A field for a positive whole number."""
    most = MAX_WAIT_BY_UNIT["minutes"]
    if value and not (_WHOLE.fullmatch(value) and int(value) <= most):
        return text_input(value)
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return _on_typing("number_input", value) | limits


def select_input(action_id: str, options: Sequence[Element], chosen: str) -> Element:
    """A menu with the entry of value `chosen`, if there is one, selected. Long ones are asked for by what is typed."""
    initial = next((option for option in options if option["value"] == chosen), None)
    selected = {"initial_option": initial} if initial else {}
    if 1 <= len(options) <= STATIC_MAX:
        return {"type": "static_select", "action_id": action_id, "options": list(options)} | selected
    return {"type": "external_select", "action_id": action_id, "min_query_length": 0} | selected


def option(label: str, value: str) -> Element:
    """An entry of a menu."""
    return {"text": block_kit.plain(label, block_kit.LABEL_MAX), "value": value[:MAX_CHOICE_UTF16]}


def checkbox_input(label: str, *, ticked: bool) -> Element:
    """One box to tick."""
    options = [option(label, "1")]
    return {"type": "checkboxes", "action_id": ActionId.FORM_TYPED, "options": options} | (
        {"initial_options": options} if ticked else {}
    )


def file_input() -> Element:
    """A field for one picture. What it may be is checked by its bytes later; this only helps to choose."""
    return {"type": "file_input", "action_id": ActionId.FORM_TYPED, "filetypes": list(PICTURES), "max_files": 1}


def _on_typing(kind: str, value: str) -> Element:
    made: Element = {"type": kind, "action_id": ActionId.FORM_TYPED, "dispatch_action_config": _AT_EVERY_CHARACTER}
    return made | ({"initial_value": value} if value else {})
