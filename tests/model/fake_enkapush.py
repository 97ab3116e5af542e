"""Enkapush in memory: it writes at once, later or never, with an answer or without, and stores texts otherwise."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import add
from typing import Any, Final

from flowbot.domain.flow import Flow, FlowContent, Totals, WaitTime, WriteOnlyFields, content_differences
from flowbot.domain.ids import ChangeId, FlowId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.errors import EnkapushFaultError
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import AllFlows, FlowUpdate, Segment, WriteRefusedError, WriteUnclearError
from tests.model.audiences import Audiences

LONGEST_DELAY: Final = timedelta(hours=23)
CURRENT_CHANGE: ContextVar[ChangeId | None] = ContextVar("writing", default=None)
"""The change that the current task applies."""
CURRENT_CLOCK: ContextVar[Clock | None] = ContextVar("clock of who writes", default=None)
"""The clock of the process that applies it."""
PIXEL: Final = ImageFile(b"\x89PNG", "image/png", "pixel.png")


class WriteFault(StrEnum):
    """A fault of a write: how it is answered, and when it takes effect."""

    REFUSED = "refused"
    UNANSWERED = "unanswered"
    UNANSWERED_LATE = "unanswered_late"
    UNANSWERED_NEVER = "unanswered_never"
    ACCEPTED_LATE = "accepted_late"
    ACCEPTED_NEVER = "accepted_never"


class Storage(StrEnum):
    """What Enkapush makes of a text; `cut_short` leaves less than half of it."""

    AS_SENT = "as_sent"
    TRIMMED = "trimmed"
    SHORTENED = "shortened"
    CUT_SHORT = "cut_short"


UNANSWERED: Final = frozenset({WriteFault.UNANSWERED, WriteFault.UNANSWERED_LATE, WriteFault.UNANSWERED_NEVER})
LATE: Final = frozenset({WriteFault.UNANSWERED_LATE, WriteFault.ACCEPTED_LATE})
NEVER: Final = frozenset({WriteFault.UNANSWERED_NEVER, WriteFault.ACCEPTED_NEVER})
STORED: Final[Mapping[Storage, Callable[[str], str]]] = {
    Storage.AS_SENT: lambda text: text,
    Storage.TRIMMED: str.strip,
    Storage.SHORTENED: lambda text: text[: (len(text) + 1) // 2],
    Storage.CUT_SHORT: lambda text: text[: len(text) // 3],
}


@dataclass(frozen=True)
class Effect:
    """A flow before and after a change; None where it does not exist. `change` is None for what was done outside."""

    change: ChangeId | None
    before: Flow | None
    after: Flow | None
    at: datetime | None = None


@dataclass(frozen=True)
class SentWrite:
    """A write as it was sent: the fields to set, a whole flow to create, or neither, for a deletion.

    Attributes:
        segment: The segment that is set, which nobody can read back; None where that stays.
    """

    change: ChangeId | None
    flow: FlowId
    patch: Mapping[str, Any] | None = None
    made: Flow | None = None
    segment: str | None = None

    def with_texts(self, store: Callable[[str], str]) -> "SentWrite":
        """Return the write with its texts as Enkapush stores them."""
        if self.made is not None:
            return replace(self, made=replace(self.made, **_stored(texts_of(self.made), store)))
        return replace(self, patch=_stored(self.patch, store)) if self.patch is not None else self


def _stored(values: Mapping[str, Any], store: Callable[[str], str]) -> dict[str, Any]:
    return {name: store(value) if isinstance(value, str) else value for name, value in values.items()}


class FakeEnkapush:
    """A source and writer of flows, and of their images.

    Attributes:
        effects: Every difference that was made, oldest first.
        ambiguous: Changes with a write or read that was not answered, or a write whose effect cannot be read back.
        stored_as: How the texts of a change are stored, where that is not as they were sent.
        sent: How often each change was sent.
        sent_since_trip: How much each flow has sent since the breaker tripped last, or its totals shrank.
        under_way: Writes that take effect later, with the moment.
        delay: How long after a write its late effect comes; the next one takes twice as long.
        storage: What becomes of texts.
        twice: Changes that were sent again though Enkapush had answered, and creations that were sent again.
        on_write: Called before each write takes effect, with the flow of that moment.
        on_effect: Called after each effect.
        audiences: Who gets the pushes of which flow.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.flows = {flow.id: flow for flow in map(first_flow, range(1, 5))}
        self.effects: list[Effect] = []
        self.ambiguous: set[ChangeId | None] = set()
        self.stored_as: dict[ChangeId | None, Storage] = {}
        self.sent: Counter[ChangeId | None] = Counter()
        self.sent_since_trip: Counter[FlowId] = Counter()
        self.twice: list[ChangeId | None] = []
        self.writes: deque[WriteFault | None] = deque()
        self.reads: deque[bool] = deque()
        self.delay = timedelta(seconds=20)
        self.storage = Storage.AS_SENT
        self.under_way: list[tuple[datetime, SentWrite]] = []
        self.on_write: Callable[[ChangeId | None, Flow | None], Awaitable[None]] | None = None
        self.on_effect: Callable[[Effect], None] = lambda _effect: None
        self.audiences = Audiences(clock)
        self._answered: set[ChangeId | None] = set()
        self._last: int = max(self.flows)
        self._notes = 0

    def clear_faults(self) -> None:
        """Answer everything from now on."""
        self.writes.clear()
        self.reads.clear()
        self.storage = Storage.AS_SENT

    # --- reading ---------------------------------------------------------------------------------------------------

    async def list_segments(self) -> Sequence[Segment]:
        self._read()
        return await self.audiences.list_segments()

    async def get_segment(self, segment: int) -> Segment | None:
        self._read()
        return await self.audiences.get_segment(segment)

    async def list_flows(self) -> AllFlows:
        self._read()
        return AllFlows(list(self.flows.values()))

    async def find_newest(self) -> FlowId | None:
        self._read()
        return max((flow.id for flow in self.flows.values()), default=None)

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

    def begin_attempts(self, change: ChangeId) -> None:
        """Forget what was answered: a process that begins to apply the change does not know it."""
        self._answered.discard(change)

    async def create(self, content: FlowContent, write_only: WriteOnlyFields, image: ImageFile | None) -> FlowId:
        self._last += 1
        made = with_content(first_flow(self._last), content)
        made = replace(made, is_enabled=False, image_url="https://cdn/pixel.png" if image else None)
        if self.sent[CURRENT_CHANGE.get()]:
            self.twice.append(CURRENT_CHANGE.get())
        await self._write(SentWrite(CURRENT_CHANGE.get(), made.id, made=made, segment=write_only.segment))
        return made.id

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        differences = content_differences(update.before, update.wanted)
        patch = {each.field: each.after for each in differences}
        await self._write(SentWrite(CURRENT_CHANGE.get(), flow, patch, segment=update.write_only.segment))

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        await self._write(SentWrite(CURRENT_CHANGE.get(), flow, {"is_enabled": enabled}))

    async def delete(self, flow: FlowId) -> None:
        await self._write(SentWrite(CURRENT_CHANGE.get(), flow))

    async def _write(self, write: SentWrite) -> None:
        change = write.change
        if write.made is None and write.flow not in self.flows:
            raise WriteRefusedError("not_done.gone")
        if self.on_write is not None:
            await self.on_write(change, self.flows.get(write.flow))
        if change in self._answered:
            self.twice.append(change)
        self.sent[change] += 1
        fault = self.writes.popleft() if self.writes else None
        if fault is WriteFault.REFUSED:
            raise WriteRefusedError("not_done.refused", said="no")
        if fault is not None:
            self.ambiguous.add(change)
        stored = write.with_texts(STORED[self.storage])
        if stored != write:
            self.stored_as[change] = self.storage
        if fault in LATE:
            self.under_way.append((self._clock() + self.delay, stored))
            self.delay = min(2 * self.delay, LONGEST_DELAY)
        elif fault not in NEVER:
            self._apply(stored)
        if fault in UNANSWERED:
            raise WriteUnclearError
        self._answered.add(change)

    def _apply(self, write: SentWrite) -> None:
        """Write it to the flow as it is now; nothing where that is gone."""
        before = self.flows.get(write.flow)
        if write.made is not None:
            after: Flow | None = write.made
        elif before is None:
            return
        else:
            after = None if write.patch is None else replace(before, **write.patch)
        if write.segment is not None:
            self.audiences.note_target(write.flow, write.segment)
        if before != after:
            self.set_flow(Effect(write.change, before, after))
        elif after is not None and write.segment is not None:
            self.flows[after.id] = self._touched(after)

    def set_flow(self, effect: Effect) -> None:
        """Put a flow into its new state."""
        if effect.after is not None:
            self.flows[effect.after.id] = self._touched(effect.after)
        elif effect.before is not None:
            del self.flows[effect.before.id]
        self.effects.append(replace(effect, at=self._clock()))
        self.on_effect(effect)

    def _touched(self, flow: Flow) -> Flow:
        """Return the flow with a new time of change."""
        self._notes += 1
        return replace(flow, changed_at=self._clock() + timedelta(milliseconds=self._notes))

    # --- changes without flowbot -----------------------------------------------------------------------------------

    def add_flow(self) -> FlowId:
        """Add a flow, as somebody does in Enkapush itself."""
        self._last += 1
        self.set_flow(Effect(None, None, first_flow(self._last)))
        return FlowId(self._last)

    def add_totals(self, flow: FlowId, moved: Totals | None) -> None:
        """Let a flow send more, or (None) begin to count anew."""
        if (now := self.flows.get(flow)) is not None:
            self.sent_since_trip[flow] = 0 if moved is None else self.sent_since_trip[flow] + moved.sent
            totals = Totals() if moved is None else Totals(*map(add, astuple(now.totals), astuple(moved)))
            self.flows[flow] = replace(now, totals=totals)

    @property
    def next_effect_at(self) -> datetime | None:
        """Return when the next late write takes effect; None where none is under way."""
        return min((at for at, _ in self.under_way), default=None)

    def complete_late_writes(self, until: datetime | None = None) -> None:
        """Let the late writes that are due by `until` (None: all) take effect, the earliest first."""
        due = [each for each in self.under_way if until is None or each[0] <= until]
        self.under_way = [each for each in self.under_way if each not in due]
        for _, write in sorted(due, key=lambda each: each[0]):
            self._apply(write)

    def of_change(self, change: ChangeId) -> list[Effect]:
        return [effect for effect in self.effects if effect.change == change]

    def may_still_land(self, change: ChangeId) -> bool:
        return any(write.change == change for _, write in self.under_way)


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


def texts_of(content: FlowContent) -> dict[str, str]:
    """Return the texts of a content, by field."""
    values = {each.name: getattr(content, each.name) for each in fields(FlowContent)}
    return {name: value for name, value in values.items() if isinstance(value, str)}
