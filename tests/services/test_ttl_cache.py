"""Caching of look-ups, and for how long."""

import asyncio
import gc
import weakref

from flowbot.services.ttl_cache import SingleFlight, TtlCache


class Person:
    """Somebody who was looked up."""


async def test_what_is_too_old_goes_when_something_else_is_kept() -> None:
    seconds = 0.0
    kept: TtlCache[str, Person] = TtlCache(60, monotonic=lambda: seconds)

    async def found() -> Person:
        return Person()

    first, second = weakref.ref(await kept.get("a", found)), weakref.ref(await kept.get("b", found))
    seconds = 59
    third = weakref.ref(await kept.get("c", found))
    gc.collect()
    assert first() is not None
    seconds = 60
    await kept.get("d", found)
    gc.collect()
    assert (first(), second()) == (None, None)
    assert third() is not None
    await kept.close()


async def test_what_is_known_is_told_without_a_look_up_however_old_it_is() -> None:
    seconds = 0.0
    kept: TtlCache[str, int] = TtlCache(60, monotonic=lambda: seconds)

    async def found() -> int:
        return 7

    assert kept.peek("a") is None
    await kept.get("a", found)
    seconds = 600
    assert kept.peek("a") == 7
    await kept.close()


async def test_a_crowd_shares_look_ups_that_began_after_it_asked() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    stored, begun = 0, 0

    async def look_up() -> int:
        nonlocal begun
        begun += 1
        found = stored
        await asyncio.sleep(0)
        return found

    async def ask() -> bool:
        seen_before = stored
        return await flight.run_anew("a", look_up) >= seen_before

    asked = []
    for _ in range(20):
        asked += [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0)
        stored += 1
    assert all(await asyncio.gather(*asked))
    assert begun <= 20
