"""All flows of the account, fetched once for all who ask and kept for some seconds."""

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.search import IndexedFlow, insert_flow, remove_flow, sort_newest_first
from flowbot.errors import DependencyError
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ttl_cache import SingleFlight

FRESH_SECONDS: Final = 5.0
"""A snapshot this young is served as it is."""


REFRESHING_SECONDS: Final = 30.0
"""For a newer one than a snapshot this young, people wait but a moment."""


MOMENT_SECONDS: Final = 1.5
"""How long that is. The reading goes on, for the next who asks."""


REST: Final = 3.0
"""A large account, or a slow Enkapush, is given this many times as long as the last reading took before the next."""


SLICE: Final = 1000
"""So many flows are made ready at a time; then others have their turn, who may wait for an acknowledgement."""


MANY: Final = 3000
"""So many new flows at once are frozen: full garbage collections skip them from then on."""


GC_THRESHOLDS: Final = gc.get_threshold()
NO_FULL_COLLECTION: Final = 2**31 - 1
"""A threshold of the garbage collector that is never reached."""


PATIENCE_SECONDS: Final = 4.0
"""How long a person waits for a newer snapshot while an older one is at hand."""


TURNING_SECONDS: Final = 600.0
"""A page turn is served from a snapshot this young, so that it costs Enkapush nothing and pages do not shift."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All flows as they were at `taken_at`, newest first.

    `seconds` is how long the reading took; `is_stale` where a newer one was wanted and not to be had. `unread` is
    the website of each flow that could not be read, None where that could not be read either.
    """

    flows: tuple[IndexedFlow, ...]
    taken_at: datetime
    taken_monotonic: float
    seconds: float = 0.0
    is_stale: bool = False
    unread: tuple[WebsiteId | None, ...] = ()


class FlowCache:
    """Serves snapshots of all flows.

    Args:
        source: where flows come from.
        clock: tells the time that a snapshot is marked with.
        monotonic: seconds that only grow, for ages.
        patience: seconds to wait for a newer snapshot while an older one is at hand.
    """

    def __init__(
        self,
        source: FlowSource,
        *,
        clock: Clock,
        monotonic: Monotonic = time.monotonic,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._source = source
        self._clock = clock
        self._monotonic = monotonic
        self._patience = patience
        self._flight: SingleFlight[str, Snapshot] = SingleFlight()
        self._kept: Snapshot | None = None
        self._put: dict[FlowId, tuple[float, Flow | None]] = {}

    async def get_latest(self) -> Snapshot:
        """The flows as of some seconds ago; older ones, marked as late, where Enkapush fails and some were kept.

        Raises:
            DependencyError: Enkapush failed and nothing was kept.
        """
        kept = self._kept
        if kept is None:
            return await self._flight.run("all", self._fetch)
        age = self.age(kept)
        if age < max(FRESH_SECONDS, REST * kept.seconds):
            return kept
        if age < max(REFRESHING_SECONDS, 2 * REST * kept.seconds):
            return await self._newer_than(kept, within=min(MOMENT_SECONDS, self._patience))
        return await self._newer_than(kept, within=self._patience)

    async def get_for_paging(self) -> Snapshot:
        """A snapshot for turning a page: the one kept, whatever happens in Enkapush, unless it is old by now.

        Raises:
            DependencyError: nothing was kept, and Enkapush failed.
        """
        kept = self._kept
        if kept is not None and self.age(kept) < TURNING_SECONDS:
            return kept
        return await self.get_latest()

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot there is, of any age, without asking Enkapush."""
        return self._kept

    def upsert(self, flow: Flow) -> None:
        """A flow as flowbot has just read it back: lists show it at once, and no fetch that began before hides it."""
        self._put[flow.id] = (self._monotonic(), flow)
        if self._kept is not None:
            self._kept = replace(self._kept, flows=insert_flow(self._kept.flows, flow))

    def remove(self, flow: FlowId) -> None:
        """A flow that flowbot has just deleted: lists forget it at once, and no earlier fetch brings it back."""
        self._put[flow] = (self._monotonic(), None)
        if self._kept is not None:
            self._kept = replace(self._kept, flows=remove_flow(self._kept.flows, flow))

    async def close(self) -> None:
        """End a fetch that is under way."""
        await self._flight.close()

    def age(self, snapshot: Snapshot) -> float:
        """Seconds since the snapshot was taken."""
        return self._monotonic() - snapshot.taken_monotonic

    async def _newer_than(self, kept: Snapshot, *, within: float) -> Snapshot:
        flight = self._flight.start("all", self._fetch)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(flight)
        except (DependencyError, TimeoutError) as error:
            log.warning("catalog.late", age=round(self.age(kept)), error=str(error) or "slow")
            return replace(kept, is_stale=True)

    async def _fetch(self) -> Snapshot:
        started_at, started_tick = self._clock(), self._monotonic()
        # A full collection stops everybody for 0.1 s at 100,000 flows, and finds nothing: what is read stays.
        gc.set_threshold(*GC_THRESHOLDS[:2], NO_FULL_COLLECTION)
        try:
            read = await self._source.list_flows()
            indexed = await self._indexed(read.flows)
        finally:
            gc.set_threshold(*GC_THRESHOLDS)
        self._put = {number: put for number, put in self._put.items() if put[0] >= started_tick}
        for number, (_, flow) in self._put.items():
            indexed = remove_flow(indexed, number) if flow is None else insert_flow(indexed, flow)
        took = self._monotonic() - started_tick
        self._kept = Snapshot(indexed, started_at, started_tick, took, unread=read.unreadable)
        log.info("catalog.fetched", flows=len(read.flows), unread=len(read.unreadable), seconds=round(took, 3))
        return self._kept

    async def _indexed(self, flows: Sequence[Flow]) -> tuple[IndexedFlow, ...]:
        """The flows ready for searching. What was so already stays as it is."""
        kept = self._kept.flows if self._kept else ()
        known = {entry.flow.id: entry for entry in kept}
        entries: list[IndexedFlow] = []
        for start in range(0, len(flows), SLICE):
            await asyncio.sleep(0)
            entries += [_entry(flow, known.get(flow.id)) for flow in flows[start : start + SLICE]]
        if len(entries) - len(known) > MANY:
            gc.freeze()
        return sort_newest_first(entries)


def _entry(flow: Flow, known: IndexedFlow | None) -> IndexedFlow:
    return known if known is not None and known.flow is flow else IndexedFlow.of(flow)
