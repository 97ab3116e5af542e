"""Errors: the tree of what can go wrong between this client and Enkapush, and the server's own messages.

    EnkapushError
    ├── TransportError              no whole response came
    │   ├── ConnectError            refused, unknown host, TLS or proxy: nothing was sent
    │   ├── RequestTimeoutError     too slow; see `sent` for whether the request may have left
    │   └── ConnectionLostError     reset or cut off on the way
    └── ResponseError               a response came, and it is no success
        ├── AuthError               401, 403
        ├── NotFoundError           404
        ├── InvalidError            400, 422; `messages` by field where the body has them
        ├── RateLimitedError        429; `retry_after`
        ├── ServerError             5xx
        ├── UnexpectedRedirectError 3xx where none is followed
        └── MalformedResponseError  a success that is not the documented shape
            └── UnreadableRecordError  one about a record, whose `website_id` may be readable

Any other 4xx is a plain `ResponseError`. No error ever holds the API key.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import ClassVar
from urllib.parse import quote

from pydantic_core import from_json

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.json_text import repair_text

READ_METHOD = "GET"
_CONTAINERS = ("errors", "error", "detail", "details", "violations", "message", "messages", "title")
_FIELD_KEYS = ("field", "param", "parameter", "attribute", "property", "path", "name", "loc", "pointer")
_TEXT_KEYS = ("message", "msg", "detail", "title", "error", "description", "reason")
_MAX_MESSAGES = 50
_MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what is known of its response.

    Attributes:
        method: The HTTP method.
        path: The path below the base URL, such as `/flows/12`.
        sent: True where any byte of the request may have left.
        attempt: The number of the try, from 1.
        status: The HTTP status, if a response began.
        request_id: The server's id for the request, if it gave one.
        body: The first 500 characters of the response, with the key removed.
        retry_after: Seconds to wait, as the server asked.
        messages: The server's error messages by field; those about no field under `""`.
        date: The response's header `Date`, where it is one of RFC 9110's preferred form.
    """

    method: str = READ_METHOD
    path: str = ""
    sent: bool = True
    attempt: int = 1
    status: int | None = None
    request_id: str | None = None
    body: str = ""
    retry_after: float | None = None
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    date: str | None = None

    @property
    def is_write(self) -> bool:
        """Check whether the request was meant to change something."""
        return self.method != READ_METHOD


class EnkapushError(Exception):
    """A call failed.

    Both arguments are in `args`, so that copies and pickles are whole.

    Args:
        reason: One English sentence fragment for logs.
        exchange: The request and what is known of its response.
    """

    _may_have_taken_effect: ClassVar[bool] = True

    def __init__(self, reason: str, exchange: Exchange | None = None) -> None:
        self.reason = reason
        self.exchange = exchange or Exchange()
        super().__init__(reason, self.exchange)

    def __str__(self) -> str:
        where = f"{self.exchange.method} {self.exchange.path}: {self.reason}"
        if self.exchange.request_id:
            where += f" (request id {self.exchange.request_id})"
        return where

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.exchange.method

    @property
    def path(self) -> str:
        """Return the path below the base URL."""
        return self.exchange.path

    @property
    def status(self) -> int | None:
        """Return the HTTP status, or None where no response began."""
        return self.exchange.status

    @property
    def request_id(self) -> str | None:
        """Return the server's id for the request, or None where it gave none."""
        return self.exchange.request_id

    @property
    def body(self) -> str:
        """Return the start of the response, with the key removed."""
        return self.exchange.body

    @property
    def sent(self) -> bool:
        """Check whether any byte of the request may have left."""
        return self.exchange.sent

    @property
    def attempts(self) -> int:
        """Return the number of tries."""
        return self.exchange.attempt

    @property
    def ambiguous(self) -> bool:
        """Check whether a write may have taken effect all the same: read back before anything else."""
        return self._may_have_taken_effect and self.exchange.is_write and self.exchange.sent


class TransportError(EnkapushError):
    """No whole response came."""


class ConnectError(TransportError):
    """No connection: nothing was sent."""


class RequestTimeoutError(TransportError):
    """The request took too long."""


class ConnectionLostError(TransportError):
    """The connection broke on the way."""


class ResponseError(EnkapushError):
    """The response is no success; a write was refused and has no effect."""

    _may_have_taken_effect = False


class AuthError(ResponseError):
    """401 or 403: the key is wrong, or may not do this."""


class NotFoundError(ResponseError):
    """404: there is no such thing."""


