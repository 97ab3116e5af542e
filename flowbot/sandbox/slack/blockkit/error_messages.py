"""From pydantic's errors to the sentences that Slack writes."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

_LENGTHS = {
    "too_long": "no more than {max_length} items allowed",
    "too_short": "no fewer than {min_length} items allowed",
}
_WHOLE = {"missing": "missing required field: {last}", "extra_forbidden": "invalid additional property: {last}"}


def format_errors(error: ValidationError, data: Any, prefix: str) -> list[str]:
    """Return one sentence for each error, each with a JSON pointer that begins with `prefix`."""
    return [_sentence(e, data, prefix) for e in error.errors()]


def _sentence(error: Any, data: Any, prefix: str) -> str:
    kind, loc = error["type"], list(error["loc"])
    if kind in _WHOLE:
        pointer = _pointer(data, loc[:-1], prefix)
        return f"[ERROR] {_WHOLE[kind].format(last=loc[-1])} [json-pointer:{pointer}]"
    pointer = _pointer(data, loc, prefix)
    if kind == "union_tag_invalid":
        return f"[ERROR] unsupported type: {error['ctx']['tag']} [json-pointer:{pointer}/type]"
    if kind == "union_tag_not_found":
        return f"[ERROR] missing required field: type [json-pointer:{pointer}]"
    if kind == "text_size":
        pointer += "/text"
    words = _LENGTHS[kind].format(**error["ctx"]) if kind in _LENGTHS else error["msg"]
    return f"[ERROR] {words[0].lower()}{words[1:]} [json-pointer:{pointer}]"


def _pointer(data: Any, loc: Sequence[str | int], prefix: str) -> str:
    """Return the JSON pointer of an error's place; what pydantic adds for unions is left out."""
    pointer = prefix
    for part in loc:
        if _leads_on(data, part):
            data = data[part]
            pointer += f"/{part}"
    return pointer or "/"


def _leads_on(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)
