"""`client.flows`: the API's page "Akışlar"."""

from typing import Final

from flowbot.enkapush._collection import Collection
from flowbot.enkapush._reading import Reader, answered_id, made_id
from flowbot.enkapush._transport import Call, Transport
from flowbot.enkapush.forms import FlowPatch, NewFlow
from flowbot.enkapush.models import Flow

# The list is documented with a trailing slash, the writes without one.
_LIST: Final = "/flows/"
_CREATE: Final = "/flows"
_ITEM: Final = "/flows/{id}"


class Flows(Collection[Flow]):
    """Reads and writes flows.

    Every method may raise `EnkapushError`. After one from a write look at its `ambiguous`.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport, Reader(Flow), _LIST, _ITEM)

    async def create(self, flow: NewFlow) -> int:
        """Create a flow and return its id (`POST /flows`). A repetition would create another one."""
        return made_id(await self._transport.send(Call("POST", _CREATE, parts=flow.parts())))

    async def update(self, flow_id: int, patch: FlowPatch) -> int | None:
        """Change the fields that are set and return the id that is answered (`POST /flows/{flow_id}`).

        Any success counts, whatever its body; None, or another id, is not what is documented. Read back to be sure.
        """
        answer = await self._transport.send(Call("POST", _ITEM, flow_id, parts=patch.parts()))
        return answered_id(answer, flow_id)

    async def delete(self, flow_id: int) -> None:
        """Delete a flow (`DELETE /flows/{flow_id}`).

        The answer is not documented: any success counts, whatever its body. Read back to be sure.
        """
        await self._transport.send(Call("DELETE", _ITEM, flow_id))
