"""Input blocks and menus of forms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.fields import MAX_CHOICE_UTF16, TTL_SECONDS
from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import fold, is_blank, utf16_length
from flowbot.i18n.translator import Translator
from flowbot.services.ports.enkapush import Segment
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element

STATIC_MAX: Final = 100
"""Entries of a menu; where there are more, Slack asks for those that match what is typed."""
HINT_MAX: Final = 2000
IMAGE_TYPES: Final = ("png", "jpg", "jpeg", "gif", "webp")
TICKED: Final = "1"
_SECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_AT_EVERY_CHARACTER: Final = {"trigger_actions_on": ["on_character_entered"]}


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """A field's block: its id, its label, its hint, and whether it may stay empty."""

    block_id: str
    label: str
    hint: str | None
    optional: bool


def input_block(layout: FieldLayout, element: Element) -> Block:
    """Return a field with its label. All but files send at once what is typed, so that it can be kept."""
    made: Block = {
        "type": "input",
        "block_id": layout.block_id,
        "label": block_kit.plain(layout.label, HINT_MAX),
        "element": element,
        "optional": layout.optional,
        "dispatch_action": element["type"] != "file_input",
    }
    return made | ({"hint": block_kit.plain(layout.hint, HINT_MAX)} if layout.hint else {})


def text_input(value: str) -> Element:
    """Return a field for any text: one line, or several where the value has them."""
    return _typing_input("plain_text_input", value) if value.splitlines() in ([], [value]) else multiline_input(value)


def multiline_input(value: str) -> Element:
    """Return a field for several lines of text."""
    return _typing_input("plain_text_input", value) | {"multiline": True}


def number_input(value: str, most: int) -> Element:
    """Return a field for a whole number from 1 to `most`."""
    if value and not (_WHOLE.fullmatch(value) and int(value) <= most):
        return text_input(value)
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return _typing_input("number_input", value) | limits


def select_input(action_id: str, options: Sequence[Element], chosen: str, placeholder: str | None = None) -> Element:
    """Return a menu with the entry `chosen`, if there is one, selected. Slack asks for the entries of a long one."""
    initial = next((option for option in options if option["value"] == chosen), None)
    selected = {"initial_option": initial} if initial else {}
    selected |= {"placeholder": block_kit.plain(placeholder)} if placeholder else {}
    if 1 <= len(options) <= STATIC_MAX:
        return {"type": "static_select", "action_id": action_id, "options": list(options)} | selected
    return {"type": "external_select", "action_id": action_id, "min_query_length": 0} | selected


def checkbox_input(label: str, *, ticked: bool) -> Element:
    """Return one box to tick."""
    options = [option(label, TICKED)]
    return {"type": "checkboxes", "action_id": ActionId.FORM_TYPED, "options": options} | (
        {"initial_options": options} if ticked else {}
    )


def file_input() -> Element:
    """Return a field for one image. The types only help to choose: the bytes are checked later."""
    return {"type": "file_input", "action_id": ActionId.FORM_TYPED, "filetypes": list(IMAGE_TYPES), "max_files": 1}


def _typing_input(kind: str, value: str) -> Element:
    made: Element = {"type": kind, "action_id": ActionId.FORM_TYPED, "dispatch_action_config": _AT_EVERY_CHARACTER}
    return made | ({"initial_value": value} if value else {})


def option(label: str, value: str) -> Element:
    """Return an entry of a menu."""
    return block_kit.option(label, value[:MAX_CHOICE_UTF16])


def website_options(names: Mapping[WebsiteId, str], t: Translator) -> list[Element]:
    """Return the websites by name."""
    shown = {str(key): t("flow.website", id=str(key)) if is_blank(name) else name for key, name in names.items()}
    return [option(label, key) for key, label in block_kit.distinct_labels(shown).items()]


def segment_options(segments: Sequence[Segment], chosen: str, t: Translator) -> list[Element]:
    """Return all subscribers, then each segment. The chosen one is kept even if it is not among them."""
    counts = {
        str(segment.id): "" if segment.subscribers is None else f" ({t.format_number(segment.subscribers)})"
        for segment in segments
    }
    shown = {
        str(segment.id): t("form.segment_number", id=str(segment.id)) if is_blank(segment.name) else segment.name
        for segment in segments
    }
    labels = block_kit.distinct_labels(shown, block_kit.LABEL_MAX - max(map(len, counts.values()), default=0))
    options = [option(t("form.segment_all"), ALL_SUBSCRIBERS)]
    options += [option(label + counts[key], key) for key, label in labels.items()]
    is_known = any(entry["value"] == chosen for entry in options)
    if chosen and not is_known and utf16_length(chosen) <= MAX_CHOICE_UTF16:
        options.append(option(t("form.segment_number", id=chosen), chosen))
    return options


def choice_options(choices: Mapping[str, str], chosen: str, t: Translator) -> list[Element]:
    """Return the choices, given with their messages' keys, and the chosen one if it is another that the flow has."""
    other = block_kit.single_line(chosen, block_kit.LABEL_MAX) or "?"
    others = [option(other, chosen)] if chosen and chosen not in choices else []
    return [*(option(t(key), value) for value, key in choices.items()), *others]


def ttl_options(chosen: str, t: Translator) -> list[Element]:
    """Return the times to live in words, and the chosen one if it is another that the flow has."""
    seconds = [*TTL_SECONDS]
    if _SECONDS.fullmatch(chosen) and str(int(chosen)) == chosen and int(chosen) not in seconds:
        seconds.append(int(chosen))
    return [option(t.format_duration(each) if each else t("flow.ttl_zero"), str(each)) for each in seconds]


def matching_options(options: Sequence[Element], names: Mapping[str, str], query: str) -> list[Element]:
    """Return as many as Slack takes of the entries with the query in their label or whole name, in capitals or not.

    Args:
        options: the entries.
        names: whole names by the entries' values; labels may be cut.
        query: what is typed.
    """
    wanted = fold(query.strip())
    found = [
        entry
        for entry in options
        if wanted in fold(entry["text"]["text"]) or wanted in fold(names.get(entry["value"], ""))
    ]
    return found[:STATIC_MAX]
