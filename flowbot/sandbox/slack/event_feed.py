"""What happened, in order: for pages that listen and tests that wait."""

import asyncio
from collections import deque
from dataclasses import dataclass

from flowbot.sandbox.slack.models import Json

_KEPT = 2000


@dataclass(frozen=True)
class FeedEvent:
    """One thing that happened; `audience` None means that everybody notices."""

    id: int
    audience: frozenset[str] | None
    data: Json

    def is_visible_to(self, user_id: str) -> bool:
        """Whether this person notices it."""
        return self.audience is None or user_id in self.audience


class EventFeed:
    """An append-only list of events with a way to wait for the next one."""

    def __init__(self) -> None:
        self._events: deque[FeedEvent] = deque(maxlen=_KEPT)
        self._last_id = 0
        self._next = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether the server is going away."""
        return self._closed.is_set()

    def close(self) -> None:
        """Tell all who wait that the server is going away."""
        self._closed.set()
        self.wake()

    async def wait_until_closed(self) -> None:
        """Wait until the server is going away."""
        await self._closed.wait()

    @property
    def last_id(self) -> int:
        """The id of the newest event; 0 before the first."""
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
        """Return the kept events after `last_id` that this person notices."""
        return [e for e in self._events if e.id > last_id and e.is_visible_to(user_id)]

    async def wait_for_change(self) -> None:
        """Wait for the next `publish` or `wake`."""
        await self._next.wait()
