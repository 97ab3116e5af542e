"""The log of requests to the stand-in Enkapush, for tests to look into."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiohttp import BodyPartReader, web

API_PREFIX = "/api"

Credentials = Literal["none", "right", "wrong"]


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file part of a form, as it came."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FormField:
    """One part of a form: its name, and its text or file."""

    name: str
    value: str | FormFile


@dataclass(slots=True, kw_only=True)
class LoggedRequest:
    """One request and what came of it.

    Attributes:
        method: In capitals.
        path: Without the `/api` prefix, such as `/flows/12`; images are under `/media/`.
        query: Names and values in the order of the URL.
        headers: Names in lower case, without `authorization`.
        credentials: Whether `authorization` held nothing, the key, or something else.
        fields: The parts of a multipart form, in order.
        is_multipart: Whether the body claimed to be a multipart form.
        is_malformed: Whether such a body could not be parsed.
        started_at: Aware.
        changed: The flows that it made, changed or removed, whatever the response was.
        status: The response's status; None while it is on its way, or when the connection was cut.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    credentials: Credentials
    started_at: datetime
    fields: tuple[FormField, ...] = ()
    is_multipart: bool = False
    is_malformed: bool = False
    changed: tuple[int, ...] = ()
    status: int | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Return the text fields by name, the last of each name."""
        return {field.name: field.value for field in self.fields if isinstance(field.value, str)}

    @property
    def files(self) -> dict[str, FormFile]:
        """Return the files by name, the last of each name."""
        return {field.name: field.value for field in self.fields if isinstance(field.value, FormFile)}


async def read_request(request: web.Request, *, api_key: str, started_at: datetime) -> LoggedRequest:
    """Read a request and return it for the log, its form parsed as far as it can be."""
    path = request.path
    header = request.headers.get("Authorization")
    credentials: Credentials = "none"
    if header is not None:
        credentials = "right" if hmac.compare_digest(header.encode(), f"Bearer {api_key}".encode()) else "wrong"
    logged = LoggedRequest(
        method=request.method,
        path=path.removeprefix(API_PREFIX) if path.startswith(f"{API_PREFIX}/") else path,
        query=tuple(request.query.items()),
        headers={key.lower(): value for key, value in request.headers.items() if key.lower() != "authorization"},
        credentials=credentials,
        started_at=started_at,
        is_multipart=request.content_type == "multipart/form-data",
    )
    if logged.is_multipart:
        logged.is_malformed = not await _read_form(request, logged)
    else:
        await request.read()
    return logged


async def _read_form(request: web.Request, logged: LoggedRequest) -> bool:
    """Add the form's fields to the logged request; return False at the first one that cannot be read."""
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                return False
            content = bytes(await part.read(decode=True))
            value: str | FormFile
            if part.filename is None:
                value = content.decode()
            else:
                value = FormFile(part.filename, part.headers.get("Content-Type", ""), content)
            logged.fields += (FormField(part.name, value),)
    except (ValueError, AssertionError, RuntimeError):
        # What aiohttp raises for a missing boundary, a broken header or text that is not UTF-8.
        return False
    return True
