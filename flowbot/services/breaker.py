"""The breaker: disables live flows whose figures are out of the limits of a channel's rules, once an enabling."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from flowbot.domain.breaker import (
    FIGURES_MAX_AGE,
    Breach,
    Trip,
    TripEnd,
    disable_token,
    find_breaches,
    find_report_token,
    may_try_again,
    report_token,
)
from flowbot.domain.change import Change, Outcome
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.disables import DecidedDisable
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ReportId
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.errors import DependencyError
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports import Clock, TaskStarter
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.readings import LiveFlow, RoundObserver, WatchRound, WatchStore
from flowbot.services.ports.reports import ReportNotifier, ReportStore
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.report_updates import update_report

DISABLES_AT_ONCE: Final = 3
UNREAD: Final = "breaker.unread"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BreakerReports:
    """Notes in its report what became of a flow that the breaker disables."""

    reports: ReportStore
    watch: WatchStore
    clock: Clock

    async def record(self, disable: Change) -> None:
        """Note how far a disable of the breaker's has come.

        Raises:
            DependencyError: the database did not answer.
        """
        report = await self.reports.get_by_token(find_report_token(disable))
        if report is not None:
            await self.update(report, lambda trip: trip.after(disable))

    async def update(self, report: Report, change: Callable[[Trip], Trip]) -> None:
        """Write what has become of a flow, whoever else writes; the report is closed where that is the end.

        Raises:
            DependencyError: the database did not answer.
        """

        def move(told: NewReport) -> NewReport:
            if told.state is ReportState.CLOSED:
                return told
            trip = change(told.content_as(Trip))
            return replace(told, content=trip, state=ReportState.OPEN if trip.end is None else ReportState.CLOSED)

        written = await update_report(self.reports, report, move)
        if written is None or written.told.flow is None:
            return
        trip = written.told.content_as(Trip)
        if trip.end is not None:
            log.info("trip.ended", flow=written.told.flow, how=trip.end)
            await self.watch.mark_tripped(written.told.flow, trip.live_since, self.clock())


@dataclass(frozen=True, slots=True)
class Breaker(RoundObserver):
    """Disables flows after each round of the watch, and goes on with those that are not disabled yet.

    Attributes:
        notify: Notifies people of a disable, as the executor needs it.
        show: Shows a report.
        start_task: Starts the disables, which a slow Enkapush may hold up.
        _running: The reports on whose flows this process works.
    """

    outcomes: BreakerReports
    policies: PolicyStore
    submitter: RequestSubmitter
    executor: ChangeExecutor
    notify: NotifyCallback
    show: ReportNotifier
    start_task: TaskStarter
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DISABLES_AT_ONCE))
    _running: set[ReportId] = field(default_factory=set)

    async def after_round(self, watched: WatchRound) -> None:
        """Find the flows that are out of bounds, and start to take each one attempt further."""
        if abs(self.outcomes.clock() - watched.read_at) > FIGURES_MAX_AGE:
            return
        found = await self._find_trips(watched)
        for live, trip in found.values():
            await self._open(live, trip)
        for report in await self.outcomes.reports.list_open(ReportKind.BREAKER):
            if report.id not in self._running:
                self._running.add(report.id)
                newest = found.get(report.told.flow) if report.told.flow is not None else None
                # What was enabled anew since then has a report of its own.
                is_live = newest is not None and newest[0].live_since == report.told.content_as(Trip).live_since
                self.start_task(self._proceed(report, is_live=is_live), name=f"breaker {report.id}")

    async def _find_trips(self, watched: WatchRound) -> Mapping[FlowId, tuple[LiveFlow, Trip]]:
        """Find the flows that break a channel's limits; of several channels the first one counts."""
        broken: dict[FlowId, tuple[LiveFlow, tuple[Breach, ...], ChannelId]] = {}
        for policy in (await self.policies.get_book()).channels:
            if (rule := policy.breaker) is None:
                continue
            for live in await self.outcomes.watch.list_live(policy.named_websites, beyond=rule):
                if breaches := find_breaches(rule, live.counted):
                    broken.setdefault(live.flow, (live, breaches, policy.id))
        known = await self.outcomes.watch.get_flows(broken)
        return {
            flow: (live, Trip(known[flow].name, live.live_since, watched.read_at, live.counted, breaches, channel))
            for flow, (live, breaches, channel) in broken.items()
            if flow in known
        }

    async def _open(self, live: LiveFlow, trip: Trip) -> None:
        """Open the report on a flow, where that was not done before."""
        new = NewReport(report_token(live.flow, live.live_since), ReportKind.BREAKER, trip, live.flow, live.website)
        report, is_new = await self.outcomes.reports.submit(new)
        if is_new:
            log.info("trip.begun", flow=live.flow, channel=trip.channel)
        elif not report.is_open:
            # Whoever closed it was cut off before this.
            await self.outcomes.watch.mark_tripped(live.flow, trip.live_since, self.outcomes.clock())

    async def _proceed(self, report: Report, *, is_live: bool) -> None:
        """Take the disabling of one flow a step further, and show how far it is; what fails waits for another round.

        Args:
            report: the report on the flow.
            is_live: whether the flow is live and out of bounds by the newest figures.
        """
        trip = report.told.content_as(Trip)
        token = disable_token(report.told.token, trip.attempts)
        try:
            async with self._slots:
                disable = await self.executor.store.get_by_token(token)
                if disable is not None and may_try_again(disable, self.outcomes.clock()):
                    await self.outcomes.update(report, lambda before: before.failed(disable.outcome))
                elif disable is not None:
                    await self.outcomes.record(disable)
                elif is_live:
                    await self._disable(report, token, trip.channel)
                else:
                    await self.outcomes.update(report, lambda before: replace(before, end=TripEnd.OFF))
            await self.show(report.id)
        except DependencyError as error:
            log.warning("trip.later", report=report.id, error=str(error))
        finally:
            self._running.discard(report.id)

    async def _disable(self, report: Report, token: FormToken, channel: ChannelId) -> None:
        """Disable the flow of a report; where Enkapush does not tell of that, it is a failed attempt."""
        if (flow_id := report.told.flow) is None:
            return
        try:
            flow = await self.submitter.source.get_flow(flow_id)
        except DependencyError as error:
            log.warning("trip.unread", flow=flow_id, error=str(error))
            await self.outcomes.update(report, lambda before: before.failed(Outcome(UNREAD)))
            return
        if flow is None or not flow.is_enabled:
            await self.outcomes.update(report, lambda before: replace(before, end=TripEnd.OFF))
            return
        disable, is_new = await self.submitter.disable_now(DecidedDisable(DisableCause.BREAKER, flow, token, channel))
        await (self.executor.execute(disable, self.notify) if is_new else self.outcomes.record(disable))
