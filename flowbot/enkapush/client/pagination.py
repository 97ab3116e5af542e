"""Pagination: one page, a whole list, and the one paginator that reads them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.errors import MalformedResponseError, NotFoundError, RequestTimeoutError


class HasId(Protocol):
    """An item of a list."""

    @property
    def id(self) -> int:
        """Return the id, unique in its list."""
        ...


T = TypeVar("T", bound=HasId)


@dataclass(frozen=True, slots=True)
class ApiPage(Generic[T]):
    """One page of a list.

    Attributes:
        items: In the server's order.
        page: The number that was asked for, from 1.
        results_per_page: The page size by the server's word.
        total: Items on all pages by the server's word; None where it says nothing sensible.
        total_pages: The number of pages by the server's word; 0 or 1 for an empty list.
        unreadable: The website of each item that could not be read and is left out; None where that is unreadable too.
    """

    items: tuple[T, ...]
    page: int
    results_per_page: int
    total: int | None
    total_pages: int
    unreadable: tuple[int | None, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Check whether the server put nothing on this page."""
        return not self.items and not self.unreadable


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A whole list, each item once.

    Attributes:
        by_id: The items, in the server's order.
        unreadable: The website of each item that could not be read and is left out; None where that is unreadable too.
        is_stable: True where the list did not change while it was read, and is as long as the server says; otherwise
            an item may be missing.
    """

    by_id: Mapping[int, T]
    unreadable: tuple[int | None, ...] = ()
    is_stable: bool = True

    @property
    def items(self) -> tuple[T, ...]:
        """Return the items in the server's order."""
        return tuple(self.by_id.values())

    def __iter__(self) -> Iterator[T]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


PageCache = dict[int, tuple[bytes, ApiPage[T]]]
"""Pages by their number, each with the digest of the body that it was read from."""

FetchPage = Callable[[int], Awaitable[ApiPage[T]]]


async def iterate_pages(fetch: FetchPage[T], concurrency: int) -> AsyncGenerator[ApiPage[T], None]:
    """Read the first page, then the rest, a few at a time, and yield them in order.

    The end is where the newest page says it is, or at the first empty or missing page: the server's count may lie.

    Args:
        fetch: Reads the page of that number.
        concurrency: Requests in flight at most; pages are read ahead by as many.

    Raises:
        MalformedResponseError: There are more pages than any list has.
        ValueError: The concurrency is below 1.
    """
    if concurrency < 1:
        raise ValueError("reading pages needs at least one request at a time")
    page = await fetch(1)
    last = _last_page(page)
    yield page
    ahead: deque[asyncio.Task[ApiPage[T]]] = deque()
    upcoming = 2
    try:
        while upcoming <= last or ahead:
            while upcoming <= last and len(ahead) < concurrency:
                if upcoming > constants.MAX_PAGES:
                    raise MalformedResponseError("there are more pages than any list has")
                ahead.append(asyncio.create_task(_fetch_or_end(fetch, upcoming, page)))
                upcoming += 1
            page = await ahead.popleft()
            last = _last_page(page)
            yield page
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)


async def read_all(fetch: FetchPage[T], concurrency: int) -> Listing[T]:
    """Read a whole list.

    Items move between pages when others come or go. A list that changed on the way, or of which there was more or less
    than the server counts, is read once more; the second reading stands, whatever it is. A reading ends at the first
    page that repeats what was read before, and nothing else.

    Args:
        fetch: Reads the page of that number.
        concurrency: Requests in flight at most.

    Raises:
        RequestTimeoutError: The list was not read within `LIST_BUDGET`.
    """
    try:
        async with asyncio.timeout(constants.LIST_BUDGET):
            for _ in range(constants.LIST_READS):
                listing = await _read_once(fetch, concurrency)
                if listing.is_stable:
                    break
    except TimeoutError:
        reason = f"no whole list within {constants.LIST_BUDGET:.0f} s"
    else:
        return listing
    raise RequestTimeoutError(reason)


async def _read_once(fetch: FetchPage[T], concurrency: int) -> Listing[T]:
    items: dict[int, T] = {}
    unreadable: list[int | None] = []
    read, totals = 0, set()
    async with aclosing(iterate_pages(fetch, concurrency)) as pages:
        async for page in pages:
            known = len(items)
            read += len(page.items)
            unreadable += page.unreadable
            totals.add(page.total)
            items.update((item.id, item) for item in page.items)
            if page.items and len(items) == known:
                break
    is_stable = totals == {read + len(unreadable)} and read == len(items)
    return Listing(items, tuple(unreadable), is_stable)


async def _fetch_or_end(fetch: FetchPage[T], number: int, before: ApiPage[T]) -> ApiPage[T]:
    """Read a page, or return an empty one where the list has shrunk and this server has no empty pages."""
    try:
        return await fetch(number)
    except NotFoundError:
        return replace(before, items=(), page=number, total=None, total_pages=number - 1, unreadable=())


def _last_page(page: ApiPage[T]) -> int:
    return page.page if page.is_empty else page.total_pages
