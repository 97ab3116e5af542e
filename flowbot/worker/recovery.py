"""Recovery: takes over lapsed leases, expires due requests, and sends what was not shown."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.deadlines import is_due_to_escalate, is_expired
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.escalate import RequestEscalation
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.schedule import ScheduledChanges
from flowbot.services.clock import BelievedClock
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.lease import LeaseKeeper, LeaseObserver
from flowbot.services.ports import Monotonic, TaskStarter
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.leases import Leasable
from flowbot.services.ports.reports import ReportNotifier, ReportStore
from flowbot.services.ports.slack import Notifier
from flowbot.worker.backoff import Backoff
from flowbot.worker.retention import Retention

ROUND_SECONDS: Final = 1.0
MOST_DOUBLINGS: Final = 3
"""After each failed round the pause is doubled, at most so often."""
CHANNEL_ROUNDS: Final = 60
"""Slack is asked whether channels are shared every so many rounds: it may not tell by an event."""
STOP_ROUNDS: Final = 5
RETENTION_ROUNDS: Final = 600
UNSHOWN_LIMIT: Final = 500
NOTICES_LIMIT: Final = 20
"""So many due requests are notified of at a time: a Slack that hangs must leave connections for who presses now."""
NOTIFYING_SECONDS: Final = 2.0
"""Whoever moved a change has this long to tell of it before others do: a message is not posted twice by two at once."""
REPORTS_LIMIT: Final = 100

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Recovery:
    """A loop over due rows. Any number of processes may run one: the store gives each change to one of them.

    Attributes:
        refresh_channels: Asks Slack again whether channels are shared, whose requests are then shown anew.
        show_report: Brings a report's messages up to date.
        start_task: Starts what may take long, and sees it through at a stop.
        read_database_clock: Tells the database's time; None where its clock is this machine's.
        retry_unreadable: Lets rows that could not be read be read again: they may have been mended.
        resume_stops: Goes on with stops of many flows where nobody does.
        tend_steps: Ends the steps of workflows that have waited too long.
        may_work: Tells whether people can be told of what is done. While they cannot, nothing is begun.
    """

    executor: ChangeExecutor
    expiry: RequestExpiry
    escalation: RequestEscalation
    late_effects: LateEffects
    scheduled: ScheduledChanges
    retention: Retention
    refresh_channels: Callable[[], Awaitable[None]]
    store: ChangeStore
    reports: ReportStore
    leases: LeaseKeeper
    notifier: Notifier
    show_report: ReportNotifier
    start_task: TaskStarter
    metrics: Metrics
    clock: BelievedClock
    monotonic: Monotonic
    read_database_clock: Callable[[], Awaitable[datetime | None]]
    may_work: Callable[[], Awaitable[bool]]
    retry_unreadable: Callable[[], None]
    resume_stops: Callable[[], Awaitable[None]]
    tend_steps: Callable[[], Awaitable[None]]
    _notifying: set[ChangeId] = field(default_factory=set)
    _in_progress: LeaseObserver = field(init=False)
    _unshown: LeaseObserver = field(init=False)
    _changes_tried: Backoff = field(init=False)
    _reports_tried: Backoff = field(init=False)

    def __post_init__(self) -> None:
        """Begin without having seen any lease, or tried anything."""
        self._in_progress, self._unshown = LeaseObserver(self.monotonic), LeaseObserver(self.monotonic)
        self._changes_tried, self._reports_tried = Backoff(self.monotonic), Backoff(self.monotonic)

    async def run(self, stop: asyncio.Event) -> None:
        """Run a round at once, and one after another until `stop`. Tasks that were started go on."""
        number = failures = 0
        while not stop.is_set():
            if await self.may_work():
                is_well = await self._guard(self.run_round(number), "round")
                self.metrics.recovery_rounds.labels("done" if is_well else "failed").inc()
                failures = 0 if is_well else min(failures + 1, MOST_DOUBLINGS)
                number += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ROUND_SECONDS * (1 << failures))

    async def run_round(self, number: int) -> None:
        """Run one round; `number` says what is done in it beside looking for leases that ran out and for due changes.

        Raises:
            DependencyError: the database did not answer.
        """
        if self.clock.is_doubted:
            self.clock.hear(await self.read_database_clock())
        backlog = await self.store.find_backlog(self.clock())
        if lapsed := self._in_progress.find_free(backlog.in_progress):
            await self.resume_lapsed(lapsed)
        if backlog.has_due:
            await self.process_due()
        if backlog.has_unshown:
            await self.send_unshown()
        if backlog.has_unshown_reports:
            await self.show_reports()
        if number % STOP_ROUNDS == 0:
            self.start_task(self._guard(self.resume_stops(), "stops"), name="stops")
        if number % CHANNEL_ROUNDS == 0:
            self.start_task(self._guard(self.refresh_channels(), "channels"), name="channels")
            if not self.clock.is_doubted:
                self.start_task(self._guard(self.tend_steps(), "steps"), name="steps")
        if number % RETENTION_ROUNDS == 0:
            self.retry_unreadable()
            await self.retention.delete_expired(self.clock())

    async def resume_lapsed(self, lapsed: Sequence[Leasable]) -> None:
        """Start to execute what other processes left. One that takes long holds up neither the others nor a round."""
        for change in await self.store.claim_lapsed(lapsed, self.leases.new_lease()):
            log.info("recovery.taken_over", change=change.id, state=change.state)
            self.metrics.leases_taken_over.inc()
            work = self._guard(self.executor.execute(change, self.notifier.notify), "carry_out")
            self.start_task(work, name=f"recovery {change.id}")

    async def process_due(self) -> None:
        """Expire requests on the dot, remind of the others, start scheduled changes, and look for unknown ones.

        Each is done once, whoever else runs. Nothing expires or starts by a doubted clock. People
        are notified in the background: a slow Slack holds up no round.
        """
        now = self.clock()
        for change in await self.store.due(now):
            if change.id in self._notifying or len(self._notifying) >= NOTICES_LIMIT:
                continue
            if change.state is ChangeState.UNKNOWN:
                self._start_notice(change, self.late_effects.look(change, self.notifier.notify))
            elif self.clock.is_doubted:
                continue
            elif change.state is ChangeState.SCHEDULED:
                self._start_notice(change, self.scheduled.proceed(change, self.notifier.notify))
            else:
                await self._guard(self._expire_or_remind(change, now), "due")

    async def _expire_or_remind(self, change: Change, now: datetime) -> None:
        """Expire the request, escalate it, or remind of it. A reminder that cannot be sent is left out."""
        if is_expired(change, now):
            expired = await self.expiry.expire(change)
            if expired is not None:
                # Under a lease, so that nobody else sends it as unshown meanwhile.
                self._start_notice(expired, self.executor.notify_again(expired, self.notifier.notify))
        elif is_due_to_escalate(change, now) and (escalated := await self.escalation.escalate(change)) is not None:
            self._start_notice(escalated, self.executor.notify_again(escalated, self.notifier.notify))
        elif await self.expiry.claim_reminder(change):
            self._start_notice(change, self.notifier.remind(change))

    def _start_notice(self, change: Change, notice: Awaitable[None]) -> None:
        """Start to notify people of a request, which is not processed here again until that has ended."""

        async def send() -> None:
            try:
                await self._guard(notice, "due")
            finally:
                self._notifying.discard(change.id)

        self._notifying.add(change.id)
        self.start_task(send(), name=f"news of {change.id}")

    async def send_unshown(self) -> None:
        """Start to notify people again of changes whose newest version was not shown."""
        unshown = await self.store.unshown(limit=UNSHOWN_LIMIT)
        self._changes_tried.forget_others([change.id for change in unshown])
        for change in self._unshown.find_free(unshown, pause=NOTIFYING_SECONDS):
            if self._changes_tried.begin_try(change.id):
                work = self._guard(self.executor.notify_again(change, self.notifier.notify), "tell")
                self.start_task(work, name=f"notice of {change.id}")

    async def show_reports(self) -> None:
        """Start to show reports whose newest version was not shown, but for those that somebody has just written."""
        unshown, now = await self.reports.unshown(limit=REPORTS_LIMIT), self.clock()
        self._reports_tried.forget_others([report.id for report in unshown])
        for report in unshown:
            is_fresh = timedelta(0) <= now - report.changed_at < timedelta(seconds=NOTIFYING_SECONDS)
            if not is_fresh and self._reports_tried.begin_try(report.id):
                self.start_task(self._guard(self.show_report(report.id), "report"), name=f"report {report.id}")

    async def _guard(self, step: Awaitable[Any], name: str) -> bool:
        """Run a step and return whether it went well; one that fails is tried again in a later round."""
        try:
            await step
        except DependencyError as error:
            log.warning("recovery.fault", step=name, error=str(error), cause=str(error.__cause__ or ""))
        except Exception:
            log.exception("recovery.unexpected", step=name)
        else:
            return True
        self.metrics.recovery_failures.labels(name).inc()
        return False
