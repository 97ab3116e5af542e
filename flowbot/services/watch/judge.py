"""The judge: what of a reading is flowbot's own, what was done outside, and what has to wait for the next reading."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

import structlog

from flowbot.domain.change import CREATING_KINDS, Change, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, FlowId, WebsiteId
from flowbot.domain.late_effects import LATE_EFFECTS, may_take_effect
from flowbot.domain.watch import expect_flow, has_same_content, is_claimed, is_in_hand, made_by_create
from flowbot.errors import DependencyError
from flowbot.services.flow_cache import Snapshot
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import AllFlows, FlowObserver, FlowSource
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.watch.known_flows import Sighting

TOLD_SINGLY: Final = 10
"""More findings than these in a round are one summary, which names so many of each website."""
MOST_READ: Final = 50
"""So many flows are read once more by their id in a round."""
READ_AT_ONCE: Final = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SentChanges:
    """The changes that were sent and are not counted in what is known, sorted.

    Attributes:
        settled: Those that were applied, by their flow, in the order in which they were.
        in_hand: The flows to which something was sent that is not read back yet.
        concerned: The flows to which something was sent that is not counted.
        creates: Creates and restores, also counted ones of the last day, which may have made a second flow.
        states: The state of each.
        void: Those that change nothing any more.
    """

    settled: Mapping[FlowId, Sequence[Change]]
    in_hand: frozenset[FlowId]
    concerned: frozenset[FlowId]
    creates: Sequence[Change]
    states: Mapping[ChangeId, ChangeState]
    void: frozenset[ChangeId]

    @classmethod
    def sort(cls, changes: Sequence[Change], now: datetime, late: Sequence[Change] = ()) -> Self:
        """Sort changes, which come in the order in which they moved last; `late` are those of the last day."""
        settled: defaultdict[FlowId, list[Change]] = defaultdict(list)
        void = set[ChangeId]()
        for change in changes:
            flow = find_flow(change)
            if change.state is ChangeState.APPLIED and flow is not None:
                settled[flow].append(change)
            elif not is_in_hand(change) and not may_take_effect(change, now):
                void.add(change.id)
        return cls(
            settled=settled,
            in_hand=frozenset(flow for each in changes if is_in_hand(each) and (flow := find_flow(each)) is not None),
            concerned=frozenset(flow for each in changes if (flow := find_flow(each)) is not None),
            creates=[each for each in (*changes, *late) if each.request.kind in CREATING_KINDS],
            states={each.id: each.state for each in changes},
            void=frozenset(void),
        )

    def of_flow(self, flow: FlowId) -> Sequence[Change]:
        """Return the applied changes of a flow."""
        return self.settled.get(flow, ())


def find_flow(change: Change) -> FlowId | None:
    """Return the flow that a change was sent to, or made; None where that is not known."""
    if change.request.kind in CREATING_KINDS:
        return change.outcome.flow if change.outcome else None
    return change.request.flow


@dataclass(frozen=True, slots=True)
class Verdict:
    """A flow as it was known, as flowbot's own changes left it, and as it was read.

    Attributes:
        changes: Those changes.
        is_confirmed: Whether it was read by its id.
    """

    known: Flow | None
    expected: Flow | None
    seen: Flow | None
    changes: Sequence[Change] = ()
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of the flows of a reading that differ.

    Attributes:
        sent: The changes that were known before any flow was read by its id.
        own: The flows that are as flowbot left them.
        outside: Those that were changed outside.
        waiting: Those that are judged at the next reading.
    """

    sent: SentChanges
    own: dict[FlowId, Verdict] = field(default_factory=dict)
    outside: dict[FlowId, Verdict] = field(default_factory=dict)
    waiting: set[FlowId] = field(default_factory=set)

    def put_off(self, flows: Iterable[FlowId]) -> None:
        """Let flows wait for the next reading."""
        for flow in flows:
            self.outside.pop(flow, None)
            self.own.pop(flow, None)
            self.waiting.add(flow)


