"""The one path that every request takes: build, send, bound, read, classify, log; and for reads, try again.

A try ends in a value, an `Answer` or an `EnkapushError`, and the error is raised outside of any `except`: so no
exception of httpx, whose text may quote what the server sent, hangs on it as cause or context.

The loop is written out rather than taken from stamina: its hook sees the error alone, not the attempt and what is
left of the budget, which also bounds the try itself.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import httpx
import structlog

from flowbot.enkapush import _constants as constants
from flowbot.enkapush._answers import Answer, refusal, transport_failure
from flowbot.enkapush._body import capped
from flowbot.enkapush._origin import may_follow
from flowbot.enkapush._redaction import Redactor
from flowbot.enkapush.errors import (
    EnkapushError,
    Exchange,
    MalformedAnswerError,
    NotFoundError,
    RequestTimeoutError,
    UnexpectedRedirectError,
)
from flowbot.enkapush.forms import Part
from flowbot.enkapush.retry import RetryPolicy

OnRequest = Callable[[str, str, int | None, float], None]
"""Told of every try: method, path template such as `/flows/{id}`, status (None without an answer), seconds."""

_log = structlog.get_logger("enkapush")


@dataclass(frozen=True, slots=True)
class Pace:
    """Where time and chance come from.

    Attributes:
        now: A monotonic clock in seconds.
        sleep: Waits that many seconds.
        jitter: A number from 0 to 1.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to ask of the API.

    Attributes:
        method: The HTTP method; anything but GET is a write.
        template: The path with `{id}` where an id stands.
        id: What stands there.
        params: The query.
        parts: The multipart form, for writes that have one.
        retry: How patient this read is; as the client where nothing is said.
    """

    method: str
    template: str
    id: int | None = None
    params: Mapping[str, int] = field(default_factory=dict)
    parts: list[Part] | None = None
    retry: RetryPolicy | None = None

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return self.template if self.id is None else self.template.replace("{id}", str(int(self.id)))

    def exchange(self, attempt: int) -> Exchange:
        """Return what is known before the request leaves."""
        return Exchange(method=self.method, path=self.path, sent=False, attempt=attempt)


class _Departure:
    """Notes whether a request began to leave: httpx's trace extension tells the moment before the first byte."""

    def __init__(self) -> None:
        self.sent = False

    async def __call__(self, event: str, info: Mapping[str, object]) -> None:
        """Take one event of httpcore; see "trace" in httpx's documentation of request extensions."""
        del info
        self.sent = self.sent or event.endswith("send_request_headers.started")


class Transport:
    """Sends calls.

    Args:
        http: The pooled client, with the key in its headers.
        redactor: Knows the key.
        retry: How patient reads are.
        write_deadline: Seconds for a write and its answer.
        on_request: Told of every try.
        pace: Clock, sleep and chance.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        redactor: Redactor,
        *,
        retry: RetryPolicy,
        write_deadline: float,
        on_request: OnRequest | None,
        pace: Pace,
    ) -> None:
        self._http = http
        self._redactor = redactor
        self._retry = retry
        self._write_deadline = write_deadline
        self._on_request = on_request
        self._pace = pace

    async def send(self, call: Call) -> Answer:
        """Send a call and return its successful answer.

        A read is repeated as the retry policy says. A write is sent once, whatever happens: nothing at Enkapush
        would recognise a repetition.

        Raises:
            EnkapushError: As the tree in `errors` says.
        """
        if call.method == "GET":
            outcome = await self._read(call)
        else:
            outcome = await self._try(call, 1, self._write_deadline)
        if isinstance(outcome, EnkapushError):
            raise outcome
        return outcome

    async def _read(self, call: Call) -> Answer | EnkapushError:
        started, attempt = self._pace.now(), 1
        retry = call.retry or self._retry
        while True:
            left = retry.budget - (self._pace.now() - started)
            outcome = await self._try(call, attempt, left)
            if isinstance(outcome, Answer):
                return outcome
            elapsed = self._pace.now() - started
            delay = retry.delay(outcome, attempt, elapsed, self._pace.jitter())
            if delay is None:
                return outcome
            await self._pace.sleep(delay)
            attempt += 1

    async def _try(self, call: Call, attempt: int, limit: float) -> Answer | EnkapushError:
        started = self._pace.now()
        outcome = await self._bounded(call, call.exchange(attempt), limit)
        self._report(call, outcome, self._pace.now() - started)
        return outcome

    async def _bounded(self, call: Call, exchange: Exchange, limit: float) -> Answer | EnkapushError:
        departure = _Departure()
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(call, exchange, departure)
        except TimeoutError:
            reason = f"no whole answer within {limit:.1f} s"
            return RequestTimeoutError(reason, _left(exchange, departure))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            return transport_failure(error, _left(exchange, departure), self._redactor)

    async def _exchange(self, call: Call, exchange: Exchange, departure: _Departure) -> Answer | EnkapushError:
        request = self._build(call, departure)
        for _ in range(constants.MAX_REDIRECTS + 1):
            response = await self._http.send(request, stream=True)
            try:
                redirect = self._redirect(call, response)
                if redirect is None:
                    return await self._finish(response, exchange)
            finally:
                await response.aclose()
            request = redirect
        return UnexpectedRedirectError("redirected again and again", _left(exchange, departure))

    def _build(self, call: Call, departure: _Departure) -> httpx.Request:
        return self._http.build_request(
            call.method,
            call.path,
            params=dict(call.params) or None,
            files=call.parts,
            extensions={"trace": departure},
        )

    def _redirect(self, call: Call, response: httpx.Response) -> httpx.Request | None:
        """Return the request to go on with, or None where this response is the end."""
        follow = response.next_request
        if follow is None or call.method != "GET":
            return None
        return follow if may_follow(response.request.url, follow.url) else None

    async def _finish(self, response: httpx.Response, exchange: Exchange) -> Answer | EnkapushError:
        content, whole = await capped(response)
        answer = Answer.of(response, content, exchange, self._redactor)
        if not whole:
            return MalformedAnswerError("the answer does not end", answer.exchange)
        return refusal(answer, self._redactor) or answer

    def _report(self, call: Call, outcome: Answer | EnkapushError, seconds: float) -> None:
        exchange = outcome.exchange
        # Whether a flow is there is a question like any other: that it is not is an answer.
        is_answer = isinstance(outcome, Answer) or (isinstance(outcome, NotFoundError) and not exchange.is_write)
        say = _log.debug if is_answer else _log.warning
        if exchange.is_write and isinstance(outcome, Answer):
            say = _log.info
        say(
            "enkapush.call",
            method=exchange.method,
            path=exchange.path,
            status=exchange.status,
            ms=round(seconds * 1000, 1),
            attempt=exchange.attempt,
            **_failure(outcome),
        )
        self._tell_hook(call, exchange.status, seconds)

    def _tell_hook(self, call: Call, status: int | None, seconds: float) -> None:
        if self._on_request is None:
            return
        try:
            self._on_request(call.method, call.template, status, seconds)
        except Exception:  # noqa: BLE001  # whatever the hook raises is the hook's affair
            # A broken counter must not turn a write that was done into one that seems to have failed.
            _log.exception("enkapush.hook_failed")


def _left(exchange: Exchange, departure: _Departure) -> Exchange:
    return replace(exchange, sent=departure.sent)


def _failure(outcome: Answer | EnkapushError) -> dict[str, object]:
    """Return what a log line says more of a failure."""
    if isinstance(outcome, Answer):
        return {}
    return {"error": type(outcome).__name__, "reason": outcome.reason, "request_id": outcome.request_id}
