"""The flow cache: all flows of the account, fetched once for everybody and kept for some seconds."""

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Final

import structlog

from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.search import IndexedFlow, insert_flow, merge_newest_first, remove_flow, sort_newest_first
from flowbot.domain.urls import hostname
from flowbot.errors import DependencyError
from flowbot.services.batches import batched, take_turns
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ttl_cache import SingleFlight

FRESH_SECONDS: Final = 5.0
"""A snapshot this young is served as it is."""

REFRESHING_SECONDS: Final = 30.0
"""People wait only MOMENT_SECONDS for a newer snapshot than one this young."""

MOMENT_SECONDS: Final = 1.5
"""A short wait for a fetch, which then goes on for the next request."""

PATIENCE_SECONDS: Final = 4.0
"""People wait this long for a newer snapshot while an older one is at hand."""

PAGING_SECONDS: Final = 600.0
"""A page turn is served from a snapshot this young, so that it costs Enkapush nothing and pages do not shift."""

REST_FACTOR: Final = 3.0
"""A large account, or a slow Enkapush, rests this many times as long as the last fetch took."""

INDEX_BATCH: Final = 200
"""Flows that are indexed in one go; then others have their turn, who may wait for an acknowledgement."""

LOOK_BATCH: Final = 10_000
"""Flows that are looked at in one go."""

SORT_BATCH: Final = 10_000
"""Flows that are sorted in one go, which takes some milliseconds."""

FREEZE_THRESHOLD: Final = 3000
"""So many new flows at once are frozen: full garbage collections skip them from then on."""

