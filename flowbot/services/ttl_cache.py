"""Keep what was looked up for a while, and look it up once for all who ask at that moment (single flight)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from flowbot.services.ports import Monotonic

K = TypeVar("K", bound=Hashable)


V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Joins those who ask for the same thing at the same time into one look-up.

    Who asks may give up (be cancelled) without ending the look-up for the others.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[V]] = {}

    def start(self, key: K, look_up: Callable[[], Awaitable[V]]) -> "asyncio.Task[V]":
        """The running look-up of `key`, started if there is none."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(_as_coroutine(look_up))
            self._flights[key] = flight
            flight.add_done_callback(lambda task: self._land(key, task))
        return flight

    async def run(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """The result of the running look-up of `key`, or its error."""
        return await asyncio.shield(self.start(key, look_up))

    async def close(self) -> None:
        """Cancel what is still under way and wait for its end."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _land(self, key: K, flight: "asyncio.Task[V]") -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()


async def _as_coroutine(look_up: Callable[[], Awaitable[V]]) -> V:
    return await look_up()


class TtlCache(Generic[K, V]):
    """A bounded memory of look-ups, each good for `seconds` and gone with the next that is kept. Failures are not."""

    def __init__(self, seconds: float, *, size: int = 4096, monotonic: Monotonic = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._monotonic = monotonic
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._flights: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, look_up: Callable[[], Awaitable[V]], *, within: float | None = None) -> V:
        """What is kept of `key`, else what `look_up` answers now; its errors go to everyone who waits for it.

        Args:
            key: what is wanted.
            look_up: finds it out.
            within: how many seconds old it may be, where that is less than what is kept usually.
        """
        kept = self._values.get(key)
        seconds = self._seconds if within is None else within
        if kept is not None and self._monotonic() - kept[0] < seconds:
            return kept[1]
        return await self._flights.run(key, lambda: self._looked_up(key, look_up))

    def peek(self, key: K) -> V | None:
        """What is kept of `key`, however old it is; nothing is looked up."""
        kept = self._values.get(key)
        return None if kept is None else kept[1]

    async def _looked_up(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """Kept by whoever looks it up, so that it is kept although all who waited for it have gone."""
        value = await look_up()
        self._keep(key, value)
        return value

    async def close(self) -> None:
        """End what is under way."""
        await self._flights.close()

    def _keep(self, key: K, value: V) -> None:
        now = self._monotonic()
        self._values[key] = (now, value)
        self._values.move_to_end(key)
        while len(self._values) > self._size or now - self._oldest() >= self._seconds:
            self._values.popitem(last=False)

    def _oldest(self) -> float:
        return next(iter(self._values.values()))[0]
