"""Recovery: takes over lapsed leases, expires due requests, and sends what was not shown."""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from flowbot.domain.approval import is_expired
from flowbot.domain.change import LEASED_STATES, Change, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.ports import Clock
from flowbot.services.ports.slack import Notifier
from flowbot.services.ports.storage import ChangeStore
from flowbot.worker.retention import Retention

ROUND_SECONDS: Final = 0.5
UNSHOWN_ROUNDS: Final = 2
"""Unsent messages are sent again every so many rounds: Slack may be away for long."""
RETENTION_ROUNDS: Final = 1200
UNSHOWN_LIMIT: Final = 500
NOTICES_LIMIT: Final = 20
"""So many due requests are notified of at a time: a Slack that hangs must leave connections for who presses now."""
FIRST_PAUSE: Final = timedelta(seconds=0.5)
LONGEST_PAUSE: Final = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class TaskStarter(Protocol):
    """Starts work in the background."""

    def __call__(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Start `work`, which handles its own errors."""


@dataclass(slots=True)
class Recovery:
    """A loop over due rows. Any number of processes may run one: the store gives each change to one of them.

    Attributes:
        start_task: Starts what may take long, and sees it through at a stop.
    """

    executor: ChangeExecutor
    expiry: RequestExpiry
    retention: Retention
    store: ChangeStore
    leases: LeaseKeeper
    notifier: Notifier
    start_task: TaskStarter
    metrics: Metrics
    clock: Clock
    _retries: dict[ChangeId, tuple[int, datetime]] = field(default_factory=dict)
    _notifying: set[ChangeId] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """Run a round at once, and one after another until `stop`. Tasks that were started go on."""
        number = 0
        while not stop.is_set():
            is_well = await self._guard(self._run_round(number), "round")
            self.metrics.recovery_rounds.labels("done" if is_well else "failed").inc()
            number += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ROUND_SECONDS)

    async def _run_round(self, number: int) -> None:
        overdue = await self.store.overdue_states(self.clock())
        if overdue & LEASED_STATES:
            await self.resume_lapsed()
        if ChangeState.PENDING in overdue:
            await self.process_due()
        if number % UNSHOWN_ROUNDS == 0:
            await self.send_unshown()
        if number % RETENTION_ROUNDS == 0:
            await self.retention.delete_expired(self.clock())

    async def resume_lapsed(self) -> None:
        """Start to execute what other processes left. One that takes long holds up neither the others nor a round."""
        for change in await self.store.claim_lapsed(self.clock(), self.leases.new_lease()):
            log.info("recovery.taken_over", change=change.id, state=change.state)
            self.metrics.leases_taken_over.inc()
            work = self._guard(self.executor.execute(change, self.notifier.notify), "carry_out")
            self.start_task(work, name=f"recovery {change.id}")

    async def process_due(self) -> None:
        """Expire requests on the dot, and remind of the others; each once, whoever else runs.

        People are notified in the background: a slow Slack holds up no round.
        """
        now = self.clock()
        for change in await self.store.due(now):
            if change.id not in self._notifying and len(self._notifying) < NOTICES_LIMIT:
                await self._guard(self._expire_or_remind(change, now), "due")

    async def _expire_or_remind(self, change: Change, now: datetime) -> None:
        """Expire the request, or remind of it. A reminder that cannot be sent is left out."""
        if is_expired(change, now):
            expired = await self.expiry.expire(change)
            if expired is not None:
                # Under a lease, so that nobody else sends it as unshown meanwhile.
                self._start_notice(expired, self.executor.notify_again(expired, self.notifier.notify))
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
        """Start to notify people again of changes whose newest version was not shown, each time after a longer pause.

        One change cannot crowd out the others, and no pause outlasts a clock that is put back.
        """
        now = self.clock()
        unshown = await self.store.unshown(now, limit=UNSHOWN_LIMIT)
        self._retries = {change.id: self._retries[change.id] for change in unshown if change.id in self._retries}
        for change in unshown:
            tries, after = self._retries.get(change.id, (0, now))
            if now < after <= now + LONGEST_PAUSE:
                continue
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(tries, 16)))
            self._retries[change.id] = (tries + 1, now + pause)
            work = self._guard(self.executor.notify_again(change, self.notifier.notify), "tell")
            self.start_task(work, name=f"notice of {change.id}")

    async def _guard(self, step: Awaitable[Any], name: str) -> bool:
        """Run a step and return whether it went well; one that fails is tried again in a later round."""
        try:
            await step
        except DependencyError as error:
            log.warning("recovery.fault", step=name, error=str(error))
        except Exception:
            log.exception("recovery.unexpected", step=name)
        else:
            return True
        self.metrics.recovery_failures.labels(name).inc()
        return False
