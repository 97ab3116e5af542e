"""Responses: read within bounds, classified by their status, decoded into typed values.

httpx unpacks as many layers as a server names, each network piece whole, before it hands anything out: 2 KB can become
2 GB before its size can be checked. So the raw bytes are unpacked here, piece by piece.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import httpx
import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.envelopes import Identity, LooseList, LooseSingle, Meta, Single, Written
from flowbot.enkapush.client.errors import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    Redactor,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    UnexpectedRedirectError,
    UnreadableRecordError,
    parse_error_messages,
)
from flowbot.enkapush.client.json_text import parse_repaired, split_items
from flowbot.enkapush.client.models import Record
from flowbot.enkapush.client.pagination import ApiPage
from flowbot.enkapush.client.retry import parse_retry_after

_DATE: Final = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
RECORDS_AT_ONCE: Final = 200
"""Records that are read or converted before others have their turn."""
_PIECE_BYTES: Final = 256 * 1024
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
"""Detects which of the two it is (Python's documentation of `zlib.decompressobj`)."""

_ERRORS_BY_STATUS: dict[int, type[ResponseError]] = {
    400: InvalidError,
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    422: InvalidError,
    429: RateLimitedError,
}
_ERRORS_BY_CLASS: dict[int, type[ResponseError]] = {3: UnexpectedRedirectError, 5: ServerError}
_SUCCESS_CLASS: Final = 2

_log = structlog.get_logger("enkapush")

R = TypeVar("R", bound=Record)
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole, successful response: its bytes, and the exchange it belongs to.

    Attributes:
        redactor: Removes the key from what an error quotes.
    """

    exchange: Exchange
    content: bytes
    redactor: Redactor

    def malformed_error(
        self, reason: str, kind: type[MalformedResponseError] = MalformedResponseError
    ) -> MalformedResponseError:
        """Return the error for a response that is not the documented one."""
        return kind(reason, replace(self.exchange, body=self.redactor.redact_body(self.content)))


async def receive(response: httpx.Response, exchange: Exchange, redactor: Redactor) -> Response | ResponseError:
    """Read a response whole and classify it by its status.

    Args:
        response: A response whose body was not read yet.
        exchange: What is known of the request.
        redactor: Removes the key from everything that is kept as text.

    Raises:
        httpx.RequestError: The body did not come whole, or cannot be unpacked.
    """
    content, is_whole = await read_body(response)
    request_id = next(filter(None, map(response.headers.get, constants.REQUEST_ID_HEADERS)), None)
    date = response.headers.get("date", "")
    exchange = replace(
        exchange,
        sent=True,
        status=response.status_code,
        request_id=request_id and redactor.redact(request_id)[: constants.REQUEST_ID_CHARS],
        # Anything else may hold the key, sent back.
        date=date if _DATE.fullmatch(date) else None,
    )
    status_class = response.status_code // 100
    if is_whole and status_class == _SUCCESS_CLASS:
        return Response(exchange, content, redactor)
    exchange = replace(exchange, body=redactor.redact_body(content))
    if not is_whole:
        return MalformedResponseError("the answer does not end", exchange)
    error = _ERRORS_BY_STATUS.get(response.status_code) or _ERRORS_BY_CLASS.get(status_class) or ResponseError
    messages = {
        redactor.redact(field): tuple(map(redactor.redact, texts))
        for field, texts in parse_error_messages(content).items()
    }
    retry_after = parse_retry_after(response.headers.get("retry-after"))
    return error(f"status {response.status_code}", replace(exchange, messages=messages, retry_after=retry_after))


async def read_body(response: httpx.Response) -> tuple[bytes, bool]:
    """Return the unpacked body, cut short at `MAX_RESPONSE_BYTES`, and whether it is whole.

    Raises:
        httpx.DecodingError: The body is packed in a way that was not asked for, or cannot be unpacked.
        httpx.RequestError: The body did not come whole.
    """
    content = bytearray()
    async with aclosing(_unpack(response)) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > constants.MAX_RESPONSE_BYTES:
                return bytes(content[: constants.REDACTION_WINDOW]), False
    return bytes(content), True


async def _unpack(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        async for piece in response.aiter_raw():
            yield piece
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise httpx.DecodingError("packed in a way that was not asked for", request=response.request)
    decompressor, is_empty = zlib.decompressobj(_GZIP_OR_ZLIB), True
    try:
        async for packed in response.aiter_raw():
            is_empty = False
            piece = decompressor.decompress(packed, _PIECE_BYTES)
            yield piece
            # A full piece may have left output inside, even where no input is left.
            while decompressor.unconsumed_tail or len(piece) == _PIECE_BYTES:
                piece = decompressor.decompress(decompressor.unconsumed_tail, _PIECE_BYTES)
                yield piece
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from None
    if not (decompressor.eof or is_empty):
        raise httpx.DecodingError("packed, and cut off", request=response.request)


def convert_httpx_error(error: Exception, exchange: Exchange, redactor: Redactor) -> EnkapushError:
    """Return the client's error for an exception of httpx."""
    # Only its text is kept: h11 quotes header lines, and a server may echo the key in one.
    reason = redactor.redact(f"{type(error).__name__}: {error}".rstrip(": "))
    match error:
        case httpx.TimeoutException():
            return RequestTimeoutError(reason, exchange)
        case httpx.ConnectError() | httpx.ProxyError() | httpx.UnsupportedProtocol():
            return ConnectError(reason, replace(exchange, sent=False))
        case httpx.DecodingError() | httpx.InvalidURL() | httpx.TooManyRedirects():
            return MalformedResponseError(reason, exchange)
        case _:
            return ConnectionLostError(reason, exchange)


class ResponseReader(Generic[R]):
    """Decodes responses about one kind of record.

    Args:
        kind: The model of one record.
    """

    def __init__(self, kind: type[R]) -> None:
        self._kind = kind
        self._item: TypeAdapter[R] = TypeAdapter(kind)
        # The annotation is made at run time from a value, which no static checker can follow.
        self._single: TypeAdapter[Single[R]] = TypeAdapter(Single[kind])  # type: ignore[valid-type]

    def read_one(self, response: Response, record_id: int) -> R:
        """Return the record that was asked for.

        Raises:
            UnreadableRecordError: The record cannot be read, or is another one.
            MalformedResponseError: The response is not about a record at all.
        """
        try:
            record = _decode(response, self._single.validate_json).data
        except MalformedResponseError as error:
            about = _identify(response.content, LooseSingle)
            if about is None:
                raise
            raise UnreadableRecordError(error.reason, error.exchange, about.data.website_id) from None
        if record.id != record_id:
            raise response.malformed_error(f"asked for {record_id}, got {record.id}", UnreadableRecordError)
        return record

    async def read_page(self, response: Response, number: int, size: int) -> ApiPage[R]:
        """Return one page. Records that cannot be read are left out, noted as unreadable and logged.

        A page of a thousand takes a while: others have their turn in between.

        Args:
            response: The response.
            number: The number of the page that was asked for.
            size: The page size that was asked for.

        Raises:
            MalformedResponseError: The response is no list at all.
        """
        with suppress(ValidationError):
            whole = LooseList.model_validate_json(response.content)
            read: list[R] = []
            for start in range(0, len(whole.data), RECORDS_AT_ONCE):
                await asyncio.sleep(0)
                read += map(self._item.validate_python, whole.data[start : start + RECORDS_AT_ONCE])
            return _build_page(tuple(read), whole.meta, number, size)
        items, rest = split_items(response.content)
        meta = _decode(replace(response, content=rest), LooseList.model_validate_json).meta
        records: list[R] = []
        unreadable: list[int | None] = []
        for item in items:
            try:
                records.append(parse_repaired(item, self._item.validate_json))
            except ValidationError as error:
                about = _identify(item, Identity) or Identity()
                unreadable.append(about.website_id)
                _log.warning(
                    "enkapush.item_skipped",
                    kind=self._kind.__name__,
                    id=about.id,
                    path=response.exchange.path,
                    reason=_describe(error),
                )
        return _build_page(tuple(records), meta, number, size, tuple(unreadable))


def read_created_id(response: Response) -> int:
    """Return the id of the flow that was created.

    Raises:
        MalformedResponseError: The response holds no id.
    """
    return _decode(response, Written.model_validate_json).data.id


def read_updated_id(response: Response, flow_id: int) -> int | None:
    """Return the id in the response to an update of `flow_id`, or None where it holds none.

    Anything but `flow_id` is logged and is no error: the write has ended, and only reading back shows its effect.
    """
    try:
        updated = read_created_id(response)
    except MalformedResponseError as error:
        _log.warning("enkapush.odd_answer", path=response.exchange.path, reason=error.reason)
        return None
    if updated != flow_id:
        reason = f"wrote to {flow_id}, answered {updated}"
        _log.warning("enkapush.odd_answer", path=response.exchange.path, reason=reason)
    return updated


def _decode(response: Response, decode: Callable[[bytes], T]) -> T:
    try:
        return parse_repaired(response.content, decode)
    except ValidationError as error:
        reason = _describe(error)
    # Outside of the `except`: pydantic's text quotes the body, which may echo the key, and must not be the context.
    raise response.malformed_error(reason)


def _build_page(
    records: tuple[R, ...], meta: Meta, number: int, size: int, unreadable: tuple[int | None, ...] = ()
) -> ApiPage[R]:
    size = meta.results_per_page or size
    pages = meta.total_pages
    if pages is None:
        # Where the server does not say, the first empty page is the end.
        pages = number + 1 if meta.total is None else -(-meta.total // size)
    return ApiPage(records, number, size, meta.total, pages, unreadable)


def _identify(content: bytes, kind: type[M]) -> M | None:
    """Return what can be told of a record that cannot be read whole; None where that is nothing."""
    with suppress(ValidationError):
        return parse_repaired(content, kind.model_validate_json)
    return None


def _describe(error: ValidationError) -> str:
    """Return the place and kind of the first flaw, without the value, which may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the answer"
    return f"{place}: {first['type']}"
