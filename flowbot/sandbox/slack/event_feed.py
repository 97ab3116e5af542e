"""Events of the workspace in order, for pages that listen and tests that wait."""

import asyncio
from collections import deque
from dataclasses import dataclass

from flowbot.sandbox.slack.models import Json

_CAPACITY = 2000


@dataclass(frozen=True)
class FeedEvent:
    """One event; `audience` None means everybody."""

    id: int
    audience: frozenset[str] | None
    data: Json

    def is_visible_to(self, user_id: str) -> bool:
        """Check whether this person is in its audience."""
        return self.audience is None or user_id in self.audience


class EventFeed:
    """The latest events, and a way to wait for the next one."""

    def __init__(self) -> None:
        self._events: deque[FeedEvent] = deque(maxlen=_CAPACITY)
        self._last_id = 0
        self._next = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def closed(self) -> bool:
        """True once the server shuts down."""
        return self._closed.is_set()

    def close(self) -> None:
        """Mark the feed as closed and wake all who wait."""
        self._closed.set()
        self.wake()

    async def wait_until_closed(self) -> None:
        """Wait until the server shuts down."""
        await self._closed.wait()

    @property
    def last_id(self) -> int:
        """Id of the newest event; 0 before the first."""
        return self._last_id

    def publish(self, audience: frozenset[str] | None, data: Json) -> None:
        """Append an event and wake all who wait."""
        self._last_id += 1
        self._events.append(FeedEvent(self._last_id, audience, data))
        self.wake()

    def wake(self) -> None:
        """Wake all who wait, without an event."""
        happened, self._next = self._next, asyncio.Event()
        happened.set()

    def list_since(self, last_id: int, user_id: str) -> list[FeedEvent]:
        """Return the events after `last_id` that are visible to this person."""
        return [e for e in self._events if e.id > last_id and e.is_visible_to(user_id)]

    async def wait_for_change(self) -> None:
        """Wait for the next `publish` or `wake`."""
        await self._next.wait()
