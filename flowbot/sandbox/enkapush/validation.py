"""Checks the form of a write, field by field, as strictly as the documentation reads.

Source: Enkapush's page "Akışlar", `POST /flows` and `POST /flows/{flow_id}`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import cast
from uuid import uuid4

from flowbot.sandbox.enkapush.models import EXTENSIONS, TTLS, WAIT_UNITS, Flow, FlowFields, Image, content_type_of
from flowbot.sandbox.enkapush.request_log import SentField, SentFile
from flowbot.sandbox.enkapush.store import Store

REQUIRED = ("website_id", "name", "title", "description", "wait_time", "wait_time_type")

_POSITIVE = re.compile(r"[1-9][0-9]{0,9}")


class FormError(Exception):
    """The form was refused.

    Attributes:
        complaints: Field name and sentence, at least one.
    """

    def __init__(self, complaints: Iterable[tuple[str, str]]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(sentence for _, sentence in self.complaints))


def checked_fields(fields: Iterable[SentField], store: Store, current: Flow | None) -> FlowFields:
    """Return what a form sets, typed.

    Args:
        fields: The parts as they came.
        store: Knows which websites and segments exist.
        current: The flow to change; None to create one.

    Raises:
        FormError: Something is missing, unknown, sent twice or not allowed; every such field is named.
    """
    fields = tuple(fields)
    complaints = [*_repeated(fields), *(_missing(fields) if current is None else ())]
    values: dict[str, object] = {}
    for sent in fields:
        try:
            values[sent.name] = _checked(sent, store)
        except ValueError as problem:
            complaints.append((sent.name, f"The {sent.name} field {problem}."))
    complaints.extend(_foreign_segment(values, store, current))
    if complaints:
        raise FormError(complaints)
    return cast("FlowFields", values)


def _repeated(fields: Iterable[SentField]) -> list[tuple[str, str]]:
    counts = Counter(sent.name for sent in fields)
    return [(name, f"The {name} field was sent {count} times.") for name, count in counts.items() if count > 1]


def _missing(fields: Iterable[SentField]) -> list[tuple[str, str]]:
    sent = {field.name for field in fields}
    return [(name, f"The {name} field is required.") for name in REQUIRED if name not in sent]


def _checked(sent: SentField, store: Store) -> object:
    if sent.name == "image":
        return _image(sent.value)
    if isinstance(sent.value, SentFile):
        raise ValueError("must be text, not a file")  # noqa: TRY004 - the sender's mistake, reported like all others
    if sent.name == "website_id":
        return _website(sent.value, store)
    if sent.name == "segment":
        return _segment(sent.value, store)
    if (rule := _RULES.get(sent.name)) is None:
        raise ValueError("is not known")
    return rule(sent.value)


def _image(value: str | SentFile) -> Image:
    if isinstance(value, str):
        raise ValueError("must be a file")  # noqa: TRY004 - the sender's mistake, reported like all others
    actual = content_type_of(value.content)
    if actual is None:
        raise ValueError("must be a PNG, JPEG, GIF or WebP picture")
    if value.content_type != actual:
        raise ValueError(f"says {value.content_type or 'nothing'} but is {actual}")
    return Image(f"{uuid4().hex}.{EXTENSIONS[actual]}", actual, value.content)


def _website(text: str, store: Store) -> int:
    if (website_id := _positive(text)) not in store.websites:
        raise ValueError("names a website that does not exist")
    return website_id


def _segment(text: str, store: Store) -> str:
    if text != "all" and (not _POSITIVE.fullmatch(text) or int(text) not in store.segments):
        raise ValueError("must be all or the id of a segment that exists")
    return text


def _foreign_segment(values: Mapping[str, object], store: Store, current: Flow | None) -> list[tuple[str, str]]:
    segment = values.get("segment", "all")
    website = values.get("website_id", current.website_id if current else None)
    if segment == "all" or website is None or store.segments[int(str(segment))].website_id == website:
        return []
    return [("segment", "The segment field names a segment of another website.")]


def _text(text: str) -> str:
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _positive(text: str) -> int:
    if not _POSITIVE.fullmatch(text):
        raise ValueError("must be a positive integer")
    return int(text)


def _wait_unit(text: str) -> str:
    if text not in WAIT_UNITS:
        raise ValueError(f"must be one of {', '.join(WAIT_UNITS)}")
    return text


def _ttl(text: str) -> int:
    if text not in map(str, TTLS):
        raise ValueError(f"must be one of {', '.join(map(str, TTLS))}")
    return int(text)


def _boolean(text: str) -> bool:
    # Form parsers disagree about words such as "false"; the digits alone are safe to send.
    if text not in {"0", "1"}:
        raise ValueError("must be 1 or 0")
    return text == "1"


_RULES: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("name", "title", "description"), _filled),
    **dict.fromkeys(("url", "utm_source", "utm_medium", "utm_campaign"), _text),
    **dict.fromkeys(("button_title_1", "button_url_1", "button_title_2", "button_url_2"), _text),
    **dict.fromkeys(("is_silent", "is_auto_hide", "is_enabled"), _boolean),
    "wait_time": _positive,
    "wait_time_type": _wait_unit,
    "ttl": _ttl,
}