@dataclass(frozen=True, slots=True)
class ChangeJudge:
    """Judges what differs.

    Attributes:
        source: Reads flows by their id; what it reads is not observed.
        late_effects: Settles the changes whose effect a reading shows.
        notify: Notifies people of those.
    """

    changes: ChangeStore
    source: FlowSource
    late_effects: FlowObserver
    notify: NotifyCallback
    clock: Clock

    async def judge(
        self, differing: Mapping[FlowId, Sighting], find_known: Callable[[FlowId], Flow | None], snapshot: Snapshot
    ) -> Verdicts:
        """Judge the flows that differ from what is known, and those that flowbot has written to.

        Args:
            differing: the flows that differ.
            find_known: finds another flow, which was read as it was known.
            snapshot: the reading.

        Raises:
            DependencyError: the database did not answer.
        """
        has_new = any(sighting.known is None for sighting in differing.values())
        verdicts = Verdicts(await self._load_sent(has_new=has_new))
        sent = verdicts.sent
        others = {flow: find_known(flow) for flow in sent.settled.keys() - differing.keys()}
        sightings = {**differing, **{flow: Sighting(known, known) for flow, known in others.items()}}
        suspects = _sort_out(sightings, verdicts)
        if not suspects:
            return verdicts
        if sent.creates and has_new:
            await self._observe_all(snapshot)
        # A request ends by what its flow is, and flowbot's own changes may have shown themselves since.
        concerned = sent.concerned | {request.flow for request in await self.changes.waiting()}
        involved = [
            flow
            for flow, (known, seen) in suspects.items()
            if flow in concerned or _list_makers(known, seen, sent, self.clock())
        ]
        plain = sorted(suspects.keys() - set(involved), key=lambda flow: by_urgency(flow, suspects[flow].seen))
        verdicts.waiting.update(involved[MOST_READ:])
        first = plain if len(plain) <= TOLD_SINGLY else _choose_samples(plain, suspects)
        await self._confirm([*involved[:MOST_READ], *first], suspects, verdicts)
        chosen = frozenset(first)
        rest = [flow for flow in plain if flow not in chosen]
        if len(verdicts.outside) + len(rest) <= TOLD_SINGLY:
            await self._confirm(rest, suspects, verdicts)
        else:
            _believe(rest, suspects, verdicts, is_whole=snapshot.is_whole and not _is_missed(first, suspects, verdicts))
        return verdicts

    async def _load_sent(self, *, has_new: bool) -> SentChanges:
        now = self.clock()
        late = await self.changes.late_since(now - LATE_EFFECTS) if has_new else ()
        return SentChanges.sort(await self.changes.unobserved(), now, late)

    async def _confirm(self, flows: Sequence[FlowId], suspects: Mapping[FlowId, Sighting], verdicts: Verdicts) -> None:
        """Read flows once more by their id, let late effects settle, and judge them by that reading."""
        slots = asyncio.Semaphore(READ_AT_ONCE)
        read: dict[FlowId, Flow | None] = {}

        async def read_again(flow: FlowId) -> None:
            async with slots:
                try:
                    seen = await self.source.get_flow(flow)
                    if not has_same_content(suspects[flow].known, seen):
                        await self.late_effects.observe_flow(flow, seen, self.notify)
                except DependencyError as error:
                    log.warning("watch.not_confirmed", flow=flow, error=str(error))
                    verdicts.waiting.add(flow)
                else:
                    read[flow] = seen

        await asyncio.gather(*map(read_again, flows))
        now = self.clock()
        sent = await self._load_sent(has_new=any(suspects[flow].known is None for flow in read))
        for flow, seen in read.items():
            settled = sent.of_flow(flow)
            known = suspects[flow].known
            verdict = Verdict(known, expect_flow(known, settled, seen), seen, settled, is_confirmed=True)
            makers = _list_makers(known, seen, sent, now)
            if flow in sent.in_hand or any(map(is_in_hand, makers)):
                verdicts.waiting.add(flow)
            elif makers or has_same_content(verdict.expected, seen) or await self._is_claimed(verdict, flow, now):
                verdicts.own[flow] = replace(verdict, expected=seen)
            elif {each.id for each in settled} != {each.id for each in verdicts.sent.of_flow(flow)}:
                # It may have been read before they were applied.
                verdicts.waiting.add(flow)
            else:
                verdicts.outside[flow] = verdict

    async def _is_claimed(self, verdict: Verdict, flow: FlowId, now: datetime) -> bool:
        """Check whether a late effect made a flow what it is; a new one was created outside, whatever it is by now."""
        if verdict.known is None:
            return False
        return is_claimed(verdict.seen, await self.changes.sent_since(flow, now - LATE_EFFECTS), now)

    async def _observe_all(self, snapshot: Snapshot) -> None:
        """Let creates settle whose flow was read."""
        try:
            await self.late_effects.observe_all(AllFlows([each.flow for each in snapshot.flows]), self.notify)
        except DependencyError as error:
            log.warning("watch.not_observed", error=str(error))


