"""The list of all flows: how old it may be, and who reads it from Enkapush."""

import asyncio
import gc
import random
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.errors import DependencyError, EnkapushFaultError
from flowbot.services import flow_cache
from flowbot.services.flow_cache import NO_FULL_COLLECTION, FlowCache, Snapshot
from flowbot.services.ports.enkapush import AllFlows

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def new_flow(number: int) -> Flow:
    return Flow(
        WebsiteId(1), f"Flow {number}", "Title", "Text", WaitTime(1, "days"), id=FlowId(number), is_enabled=False
    )


class FakeSource:
    """An Enkapush whose reads end when the test says so, and a clock that the test moves."""

    def __init__(self) -> None:
        self.reads: list[asyncio.Future[Sequence[Flow]]] = []
        self.asked = asyncio.Event()
        self.seconds = 0.0
        self.unchanged: dict[int, Flow] = {}

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def tick(self) -> float:
        return self.seconds

    async def list_flows(self) -> AllFlows:
        self.reads.append(asyncio.get_running_loop().create_future())
        self.asked.set()
        return AllFlows(await self.reads[-1])

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        raise AssertionError(f"nobody asks for flow {flow_id} here")

    async def answer(self, *numbers: int) -> None:
        """Let the read under way end with these flows, once there is one."""
        await self._wait_for_read()
        self.reads[-1].set_result([self.unchanged.get(number) or new_flow(number) for number in numbers])

    async def fail(self) -> None:
        """Let the read under way fail, once there is one."""
        await self._wait_for_read()
        self.reads[-1].set_exception(EnkapushFaultError("down"))

    async def _wait_for_read(self) -> None:
        async with asyncio.timeout(5):
            await self.asked.wait()
        self.asked.clear()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def cache(source: FakeSource) -> AsyncIterator[FlowCache]:
    made = FlowCache(source, clock=source.now, monotonic=source.tick, patience=0.05)
    yield made
    await made.close()


def ids(snapshot: Snapshot) -> set[int]:
    return {indexed.flow.id for indexed in snapshot.flows}


async def read_cache(cache: FlowCache, source: FakeSource, *numbers: int) -> Snapshot:
    """Read the flows into the cache, and return its snapshot."""
    asking = asyncio.create_task(cache.read_anew())
    await source.answer(*numbers)
    return await asking


async def test_a_snapshot_of_five_seconds_is_fresh(cache: FlowCache, source: FakeSource) -> None:
    first = await read_cache(cache, source, 1)
    source.seconds = 4.9
    assert await cache.get_latest() is first
    assert len(source.reads) == 1
    assert first.taken_at == NOON


async def test_a_moment_is_waited_for_a_newer_one(cache: FlowCache, source: FakeSource) -> None:
    await read_cache(cache, source, 1)
    source.seconds = 6
    newer = await read_cache(cache, source, 1, 2)
    assert ids(newer) == {1, 2}
    assert not newer.is_stale


async def test_after_that_moment_an_older_one_is_served_as_late_and_the_newer_one_is_for_the_next(
    cache: FlowCache, source: FakeSource
) -> None:
    first = await read_cache(cache, source, 1)
    source.seconds = 6
    for _ in range(2):
        late = await cache.get_latest()
        assert late.is_stale
        assert (late.flows, late.taken_at) == (first.flows, NOON)
    assert cache.snapshot is first
    await source.answer(1, 2)
    newer = await cache._flight.start("all", cache._fetch)
    assert await cache.get_latest() is newer
    assert ids(newer) == {1, 2}
    assert len(source.reads) == 2
    assert not newer.is_stale


async def test_after_half_a_minute_people_wait_for_a_newer_one(cache: FlowCache, source: FakeSource) -> None:
    await read_cache(cache, source, 1)
    source.seconds = 31
    newer = await read_cache(cache, source, 2)
    assert ids(newer) == {2}
    assert not newer.is_stale


async def test_after_a_long_reading_enkapush_has_a_rest_of_three_times_as_long(
    cache: FlowCache, source: FakeSource
) -> None:
    asking = asyncio.create_task(cache.get_latest())
    await source._wait_for_read()
    source.seconds = 10
    source.reads[-1].set_result([new_flow(1)])
    first = await asking
    source.seconds = 29.9
    assert await cache.get_latest() is first
    assert len(source.reads) == 1
    source.seconds = 59
    assert (await cache.get_latest()).is_stale
    await source.answer(1, 2)
    assert ids(await cache._flight.start("all", cache._fetch)) == {1, 2}


async def test_others_have_their_turn_while_many_flows_are_made_ready(cache: FlowCache, source: FakeSource) -> None:
    asking = asyncio.create_task(cache.get_latest())
    await source.answer(*range(1, 4001))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 4


async def test_a_newer_reading_is_newest_first_whatever_changed(
    cache: FlowCache, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_cache, "INDEX_BATCH", 3)
    monkeypatch.setattr(flow_cache, "SORT_BATCH", 10)
    chance = random.Random(7)
    for _ in range(20):
        numbers = chance.sample(range(100), chance.randrange(100))
        snapshot = await read_cache(cache, source, *numbers)
        assert [entry.flow.id for entry in snapshot.flows] == sorted(numbers, reverse=True)
        source.seconds += 60
        # Half of the flows are the same objects in the next reading.
        source.unchanged = {entry.flow.id: entry.flow for entry in snapshot.flows if entry.flow.id % 2}


