"""Buttons and fields, found by the words that a person reads on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowbot.sandbox.slack.blocks import STATEFUL, PlacedElement, iter_elements
from flowbot.sandbox.slack.models import Json, StoredFile
from flowbot.sandbox.slack.visible_text import text_of


@dataclass(frozen=True)
class ClickTarget:
    """A button or menu entry: its label, its place, and its part of the payload."""

    label: str
    placed: PlacedElement
    payload_part: Json


def iter_click_targets(blocks: list[Json] | None) -> Iterator[ClickTarget]:
    """Yield buttons and the options of overflow menus, in reading order."""
    for placed in iter_elements(blocks):
        if placed.element["type"] == "button":
            yield ClickTarget(placed.element["text"]["text"], placed, {})
        elif placed.element["type"] == "overflow":
            for option in placed.element["options"]:
                yield ClickTarget(option["text"]["text"], placed, {"selected_option": option})


def find_click_target(blocks: list[Json] | None, label: str, nth: int = 0) -> ClickTarget:
    """Return the `nth` button or menu entry with this label; raises LookupError with those that are there."""
    found = [p for p in iter_click_targets(blocks) if p.label == label]
    if len(found) <= nth:
        there = [p.label for p in iter_click_targets(blocks)]
        raise LookupError(f"no button {label!r} here, only {there}")
    return found[nth]


def find_fields(blocks: list[Json] | None) -> dict[str, PlacedElement]:
    """Return the fields that hold values, by label (input blocks), text (sections), placeholder or action id."""
    labelled: dict[str, PlacedElement] = {}
    for placed in iter_elements(blocks):
        if placed.element["type"] in STATEFUL:
            label = str(placed.element.get("placeholder", {}).get("text", placed.action_id))
            if placed.block["type"] == "input":
                label = str(placed.block["label"]["text"])
            elif placed.block["type"] == "section" and "text" in placed.block:
                label = text_of([placed.block["text"]])
            labelled.setdefault(label, placed)
    return labelled


def find_field(blocks: list[Json] | None, label: str) -> PlacedElement:
    """Return the field with this label; raises LookupError with those that are there."""
    there = find_fields(blocks)
    if label not in there:
        raise LookupError(f"no field {label!r} here, only {list(there)}")
    return there[label]


def build_field_entry(element: Json, value: Any, serialize: Callable[[StoredFile], Json]) -> Json:
    """Return the element's part of the payload for a value given in a test.

    Args:
        element: The element.
        value: A string for text, dates and ids; an option's text (or value) for menus and radio buttons;
            a list of them for checkboxes and multi-menus, True for all; StoredFile objects for files.
        serialize: Turns a StoredFile into Slack's JSON.
    """
    key, _, empty = STATEFUL[element["type"]]
    if value is None or value is False:
        return {key: empty}
    if key == "files":
        return {key: [serialize(f) for f in ([value] if isinstance(value, StoredFile) else value)]}
    if key == "selected_option":
        return {key: find_option(element, value)}
    if key == "selected_options":
        texts = [o["text"]["text"] for o in list_options(element)] if value is True else value
        return {key: [find_option(element, t) for t in ([texts] if isinstance(texts, str) else texts)]}
    return {key: str(value) if key == "value" else value}


def list_options(element: Json) -> list[Json]:
    """Return an element's options, those of its groups included."""
    grouped = [o for g in element.get("option_groups", []) for o in g["options"]]
    return [*element.get("options", []), *grouped]


def find_option(element: Json, wanted: Any) -> Json:
    """Return the option with this text or value; a whole option (from an external menu) is taken as it is."""
    if isinstance(wanted, dict):
        return wanted
    there = list_options(element)
    for candidate in there:
        if wanted in (candidate["text"]["text"], candidate["value"]):
            return candidate
    raise LookupError(f"no option {wanted!r} here, only {[o['text']['text'] for o in there]}")


def read_field_value(entry: Json) -> Any:
    """Return the value that a field shows: text, or the texts of the chosen options, or ids."""
    value = entry.get(STATEFUL[entry["type"]][0])
    if isinstance(value, dict) and "text" in value:
        return value["text"]["text"]
    if isinstance(value, list):
        return [v["text"]["text"] if isinstance(v, dict) and "text" in v else v for v in value]
    return value
