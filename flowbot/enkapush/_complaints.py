"""Finds the messages in an error body. Its shape is undocumented, so the usual ones are understood.

Understood: `{"errors": {"name": ["…"]}}`, `{"errors": [{"field": "name", "message": "…"}]}`,
`{"errors": ["…"]}`, `{"error": "…"}`, `{"message": "…"}`, `{"detail": [{"loc": ["name"], "msg": "…"}]}`, and mixtures.
"""

import json
from collections.abc import Iterator, Mapping

_CONTAINERS = ("errors", "error", "detail", "details", "violations", "message", "messages", "title")
_FIELD_KEYS = ("field", "param", "parameter", "attribute", "property", "path", "name", "loc", "pointer")
_TEXT_KEYS = ("message", "msg", "detail", "title", "error", "description", "reason")
_MAX_COMPLAINTS = 50
_MAX_CHARS = 300


def complaints(content: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return an error body's messages by field; those about no field under `""`.

    Anything that is not JSON, or holds no message, gives an empty mapping.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for count, (field, text) in enumerate(_from_body(body)):
        if count >= _MAX_COMPLAINTS:
            break
        if text not in found.get(field, ()):
            found[field] = (*found.get(field, ()), text[:_MAX_CHARS])
    return found


def _from_body(body: object) -> Iterator[tuple[str, str]]:
    if not isinstance(body, dict):
        return
    # The specific comes first; a summary such as "The given data was invalid." follows under "".
    for key in _CONTAINERS:
        if key in body:
            yield from _walk("", body[key])


def _walk(field: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if text := value.strip():
            yield field, text
    elif isinstance(value, list):
        for item in value:
            yield from _from_object(field, item) if isinstance(item, dict) else _walk(field, item)
    elif isinstance(value, dict):
        # By itself `{"title": "…"}` speaks of the field title; in a list it is one error's headline.
        is_one_error = any(isinstance(value.get(key), str) for key in ("message", "msg"))
        yield from _from_object(field, value) if is_one_error else _by_field(value)


def _from_object(field: str, value: dict[str, object]) -> Iterator[tuple[str, str]]:
    texts = [text for key in _TEXT_KEYS if isinstance(text := value.get(key), str)]
    if texts:
        yield from _walk(_named_field(value) or field, texts[0])
    else:
        yield from _by_field(value)


def _by_field(value: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        yield from _walk(key, item)


def _named_field(value: dict[str, object]) -> str:
    source = value.get("source")
    if isinstance(source, dict):
        return _named_field(source)
    for key in _FIELD_KEYS:
        if name := _last_part(value.get(key)):
            return name
    return ""


def _last_part(name: object) -> str:
    """`/data/attributes/title`, `["body", "title"]` and `title` all name the title."""
    parts = name if isinstance(name, list) else str(name).split("/") if isinstance(name, str) else []
    return next((part for part in reversed(parts) if isinstance(part, str) and part), "")
