"""Checks that Slack's client makes itself before it submits a form."""

import re
from typing import Any

from flowbot.sandbox.slack.blocks import STATEFUL
from flowbot.sandbox.slack.models import Json, View

_REQUIRED = "Please complete this required field."
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://\S+$", re.IGNORECASE)
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def find_form_errors(view: View) -> dict[str, str]:
    """Return a sentence for each input block that the client would not submit, by block id."""
    errors = {}
    for block in view.blocks:
        if block["type"] == "input":
            element = block["element"]
            entry = view.values.get(block["block_id"], {}).get(element["action_id"], {})
            value = entry.get(STATEFUL[element["type"]][0])
            if value in (None, "", []):
                error = None if block.get("optional") else _REQUIRED
            else:
                error = _find_error(element, value)
            if error:
                errors[block["block_id"]] = error
    return errors


def _find_error(element: Json, value: Any) -> str | None:
    if isinstance(value, list):
        most = element.get("max_selected_items") or element.get("max_files")
        return f"Choose {most} at most." if most and len(value) > most else None
    match element["type"]:
        case "number_input":
            return _find_number_error(element, value)
        case "url_text_input":
            return None if _URL.match(value) else "Please enter a valid URL."
        case "plain_text_input":
            shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
            if len(value) < shortest:
                return f"Must be {shortest} characters or more."
            return f"Must be {longest} characters or less." if len(value) > longest else None
    return None


def _find_number_error(element: Json, value: str) -> str | None:
    if not _NUMBER.match(value) or ("." in value and not element["is_decimal_allowed"]):
        return "Please enter a valid number."
    if "min_value" in element and float(value) < float(element["min_value"]):
        return f"Must be {element['min_value']} or more."
    if "max_value" in element and float(value) > float(element["max_value"]):
        return f"Must be {element['max_value']} or less."
    return None
