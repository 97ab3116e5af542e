"""`client.flows`: the API's page "Akışlar"."""

from collections.abc import AsyncGenerator
from typing import Final

from flowbot.enkapush._collection import Collection
from flowbot.enkapush._reading import Reader, written_id
from flowbot.enkapush._transport import Call, Transport
from flowbot.enkapush.forms import FlowPatch, NewFlow
from flowbot.enkapush.models import Flow, ResultsPerPage
from flowbot.enkapush.pages import Listing, Page

# The list is documented with a trailing slash, the writes without one.
_LIST: Final = "/flows/"
_CREATE: Final = "/flows"
_ITEM: Final = "/flows/{id}"


class Flows:
    """Reads and writes flows.

    Every method may raise `EnkapushError`. After one from a write look at its `ambiguous`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._read = Collection(transport, Reader(Flow), _LIST, _ITEM)

    async def get(self, flow_id: int) -> Flow:
        """Return one flow (`GET /flows/{flow_id}`).

        Raises:
            NotFoundError: There is no such flow.
        """
        return await self._read.get(flow_id)

    async def list(self, page: int = 1, results_per_page: ResultsPerPage = 25) -> Page[Flow]:
        """Return one page of flows (`GET /flows/`).

        Raises:
            ValueError: The page or its size is not one that the API knows.
        """
        return await self._read.list(page, results_per_page)

    def iterate_pages(
        self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3
    ) -> AsyncGenerator[Page[Flow], None]:
        """Yield every page in order, reading a few ahead. Close it (`aclosing`) where you leave it early."""
        return self._read.iterate_pages(results_per_page, concurrency)

    async def all(self, results_per_page: ResultsPerPage = 1000, concurrency: int = 3) -> Listing[Flow]:
        """Return every flow once, in the server's order."""
        return await self._read.all(results_per_page, concurrency)

    async def create(self, flow: NewFlow) -> int:
        """Create a flow and return its id (`POST /flows`). A repetition would create another one."""
        return written_id(await self._transport.send(Call("POST", _CREATE, parts=flow.parts())))

    async def update(self, flow_id: int, patch: FlowPatch) -> int:
        """Change the fields that are set and return the id (`POST /flows/{flow_id}`)."""
        answer = await self._transport.send(Call("POST", _ITEM, flow_id, parts=patch.parts()))
        return written_id(answer, flow_id)

    async def delete(self, flow_id: int) -> None:
        """Delete a flow (`DELETE /flows/{flow_id}`).

        The answer is not documented: any success counts, whatever its body. Read back to be sure.
        """
        await self._transport.send(Call("DELETE", _ITEM, flow_id))