def _sort_out(sightings: Mapping[FlowId, Sighting], verdicts: Verdicts) -> dict[FlowId, Sighting]:
    """Return the flows that are not as flowbot left them, as far as its changes have ended."""
    suspects: dict[FlowId, Sighting] = {}
    for flow, (known, seen) in sightings.items():
        settled = verdicts.sent.of_flow(flow)
        expected = expect_flow(known, settled, seen)
        if flow in verdicts.sent.in_hand:
            verdicts.waiting.add(flow)
        elif has_same_content(expected, seen):
            verdicts.own[flow] = Verdict(known, expected, seen, settled)
        else:
            suspects[flow] = Sighting(known, seen)
    return suspects


def _list_makers(known: Flow | None, seen: Flow | None, sent: SentChanges, now: datetime) -> list[Change]:
    """List the creates that may have made a flow which was not known, and whose end is not known either."""
    if known is not None or seen is None:
        return []
    return [create for create in sent.creates if made_by_create(create, seen, now)]


def by_urgency(flow: FlowId, seen: Flow | None) -> tuple[bool, FlowId]:
    """Return a key to sort flows by that were changed: those that are live come first."""
    return seen is None or not seen.is_enabled, flow


def _choose_samples(flows: Sequence[FlowId], suspects: Mapping[FlowId, Sighting]) -> list[FlowId]:
    """Choose the flows that a summary names: the first ones of each website."""
    chosen: list[FlowId] = []
    taken: defaultdict[WebsiteId, int] = defaultdict(int)
    for flow in flows:
        read = suspects[flow].seen or suspects[flow].known
        if read is not None and taken[read.website_id] < TOLD_SINGLY and len(chosen) < MOST_READ:
            taken[read.website_id] += 1
            chosen.append(flow)
    return chosen


def _is_missed(flows: Iterable[FlowId], suspects: Mapping[FlowId, Sighting], verdicts: Verdicts) -> bool:
    """Check whether the reading lacks a flow that is there, as reading it by its id has shown."""
    judged = {**verdicts.own, **verdicts.outside}
    return any(suspects[flow].seen is None and flow in judged and judged[flow].seen is not None for flow in flows)


def _believe(
    flows: Iterable[FlowId], suspects: Mapping[FlowId, Sighting], verdicts: Verdicts, *, is_whole: bool
) -> None:
    """Judge flows to which flowbot has sent nothing by the reading alone: of those that it lacks, if it is whole."""
    for flow in flows:
        known, seen = suspects[flow]
        if seen is None and not is_whole:
            verdicts.waiting.add(flow)
        else:
            verdicts.outside[flow] = Verdict(known, known, seen)
