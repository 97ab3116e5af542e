"""Who gets the pushes of flows: segments that grow and shrink, and which of them a flow goes to."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import Segment

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
FEW, MANY = "1", "2"
"""Segments, of few people at first, and of many."""
SIZES: Final = {FEW: 100, MANY: 20_000}
WEBSITE: Final = WebsiteId(1)
"""The website of all segments."""


class Audiences:
    """The segments, and which of them each flow goes to, as they were at each moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sizes: list[tuple[datetime, str, int]] = [(clock(), segment, size) for segment, size in SIZES.items()]
        self._targets: list[tuple[datetime, FlowId, str]] = []

    async def list_segments(self) -> Sequence[Segment]:
        """List the segments as they are now."""
        sizes = {segment: size for _, segment, size in self._sizes}
        return [Segment(int(segment), WEBSITE, f"Segment {segment}", size) for segment, size in sizes.items()]

    async def get_segment(self, segment: int) -> Segment | None:
        """Return one as it is now."""
        return next((each for each in await self.list_segments() if each.id == segment), None)

    def set_size(self, segment: str, size: int) -> None:
        """Let a segment grow or shrink."""
        self._sizes.append((self._clock(), segment, size))

    def note_target(self, flow: FlowId, segment: str) -> None:
        """Note that a flow goes to a segment from now on."""
        self._targets.append((self._clock(), flow, segment))

    def find(self, flow: FlowId, website: WebsiteId, sent: str | None, since: datetime) -> set[int | None]:
        """Find how many people a flow went to since a moment, at one time or another.

        Args:
            flow: the flow.
            website: its website: the segments are of one.
            sent: the segment that is about to be set; None where that stays.
            since: the moment.

        Returns:
            The numbers; None among them stands for everybody, or a number that nobody knows.
        """
        targets = {sent} if sent else _list_since(self._targets, flow, since)
        known = {target for target in targets if target != ALL_SUBSCRIBERS and website == WEBSITE}
        sizes = {size for target in known for size in _list_since(self._sizes, target, since)}
        return {*sizes} if targets and known == targets else {*sizes, None}


def _list_since(noted: Sequence[tuple[datetime, K, V]], key: K, since: datetime) -> set[V]:
    """List what was noted of a key since a moment, and what held at that moment."""
    before = [value for at, each, value in noted if each == key and at <= since]
    return {*before[-1:], *(value for at, each, value in noted if each == key and at > since)}
