"""The log of what was asked of the stand-in, for tests to look into."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from aiohttp import BodyPartReader, web

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


API_PREFIX = "/api"


async def read_request(request: web.Request, *, api_key: str, started_at: datetime) -> Record:
    """Return the request as a record, its form parsed as far as it can be."""
    path = request.path
    record = Record(
        method=request.method,
        path=path.removeprefix(API_PREFIX) if path.startswith(f"{API_PREFIX}/") else path,
        query=tuple(request.query.items()),
        headers={key.lower(): value for key, value in request.headers.items() if key.lower() != "authorization"},
        credentials=_credentials(request.headers.get("Authorization"), api_key),
        started_at=started_at,
        is_multipart=request.content_type == "multipart/form-data",
    )
    if not record.is_multipart:
        await request.read()
        return record
    return await _with_fields(record, request)


def _credentials(header: str | None, api_key: str) -> Credentials:
    if header is None:
        return "none"
    return "right" if hmac.compare_digest(header.encode(), f"Bearer {api_key}".encode()) else "wrong"


async def _with_fields(record: Record, request: web.Request) -> Record:
    fields: list[SentField] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                return replace(record, fields=tuple(fields), is_malformed=True)
            fields.append(SentField(part.name, await _value(part)))
    except (ValueError, AssertionError, RuntimeError):
        # What aiohttp raises for a missing boundary, a broken header or text that is not UTF-8.
        return replace(record, fields=tuple(fields), is_malformed=True)
    return replace(record, fields=tuple(fields))


async def _value(part: BodyPartReader) -> str | SentFile:
    content = bytes(await part.read(decode=True))
    if part.filename is None:
        return content.decode()
    return SentFile(part.filename, part.headers.get("Content-Type", ""), content)
