"""Resources: `client.flows` (the API's page "Akışlar") and `client.segments` (the public page on segments)."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from typing import Final, Generic, TypeVar

from flowbot.enkapush.client.models import RESULTS_PER_PAGE, Flow, FlowPatch, NewFlow, Record, ResultsPerPage, Segment
from flowbot.enkapush.client.pagination import ApiPage, FetchPage, HasId, Listing, PageCache, iterate_pages, read_all
from flowbot.enkapush.client.responses import (
    RECORDS_AT_ONCE,
    Response,
    ResponseReader,
    read_created_id,
    read_updated_id,
)
from flowbot.enkapush.client.retry import RetryPolicy
from flowbot.enkapush.client.transport import Call, Transport

R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=HasId)

# The lists are documented with a trailing slash, the writes without one.
_FLOW_LIST: Final = "/flows/"
_FLOWS: Final = "/flows"
_FLOW: Final = "/flows/{id}"
_SEGMENT_LIST: Final = "/segments/"
_SEGMENT: Final = "/segments/{id}"


class Resource(Generic[R]):
    """Reads one kind of record. Every method may raise `EnkapushError`.

    Args:
        transport: Sends the calls.
        kind: The model of one record.
        list_path: The path of the list.
        item_path: The path template of one record.
    """

    def __init__(self, transport: Transport, kind: type[R], list_path: str, item_path: str) -> None:
        self._transport = transport
        self._reader = ResponseReader(kind)
        self._list_path = list_path
        self._item_path = item_path
        self._decoding = asyncio.Lock()

    async def get(self, record_id: int) -> R:
        """Return one record.

        Raises:
            NotFoundError: There is no such record.
        """
        response = await self._transport.send(Call("GET", self._item_path, record_id))
        return self._reader.read_one(response, record_id)

    async def list(
        self, page: int = 1, results_per_page: ResultsPerPage = 25, *, retry: RetryPolicy | None = None
    ) -> ApiPage[R]:
        """Return one page.

        Args:
            page: The page's number, from 1.
            results_per_page: The page size.
            retry: The retry policy; the client's own where it is left out.

        Raises:
            ValueError: The page or its size is not one that the API knows.
        """
        if page < 1 or results_per_page not in RESULTS_PER_PAGE:
            raise ValueError(f"no such page: number {page} of {results_per_page} results each")
        response = await self._fetch_page(page, results_per_page, retry)
        return await self._decode_page(response, page, results_per_page)

    def iterate_pages(
        self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> AsyncGenerator[ApiPage[R], None]:
        """Yield every page in order, reading a few ahead. Close it (`aclosing`) where you leave it early."""
        return iterate_pages(self._fetch(results_per_page), concurrency)

    async def all(self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3) -> Listing[R]:
        """Return every record once, in the server's order."""
        return await read_all(self._fetch(results_per_page), concurrency)

    async def all_as(
        self,
        convert: Callable[[R], T],
        pages: PageCache[T],
        results_per_page: ResultsPerPage = 1000,
        concurrency: int = 3,
    ) -> Listing[T]:
        """Return every record once, converted page by page: few records are in memory twice.

        Args:
            convert: Converts a record.
            pages: The pages of the last reading, of which those that came byte by byte as before are not decoded again;
                those of this reading afterwards.
            results_per_page: The page size.
            concurrency: Requests in flight at most.
        """
        read: PageCache[T] = {}

        async def fetch_converted(number: int) -> ApiPage[T]:
            response = await self._fetch_page(number, results_per_page)
            digest = hashlib.blake2b(response.content).digest()
            known = pages.get(number)
            if known is not None and known[0] == digest:
                page = known[1]
            else:
                raw = await self._decode_page(response, number, results_per_page)
                items: list[T] = []
                async with self._decoding:
                    for start in range(0, len(raw.items), RECORDS_AT_ONCE):
                        await asyncio.sleep(0)
                        items += map(convert, raw.items[start : start + RECORDS_AT_ONCE])
                page = ApiPage(tuple(items), raw.page, raw.results_per_page, raw.total, raw.total_pages, raw.unreadable)
            read[number] = digest, page
            return page

        listing = await read_all(fetch_converted, concurrency)
        pages.clear()
        pages.update(read)
        return listing

    async def _fetch_page(self, page: int, results_per_page: int, retry: RetryPolicy | None = None) -> Response:
        params = {"page": page, "results_per_page": results_per_page}
        return await self._transport.send(Call("GET", self._list_path, params=params, retry=retry))

    async def _decode_page(self, response: Response, page: int, results_per_page: int) -> ApiPage[R]:
        # One at a time, so that others need not wait for a turn of each.
        async with self._decoding:
            await asyncio.sleep(0)
            return await self._reader.read_page(response, page, results_per_page)

    def _fetch(self, results_per_page: ResultsPerPage) -> FetchPage[R]:
        async def fetch(page: int) -> ApiPage[R]:
            return await self.list(page, results_per_page)

        return fetch


class FlowsResource(Resource[Flow]):
    """Reads and writes flows.

    Every method may raise `EnkapushError`. After an error from a write, check its `ambiguous`.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport, Flow, _FLOW_LIST, _FLOW)

    async def create(self, flow: NewFlow) -> int:
        """Create a flow and return its id (`POST /flows`). A repetition would create another one."""
        return read_created_id(await self._transport.send(Call("POST", _FLOWS, parts=flow.parts())))

    async def update(self, flow_id: int, patch: FlowPatch) -> int | None:
        """Change the fields that are set and return the id in the response (`POST /flows/{flow_id}`).

        Any success counts, whatever its body; None, or another id, is not what is documented. Read back to be sure.
        """
        response = await self._transport.send(Call("POST", _FLOW, flow_id, parts=patch.parts()))
        return read_updated_id(response, flow_id)

    async def delete(self, flow_id: int) -> None:
        """Delete a flow (`DELETE /flows/{flow_id}`).

        The response is not documented: any success counts, whatever its body. Read back to be sure.
        """
        await self._transport.send(Call("DELETE", _FLOW, flow_id))


class SegmentsResource(Resource[Segment]):
    """Reads segments. Every method may raise `EnkapushError`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport, Segment, _SEGMENT_LIST, _SEGMENT)
