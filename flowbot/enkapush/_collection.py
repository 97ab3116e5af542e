"""What flows and segments have in common: one, a page, all pages."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from flowbot.enkapush._answers import Answer
from flowbot.enkapush._reading import Reader
from flowbot.enkapush._transport import Call, Transport
from flowbot.enkapush.models import RESULTS_PER_PAGE, Record, ResultsPerPage
from flowbot.enkapush.pages import Fetch, HasId, Listing, Page, iterate_pages, read_all
from flowbot.enkapush.retry import RetryPolicy

R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=HasId)


class Collection(Generic[R]):
    """Reads one collection of the API. Every method may raise `EnkapushError`.

    Args:
        transport: Sends the calls.
        reader: Reads the answers.
        many: The path of the list.
        single: The path template of one thing.
    """

    def __init__(self, transport: Transport, reader: Reader[R], many: str, single: str) -> None:
        self._transport = transport
        self._reader = reader
        self._many = many
        self._single = single
        self._turn = asyncio.Lock()

    async def get(self, thing_id: int) -> R:
        """Return one thing.

        Raises:
            NotFoundError: There is no such thing.
        """
        return self._reader.one(await self._transport.send(Call("GET", self._single, thing_id)), thing_id)

    async def list(
        self, page: int = 1, results_per_page: ResultsPerPage = 25, *, retry: RetryPolicy | None = None
    ) -> Page[R]:
        """Return one page, as patiently as `retry` says, or else the client.

        Raises:
            ValueError: The page or its size is not one that the API knows.
        """
        if page < 1 or results_per_page not in RESULTS_PER_PAGE:
            raise ValueError(f"no such page: number {page} of {results_per_page} results each")
        params = {"page": page, "results_per_page": results_per_page}
        answer = await self._transport.send(Call("GET", self._many, params=params, retry=retry))
        return await self._page(answer, page, results_per_page)

    def iterate_pages(
        self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> AsyncGenerator[Page[R], None]:
        """Yield every page in order, reading a few ahead. Close it (`aclosing`) where you leave it early."""
        return iterate_pages(self._fetch(results_per_page), concurrency)

    async def all(self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3) -> Listing[R]:
        """Return every thing once, in the server's order."""
        return await read_all(self._fetch(results_per_page), concurrency)

    async def all_as(
        self, convert: Callable[[R], T], results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> Listing[T]:
        """Return every thing once, each page converted as it comes: few things are in memory twice."""
        fetch = self._fetch(results_per_page)

        async def converted(page: int) -> Page[T]:
            read = await fetch(page)
            async with self._turn:
                await asyncio.sleep(0)
                items = tuple(map(convert, read.items))
            return Page(items, read.page, read.results_per_page, read.total, read.total_pages, read.unread)

        return await read_all(converted, concurrency)

    async def _page(self, answer: Answer, page: int, size: int) -> Page[R]:
        """Read one page at a time, and let others have their turn before: a thousand things take a while."""
        async with self._turn:
            await asyncio.sleep(0)
            return self._reader.page(answer, page, size)

    def _fetch(self, results_per_page: ResultsPerPage) -> Fetch[R]:
        async def fetch(page: int) -> Page[R]:
            return await self.list(page, results_per_page)

        return fetch
