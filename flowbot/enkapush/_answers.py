"""From what httpx gives to what the client says: an answer, or one error of the tree."""

from dataclasses import dataclass, replace
from typing import Self

import httpx

from flowbot.enkapush import _constants as constants
from flowbot.enkapush._complaints import complaints
from flowbot.enkapush._redaction import Redactor
from flowbot.enkapush._retry_after import seconds_asked_for
from flowbot.enkapush.errors import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    UnexpectedRedirectError,
)

_BY_STATUS: dict[int, type[ResponseError]] = {
    400: InvalidError,
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    422: InvalidError,
    429: RateLimitedError,
}
_BY_CLASS: dict[int, type[ResponseError]] = {3: UnexpectedRedirectError, 5: ServerError}
_SUCCESS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: the bytes, and what is worth telling of the exchange."""

    exchange: Exchange
    content: bytes

    @classmethod
    def of(cls, response: httpx.Response, content: bytes, exchange: Exchange, redactor: Redactor) -> Self:
        """Join a response, its body and the request's facts, with the key blotted out."""
        known = replace(
            exchange,
            sent=True,
            status=response.status_code,
            request_id=_request_id(response.headers, redactor),
            body=redactor.body_start(content),
            retry_after=seconds_asked_for(response.headers.get("retry-after")),
        )
        return cls(known, content)

    def malformed(self, reason: str) -> MalformedAnswerError:
        """Return the error for a success whose body is not the documented shape."""
        return MalformedAnswerError(reason, self.exchange)


def refusal(answer: Answer, redactor: Redactor) -> ResponseError | None:
    """Return the error that an answer's status means, or None for a success."""
    status = answer.exchange.status or 0
    if status // 100 == _SUCCESS:
        return None
    kind = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100) or ResponseError
    found = complaints(answer.content)
    messages = {redactor.clean(field): tuple(map(redactor.clean, texts)) for field, texts in found.items()}
    return kind(f"status {status}", replace(answer.exchange, messages=messages))


def transport_failure(error: Exception, exchange: Exchange, redactor: Redactor) -> EnkapushError:
    """Return the error that an exception of httpx means."""
    # Its text is kept, not the exception: h11 quotes header lines, and a server may echo the key in one.
    reason = redactor.clean(f"{type(error).__name__}: {error}".rstrip(": "))
    match error:
        case httpx.TimeoutException():
            return RequestTimeoutError(reason, exchange)
        case httpx.ConnectError() | httpx.ProxyError() | httpx.UnsupportedProtocol():
            return ConnectError(reason, replace(exchange, sent=False))
        case httpx.DecodingError() | httpx.InvalidURL() | httpx.TooManyRedirects():
            return MalformedAnswerError(reason, exchange)
        case _:
            return ConnectionLostError(reason, exchange)


def _request_id(headers: httpx.Headers, redactor: Redactor) -> str | None:
    for name in constants.REQUEST_ID_HEADERS:
        if value := headers.get(name):
            return redactor.clean(value)[: constants.REQUEST_ID_CHARS]
    return None
