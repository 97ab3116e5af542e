"""What Slack's client itself checks before it lets a form go."""

import re

from flowbot.sandbox.slack.blocks import STATEFUL
from flowbot.sandbox.slack.models import Json, View

_REQUIRED = "Please complete this required field."
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://\S+$", re.IGNORECASE)
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def find_form_errors(view: View) -> dict[str, str]:
    """Return a sentence for each input block that the client would not submit, by block id."""
    found = {}
    for block in view.blocks:
        if block["type"] == "input":
            element = block["element"]
            entry = view.values.get(block["block_id"], {}).get(element["action_id"], {})
            value = entry.get(STATEFUL[element["type"]][0])
            wrong = _complaint(block, element, value)
            if wrong:
                found[block["block_id"]] = wrong
    return found


def _complaint(block: Json, element: Json, value: object) -> str | None:
    if value in (None, "", []):
        return None if block.get("optional") else _REQUIRED
    if isinstance(value, str):
        return _about_text(element, value)
    if isinstance(value, list):
        most = element.get("max_selected_items") or element.get("max_files")
        return f"Choose {most} at most." if most and len(value) > most else None
    return None


def _about_text(element: Json, value: str) -> str | None:
    if element["type"] == "number_input":
        return _about_number(element, value)
    if element["type"] == "url_text_input" and not _URL.match(value):
        return "Please enter a valid URL."
    if element["type"] == "plain_text_input":
        return _about_length(element, value)
    return None


def _about_number(element: Json, value: str) -> str | None:
    if not _NUMBER.match(value) or ("." in value and not element["is_decimal_allowed"]):
        return "Please enter a valid number."
    if "min_value" in element and float(value) < float(element["min_value"]):
        return f"Must be {element['min_value']} or more."
    if "max_value" in element and float(value) > float(element["max_value"]):
        return f"Must be {element['max_value']} or less."
    return None


def _about_length(element: Json, value: str) -> str | None:
    if len(value) < element.get("min_length", 0):
        return f"Must be {element['min_length']} characters or more."
    longest = element.get("max_length", 3000)
    return f"Must be {longest} characters or less." if len(value) > longest else None
