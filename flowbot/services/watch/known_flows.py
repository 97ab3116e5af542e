"""The flows as the watch knows them, in the memory of the process that has its lease, and what a reading changes."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog

from flowbot.domain.figures import FlowMove, measure_move
from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId
from flowbot.domain.search import IndexedFlow
from flowbot.domain.watch import content_key, has_same_content
from flowbot.services.batches import batched
from flowbot.services.flow_cache import Snapshot
from flowbot.services.ports.readings import KnownFlow, WatchState, WatchStore

BATCH: Final = 1000
"""Flows that are compared in one go; then others have their turn."""

log = structlog.get_logger(__name__)


class Sighting(NamedTuple):
    """A flow as the watch knew it, and as it was read; None where it was not known, or is gone."""

    known: Flow | None
    seen: Flow | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a reading has that was not known.

    Attributes:
        differing: The flows that are new, gone or have another content.
        moved: Those of which the totals alone moved.
        illegible: Those that were changed or are gone, and of which the database does not tell any more what they were.
    """

    differing: dict[FlowId, Sighting] = field(default_factory=dict)
    moved: list[tuple[Flow, FlowMove]] = field(default_factory=list)
    illegible: dict[FlowId, Flow | None] = field(default_factory=dict)


class KnownFlows:
    """The flows as the watch knows them.

    Those that did not change since the reader read them before are the very same objects, here as in the flow cache.

    Args:
        store: where they are loaded from when another process had the watch.
    """

    def __init__(self, store: WatchStore) -> None:
        self._store = store
        self._flows: dict[FlowId, Flow | KnownFlow] = {}
        self._version: int | None = None

    def __len__(self) -> int:
        return len(self._flows)

    async def load(self, state: WatchState) -> None:
        """Load what is known, unless this process stored the last round.

        Raises:
            DependencyError: the database did not answer.
        """
        if self._version == state.version:
            return
        self._version, self._flows = None, {}
        async for page in self._store.list_known():
            self._flows |= page
        self._version = state.version

    async def compare(self, snapshot: Snapshot) -> Comparison:
        """Compare a reading with what is known.

        Raises:
            DependencyError: the database did not answer.
        """
        found, met, differing = Comparison(), 0, dict[FlowId, Flow | None]()
        for batch in batched(snapshot.flows, BATCH):
            await asyncio.sleep(0)
            met += self._compare_batch(batch, found, differing)
        if met < len(self._flows):
            differing |= dict.fromkeys(await self.find_missing(snapshot.flows))
        stored = [flow for flow in differing if isinstance(self._flows.get(flow), KnownFlow)]
        legible = await self._store.get_flows(stored) if stored else {}
        for flow_id, seen in differing.items():
            known = self._flows.get(flow_id)
            if not isinstance(known, KnownFlow):
                found.differing[flow_id] = Sighting(known, seen)
            elif (kept := legible.get(flow_id)) is None:
                log.warning("watch.illegible", flow=flow_id)
                found.illegible[flow_id] = seen
            else:
                found.differing[flow_id] = Sighting(kept, seen)
        return found

    def get(self, flow: FlowId) -> Flow | None:
        """Return a flow as it is known, after `compare`; None where it is not, or differs from the reading."""
        known = self._flows.get(flow)
        return known if isinstance(known, Flow) else None

    def note(self, seen: Iterable[Flow], gone: Iterable[FlowId], version: int) -> None:
        """Take over what was stored in a round, which has that number."""
        self._flows.update((flow.id, flow) for flow in seen)
        for flow in gone:
            self._flows.pop(flow, None)
        self._version = version

    async def find_missing(self, flows: Sequence[IndexedFlow]) -> frozenset[FlowId]:
        """Find the flows that are known and not among those that were read."""
        read: set[FlowId] = set()
        for batch in batched(flows, BATCH):
            await asyncio.sleep(0)
            read.update(entry.flow.id for entry in batch)
        return frozenset(self._flows.keys() - read)

    def _compare_batch(
        self, batch: Sequence[IndexedFlow], found: Comparison, differing: dict[FlowId, Flow | None]
    ) -> int:
        """Sort the flows of a batch, and return how many of them were known."""
        met = 0
        for entry in batch:
            flow = entry.flow
            known = self._flows.get(flow.id)
            met += known is not None
            if known is flow:
                continue
            if known is None or not _is_alike(known, flow):
                differing[flow.id] = flow
            elif known.totals != flow.totals:
                moved = measure_move(known.totals, flow.totals)
                found.moved.append((flow, FlowMove(flow.id, flow.website_id, moved)))
            else:
                self._flows[flow.id] = flow
        return met


def _is_alike(known: Flow | KnownFlow, flow: Flow) -> bool:
    """Check whether a flow has the content that is known, whole or by its key."""
    return has_same_content(known, flow) if isinstance(known, Flow) else known.key == content_key(flow)
