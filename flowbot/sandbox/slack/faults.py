"""Faults that tests inject: refusals, rate limits, outages, silence and lost answers."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from flowbot.sandbox.slack.blockkit.payload_checks import count_text
from flowbot.sandbox.slack.errors import SlackError, invalid
from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.models import Json


@dataclass
class Fault:
    """A fault of the next `times` calls of a method.

    Attributes:
        method: Web API method, `"*"` for all, `"response_url"`, or `"files"` for downloads (which know no `error`).
        error: Slack error code to answer with, at HTTP 200.
        status: HTTP status to answer with instead (429, 500, …).
        retry_after: Seconds of the `Retry-After` header; implies status 429.
        delay: Seconds to wait before the call is carried out.
        hang: Never answer; the caller's own timeout ends it.
        lose_answer: Carry the call out, then drop the connection without an answer.
        body: Text to answer with instead, as HTML where it begins like that, else as JSON; at `status`, or 200.
        channel: Hit only calls for this channel.
        in_thread: Hit only calls for a thread.
        block_type: Refuse with `invalid_blocks` those calls that contain a block of this type.
        longer_than: Refuse with `msg_blocks_too_long` those calls whose blocks have more characters than this.
        times: How many calls are hit; None for all.
    """

    method: str
    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    hang: bool = False
    lose_answer: bool = False
    block_type: str | None = None
    longer_than: int | None = None
    times: int | None = 1
    body: str | None = None
    channel: str | None = None
    in_thread: bool = False

    def matches(self, method: str, arguments: Json) -> bool:
        """Check whether this call is hit."""
        if self.times == 0 or self.method not in {method, "*"}:
            return False
        if self.channel not in {None, arguments.get("channel")} or (self.in_thread and not arguments.get("thread_ts")):
            return False
        if self.longer_than is not None and count_text(arguments.get("blocks")) <= self.longer_than:
            return False
        return self.block_type is None or _mentions_block(arguments, self.block_type)


def _mentions_block(value: object, block_type: str) -> bool:
    if isinstance(value, dict):
        return value.get("type") == block_type or any(_mentions_block(v, block_type) for v in value.values())
    return isinstance(value, list) and any(_mentions_block(v, block_type) for v in value)


class Faults:
    """The faults that are in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(  # noqa: PLR0913 - one keyword for each kind of fault reads best in a test
        self,
        method: str,
        *,
        error: str | None = None,
        status: int | None = None,
        retry_after: int | None = None,
        delay: float = 0.0,
        hang: bool = False,
        lose_answer: bool = False,
        block_type: str | None = None,
        longer_than: int | None = None,
        times: int | None = 1,
        body: str | None = None,
        channel: str | None = None,
        in_thread: bool = False,
    ) -> Fault:
        """Add a fault (see `Fault` for the arguments) and return it."""
        if retry_after is not None:
            status = status or 429
        if block_type is not None:
            error = error or "invalid_blocks"
        if longer_than is not None:
            error = error or "msg_blocks_too_long"
        fault = Fault(
            method,
            error=error,
            status=status or (None if body is None else 200),
            retry_after=retry_after,
            delay=delay,
            hang=hang,
            lose_answer=lose_answer,
            block_type=block_type,
            longer_than=longer_than,
            times=times,
            body=body,
            channel=channel,
            in_thread=in_thread,
        )
        self._faults.append(fault)
        return fault

    def consume(self, method: str, arguments: Json) -> Fault | None:
        """Return the first fault that hits this call, and use it up by one."""
        fault = next((f for f in self._faults if f.matches(method, arguments)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()


_DEFAULT_RETRY_AFTER = 1
_TOO_MANY = 429


async def inject_fault(feed: EventFeed, fault: Fault) -> None:
    """Hang, delay or refuse a call before it is carried out.

    Raises:
        SlackError: The error code that the fault names.
    """
    if fault.hang:
        await feed.wait_until_closed()
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.error is not None:
        if fault.block_type is None:
            raise SlackError(fault.error)
        raise invalid(fault.error, [f"[ERROR] unsupported type: {fault.block_type} [json-pointer:/blocks]"])


def build_fault_response(fault: Fault) -> web.Response:
    """Return the answer of a fault with an HTTP status: 429 with `Retry-After`, or an outage."""
    if fault.status == _TOO_MANY:
        seconds = _DEFAULT_RETRY_AFTER if fault.retry_after is None else fault.retry_after
        body = {"ok": False, "error": "ratelimited"}
        return web.json_response(body, status=_TOO_MANY, headers={"Retry-After": str(seconds)})
    if fault.body is not None:
        content_type = "text/html" if fault.body.startswith("<") else "application/json"
        return web.Response(status=fault.status or 200, text=fault.body, content_type=content_type)
    return web.Response(status=fault.status or 500, text="upstream error")


def drop_connection(request: web.Request) -> None:
    """Drop the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
