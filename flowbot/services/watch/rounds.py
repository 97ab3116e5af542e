"""The rounds of the watch: read all flows, compare them, tell what was done outside, and keep what was read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.figures import FlowMove, measure_move
from flowbot.domain.findings import Finding, bring_up_to_date
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, ReportToken
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.domain.watch import has_same_content
from flowbot.services.approvals.outdated import OutdatedRequests
from flowbot.services.batches import batched
from flowbot.services.flow_cache import FlowCache, Snapshot
from flowbot.services.ports import Clock
from flowbot.services.ports.readings import (
    FlowsMovedError,
    NewSummary,
    Observation,
    RoundRecord,
    WatchRound,
    WatchState,
    WatchStore,
)
from flowbot.services.ports.reports import ReportStore
from flowbot.services.watch.judge import TOLD_SINGLY, ChangeJudge, Verdict, Verdicts, by_urgency
from flowbot.services.watch.known_flows import Comparison, KnownFlows

BASELINE_PAGE: Final = 500
SWITCHES: Final = frozenset({ChangeKind.ENABLE, ChangeKind.DISABLE})
CLOCK_MARGIN: Final = timedelta(hours=1)
"""A flow may be dated so long before the reading after which it was created: Enkapush has another clock."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchRounds:
    """Makes rounds of the watch, in the process that has its lease.

    Attributes:
        owner: This process's name on the lease.
        show_changes: Starts to notify people of changes that were ended.
        show_reports: Starts to show reports.
    """

    store: WatchStore
    reports: ReportStore
    flow_cache: FlowCache
    judge: ChangeJudge
    outdated: OutdatedRequests
    known: KnownFlows
    clock: Clock
    owner: str
    show_changes: Callable[[Sequence[Change]], None]
    show_reports: Callable[[Sequence[Report]], None]

    async def run(self, state: WatchState) -> WatchRound:
        """Make one round.

        Args:
            state: the watch, whose lease this process has.

        Raises:
            DependencyError: Enkapush or the database did not answer; the next round has it all.
            WatchLostError: another process has the watch.
        """
        await self.known.load(state)
        if not state.has_baseline:
            return await self._read_baseline(state)
        snapshot = await self.flow_cache.read_anew()
        comparison = await self.known.compare(snapshot)
        moved = {flow.id: flow for flow, _ in comparison.moved}
        verdicts = await self.judge.judge(
            comparison.differing, lambda flow: moved.get(flow) or self.known.get(flow), snapshot
        )
        self.show_changes(
            await self.outdated.end_requests({flow: each.seen for flow, each in verdicts.outside.items()})
        )
        watched = await self._store(state, snapshot, comparison, verdicts)
        self.show_reports(watched.reports)
        return watched

    async def _read_baseline(self, state: WatchState) -> WatchRound:
        """Read the account for the first time, which tells nothing."""
        await self.store.count_settled(self.clock())
        snapshot = await self.flow_cache.read_anew()
        flows = [entry.flow for entry in snapshot.flows]
        for page in batched(flows, BASELINE_PAGE):
            await asyncio.sleep(0)
            await self.store.store_baseline(page, snapshot.taken_at)
        gone = await self.known.find_missing(snapshot.flows)
        watched = await self.store.store_round(replace(self._new_record(state, snapshot), gone=gone))
        self.known.note(flows, gone, watched.number)
        log.info("watch.begun", flows=len(flows))
        return watched

    async def _store(
        self, state: WatchState, snapshot: Snapshot, comparison: Comparison, verdicts: Verdicts
    ) -> WatchRound:
        """Store a round, without the flows that flowbot, or a person, has dealt with meanwhile."""
        while True:
            record = await self._build_record(state, snapshot, comparison, verdicts)
            try:
                watched = await self.store.store_round(record)
            except FlowsMovedError as moved:
                log.info("watch.put_off", flows=len(moved.flows))
                verdicts.put_off(moved.flows)
            else:
                self.known.note((each.flow for each in record.observed), record.gone, watched.number)
                return watched

    def _new_record(self, state: WatchState, snapshot: Snapshot) -> RoundRecord:
        return RoundRecord(state, self.owner, snapshot.taken_at)

    async def _build_record(
        self, state: WatchState, snapshot: Snapshot, comparison: Comparison, verdicts: Verdicts
    ) -> RoundRecord:
        judged = {**verdicts.own, **verdicts.outside}
        moved = [(flow, move) for flow, move in comparison.moved if flow.id not in verdicts.waiting]
        observed = [Observation(flow, has_new_content=False, counts_anew=move.moved.has_shrunk) for flow, move in moved]
        observed += [each for verdict in judged.values() if (each := _observe(verdict)) is not None]
        illegible = comparison.illegible
        observed += [Observation(seen, counts_anew=True) for seen in illegible.values() if seen is not None]
        record = replace(
            self._new_record(state, snapshot),
            observed=observed,
            gone=[
                *(flow for flow, verdict in judged.items() if verdict.seen is None),
                *(flow for flow, seen in illegible.items() if seen is None),
            ],
            moves=[move for _, move in moved]
            + [move for verdict in judged.values() for move in _list_moves(verdict, state.read_at)],
            counted={change.id for verdict in judged.values() for change in verdict.changes} | verdicts.sent.void,
            sent=verdicts.sent.states,
        )
        return await self._add_findings(record, verdicts)

    async def _add_findings(self, record: RoundRecord, verdicts: Verdicts) -> RoundRecord:
        """Add the findings that are new, and those that are open and not as before any more."""
        own = {flow: verdict for flow, verdict in verdicts.own.items() if verdict.changes or _differs(verdict)}
        found = await self.reports.open_findings({*own, *verdicts.outside})
        number = record.state.version + 1
        told = sorted(
            verdicts.outside.items(), key=lambda each: (not each[1].is_confirmed, by_urgency(each[0], each[1].seen))
        )
        new = [_new_finding(flow, verdict, number) for flow, verdict in told if flow not in found]
        edited, untold = list[tuple[Report, NewReport]](), list[tuple[Report, NewReport]]()
        for flow, report in found.items():
            if not isinstance(finding := report.told.content, Finding):
                continue
            moved = _bring_up_to_date(report, finding, verdicts.outside.get(flow) or own[flow])
            if moved.content_as(Finding).summary != finding.summary:
                # It has no message of its own yet.
                untold.append((report, moved))
            elif moved.content != finding:
                edited.append((report, moved))
        if len(new) + len(untold) <= TOLD_SINGLY:
            return replace(record, findings=new, updates=[*edited, *untold])
        summary = NewSummary(ReportToken(f"summary.{number}"), tuple(new), tuple(untold))
        return replace(record, summary=summary, updates=edited)


