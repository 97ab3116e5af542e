"""What a process does by itself: it watches, disables what is out of bounds, carries out stops, and reports."""

from dataclasses import dataclass
from typing import Final, cast
from zoneinfo import ZoneInfo

from flowbot.domain.change import Change
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.ids import ReportId
from flowbot.domain.report import Report
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.breaker import Breaker, BreakerReports
from flowbot.services.clock import BelievedClock
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.findings import FindingService
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import Monotonic, TaskStarter
from flowbot.services.stop import StopService
from flowbot.services.users import UserService
from flowbot.services.watch.assembly import build_watch_rounds
from flowbot.slack.notify.report_sync import ReportMessageSync
from flowbot.slack.notify.report_views import ReportViews
from flowbot.storage.repositories.absences import AbsenceRepository
from flowbot.storage.repositories.drafts import PolicyDraftRepository
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from flowbot.worker.watcher import Watcher
from tests.model.fake_slack import reporting
from tests.model.notifier import TrackedNotifier
from tests.model.process_faults import FaultyPort, ProcessFaults

WATCH_SECONDS: Final = 2.0
"""With a lease's length this is as long as the model lets pass between two rounds of what runs all the time."""
FIGURES_ZONE: Final = ZoneInfo("Europe/Istanbul")


@dataclass(frozen=True)
class Watching:
    """The watch of a process, and what follows from it and from people who stop flows."""

    reports: ReportRepository
    watcher: Watcher
    breaker: Breaker
    stops: StopService
    findings: FindingService
    sync: ReportMessageSync
    notifier: TrackedNotifier

    async def observe(self) -> None:
        """See how the watch's lease stands, as its loop does all the time."""
        self.watcher._is_free(await self.watcher.store.get_state())

    async def show(self, report: ReportId) -> None:
        """Show a report."""
        with reporting(report):
            await self.sync.sync(report)

    async def record(self, change: Change) -> None:
        """Note in its report what became of a disable."""
        records = {DisableCause.STOP: self.stops.record, DisableCause.BREAKER: self.breaker.outcomes.record}
        if (cause := change.request.cause) in records:
            await records[cause](change)

    async def resume_stops(self) -> None:
        """Carry out the stops that somebody left."""
        await self.stops.resume(self.notifier.notify, self.show)


async def _show_no_step(report: Report) -> None:
    """Refuse a step: no workflow is modelled."""
    raise AssertionError(report)


def build_watching(
    database: Database,
    life: ProcessFaults,
    late_effects: LateEffects,
    policies: PolicyRepository,
    flow_cache: FlowCache,
    users: UserService,
    notifier: TrackedNotifier,
    clock: BelievedClock,
    monotonic: Monotonic,
    start_task: TaskStarter,
) -> Watching:
    """Join what a process does by itself, as flowbot does."""
    executor, submitter, store = late_effects.executor, late_effects.submitter, late_effects.store
    reports = cast("ReportRepository", FaultyPort(ReportRepository(database, clock), life, is_database=True))
    kept = ObservedFlowRepository(database, FIGURES_ZONE)
    watch = cast("ObservedFlowRepository", FaultyPort(kept, life, is_database=True))
    drafts = cast("PolicyDraftRepository", FaultyPort(PolicyDraftRepository(database), life, is_database=True))
    team = notifier.team
    sync = ReportMessageSync(
        store=reports,
        messages=team.outcomes.messages,
        policies=policies,
        absences=AbsenceRepository(database),
        users=users,
        sender=team.sender,
        poster=team.poster,
        locales=team.outcomes.locales,
        privacy=team.outcomes.privacy,
        metrics=Metrics(),
        clock=clock,
        show_step=_show_no_step,
        views=ReportViews(reports, store, team.outcomes.links).build(),
    )

    async def show(report: ReportId) -> None:
        await watching.show(report)

    async def may_work() -> bool:
        return True

    breaker = Breaker(
        BreakerReports(reports, watch, clock), policies, submitter, executor, notifier.notify, show, start_task
    )
    watcher = Watcher(
        rounds=build_watch_rounds(
            store=watch,
            reports=reports,
            policies=policies,
            flow_cache=flow_cache,
            late_effects=late_effects,
            notify=notifier.notify,
            show_report=show,
            start_task=start_task,
        ),
        store=watch,
        leases=LeaseKeeper(watch, clock, monotonic, executor.leases.owner),
        observers=(breaker,),
        interval=WATCH_SECONDS,
        metrics=sync.metrics,
        clock=clock,
        monotonic=monotonic,
        may_work=may_work,
    )
    stops = StopService(policies, drafts, reports, store, flow_cache, submitter, executor, users, clock)
    findings = FindingService(reports, policies, submitter, clock)
    watching = Watching(reports, watcher, breaker, stops, findings, sync, notifier)
    return watching
