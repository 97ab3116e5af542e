"""Enkapush in memory: it writes, refuses, leaves a request unanswered, or writes later."""

from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from flowbot.domain.flow import Flow, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChangeId, FlowId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.errors import EnkapushFaultError
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import AllFlows, FlowUpdate, WriteRefusedError, WriteUnclearError

LATE_WRITE_LIMIT: Final = timedelta(seconds=55)
"""An unanswered request takes effect within this time, or never."""
CURRENT_CHANGE: ContextVar[ChangeId | None] = ContextVar("writing", default=None)
"""The change that the current task applies."""
PIXEL: Final = ImageFile(b"\x89PNG", "image/png", "pixel.png")


class WriteFault(StrEnum):
    """A fault of a write."""

    REFUSED = "refused"
    LOST = "lost"
    UNANSWERED = "unanswered"
    LATE = "late"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Effect:
    """A flow before and after a change; None where it does not exist."""

    change: ChangeId | None
    before: Flow | None
    after: Flow | None


@dataclass(frozen=True)
class LateWrite:
    """A write that was not answered and is not done yet."""

    change: ChangeId | None
    before: Flow | None
    after: Flow | None
    until: datetime


class FakeEnkapush:
    """A source and writer of flows, and of their images.

    Attributes:
        effects: Every difference made by a write, oldest first.
        ambiguous: Changes with an unanswered write or read.
        on_write: Called before each write takes effect, with the flow of that moment.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.flows = {flow.id: flow for flow in map(first_flow, range(1, 5))}
        self.effects: list[Effect] = []
        self.ambiguous: set[ChangeId | None] = set()
        self.writes: deque[WriteFault | None] = deque()
        self.reads: deque[bool] = deque()
        self.late_writes: list[LateWrite] = []
        self.on_write: Callable[[ChangeId | None, Flow | None], Awaitable[None]] | None = None
        self._last: int = max(self.flows)
        self._notes = 0

    def clear_faults(self) -> None:
        """Answer everything from now on."""
        self.writes.clear()
        self.reads.clear()

    # --- reading ---------------------------------------------------------------------------------------------------

    async def list_flows(self) -> AllFlows:
        self._read()
        return AllFlows(list(self.flows.values()))

    async def get_flow(self, flow_id: FlowId) -> Flow | None:
        self._read()
        return self.flows.get(flow_id)

    async def fetch_for(self, flow: Flow) -> ImageFile | None:
        self._read()
        return PIXEL

    def _read(self) -> None:
        if self.reads and self.reads.popleft():
            self.ambiguous.add(CURRENT_CHANGE.get())
            raise EnkapushFaultError("down")

    # --- writing ---------------------------------------------------------------------------------------------------

    async def create(self, content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        self._last += 1
        made = with_content(first_flow(self._last), content)
        await self._write(None, replace(made, image_url="https://cdn/pixel.png" if image else None))
        return made.id

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        now = self._require(flow)
        await self._write(now, with_content(now, update.wanted))

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        now = self._require(flow)
        await self._write(now, replace(now, is_enabled=enabled))

    async def delete(self, flow: FlowId) -> None:
        await self._write(self._require(flow), None)

    def _require(self, flow: FlowId) -> Flow:
        if flow not in self.flows:
            raise WriteRefusedError("not_done.gone")
        return self.flows[flow]

    async def _write(self, before: Flow | None, after: Flow | None) -> None:
        change = CURRENT_CHANGE.get()
        if self.on_write is not None:
            await self.on_write(change, before)
        match self.writes.popleft() if self.writes else None:
            case None:
                self._apply(change, before, after)
            case WriteFault.REFUSED:
                raise WriteRefusedError("not_done.refused", said="no")
            case WriteFault.IGNORED:
                return
            case silent:
                self._leave_unanswered(silent, LateWrite(change, before, after, self._clock() + LATE_WRITE_LIMIT))

    def _leave_unanswered(self, how: WriteFault, write: LateWrite) -> None:
        self.ambiguous.add(write.change)
        if how is WriteFault.UNANSWERED:
            self._apply(write.change, write.before, write.after)
        elif how is WriteFault.LATE:
            self.late_writes.append(write)
        raise WriteUnclearError

    def _apply(self, change: ChangeId | None, before: Flow | None, after: Flow | None) -> None:
        if before == after:
            return
        if after is not None:
            self.flows[after.id] = self.touched(after)
        elif before is not None:
            del self.flows[before.id]
        self.effects.append(Effect(change, before, after))

    def touched(self, flow: Flow) -> Flow:
        """Return the flow with a new time of change."""
        self._notes += 1
        return replace(flow, changed_at=self._clock() + timedelta(milliseconds=self._notes))

    # --- changes without flowbot -----------------------------------------------------------------------------------

    def add_flow(self) -> FlowId:
        """Add a flow, as somebody does in Enkapush itself."""
        self._last += 1
        self.flows[FlowId(self._last)] = self.touched(first_flow(self._last))
        return FlowId(self._last)

    def complete_late_writes(self) -> None:
        """Apply the late writes of flows that nobody has changed since."""
        landing, self.late_writes = self.late_writes, []
        for write in landing:
            before = write.before
            if before is None or self.flows.get(before.id) == before:
                self._apply(write.change, before, write.after)

    def complete_writes_due(self, moment: datetime) -> None:
        """Apply the late writes if one of them is due before `moment`."""
        if any(write.until < moment for write in self.late_writes):
            self.complete_late_writes()

    def of_change(self, change: ChangeId) -> list[Effect]:
        return [effect for effect in self.effects if effect.change == change]


def first_flow(number: int) -> Flow:
    """Return a flow: 1 and 4 are enabled, 2 has an image, 3 is of another website."""
    return Flow(
        id=FlowId(number),
        website_id=WebsiteId(2 if number == 3 else 1),
        name=f"Flow {number}",
        title="Hello",
        description="Come and see",
        wait=WaitTime(1, "days"),
        is_enabled=number in {1, 4},
        image_url="https://cdn/pixel.png" if number == 2 else None,
    )


def with_content(flow: Flow, content: FlowContent) -> Flow:
    shown: dict[str, Any] = {field.name: getattr(content, field.name) for field in fields(content)}
    return replace(flow, **shown)
