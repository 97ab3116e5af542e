"""Enkapush's ports: sources of flows, segments and images, and the writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flowbot.domain.flow import Flow, FlowContent, WriteOnlyFields, content_differences
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.errors import DependencyError, EnkapushFaultError, FlowbotError
from flowbot.services.ports.slack import NotifyCallback


@dataclass(frozen=True, slots=True)
class AllFlows:
    """Every flow of the account, in no particular order.

    Attributes:
        unreadable: The website of each flow that could not be read, None where that could not be read either.
        is_stable: False where the list changed while it was read, so that a flow may be missing.
    """

    flows: Sequence[Flow]
    unreadable: tuple[WebsiteId | None, ...] = ()
    is_stable: bool = True


class FlowSource(Protocol):
    """The source of flows."""

    async def list_flows(self) -> AllFlows:
        """Read every flow of the account.

        Raises:
            DependencyError: Enkapush did not answer, or not with flows, or none of them could be read.
        """

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        """Read one flow as it is now; None where there is no such flow.

        Raises:
            UnreadableFlowError: Enkapush's answer about it cannot be read.
            DependencyError: Enkapush did not answer, or not about a flow.
        """


class AccountSource(FlowSource, Protocol):
    """The source of flows for writes, which is not observed."""

    async def find_newest(self) -> FlowId | None:
        """Find the highest id of the account's flows as of now, by a few small readings; None where there is none.

        Raises:
            DependencyError: Enkapush did not answer, or not with flows.
        """


class UnreadableFlowError(EnkapushFaultError):
    """Enkapush's answer about a flow cannot be read; `website` is the flow's, None where that is not known."""

    def __init__(self, website: WebsiteId | None) -> None:
        self.website = website
        super().__init__("broken")


class FlowObserver(Protocol):
    """An observer of what is read of flows. Its methods raise DependencyError where something does not answer."""

    async def observe_flow(self, flow_id: FlowId, flow: Flow | None, notify: NotifyCallback) -> None:
        """Observe a reading of one flow; None where there is no such flow."""

    async def observe_all(self, read: AllFlows, notify: NotifyCallback) -> None:
        """Observe a reading of all flows."""


@dataclass(frozen=True, slots=True)
class FlowUpdate:
    """The fields to write: those of `wanted` that differ from `before`, write-only ones, and a new image."""

    before: FlowContent
    wanted: FlowContent
    write_only: WriteOnlyFields
    image: ImageFile | None = None

    @property
    def is_empty(self) -> bool:
        """Check whether there is nothing to write."""
        return not content_differences(self.before, self.wanted) and self.write_only.is_empty and self.image is None


class FlowWriter(Protocol):
    """The writer of flows: every call is sent once, and never again by itself.

    Every method raises WriteRefusedError or WriteUnclearError, and nothing else.
    """

    async def create(self, content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        """Create a flow, disabled, whatever Enkapush's own default may be; return its id."""

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        """Write what differs, and nothing else. `update` must not be empty."""

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        """Enable or disable a flow, and nothing else."""

    async def delete(self, flow: FlowId) -> None:
        """Delete a flow."""


class WriteRefusedError(FlowbotError):
    """Enkapush did not write it, for certain; the text says why."""


class WriteUnclearError(Exception):
    """Enkapush may have written it, may yet, or may never."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of a website's subscribers; `subscribers` is how many there are, None where Enkapush does not tell."""

    id: int
    website_id: WebsiteId
    name: str
    subscribers: int | None


class SegmentSource(Protocol):
    """The source of segments."""

    async def list_segments(self) -> Sequence[Segment]:
        """Read every segment of the account.

        Raises:
            DependencyError: Enkapush did not answer, or not with segments, or none of them could be read.
        """

    async def get_segment(self, segment: int) -> Segment | None:
        """Read one segment as it is now; None where there is none, or its answer cannot be read.

        Raises:
            DependencyError: Enkapush did not answer.
        """


class FlowImages(Protocol):
    """The source of the images of flows."""

    async def fetch_for(self, flow: Flow) -> ImageFile | None:
        """Fetch the flow's image; None where it has none.

        Raises:
            ImageLostError: it is gone for good, too large or no image, or its address is malformed.
            DependencyError: it could not be fetched now.
        """


class ImageLostError(DependencyError):
    """The image of a flow cannot be had, and trying again is of no use."""

    def __init__(self, error: str) -> None:
        super().__init__("fault.picture", error=error)
