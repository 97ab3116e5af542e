"""The one path of every request: build, send, receive, log; reads are tried again.

A try ends in a value, a `Response` or an `EnkapushError`, and the error is raised outside of any `except`: so no
exception of httpx, whose text may quote what the server sent, hangs on it as cause or context.

The loop is written out rather than taken from stamina: its hook sees the error alone, not the attempt and what is
left of the budget, which also bounds the try itself.
"""

import asyncio
import ipaddress
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import httpx
import structlog

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.errors import (
    READ_METHOD,
    EnkapushError,
    Exchange,
    NotFoundError,
    Redactor,
    RequestTimeoutError,
    UnexpectedRedirectError,
)
from flowbot.enkapush.client.models import FormPart
from flowbot.enkapush.client.responses import Response, convert_httpx_error, receive
from flowbot.enkapush.client.retry import RetryPolicy

RequestHook = Callable[[str, Exchange, float], None]
"""Called after every try: path template such as `/flows/{id}`, what is known of the exchange, seconds."""

_log = structlog.get_logger("enkapush")


@dataclass(frozen=True, slots=True)
class Timing:
    """The sources of time and chance.

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
    """One call of the API.

    Attributes:
        method: The HTTP method; anything but GET is a write.
        template: The path with `{id}` in place of an id.
        id: The id.
        params: The query.
        parts: The multipart form, for writes that have one.
        retry: The retry policy of this read; the client's own where it is None.
    """

    method: str
    template: str
    id: int | None = None
    params: Mapping[str, int] = field(default_factory=dict)
    parts: list[FormPart] | None = None
    retry: RetryPolicy | None = None

    @property
    def path(self) -> str:
        """Return the path below the base URL."""
        return self.template if self.id is None else self.template.replace("{id}", str(int(self.id)))

    @property
    def is_write(self) -> bool:
        """Check whether the call is meant to change something."""
        return self.method != READ_METHOD


class _SendTracker:
    """Notes whether a request began to leave: httpx's trace extension reports the moment before the first byte."""

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
        redactor: Removes the key from errors.
        retry: The retry policy of reads.
        write_deadline: Seconds for a write and its response.
        on_request: Called after every try.
        timing: Clock, sleep and jitter.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        redactor: Redactor,
        *,
        retry: RetryPolicy,
        write_deadline: float,
        on_request: RequestHook | None,
        timing: Timing,
    ) -> None:
        self._http = http
        self._redactor = redactor
        self._retry = retry
        self._write_deadline = write_deadline
        self._on_request = on_request
        self._timing = timing

    async def send(self, call: Call) -> Response:
        """Send a call and return its successful response.

        A read is repeated as the retry policy says. A write is sent once, whatever happens: nothing at Enkapush
        would recognise a repetition.

        Raises:
            EnkapushError: See the tree in `errors`.
        """
        retry = call.retry or self._retry
        if call.is_write:
            retry = RetryPolicy(attempts=1, budget=self._write_deadline)
        started, attempt = self._timing.now(), 1
        while True:
            left = retry.budget - (self._timing.now() - started)
            outcome = await self._try(call, attempt, left)
            if isinstance(outcome, Response):
                return outcome
            elapsed = self._timing.now() - started
            delay = retry.delay(outcome, attempt, elapsed, self._timing.jitter())
            if delay is None:
                raise outcome
            await self._timing.sleep(delay)
            attempt += 1

    async def _try(self, call: Call, attempt: int, limit: float) -> Response | EnkapushError:
        """Send a call once within `limit` seconds, and log how it ended."""
        started, tracker = self._timing.now(), _SendTracker()
        exchange = Exchange(method=call.method, path=call.path, sent=False, attempt=attempt)
        outcome: Response | EnkapushError
        try:
            async with asyncio.timeout(limit):
                outcome = await self._exchange(call, exchange, tracker)
        except TimeoutError:
            reason = f"no whole answer within {limit:.1f} s"
            outcome = RequestTimeoutError(reason, replace(exchange, sent=tracker.sent))
        except (httpx.RequestError, httpx.InvalidURL) as error:
            outcome = convert_httpx_error(error, replace(exchange, sent=tracker.sent), self._redactor)
        self._report(call, outcome, self._timing.now() - started)
        return outcome

    async def _exchange(self, call: Call, exchange: Exchange, tracker: _SendTracker) -> Response | EnkapushError:
        """Send a request, follow its safe redirects and receive the response."""
        request = self._http.build_request(
            call.method,
            call.path,
            params=dict(call.params) or None,
            files=call.parts,
            extensions={"trace": tracker},
        )
        for _ in range(constants.MAX_REDIRECTS + 1):
            response = await self._http.send(request, stream=True)
            try:
                redirected = response.next_request
                if redirected is None or call.is_write or not is_safe_redirect(request.url, redirected.url):
                    return await receive(response, exchange, self._redactor)
            finally:
                await response.aclose()
                # It refers back to the response: what was sent would stay until the next full garbage collection.
                response.stream = httpx.ByteStream(b"")
            request = redirected
        return UnexpectedRedirectError("redirected again and again", replace(exchange, sent=tracker.sent))

    def _report(self, call: Call, outcome: Response | EnkapushError, seconds: float) -> None:
        """Log a try and call the hook."""
        exchange, failure = outcome.exchange, {}
        if isinstance(outcome, Response):
            log = _log.info if call.is_write else _log.debug
        else:
            # A read that finds no such flow has its answer, and is nothing to warn of.
            log = _log.debug if isinstance(outcome, NotFoundError) and not call.is_write else _log.warning
            failure = {"error": type(outcome).__name__, "reason": outcome.reason, "request_id": outcome.request_id}
        log(
            "enkapush.call",
            method=exchange.method,
            path=exchange.path,
            status=exchange.status,
            ms=round(seconds * 1000, 1),
            attempt=exchange.attempt,
            **failure,
        )
        if self._on_request is None:
            return
        try:
            self._on_request(call.template, exchange, seconds)
        except Exception:  # noqa: BLE001  # whatever the hook raises is the hook's affair
            # A broken counter must not turn a write that was done into one that seems to have failed.
            _log.exception("enkapush.hook_failed")


def parse_base_url(text: str) -> httpx.URL:
    """Parse the API's base URL.

    Raises:
        ValueError: The text is not an absolute http or https URL, or carries a name and password, a query or a
            fragment.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError("the base URL is not a URL") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("the base URL must begin with http:// or https:// and name a host")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("the base URL must not carry a name and password, a query or a fragment")
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Check whether the URL names this very machine, which no proxy can reach on our behalf."""
    host = url.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_redirect(old: httpx.URL, new: httpx.URL) -> bool:
    """Check whether the key may follow a redirect: to the same origin, or from http to https on the same host."""
    if old.host != new.host:
        return False
    same = (old.scheme, _port(old)) == (new.scheme, _port(new))
    upgraded = (old.scheme, _port(old), new.scheme, _port(new)) == ("http", 80, "https", 443)
    return same or upgraded


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
