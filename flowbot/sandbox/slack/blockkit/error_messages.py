"""Slack's sentences for pydantic's errors."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

_LENGTHS = {
    "too_long": "no more than {max_length} items allowed",
    "too_short": "no fewer than {min_length} items allowed",
}
_WHOLE = {"missing": "missing required field: {last}", "extra_forbidden": "invalid additional property: {last}"}


def format_errors(error: ValidationError, data: Any, prefix: str) -> list[str]:
    """Return a sentence for each error, with a JSON pointer that begins with `prefix`."""
    return [_format_error(e, data, prefix) for e in error.errors()]


def _format_error(error: Any, data: Any, prefix: str) -> str:
    kind, loc = error["type"], list(error["loc"])
    if kind in _WHOLE:
        pointer = _find_pointer(data, loc[:-1], prefix)
        return f"[ERROR] {_WHOLE[kind].format(last=loc[-1])} [json-pointer:{pointer}]"
    pointer = _find_pointer(data, loc, prefix)
    if kind == "union_tag_invalid":
        return f"[ERROR] unsupported type: {error['ctx']['tag']} [json-pointer:{pointer}/type]"
    if kind == "union_tag_not_found":
        return f"[ERROR] missing required field: type [json-pointer:{pointer}]"
    if kind == "text_size":
        pointer += "/text"
    words = _LENGTHS[kind].format(**error["ctx"]) if kind in _LENGTHS else error["msg"]
    return f"[ERROR] {words[0].lower()}{words[1:]} [json-pointer:{pointer}]"


def _find_pointer(data: Any, loc: Sequence[str | int], prefix: str) -> str:
    """Return the JSON pointer of an error's place, without what pydantic adds for unions."""
    pointer = prefix
    for part in loc:
        is_key = isinstance(data, dict) and part in data
        is_index = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if is_key or is_index:
            data = data[part]
            pointer += f"/{part}"
    return pointer or "/"