GC_THRESHOLDS: Final = gc.get_threshold()
NO_FULL_COLLECTION: Final = 2**31 - 1
"""A threshold of the garbage collector that is never reached."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """All flows as they were at one moment, newest first.

    Attributes:
        taken_at: The time at which the fetch began.
        taken_monotonic: The same by the monotonic clock, for its age.
        seconds: How long the fetch took.
        is_stale: A newer snapshot was wanted and not to be had.
        unreadable: The website of each flow that could not be read; None where that could not be read either.
        is_stable: False where the list changed while it was read, so that a flow may be missing.
    """

    flows: tuple[IndexedFlow, ...]
    taken_at: datetime
    taken_monotonic: float
    seconds: float = 0.0
    is_stale: bool = False
    unreadable: tuple[WebsiteId | None, ...] = ()
    is_stable: bool = True

    @property
    def is_whole(self) -> bool:
        """Check whether a flow that is not among them is not there."""
        return self.is_stable and not self.unreadable

    @cached_property
    def websites(self) -> frozenset[WebsiteId]:
        """Return the websites that have flows: a few, where there may be a hundred thousand flows."""
        return frozenset(entry.flow.website_id for entry in self.flows)


class FlowCache:
    """Snapshots of all flows.

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
        self._snapshot: Snapshot | None = None
        self._written: dict[FlowId, tuple[float, Flow | None]] = {}

    async def get_latest(self) -> Snapshot:
        """Return the flows as of some seconds ago; where Enkapush fails, an older snapshot, marked as stale.

        Raises:
            DependencyError: Enkapush failed and there is no snapshot.
        """
        snapshot = self._snapshot
        if snapshot is None:
            return await self._flight.run("all", self._fetch)
        age = self.age(snapshot)
        if age < max(FRESH_SECONDS, REST_FACTOR * snapshot.seconds):
            return snapshot
        is_recent = age < max(REFRESHING_SECONDS, 2 * REST_FACTOR * snapshot.seconds)
        flight = self._flight.start("all", self._fetch)
        try:
            async with asyncio.timeout(min(MOMENT_SECONDS, self._patience) if is_recent else self._patience):
                return await asyncio.shield(flight)
        except (DependencyError, TimeoutError) as error:
            log.warning("catalog.late", age=round(self.age(snapshot)), error=str(error) or "slow")
            return replace(snapshot, is_stale=True)

    async def read_anew(self) -> Snapshot:
        """Return the flows as they are read from now on, which others may have, too.

        Raises:
            DependencyError: Enkapush failed.
        """
        return await self._flight.run_anew("all", self._fetch)

    async def get_for_paging(self) -> Snapshot:
        """Return a snapshot for turning a page: the newest at hand, unless it is too old by now.

        Raises:
            DependencyError: there is no such snapshot, and Enkapush failed.
        """
        snapshot = self._snapshot
        if snapshot is not None and self.age(snapshot) < PAGING_SECONDS:
            return snapshot
        return await self.get_latest()

    @property
    def snapshot(self) -> Snapshot | None:
        """Return the newest snapshot at hand, of any age, without asking Enkapush."""
        return self._snapshot

    def find_hosts(self, website: WebsiteId | None, except_flow: FlowId | None) -> frozenset[str]:
        """Find the hosts that the website's other flows lead to, without asking Enkapush."""
        flows = (entry.flow for entry in self._snapshot.flows) if self._snapshot else ()
        urls = (flow.url for flow in flows if flow.website_id == website and flow.id != except_flow)
        # Taken apart once an origin, not once a flow: their paths alone differ.
        origins = {"/".join(url.split("/", 3)[:3]) for url in urls if url}
        return frozenset(host for host in map(hostname, origins) if host)

    def upsert(self, flow: Flow) -> None:
        """Show a flow that was just read back in lists at once; no fetch that began before hides it."""
        self._written[flow.id] = (self._monotonic(), flow)
        if self._snapshot is not None:
            self._snapshot = replace(self._snapshot, flows=insert_flow(self._snapshot.flows, flow))

    def remove(self, flow_id: FlowId) -> None:
        """Remove a flow that was just deleted from lists at once; no fetch that began before brings it back."""
        self._written[flow_id] = (self._monotonic(), None)
        if self._snapshot is not None:
            self._snapshot = replace(self._snapshot, flows=remove_flow(self._snapshot.flows, flow_id))

    async def close(self) -> None:
        """End a running fetch."""
        await self._flight.close()

    def age(self, snapshot: Snapshot) -> float:
        """Return the seconds since the snapshot was taken."""
        return self._monotonic() - snapshot.taken_monotonic

    async def _fetch(self) -> Snapshot:
        started_at, started_monotonic = self._clock(), self._monotonic()
        # A full collection stops everybody for 0.1 s at 100,000 flows, and finds nothing: what is read stays.
        gc.set_threshold(*GC_THRESHOLDS[:2], NO_FULL_COLLECTION)
        try:
            read = await self._source.list_flows()
            indexed = await self._index(read.flows)
        finally:
            gc.set_threshold(*GC_THRESHOLDS)
        self._written = {flow_id: write for flow_id, write in self._written.items() if write[0] >= started_monotonic}
        for flow_id, (_, flow) in self._written.items():
            indexed = remove_flow(indexed, flow_id) if flow is None else insert_flow(indexed, flow)
        seconds = self._monotonic() - started_monotonic
        self._snapshot = Snapshot(
            indexed, started_at, started_monotonic, seconds, unreadable=read.unreadable, is_stable=read.is_stable
        )
        log.info("catalog.fetched", flows=len(read.flows), unread=len(read.unreadable), seconds=round(seconds, 3))
        return self._snapshot

    async def _index(self, flows: Sequence[Flow]) -> tuple[IndexedFlow, ...]:
        """Index the flows for searching, newest first; those that have not changed keep their entries."""
        before = self._snapshot.flows if self._snapshot else ()
        read = set(map(id, flows))
        kept = tuple(
            [entry async for some in take_turns(before, LOOK_BATCH) for entry in some if id(entry.flow) in read]
        )
        if len(kept) == len(flows):
            return kept
        known = {id(entry.flow) for entry in kept}
        fresh = [flow for flow in flows if id(flow) not in known]
        runs = [kept]
        for batch in batched(fresh, SORT_BATCH):
            entries = [IndexedFlow.of(flow) async for some in take_turns(batch, INDEX_BATCH) for flow in some]
            runs.append(sort_newest_first(entries))
        merged = merge_newest_first(*runs)
        indexed = [entry async for some in take_turns(merged, INDEX_BATCH) for entry in some]
        if len(indexed) - len(before) > FREEZE_THRESHOLD:
            gc.freeze()
        return tuple(indexed)
