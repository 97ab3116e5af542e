"""What flows and segments have in common: one, a page, all pages."""

from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

from flowbot.enkapush._reading import Reader
from flowbot.enkapush._transport import Call, Transport
from flowbot.enkapush.models import RESULTS_PER_PAGE, Record, ResultsPerPage
from flowbot.enkapush.pages import Fetch, Listing, Page, iterate_pages, read_all

R = TypeVar("R", bound=Record)


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

    async def get(self, thing_id: int) -> R:
        """Return one thing.

        Raises:
            NotFoundError: There is no such thing.
        """
        return self._reader.one(await self._transport.send(Call("GET", self._single, thing_id)), thing_id)

    async def list(self, page: int = 1, results_per_page: ResultsPerPage = 25) -> Page[R]:
        """Return one page.

        Raises:
            ValueError: The page or its size is not one that the API knows.
        """
        if page < 1 or results_per_page not in RESULTS_PER_PAGE:
            raise ValueError(f"no such page: number {page} of {results_per_page} results each")
        params = {"page": page, "results_per_page": results_per_page}
        answer = await self._transport.send(Call("GET", self._many, params=params))
        return self._reader.page(answer, page, results_per_page)

    def iterate_pages(
        self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> AsyncGenerator[Page[R], None]:
        """Yield every page in order, reading a few ahead. Close it (`aclosing`) where you leave it early."""
        return iterate_pages(self._fetch(results_per_page), concurrency)

    async def all(self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3) -> Listing[R]:
        """Return every thing once, in the server's order."""
        return await read_all(self._fetch(results_per_page), concurrency)

    def _fetch(self, results_per_page: ResultsPerPage) -> Fetch[R]:
        async def fetch(page: int) -> Page[R]:
            return await self.list(page, results_per_page)

        return fetch
