"""Turns an HTTP request into a record: the only place that reads a body."""

import hmac
from dataclasses import replace
from datetime import datetime

from aiohttp import BodyPartReader, web

from flowbot.sandbox.enkapush.journal import Credentials, Record, SentField, SentFile

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
