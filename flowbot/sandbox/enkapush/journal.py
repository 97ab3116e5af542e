"""The log of what was asked of the stand-in, for tests to look into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Credentials = Literal["none", "right", "wrong"]


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file part of a form, as it came."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentField:
    """One part of a form: its name, and its text or file."""

    name: str
    value: str | SentFile


@dataclass(slots=True, kw_only=True)
class Record:
    """One request.

    Attributes:
        method: In capitals.
        path: Without the `/api` prefix, such as `/flows/12`; pictures are under `/media/`.
        query: Names and values in the order of the URL.
        headers: Names in lower case, without `authorization`.
        credentials: What stood in `authorization`: nothing, the key, or something else.
        fields: The parts of a multipart form, in order.
        is_multipart: Whether the body claimed to be a multipart form.
        is_malformed: Whether such a body could not be parsed.
        started_at: Aware.
        changed: The flows that it made, changed or removed, whatever was answered.
        status: What was answered; None while it is on its way, or when the connection was cut.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    credentials: Credentials
    started_at: datetime
    fields: tuple[SentField, ...] = ()
    is_multipart: bool = False
    is_malformed: bool = False
    changed: tuple[int, ...] = ()
    status: int | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The text fields by name, the last of each name."""
        return {sent.name: sent.value for sent in self.fields if isinstance(sent.value, str)}

    @property
    def files(self) -> dict[str, SentFile]:
        """The files by name, the last of each name."""
        return {sent.name: sent.value for sent in self.fields if isinstance(sent.value, SentFile)}
