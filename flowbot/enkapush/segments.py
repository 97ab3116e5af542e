"""`client.segments`: the public page on segments."""

from collections.abc import AsyncGenerator
from typing import Final

from flowbot.enkapush._collection import Collection
from flowbot.enkapush._reading import Reader
from flowbot.enkapush._transport import Transport
from flowbot.enkapush.models import ResultsPerPage, Segment
from flowbot.enkapush.pages import Listing, Page

_LIST: Final = "/segments/"
_ITEM: Final = "/segments/{id}"


class Segments:
    """Reads segments. Every method may raise `EnkapushError`."""

    def __init__(self, transport: Transport) -> None:
        self._read = Collection(transport, Reader(Segment), _LIST, _ITEM)

    async def get(self, segment_id: int) -> Segment:
        """Return one segment (`GET /segments/{id}`).

        Raises:
            NotFoundError: There is no such segment.
        """
        return await self._read.get(segment_id)

    async def list(self, page: int = 1, results_per_page: ResultsPerPage = 25) -> Page[Segment]:
        """Return one page of segments (`GET /segments/`).

        Raises:
            ValueError: The page or its size is not one that the API knows.
        """
        return await self._read.list(page, results_per_page)

    def iterate_pages(
        self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> AsyncGenerator[Page[Segment], None]:
        """Yield every page in order, reading a few ahead. Close it (`aclosing`) where you leave it early."""
        return self._read.iterate_pages(results_per_page, concurrency)

    async def all(self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3) -> Listing[Segment]:
        """Return every segment once, in the server's order."""
        return await self._read.all(results_per_page, concurrency)
