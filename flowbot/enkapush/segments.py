"""`client.segments`: the public page on segments."""

from typing import Final

from flowbot.enkapush._collection import Collection
from flowbot.enkapush._reading import Reader
from flowbot.enkapush._transport import Transport
from flowbot.enkapush.models import Segment

_LIST: Final = "/segments/"
_ITEM: Final = "/segments/{id}"


class Segments(Collection[Segment]):
    """Reads segments. Every method may raise `EnkapushError`."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport, Reader(Segment), _LIST, _ITEM)
