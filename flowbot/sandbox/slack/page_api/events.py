"""Server-sent events: what happens, as it happens, for one person's page."""

import asyncio
import json

from aiohttp import web

from flowbot.sandbox.slack.event_feed import EventFeed, FeedEvent

KEEP_ALIVE_SECONDS = 15.0


async def stream_events(feed: EventFeed, request: web.Request, user_id: str) -> web.StreamResponse:
    """Serve the stream until the page goes away; `Last-Event-ID` resumes after a broken line."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    )
    last_id = _resume_from(request, feed)
    await response.prepare(request)
    try:
        await response.write(b": hello\n\n")
        while not (feed.closed or _going_away(request)):
            last_id = await _write_new(feed, response, user_id, last_id)
    except ConnectionError:
        pass
    return response


def _going_away(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _resume_from(request: web.Request, feed: EventFeed) -> int:
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isdecimal() else feed.last_id


async def _write_new(feed: EventFeed, response: web.StreamResponse, user_id: str, last_id: int) -> int:
    """Write what is new, or a comment when nothing came for a while; return the last id written."""
    for event in feed.list_since(last_id, user_id):
        await response.write(_frame(event))
        last_id = event.id
    if feed.list_since(last_id, user_id):
        return last_id
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            await feed.wait_for_change()
    except TimeoutError:
        await response.write(b": still here\n\n")
    return last_id


def _frame(event: FeedEvent) -> bytes:
    return f"id: {event.id}\ndata: {json.dumps(event.data)}\n\n".encode()
