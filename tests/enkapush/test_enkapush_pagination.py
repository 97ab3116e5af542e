"""One page after another, each item once, whatever moves meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.enkapush.client import (
    ApiPage,
    MalformedResponseError,
    NotFoundError,
    RequestTimeoutError,
    ServerError,
    constants,
)
from flowbot.enkapush.client.pagination import iterate_pages, read_all

SIZE = 3


@dataclass(frozen=True)
class Item:
    id: int


class PagedList:
    """A list of a server, read in pages of three; `meanwhile` is called after each page."""

    def __init__(self, count: int, meanwhile: Callable[["PagedList", int], None] | None = None) -> None:
        self.ids = list(range(1, count + 1))
        self.asked: list[int] = []
        self.busy = self.busiest = 0
        self.meanwhile = meanwhile
        self.beyond_is_missing = False

    async def fetch(self, number: int) -> ApiPage[Item]:
        self.asked.append(number)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(0)
            return self._page(number)
        finally:
            self.busy -= 1
            if self.meanwhile:
                self.meanwhile(self, number)

    def _page(self, number: int) -> ApiPage[Item]:
        ids = self.ids[(number - 1) * SIZE : number * SIZE]
        if not ids and number > 1 and self.beyond_is_missing:
            raise NotFoundError("-")
        pages = -(-len(self.ids) // SIZE)
        return ApiPage(tuple(map(Item, ids)), number, SIZE, len(self.ids), pages)


async def read_ids(shelf: PagedList, concurrency: int = 3) -> list[int]:
    return [item.id for item in await read_all(shelf.fetch, concurrency)]


@given(st.integers(0, 60), st.integers(1, 5))
async def test_every_item_is_read_once_and_in_order(count: int, concurrency: int) -> None:
    shelf = PagedList(count)
    assert await read_ids(shelf, concurrency) == list(range(1, count + 1))
    assert len(shelf.asked) == max(1, -(-count // SIZE))


async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    shelf = PagedList(60)
    await read_ids(shelf, concurrency=3)
    assert shelf.busiest == 3


async def test_pages_come_in_order() -> None:
    shelf = PagedList(10)
    assert [page.page async for page in iterate_pages(shelf.fetch, 3)] == [1, 2, 3, 4]


async def test_a_list_that_grows_meanwhile_is_read_to_its_new_end() -> None:
    def grow(shelf: PagedList, number: int) -> None:
        if number == 2 and len(shelf.ids) == 9:
            shelf.ids += [10, 11, 12, 13]

    assert await read_ids(PagedList(9, grow)) == list(range(1, 14))


async def test_an_item_that_slips_to_an_earlier_page_is_found_by_reading_again() -> None:
    def lose_the_first(shelf: PagedList, number: int) -> None:
        if number == 1 and shelf.ids[0] == 1:
            shelf.ids.pop(0)

    shelf = PagedList(9, lose_the_first)
    assert await read_ids(shelf) == list(range(2, 10))


async def test_an_item_that_slips_to_a_later_page_is_not_doubled() -> None:
    def push_one_in(shelf: PagedList, number: int) -> None:
        if number == 1 and shelf.ids[0] == 1:
            shelf.ids.insert(0, 99)

    assert await read_ids(PagedList(9, push_one_in)) == [99, *range(1, 10)]


@pytest.mark.parametrize("beyond_is_missing", [False, True])
async def test_a_list_that_shrinks_meanwhile_ends_where_it_now_ends(beyond_is_missing: bool) -> None:
    def shrink(shelf: PagedList, number: int) -> None:
        del shelf.ids[4:]

    shelf = PagedList(30, shrink)
    shelf.beyond_is_missing = beyond_is_missing
    assert await read_ids(shelf) == [1, 2, 3, 4]


async def test_a_list_that_never_rests_is_read_twice_at_most_and_says_so() -> None:
    def grow(shelf: PagedList, number: int) -> None:
        shelf.ids.append(len(shelf.ids) + 1)
        del shelf.ids[12:]
        shelf.ids.reverse()

    shelf = PagedList(9, grow)
    listing = await read_all(shelf.fetch, 1)
    assert not listing.is_stable
    assert shelf.asked.count(1) == 2


@pytest.mark.parametrize(("lies", "is_steady"), [(1, True), (9, False)])
async def test_a_list_that_is_shorter_than_the_server_counts_is_read_once_more(lies: int, is_steady: bool) -> None:
    shelf = PagedList(4)

    async def fetch(number: int) -> ApiPage[Item]:
        page = await shelf.fetch(number)
        if len(shelf.asked) > lies:
            return page
        return replace(page, items=page.items[:1], total_pages=1)

    listing = await read_all(fetch, 1)
    assert (len(listing), listing.is_stable) == (4 if is_steady else 1, is_steady)
    assert shelf.asked == ([1, 1, 2] if is_steady else [1, 1])


async def test_a_missing_first_page_is_an_error() -> None:
    async def nothing(number: int) -> ApiPage[Item]:
        raise NotFoundError("-")

    with pytest.raises(NotFoundError):
        await read_all(nothing, 3)


async def test_a_failing_page_fails_the_list_and_leaves_nothing_running() -> None:
    shelf = PagedList(60)

    async def fetch(number: int) -> ApiPage[Item]:
        if number == 4:
            raise ServerError("-")
        return await shelf.fetch(number)

    with pytest.raises(ServerError):
        await read_all(fetch, 3)
    assert shelf.busy == 0
    assert max(shelf.asked) <= 7


async def test_leaving_early_stops_the_reading_ahead() -> None:
    shelf = PagedList(60)
    async with aclosing(iterate_pages(shelf.fetch, 3)) as pages:
        async for page in pages:
            if page.page == 2:
                break
    assert shelf.busy == 0
    assert max(shelf.asked) <= 4


async def test_a_list_without_an_end_is_an_error() -> None:
    async def fetch(number: int) -> ApiPage[Item]:
        return ApiPage((Item(number),), number, SIZE, 10**12, 10**12)

    with pytest.raises(MalformedResponseError):
        await read_all(fetch, 3)


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(("total", "pages"), [(10**30, 10**27), (None, 10**6), (0, 3), (4, 9), (10**9, 3)], ids=str)
async def test_a_total_that_lies_ends_the_reading_where_the_items_end(
    total: int | None, pages: int, concurrency: int
) -> None:
    shelf = PagedList(7)

    async def fetch(number: int) -> ApiPage[Item]:
        return replace(await shelf.fetch(number), total=total, total_pages=pages)

    listing = await read_all(fetch, concurrency)
    assert ([item.id for item in listing], listing.is_stable) == ([*range(1, 8)], False)
    assert len(shelf.asked) <= 2 * (4 + concurrency)


async def test_a_server_that_sends_its_first_page_whichever_is_asked_for_is_read_to_the_second() -> None:
    shelf = PagedList(7)

    async def fetch(number: int) -> ApiPage[Item]:
        return replace(await shelf.fetch(1), page=number, total=9_000, total_pages=3_000)

    listing = await read_all(fetch, 1)
    assert ([item.id for item in listing], listing.is_stable) == ([1, 2, 3], False)
    assert len(shelf.asked) == 4


async def test_an_id_that_comes_twice_is_read_once() -> None:
    shelf = PagedList(7)
    shelf.ids = [1, 2, 2, 3, 1, 4, 2]
    assert await read_ids(shelf) == [1, 2, 3, 4]


async def test_a_list_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "LIST_BUDGET", 0.05)
    shelf = PagedList(10**6)

    async def fetch(number: int) -> ApiPage[Item]:
        await asyncio.sleep(0.02)
        return await shelf.fetch(number)

    with pytest.raises(RequestTimeoutError, match="whole list"):
        await read_all(fetch, 3)
    assert shelf.busy == 0


async def test_no_requests_at_a_time_is_refused() -> None:
    shelf = PagedList(9)
    with pytest.raises(ValueError, match="at least one"):
        await read_all(shelf.fetch, 0)
    assert not shelf.asked


async def test_items_that_could_not_be_read_are_noted_over_all_pages() -> None:
    async def fetch(number: int) -> ApiPage[Item]:
        return ApiPage((Item(number),), number, SIZE, 6, 2, unreadable=(number, None))

    listing = await read_all(fetch, 3)
    assert (len(listing), listing.unreadable, listing.is_stable) == (2, (1, None, 2, None), True)