def _differs(verdict: Verdict) -> bool:
    return not has_same_content(verdict.known, verdict.seen)


def _observe(verdict: Verdict) -> Observation | None:
    """Return what to store of a flow that was judged; None where nothing of it is new, or it is gone."""
    known, seen = verdict.known, verdict.seen
    if seen is None:
        return None
    was_live = known is not None and known.is_enabled
    # What flowbot disabled and is live was enabled anew, too: outside, between two readings.
    was_switched = any(change.request.kind in SWITCHES for change in verdict.changes)
    is_enabled_anew = seen.is_enabled and (not was_live or was_switched)
    if not _differs(verdict) and not is_enabled_anew:
        return None
    shrunk = known is not None and measure_move(known.totals, seen.totals).has_shrunk
    return Observation(seen, counts_anew=is_enabled_anew or shrunk, is_enabled_anew=is_enabled_anew)


def _list_moves(verdict: Verdict, last_read_at: datetime | None) -> list[FlowMove]:
    """List what moved in a flow whose content differs; of a new one all, if it was created since the last reading."""
    known, seen = verdict.known, verdict.seen
    if seen is None or not _differs(verdict):
        return []
    if known is not None:
        before = known.totals
    elif last_read_at is None or seen.created_at is None or seen.created_at < last_read_at - CLOCK_MARGIN:
        before = seen.totals
    else:
        before = Totals()
    return [FlowMove(seen.id, seen.website_id, measure_move(before, seen.totals))] if before != seen.totals else []


def _new_finding(flow: FlowId, verdict: Verdict, number: int) -> NewReport:
    finding = Finding(verdict.expected, verdict.seen)
    website = finding.flow.website_id if finding.flow else None
    return NewReport(ReportToken(f"finding.{flow}.{number}"), ReportKind.FINDING, finding, flow, website)


def _bring_up_to_date(report: Report, finding: Finding, verdict: Verdict) -> NewReport:
    """Return an open finding's report as it is now."""
    moved = bring_up_to_date(finding, verdict.expected, verdict.seen)
    state = report.told.state if moved.closing is None else ReportState.CLOSED
    website = moved.flow.website_id if moved.flow else report.told.website
    return replace(report.told, content=moved, state=state, website=website)
