"""A cache whose entries expire, and single flight: one look-up for all who ask at the same moment."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from flowbot.services.ports import Monotonic

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Look-ups that are shared by all who ask for the same key at the same time.

    Whoever asks may give up (be cancelled) without ending the look-up for the others.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[V]] = {}

    def start(self, key: K, look_up: Callable[[], Awaitable[V]]) -> "asyncio.Task[V]":
        """Return the running look-up of `key`, started if there is none."""
        flight = self._flights.get(key)
        if flight is None:

            def land(task: "asyncio.Task[V]") -> None:
                self._flights.pop(key, None)
                if not task.cancelled():
                    task.exception()

            flight = asyncio.ensure_future(look_up())
            self._flights[key] = flight
            flight.add_done_callback(land)
        return flight

    async def run(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """Return the result of the running look-up of `key`, or raise its error."""
        return await asyncio.shield(self.start(key, look_up))

    async def run_anew(self, key: K, look_up: Callable[[], Awaitable[V]]) -> V:
        """Return the result of a look-up that begins from now on; all who ask while one is running share the next."""
        if (running := self._flights.get(key)) is not None:
            await asyncio.wait({running})
        return await self.run(key, look_up)

    async def close(self) -> None:
        """Cancel what is still running and wait for its end."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)


class TtlCache(Generic[K, V]):
    """A bounded cache whose entries are good for `seconds`. Expired ones go with the next store; errors do not stay."""

    def __init__(self, seconds: float, *, size: int = 4096, monotonic: Monotonic = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._monotonic = monotonic
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._flights: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, look_up: Callable[[], Awaitable[V]], *, within: float | None = None) -> V:
        """Return the cached value of `key`, or look it up; an error goes to everybody who waits for it.

        Args:
            key: the key.
            look_up: looks the value up.
            within: the age in seconds that is accepted, where that is less than usual.
        """
        cached = self._values.get(key)
        seconds = self._seconds if within is None else within
        if cached is not None and self._monotonic() - cached[0] < seconds:
            return cached[1]

        async def look_up_and_store() -> V:
            # Stored by the look-up itself, so that it is cached even if all who waited for it have gone.
            value = await look_up()
            now = self._monotonic()
            self._values[key] = (now, value)
            self._values.move_to_end(key)
            while len(self._values) > self._size or now - next(iter(self._values.values()))[0] >= self._seconds:
                self._values.popitem(last=False)
            return value

        return await self._flights.run(key, look_up_and_store)

    def peek(self, key: K) -> V | None:
        """Return the cached value of `key`, of any age, without looking it up."""
        cached = self._values.get(key)
        return None if cached is None else cached[1]

    async def close(self) -> None:
        """End what is running."""
        await self._flights.close()
