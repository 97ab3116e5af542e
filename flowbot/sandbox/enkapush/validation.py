"""Checks of what a request sends, as strict as the documentation reads.

Source: Enkapush's page "Akışlar", `GET /flows/`, `POST /flows` and `POST /flows/{flow_id}`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, cast
from uuid import uuid4

from flowbot.sandbox.enkapush.models import (
    IMAGE_EXTENSIONS,
    TTLS,
    WAIT_UNITS,
    Flow,
    FlowFields,
    Image,
    detect_image_type,
)
from flowbot.sandbox.enkapush.request_log import FormField, FormFile
from flowbot.sandbox.enkapush.responses import Page
from flowbot.sandbox.enkapush.store import Store

REQUIRED_FIELDS = ("website_id", "name", "title", "description", "wait_time", "wait_time_type")
PAGE_SIZES = (10, 25, 50, 100, 250, 500, 1000)
"""Allowed values of `results_per_page`."""

_POSITIVE = r"[1-9][0-9]{0,9}"


class _Rule(NamedTuple):
    """What a field's text must look like, the complaint if it does not, and how it is converted."""

    pattern: str
    complaint: str = ""
    convert: Callable[[str], object] = str


_TEXT = _Rule(r"(?s:.*)")
_FILLED_TEXT = _Rule(r"(?s:.*\S.*)", "must not be empty")
# Form parsers disagree about words such as "false"; the digits alone are safe to send.
_BOOLEAN = _Rule(r"[01]", "must be 1 or 0", lambda text: text == "1")
_NUMBER = _Rule(_POSITIVE, "must be a positive integer", int)

_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(("name", "title", "description"), _FILLED_TEXT),
    **dict.fromkeys(("url", "utm_source", "utm_medium", "utm_campaign"), _TEXT),
    **dict.fromkeys(("button_title_1", "button_url_1", "button_title_2", "button_url_2"), _TEXT),
    **dict.fromkeys(("is_silent", "is_auto_hide", "is_enabled"), _BOOLEAN),
    **dict.fromkeys(("website_id", "wait_time"), _NUMBER),
    "wait_time_type": _Rule("|".join(WAIT_UNITS), f"must be one of {', '.join(WAIT_UNITS)}"),
    "ttl": _Rule("|".join(map(str, TTLS)), f"must be one of {', '.join(map(str, TTLS))}", int),
    "segment": _Rule(f"all|{_POSITIVE}", "must be all or the id of a segment that exists"),
}


class ValidationError(Exception):
    """The request's form or query is refused.

    Attributes:
        errors: Field name and sentence, at least one.
    """

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(sentence for _, sentence in self.errors))


def parse_page(query: Iterable[tuple[str, str]]) -> Page:
    """Return the page that a query asks for.

    Raises:
        ValidationError: A parameter is not allowed or not documented; there are none to filter, search or sort by.
    """
    values = {"page": 1, "results_per_page": 25}
    for name, text in query:
        if name not in values:
            raise ValidationError([(name, f"The {name} parameter is not known.")])
        if not re.fullmatch(_POSITIVE, text):
            raise ValidationError([(name, f"The {name} parameter must be a positive integer.")])
        values[name] = int(text)
    if values["results_per_page"] not in PAGE_SIZES:
        allowed = ", ".join(map(str, PAGE_SIZES))
        raise ValidationError([("results_per_page", f"The results_per_page parameter must be one of {allowed}.")])
    return Page(values["page"], values["results_per_page"])


def parse_flow_fields(fields: Iterable[FormField], store: Store, current: Flow | None) -> FlowFields:
    """Return the typed fields that a form sets.

    Args:
        fields: The parts as they came.
        store: Knows which websites and segments exist.
        current: The flow to change; None to create one.

    Raises:
        ValidationError: Something is missing, unknown, sent twice or not allowed; every such field is named.
    """
    fields = tuple(fields)
    counts = Counter(field.name for field in fields)
    errors = [(name, f"The {name} field was sent {count} times.") for name, count in counts.items() if count > 1]
    if current is None:
        errors += [(name, f"The {name} field is required.") for name in REQUIRED_FIELDS if name not in counts]
    values: dict[str, object] = {}
    for field in fields:
        try:
            values[field.name] = _parse_value(field, store)
        except ValueError as error:
            errors.append((field.name, f"The {field.name} field {error}."))
    segment = values.get("segment", "all")
    website = values.get("website_id", current.website_id if current else None)
    if segment != "all" and website not in {None, store.segments[int(str(segment))].website_id}:
        errors.append(("segment", "The segment field names a segment of another website."))
    if errors:
        raise ValidationError(errors)
    return cast("FlowFields", values)


def _parse_value(field: FormField, store: Store) -> object:
    if field.name == "image":
        return _parse_image(field.value)
    if isinstance(field.value, FormFile):
        raise ValueError("must be text, not a file")  # noqa: TRY004 - the sender's mistake, reported like all others
    if (rule := _RULES.get(field.name)) is None:
        raise ValueError("is not known")
    if not re.fullmatch(rule.pattern, field.value):
        raise ValueError(rule.complaint)
    value = rule.convert(field.value)
    if field.name == "website_id" and value not in store.websites:
        raise ValueError("names a website that does not exist")
    if field.name == "segment" and value != "all" and int(field.value) not in store.segments:
        raise ValueError(rule.complaint)
    return value


def _parse_image(value: str | FormFile) -> Image:
    if isinstance(value, str):
        raise ValueError("must be a file")  # noqa: TRY004 - the sender's mistake, reported like all others
    actual = detect_image_type(value.content)
    if actual is None:
        raise ValueError("must be a PNG, JPEG, GIF or WebP picture")
    if value.content_type != actual:
        raise ValueError(f"says {value.content_type or 'nothing'} but is {actual}")
    return Image(f"{uuid4().hex}.{IMAGE_EXTENSIONS[actual]}", actual, value.content)