@pytest.fixture
def restored_collector() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("restored_collector")
async def test_the_garbage_collector_is_spared_many_flows_but_not_a_few(cache: FlowCache, source: FakeSource) -> None:
    before = gc.get_freeze_count()
    await read_cache(cache, source, *range(1, 100))
    assert gc.get_freeze_count() <= before
    source.seconds = 3600
    reading = cache._flight.start("all", cache._fetch)
    await source.answer(*range(1, 4001))
    await reading
    assert gc.get_freeze_count() >= before + 2 * 3900


@pytest.mark.usefixtures("restored_collector")
async def test_while_a_reading_waits_only_what_is_young_is_looked_through_for_garbage(
    cache: FlowCache, source: FakeSource
) -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    usual = gc.get_threshold()
    asking = asyncio.create_task(cache.get_latest())
    await source._wait_for_read()
    ring = weakref.ref(Ring())
    made: list[list[int]] = [[] for _ in range(2 * usual[0])]
    assert ring() is None, len(made)
    assert gc.get_threshold() == (*usual[:2], NO_FULL_COLLECTION)
    source.reads[-1].set_exception(EnkapushFaultError("down"))
    with pytest.raises(DependencyError):
        await asking
    assert gc.get_threshold() == usual


async def test_those_who_ask_together_share_one_reading(cache: FlowCache, source: FakeSource) -> None:
    asking = [asyncio.create_task(cache.get_latest()) for _ in range(20)]
    await source.answer(1)
    snapshots = await asyncio.gather(*asking)
    assert len(source.reads) == 1
    assert all(snapshot is snapshots[0] for snapshot in snapshots)


async def test_one_who_gives_up_takes_nothing_from_the_others(cache: FlowCache, source: FakeSource) -> None:
    first, second = asyncio.create_task(cache.get_latest()), asyncio.create_task(cache.get_latest())
    await source._wait_for_read()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.reads[-1].set_result([new_flow(1)])
    assert ids(await second) == {1}
    assert len(source.reads) == 1


@pytest.mark.parametrize("hangs", [True, False])
async def test_an_old_one_is_marked_as_late_where_no_newer_one_is_to_be_had(
    cache: FlowCache, source: FakeSource, hangs: bool
) -> None:
    first = await read_cache(cache, source, 1)
    source.seconds = 3600
    asking = asyncio.create_task(cache.get_latest())
    if not hangs:
        await source.fail()
    late = await asking
    assert late.is_stale
    assert (ids(late), late.taken_at) == (ids(first), NOON)


async def test_a_slow_reading_is_not_lost_on_the_next_who_asks(cache: FlowCache, source: FakeSource) -> None:
    await read_cache(cache, source, 1)
    source.seconds = 3600
    assert (await cache.get_latest()).is_stale
    asking = asyncio.create_task(cache.get_latest())
    await source.answer(1, 2)
    assert ids(await asking) == {1, 2}
    assert len(source.reads) == 2


async def test_a_failure_with_nothing_kept_reaches_everyone_and_is_not_kept(
    cache: FlowCache, source: FakeSource
) -> None:
    asking = [asyncio.create_task(cache.get_latest()) for _ in range(3)]
    await source.fail()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["fault.enkapush_down()"] * 3
    assert cache.snapshot is None
    assert ids(await read_cache(cache, source, 1)) == {1}


async def test_a_failed_refresh_leaves_what_was_kept(cache: FlowCache, source: FakeSource) -> None:
    first = await read_cache(cache, source, 1)
    source.seconds = 6
    asking = asyncio.create_task(cache.get_latest())
    await source.fail()
    late = await asking
    assert late.is_stale
    assert late.flows is first.flows
    assert cache.snapshot is first


async def test_pages_turn_on_what_is_at_hand_for_ten_minutes(cache: FlowCache, source: FakeSource) -> None:
    first = await read_cache(cache, source, 1)
    source.seconds = 599
    assert await cache.get_for_paging() is first
    assert len(source.reads) == 1
    source.seconds = 601
    asking = asyncio.create_task(cache.get_for_paging())
    await source.answer(2)
    assert ids(await asking) == {2}


async def test_what_is_under_way_at_the_end_is_ended(cache: FlowCache, source: FakeSource) -> None:
    asking = asyncio.create_task(cache.get_latest())
    await source._wait_for_read()
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert source.reads[-1].cancelled()


async def test_the_hosts_of_the_other_flows_are_those_that_their_addresses_lead_to(
    cache: FlowCache, source: FakeSource
) -> None:
    urls = (
        "https://lale.example/a?x=1",
        "https://LALE.example/b",
        "https://www.lale.example?x",
        "",
        "no address",
        "x://",
    )
    source.unchanged = {number: replace(new_flow(number), url=url) for number, url in enumerate(urls, 1)}
    source.unchanged[7] = replace(new_flow(7), url="https://own.example/")
    source.unchanged[8] = replace(new_flow(8), url="https://else.example/", website_id=WebsiteId(2))
    await read_cache(cache, source, *source.unchanged)
    assert cache.find_hosts(WebsiteId(1), FlowId(7)) == {"lale.example", "www.lale.example"}
