"""The assembly of the rounds of the watch from the services that they use."""

from collections.abc import Awaitable, Sequence

import structlog

from flowbot.domain.change import Change
from flowbot.domain.report import Report
from flowbot.errors import DependencyError
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.outdated import OutdatedRequests
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import TaskStarter
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.readings import WatchStore
from flowbot.services.ports.reports import ReportNotifier, ReportStore
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.watch.judge import ChangeJudge
from flowbot.services.watch.known_flows import KnownFlows
from flowbot.services.watch.rounds import WatchRounds

log = structlog.get_logger(__name__)


def build_watch_rounds(  # noqa: PLR0913 - everything of the watch is joined here, once
    *,
    store: WatchStore,
    reports: ReportStore,
    policies: PolicyStore,
    flow_cache: FlowCache,
    late_effects: LateEffects,
    notify: NotifyCallback,
    show_report: ReportNotifier,
    start_task: TaskStarter,
) -> WatchRounds:
    """Build what makes the rounds of the watch. What it ends and finds is shown in the background."""
    executor = late_effects.executor
    changes, clock = late_effects.store, late_effects.clock

    def show_changes(ended: Sequence[Change]) -> None:
        for change in ended:
            start_task(_guard(executor.notify_again(change, notify)), name=f"notice of {change.id}")

    def show_reports(written: Sequence[Report]) -> None:
        for report in written:
            start_task(_guard(show_report(report.id)), name=f"report {report.id}")

    return WatchRounds(
        store=store,
        reports=reports,
        flow_cache=flow_cache,
        judge=ChangeJudge(changes, late_effects.source, late_effects, notify, clock),
        outdated=OutdatedRequests(changes, policies, clock),
        known=KnownFlows(store),
        clock=clock,
        owner=executor.leases.owner,
        show_changes=show_changes,
        show_reports=show_reports,
    )


async def _guard(notice: Awaitable[None]) -> None:
    """See a notice through; what fails is shown by the recovery."""
    try:
        await notice
    except DependencyError as error:
        log.warning("watch.not_shown", error=str(error))
