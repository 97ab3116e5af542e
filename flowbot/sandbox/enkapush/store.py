"""The stand-in's memory, which tests and demos also change behind the API's back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Unpack

from flowbot.sandbox.enkapush.models import ZONE, Clock, Flow, FlowFields, Image, Segment


class Store:
    """Flows, segments and images in memory, in the order of their insertion.

    Args:
        flows: What is there from the start.
        segments: What is there from the start.
        websites: The account's websites, id to name; those that flows and segments name exist besides.
        clock: Returns the present, aware.
    """

    def __init__(
        self, flows: Iterable[Flow], segments: Iterable[Segment], websites: Mapping[int, str], clock: Clock
    ) -> None:
        self._clock = clock
        self._flows = {flow.id: flow for flow in flows}
        self._segments = {segment.id: segment for segment in segments}
        self._images = {flow.image.name: flow.image for flow in self._flows.values() if flow.image}
        self._last_id = max(self._flows, default=0)
        named = {flow.website_id for flow in self._flows.values()}
        named |= {segment.website_id for segment in self._segments.values()}
        self._late_writes: list[tuple[datetime | None, Callable[[], object]]] = []
        self.websites = {number: f"Website {number}" for number in sorted(named)} | dict(websites)

    @property
    def flows(self) -> Mapping[int, Flow]:
        """Return the flows by id, oldest insertion first."""
        self._land_due_writes()
        return self._flows

    @property
    def segments(self) -> Mapping[int, Segment]:
        """Return the segments by id, oldest insertion first."""
        return self._segments

    def flow(self, flow_id: int) -> Flow:
        """Return one flow.

        Raises:
            KeyError: There is no such flow.
        """
        return self.flows[flow_id]

    def image(self, name: str) -> Image | None:
        """Return the image of that name, or None; a deleted flow's or a replaced image is gone."""
        self._land_due_writes()
        return self._images.get(name)

    def reserve_id(self) -> int:
        """Return the next id, which is never used again."""
        self._last_id += 1
        return self._last_id

    def add_flow(self, *, flow_id: int | None = None, **fields: Unpack[FlowFields]) -> Flow:
        """Add a flow under a reserved id or the next one; fields that are left out get plain values.

        Returns:
            The flow as it is stored.
        """
        flow_id = flow_id or self.reserve_id()
        plain = Flow(
            id=flow_id,
            website_id=next(iter(self.websites), 1),
            name=f"Flow {flow_id}",
            title="Sample message",
            description="This is coming from the API.",
            wait_time=1,
            wait_time_type="days",
            datetime=self.now(),
        )
        return self._put(replace(plain, **fields))

    def update_flow(self, flow_id: int, **fields: Unpack[FlowFields]) -> Flow:
        """Change fields of a flow; its time of last change becomes the present unless it is given.

        Returns:
            The flow as it is stored from now on.

        Raises:
            KeyError: There is no such flow.
        """
        stamped: FlowFields = {"last_datetime": self.now(), **fields}
        before = self.flow(flow_id)
        if "image" in fields:
            self._drop_image(before)
        return self._put(replace(before, **stamped))

    def delete_flow(self, flow_id: int) -> Flow:
        """Remove a flow and its image, and return the flow as it was.

        Raises:
            KeyError: There is no such flow.
        """
        gone = self.flow(flow_id)
        del self._flows[flow_id]
        self._drop_image(gone)
        return gone

    def write(self, effect: Callable[[], object], after: float | None) -> None:
        """Let a write take effect, once, after some seconds of the clock; None: at `land_writes`."""
        if after == 0:
            effect()
        else:
            due = None if after is None else self._clock() + timedelta(seconds=after)
            self._late_writes.append((due, effect))

    def land_writes(self) -> None:
        """Let all writes that are late take effect now, in the order of their arrival."""
        landing, self._late_writes = self._late_writes, []
        for _, effect in landing:
            effect()

    def _land_due_writes(self) -> None:
        now = self._clock()
        due = sorted((each for each in self._late_writes if each[0] and each[0] <= now), key=itemgetter(0))
        self._late_writes = [each for each in self._late_writes if each not in due]
        for _, effect in due:
            effect()

    def add_segment(self, segment: Segment) -> None:
        """Add a segment, or replace the one with its id."""
        self._segments[segment.id] = segment

    def set_subscribers(self, segment_id: int, count: Any) -> None:
        """Change how many subscribers a segment has; what is no number is read back as it is.

        Raises:
            KeyError: There is no such segment.
        """
        self._segments[segment_id] = replace(self._segments[segment_id], total_subscribers=count)

    def remove_segment(self, segment_id: int) -> None:
        """Remove a segment; flows that have it stay as they are.

        Raises:
            KeyError: There is no such segment.
        """
        del self._segments[segment_id]

    def now(self) -> datetime:
        """Return the present as Enkapush writes it: naive, in `ZONE`, whole seconds."""
        return self._clock().astimezone(ZONE).replace(tzinfo=None, microsecond=0)

    def _put(self, flow: Flow) -> Flow:
        self._flows[flow.id] = flow
        if flow.image:
            self._images[flow.image.name] = flow.image
        return flow

    def _drop_image(self, flow: Flow) -> None:
        if flow.image:
            self._images.pop(flow.image.name, None)
