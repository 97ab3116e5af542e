"""The stand-in's memory, which tests and demos also change behind the API's back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Unpack

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
        self.websites = {number: f"Website {number}" for number in sorted(named)} | dict(websites)

    @property
    def flows(self) -> Mapping[int, Flow]:
        """Return the flows by id, oldest insertion first."""
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
        return self._flows[flow_id]

    def image(self, name: str) -> Image | None:
        """Return the image of that name, or None; a deleted flow's or a replaced image is gone."""
        return self._images.get(name)

    def add_flow(self, **fields: Unpack[FlowFields]) -> Flow:
        """Add a flow under the next id, which is never used again; fields that are left out get plain values.

        Returns:
            The flow as it is stored.
        """
        self._last_id += 1
        plain = Flow(
            id=self._last_id,
            website_id=next(iter(self.websites), 1),
            name=f"Flow {self._last_id}",
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
        before = self._flows[flow_id]
        if "image" in fields:
            self._drop_image(before)
        return self._put(replace(before, **stamped))

    def delete_flow(self, flow_id: int) -> Flow:
        """Remove a flow and its image, and return the flow as it was.

        Raises:
            KeyError: There is no such flow.
        """
        gone = self._flows.pop(flow_id)
        self._drop_image(gone)
        return gone

    def add_segment(self, segment: Segment) -> None:
        """Add a segment, or replace the one with its id."""
        self._segments[segment.id] = segment

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