class InvalidError(ResponseError):
    """400 or 422: the values were refused."""

    @property
    def messages(self) -> Mapping[str, tuple[str, ...]]:
        """Return the error messages by field; those about no field under `""`."""
        return self.exchange.messages


class RateLimitedError(ResponseError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """Return the seconds to wait that the server asked for, uncapped."""
        return self.exchange.retry_after


class ServerError(ResponseError):
    """5xx: the server failed, perhaps after doing what was asked."""

    _may_have_taken_effect = True


class UnexpectedRedirectError(ResponseError):
    """3xx to a write, or to another host: not followed."""

    _may_have_taken_effect = True


class MalformedResponseError(ResponseError):
    """The status says success, the body is not what the documentation shows."""

    _may_have_taken_effect = True


class UnreadableRecordError(MalformedResponseError):
    """The answer is about one record, which cannot be read whole.

    Args:
        reason: As of `EnkapushError`.
        exchange: As of `EnkapushError`.
        website_id: The record's website; None where that cannot be read either.
    """

    def __init__(self, reason: str, exchange: Exchange | None = None, website_id: int | None = None) -> None:
        self.website_id = website_id
        super().__init__(reason, exchange)


class Redactor:
    """Removes the key from texts, in every spelling in which a server may echo it.

    Args:
        key: The API key: printable ASCII without spaces.

    Raises:
        ValueError: The key could not stand in a header. The message does not show it.
    """

    def __init__(self, key: str) -> None:
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the API key must be printable ASCII without spaces, and not empty")
        spellings = {key, quote(key, safe=""), json.dumps(key)[1:-1], key.replace("/", r"\/")}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redactor(***)"

    def redact(self, text: str) -> str:
        """Return the text without the key."""
        for spelling in self._spellings:
            text = text.replace(spelling, constants.REDACTED)
        return text

    def redact_body(self, content: bytes) -> str:
        """Return the first 500 characters of a body, without the key."""
        # Redacted before it is cut: a key across the cut would keep its first half.
        window = content[: constants.REDACTION_WINDOW].decode("utf-8", "replace")
        return self.redact(window)[: constants.BODY_START_CHARS]


def parse_error_messages(content: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return an error body's messages by field; those about no field under `""`.

    The shape is undocumented, so the usual ones are understood: `{"errors": {"name": ["…"]}}`,
    `{"errors": [{"field": "name", "message": "…"}]}`, `{"errors": ["…"]}`, `{"error": "…"}`, `{"message": "…"}`,
    `{"detail": [{"loc": ["name"], "msg": "…"}]}`, and mixtures. Anything else gives an empty mapping.
    """
    try:
        body = from_json(repair_text(content))
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    # The specific comes first; a summary such as "The given data was invalid." follows under "".
    messages = chain.from_iterable(_walk("", body[key]) for key in _CONTAINERS if key in body)
    found: dict[str, tuple[str, ...]] = {}
    for name, text in islice(messages, _MAX_MESSAGES):
        if text not in found.get(name, ()):
            found[name] = (*found.get(name, ()), text[:_MAX_CHARS])
    return found


def _walk(field_name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if text := value.strip():
            yield field_name, text
    elif isinstance(value, list):
        for item in value:
            yield from _from_object(field_name, item) if isinstance(item, dict) else _walk(field_name, item)
    elif isinstance(value, dict):
        # By itself `{"title": "…"}` is about the field title; in a list it is one error's headline.
        is_one_error = any(isinstance(value.get(key), str) for key in ("message", "msg"))
        yield from _from_object(field_name, value) if is_one_error else _by_field(value)


def _from_object(field_name: str, value: dict[str, object]) -> Iterator[tuple[str, str]]:
    texts = [text for key in _TEXT_KEYS if isinstance(text := value.get(key), str)]
    if texts:
        yield from _walk(_find_field_name(value) or field_name, texts[0])
    else:
        yield from _by_field(value)


def _by_field(value: dict[str, object]) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        yield from _walk(key, item)


def _find_field_name(value: dict[str, object]) -> str:
    source = value.get("source")
    if isinstance(source, dict):
        return _find_field_name(source)
    for key in _FIELD_KEYS:
        # `/data/attributes/title`, `["body", "title"]` and `title` all name the title.
        name = value.get(key)
        parts = name if isinstance(name, list) else str(name).split("/") if isinstance(name, str) else []
        for part in reversed(parts):
            if isinstance(part, str) and part:
                return part
    return ""
