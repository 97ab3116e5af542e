"""Elements of blocks: their ids, and the state that people type into them."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowbot.sandbox.slack.models import Json

Values = dict[str, dict[str, Json]]

# Of each stateful element: the key of its value, the key of its initial value, and the empty value.
STATEFUL: dict[str, tuple[str, str, Any]] = {
    "plain_text_input": ("value", "initial_value", None),
    "email_text_input": ("value", "initial_value", None),
    "url_text_input": ("value", "initial_value", None),
    "number_input": ("value", "initial_value", None),
    "rich_text_input": ("rich_text_value", "initial_value", None),
    "static_select": ("selected_option", "initial_option", None),
    "external_select": ("selected_option", "initial_option", None),
    "radio_buttons": ("selected_option", "initial_option", None),
    "users_select": ("selected_user", "initial_user", None),
    "channels_select": ("selected_channel", "initial_channel", None),
    "conversations_select": ("selected_conversation", "initial_conversation", None),
    "checkboxes": ("selected_options", "initial_options", []),
    "multi_static_select": ("selected_options", "initial_options", []),
    "multi_external_select": ("selected_options", "initial_options", []),
    "multi_users_select": ("selected_users", "initial_users", []),
    "multi_channels_select": ("selected_channels", "initial_channels", []),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", []),
    "datepicker": ("selected_date", "initial_date", None),
    "timepicker": ("selected_time", "initial_time", None),
    "datetimepicker": ("selected_date_time", "initial_date_time", None),
    "file_input": ("files", "initial_files", []),
}
INTERACTIVE = {*STATEFUL, "button", "overflow", "workflow_button", "icon_button", "feedback_buttons"}
_CHILD_KEYS = ("elements", "element", "accessory", "actions", "child_blocks")


@dataclass(frozen=True)
class PlacedElement:
    """An interactive element and the block it stands in."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        """Id of the block."""
        return str(self.block["block_id"])

    @property
    def action_id(self) -> str:
        """Id of the element."""
        return str(self.element["action_id"])


def iter_elements(blocks: list[Json] | None) -> Iterator[PlacedElement]:
    """Yield the interactive elements of blocks in reading order, those of nested blocks included."""
    for block in blocks or []:
        values = [block.get(key) for key in _CHILD_KEYS]
        children = [child for value in values for child in (value if isinstance(value, list) else [value])]
        for child in children:
            if not isinstance(child, dict):
                continue
            if child.get("type") in INTERACTIVE:
                yield PlacedElement(block, child)
            elif "type" in child and not child["type"].startswith("rich_text"):
                yield from iter_elements([child])


def add_missing_ids(blocks: list[Json] | None) -> list[Json] | None:
    """Return a copy of blocks in which each block and interactive element has an id, as Slack does."""
    if blocks is None:
        return None
    copied: list[Json] = json.loads(json.dumps(blocks))
    for block in _nested_blocks(copied):
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
    for placed in iter_elements(copied):
        placed.element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return copied


def _nested_blocks(blocks: list[Json]) -> Iterator[Json]:
    for block in blocks:
        yield block
        inner = block.get("child_blocks") or (block.get("elements") if block.get("type") == "carousel" else [])
        yield from _nested_blocks(inner or [])


def build_state_entry(element: Json, given: Json | None = None) -> Json:
    """Return an element's entry in `state.values`: the given value, else its initial or empty one."""
    key, initial, empty = STATEFUL[element["type"]]
    value = (given or {}).get(key, element.get(initial, empty))
    return {"type": element["type"], key: value}


def build_state_values(blocks: list[Json], values: Values) -> Values:
    """Return `state.values` of blocks: earlier values where both ids and the type stay, else initial ones."""
    state: Values = {}
    for placed in iter_elements(blocks):
        if placed.element["type"] in STATEFUL:
            earlier = values.get(placed.block_id, {}).get(placed.action_id)
            fits = earlier is not None and earlier.get("type", placed.element["type"]) == placed.element["type"]
            entry = build_state_entry(placed.element, earlier if fits else None)
            state.setdefault(placed.block_id, {})[placed.action_id] = entry
    return state


def find_element(blocks: list[Json] | None, block_id: str, action_id: str) -> PlacedElement | None:
    """Return the element with these ids, or None."""
    found = (p for p in iter_elements(blocks) if (p.block_id, p.action_id) == (block_id, action_id))
    return next(found, None)
