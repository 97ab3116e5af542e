"""What services need of Enkapush: where flows and segments come from, and where writes go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flowbot.domain.flow import Flow, FlowContent, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import ImageFile


@dataclass(frozen=True, slots=True)
class AllFlows:
    """Every flow of the account, in no particular order.

    Attributes:
        unread: Of each flow that could not be read: its website, None where that could not be read either.
    """

    flows: Sequence[Flow]
    unreadable: tuple[WebsiteId | None, ...] = ()


class FlowSource(Protocol):
    """Where flows come from."""

    async def list_flows(self) -> AllFlows:
        """Every flow of the account.

        Raises:
            DependencyError: Enkapush did not answer, or not with flows, or none of them could be read.
        """

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        """One flow as it is now, or None where there is no such flow.

        Raises:
            DependencyError: Enkapush did not answer, or not with a flow.
        """


@dataclass(frozen=True, slots=True)
class FlowUpdate:
    """What to write to a flow: what of `wanted` differs from `before`, what cannot be read back, a new picture."""

    before: FlowContent
    wanted: FlowContent
    write_only: WriteOnlyFields
    image: ImageFile | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.before == self.wanted and self.write_only.is_empty and self.image is None


class FlowWriter(Protocol):
    """Writes flows: every call is sent once, and never again by itself.

    Every method raises NotDone or Unclear, nothing else.
    """

    async def create(self, content: FlowContent, unread: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        """Make a flow, disabled. Its id."""

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        """Write what differs, and nothing else. `update` must not be empty."""

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        """Enable or disable a flow, and nothing else."""

    async def delete(self, flow: FlowId) -> None:
        """Delete a flow."""


class WriteRefusedError(Exception):
    """Enkapush did not do it, for certain. `key` and `params` say why, for people."""

    def __init__(self, key: str, /, **params: Any) -> None:
        super().__init__(key)
        self.key = key
        self.params: Mapping[str, Any] = params


class WriteUnclearError(Exception):
    """Whether Enkapush did it is not known: it may have, it may yet, or it may never. `key` says what happened."""

    def __init__(self, key: str, /) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of a website's subscribers; `subscribers` is how many there are."""

    id: int
    website_id: WebsiteId
    name: str
    subscribers: int


class SegmentSource(Protocol):
    """Where segments come from."""

    async def list_segments(self) -> Sequence[Segment]:
        """Every segment of the account.

        Raises:
            DependencyError: Enkapush did not answer, or not with segments, or none of them could be read.
        """


class FlowImages(Protocol):
    """Where the pictures of flows come from."""

    async def fetch_for(self, flow: Flow) -> ImageFile | None:
        """The flow's picture; None where it has none, or where it is gone from its address.

        Raises:
            DependencyError: it could not be fetched.
        """
