"""Server-sent events of one person's page, as they happen."""

import asyncio
import contextlib
import json

from aiohttp import web

from flowbot.sandbox.slack.event_feed import EventFeed

KEEP_ALIVE_SECONDS = 15.0


async def stream_events(feed: EventFeed, request: web.Request, user_id: str) -> web.StreamResponse:
    """Stream the events until the page goes away.

    `Last-Event-ID` resumes after a broken line; `after` begins behind what the page has read.
    """
    resume_after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    last_id = int(resume_after) if resume_after.isdecimal() else feed.last_id
    # Another server's ids may be higher: this one counts from zero.
    last_id = min(last_id, feed.last_id)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        await response.write(b": hello\n\n")
        while not (feed.closed or request.transport is None or request.transport.is_closing()):
            events = feed.list_since(last_id, user_id)
            for event in events:
                await response.write(f"id: {event.id}\ndata: {json.dumps(event.data)}\n\n".encode())
                last_id = event.id
            if events:
                continue
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await feed.wait_for_change()
            except TimeoutError:
                await response.write(b": still here\n\n")
    return response
