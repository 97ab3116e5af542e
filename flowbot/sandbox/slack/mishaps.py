"""How ordered faults show on the wire."""

import asyncio

from aiohttp import web

from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import Fault
from flowbot.sandbox.slack.feed import Feed
from flowbot.sandbox.slack.model import Json

_DEFAULT_RETRY_AFTER = 1
_TOO_MANY = 429


async def befall(feed: Feed, fault: Fault) -> None:
    """Hang, delay or refuse before a call is carried out.

    Raises:
        SlackError: The error code that the fault names.
    """
    if fault.hang:
        await feed.until_closed()
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.error is not None:
        raise SlackError(fault.error, **_details(fault))


def _details(fault: Fault) -> Json:
    if fault.block_type is None:
        return {}
    sentence = f"[ERROR] unsupported type: {fault.block_type} [json-pointer:/blocks]"
    return {"response_metadata": {"messages": [sentence]}}


def broken_answer(fault: Fault) -> web.Response:
    """Return the answer of a fault with an HTTP status: 429 with `Retry-After`, or an outage."""
    if fault.status == _TOO_MANY:
        seconds = _DEFAULT_RETRY_AFTER if fault.retry_after is None else fault.retry_after
        body = {"ok": False, "error": "ratelimited"}
        return web.json_response(body, status=_TOO_MANY, headers={"Retry-After": str(seconds)})
    return web.Response(status=fault.status or 500, text="upstream error")


def cut(request: web.Request) -> None:
    """Cut the line without an answer."""
    if request.transport is not None:
        request.transport.abort()
