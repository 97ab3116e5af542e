"""Enkapush in memory: it does what it is told, refuses, stays silent before or after it did, or does it later."""

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
from flowbot.errors import Fault
from flowbot.services.ports.flows import AllFlows, FlowUpdate, NotDone, Unclear
from flowbot.services.ports.time import Clock

UNDER_WAY: Final = timedelta(seconds=55)
"""A request that was not answered takes effect within this time, or never."""
WRITING: ContextVar[ChangeId | None] = ContextVar("writing", default=None)
"""The change that the task at hand applies."""
PIXEL: Final = ImageFile(b"\x89PNG", "image/png", "pixel.png")


class Trouble(StrEnum):
    """What becomes of a write."""

    REFUSED = "refused"
    LOST = "lost"
    UNANSWERED = "unanswered"
    LATE = "late"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Effect:
    """What a change made of a flow; None where there is none before, or none after."""

    change: ChangeId | None
    before: Flow | None
    after: Flow | None


@dataclass(frozen=True)
class UnderWay:
    """A write that nobody answered and that is not done yet."""

    change: ChangeId | None
    before: Flow | None
    after: Flow | None
    until: datetime


class FakeEnkapush:
    """Source and writer of flows, and of their pictures.

    Attributes:
        effects: Every difference that a write made, oldest first.
        clouded: Changes of which something was not answered: a write, or a look.
        watch: Told of each write before it has any effect, with the flow as it is then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.flows = {flow.id: flow for flow in map(first_flow, range(1, 5))}
        self.effects: list[Effect] = []
        self.clouded: set[ChangeId | None] = set()
        self.writes: deque[Trouble | None] = deque()
        self.reads: deque[bool] = deque()
        self.under_way: list[UnderWay] = []
        self.watch: Callable[[ChangeId | None, Flow | None], Awaitable[None]] | None = None
        self._last: int = max(self.flows)
        self._notes = 0

    def heals(self) -> None:
        """Everything is answered from now on."""
        self.writes.clear()
        self.reads.clear()

    # --- reading ---------------------------------------------------------------------------------------------------

    async def all_flows(self) -> AllFlows:
        self._is_read()
        return AllFlows(list(self.flows.values()))

    async def flow(self, flow_id: FlowId) -> Flow | None:
        self._is_read()
        return self.flows.get(flow_id)

    async def of(self, flow: Flow) -> ImageFile | None:
        self._is_read()
        return PIXEL

    def _is_read(self) -> None:
        if self.reads and self.reads.popleft():
            self.clouded.add(WRITING.get())
            raise Fault("fault.enkapush_down")

    # --- writing ---------------------------------------------------------------------------------------------------

    async def create(self, content: FlowContent, unread: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        self._last += 1
        made = with_content(first_flow(self._last), content)
        await self._write(None, replace(made, image_url="https://cdn/pixel.png" if image else None))
        return made.id

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        now = self._there(flow)
        await self._write(now, with_content(now, update.wanted))

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        now = self._there(flow)
        await self._write(now, replace(now, is_enabled=enabled))

    async def delete(self, flow: FlowId) -> None:
        await self._write(self._there(flow), None)

    def _there(self, flow: FlowId) -> Flow:
        if flow not in self.flows:
            raise NotDone("not_done.gone")
        return self.flows[flow]

    async def _write(self, before: Flow | None, after: Flow | None) -> None:
        change = WRITING.get()
        if self.watch is not None:
            await self.watch(change, before)
        match self.writes.popleft() if self.writes else None:
            case None:
                self._takes_effect(change, before, after)
            case Trouble.REFUSED:
                raise NotDone("not_done.refused", said="no")
            case Trouble.IGNORED:
                return
            case silent:
                self._is_silent(silent, UnderWay(change, before, after, self._clock() + UNDER_WAY))

    def _is_silent(self, how: Trouble, write: UnderWay) -> None:
        self.clouded.add(write.change)
        if how is Trouble.UNANSWERED:
            self._takes_effect(write.change, write.before, write.after)
        elif how is Trouble.LATE:
            self.under_way.append(write)
        raise Unclear("unclear.enkapush")

    def _takes_effect(self, change: ChangeId | None, before: Flow | None, after: Flow | None) -> None:
        if before == after:
            return
        if after is not None:
            self.flows[after.id] = self.noted(after)
        elif before is not None:
            del self.flows[before.id]
        self.effects.append(Effect(change, before, after))

    def noted(self, flow: Flow) -> Flow:
        """A flow that was changed, with Enkapush's note of it."""
        self._notes += 1
        return replace(flow, changed_at=self._clock() + timedelta(milliseconds=self._notes))

    # --- what happens without flowbot ------------------------------------------------------------------------------

    def appears(self) -> FlowId:
        """Somebody makes a flow in Enkapush itself."""
        self._last += 1
        self.flows[FlowId(self._last)] = self.noted(first_flow(self._last))
        return FlowId(self._last)

    def lands(self) -> None:
        """What is under way takes effect, where nobody has touched the flow since."""
        landing, self.under_way = self.under_way, []
        for write in landing:
            before = write.before
            if before is None or self.flows.get(before.id) == before:
                self._takes_effect(write.change, before, write.after)

    def lands_before(self, moment: datetime) -> None:
        """What is under way does not take any longer than that."""
        if any(write.until < moment for write in self.under_way):
            self.lands()

    def of_change(self, change: ChangeId) -> list[Effect]:
        return [effect for effect in self.effects if effect.change == change]


def first_flow(number: int) -> Flow:
    """Flows 1 and 4 are enabled, 2 has a picture, 3 is of another website."""
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
    return replace(flow, buttons=(shown.pop("button_1"), shown.pop("button_2")), **shown)
