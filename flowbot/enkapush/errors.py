"""What can go wrong between this client and Enkapush.

    EnkapushError
    ├── TransportError              no whole answer came
    │   ├── ConnectError            refused, unknown host, TLS or proxy: nothing was sent
    │   ├── RequestTimeoutError     too slow; `sent` tells whether the request may have left
    │   └── ConnectionLostError     reset or cut off on the way
    └── ResponseError               an answer came, but not the one hoped for
        ├── AuthError               401, 403
        ├── NotFoundError           404
        ├── InvalidError            400, 422; `messages` by field where the body has them
        ├── RateLimitedError        429; `retry_after`
        ├── ServerError             5xx
        ├── UnexpectedRedirectError 3xx where none is followed
        └── MalformedAnswerError    a success that is not the documented shape

Any other 4xx is a plain `ResponseError`. No error ever holds the API key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

READ_METHOD = "GET"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what is known of its answer.

    Attributes:
        method: The HTTP method.
        path: The path below the base URL, such as `/flows/12`.
        sent: Whether any byte of the request may have left.
        attempt: Which try it was, from 1.
        status: The HTTP status, if an answer began.
        request_id: The server's name for the request, if it gave one.
        body: The first 500 characters of the answer, with the key blotted out.
        retry_after: Seconds that the server asked to wait.
        messages: The answer's complaints by field; those about no field under `""`.
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

    @property
    def is_write(self) -> bool:
        """Whether the request was meant to change something."""
        return self.method != READ_METHOD


class EnkapushError(Exception):
    """A call failed.

    Both arguments stand in `args`, so that copies and pickles are whole.

    Args:
        reason: One English sentence fragment for logs.
        exchange: The request and what is known of its answer.
    """

    _leaves_doubt: ClassVar[bool] = True

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
        """The HTTP method."""
        return self.exchange.method

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return self.exchange.path

    @property
    def status(self) -> int | None:
        """The HTTP status, if an answer began."""
        return self.exchange.status

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, if it gave one."""
        return self.exchange.request_id

    @property
    def body(self) -> str:
        """The start of the answer, with the key blotted out."""
        return self.exchange.body

    @property
    def sent(self) -> bool:
        """Whether any byte of the request may have left."""
        return self.exchange.sent

    @property
    def attempts(self) -> int:
        """How many tries there were."""
        return self.exchange.attempt

    @property
    def ambiguous(self) -> bool:
        """Whether a write may have taken effect all the same: read back before anything else."""
        return self._leaves_doubt and self.exchange.is_write and self.exchange.sent


class TransportError(EnkapushError):
    """No whole answer came."""


class ConnectError(TransportError):
    """No connection: nothing was sent."""


class RequestTimeoutError(TransportError):
    """It took too long."""


class ConnectionLostError(TransportError):
    """The connection broke on the way."""


class ResponseError(EnkapushError):
    """The answer says no; a write was refused and has no effect."""

    _leaves_doubt = False


class AuthError(ResponseError):
    """401 or 403: the key is wrong, or may not do this."""


class NotFoundError(ResponseError):
    """404: there is no such thing."""


class InvalidError(ResponseError):
    """400 or 422: the values were refused."""

    @property
    def messages(self) -> Mapping[str, tuple[str, ...]]:
        """The complaints by field; those about no field under `""`."""
        return self.exchange.messages


class RateLimitedError(ResponseError):
    """429: too many requests."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asked to wait, as it said them."""
        return self.exchange.retry_after


class ServerError(ResponseError):
    """5xx: the server failed, perhaps after doing what was asked."""

    _leaves_doubt = True


class UnexpectedRedirectError(ResponseError):
    """3xx to a write, or to another host: not followed."""

    _leaves_doubt = True


class MalformedAnswerError(ResponseError):
    """The status says success, the body is not what the documentation shows."""

    _leaves_doubt = True
