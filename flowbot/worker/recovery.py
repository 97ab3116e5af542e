"""Picks up what a crash, or a message that could not be sent, left over."""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from flowbot.domain.approval import expires_at
from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId
from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.worker.housekeeping import Housekeeping

ROUND_SECONDS: Final = 0.5
UNTOLD_ROUNDS: Final = 2
"""Every so many rounds those are told again who could not be told: Slack may be away for long."""
HOUSEKEEPING_ROUNDS: Final = 1200
MOST_UNTOLD: Final = 500
MOST_NEWS: Final = 20
"""So many due requests are told of at a time: a Slack that hangs shall have connections left for who presses now."""
FIRST_PAUSE: Final = timedelta(seconds=0.5)
LONGEST_PAUSE: Final = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class Begin(Protocol):
    """Starts work in the background."""

    def __call__(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Begin `work`, which answers for its own errors."""


class ChangeNotifier(Protocol):
    """Tells people how changes end, and reminds approvers of those that wait."""

    async def notify(self, change: Change, shown: Flow | None) -> None:
        """Tell people how far the change has come.

        Raises:
            DependencyError: it could not be told; it will be tried again.
        """

    async def remind(self, change: Change) -> None:
        """Remind of a request.

        Raises:
            DependencyError: it could not be done.
        """


class Recovery:
    """A loop over due rows. Any number of processes may run one: the store gives each change to one of them.

    Args:
        changes: the use cases that write.
        time: what time does to requests.
        housekeeping: forgets what nothing needs any more.
        notifier: tells people.
        begin: starts what may take long, and sees it through at a stop.
        metrics: counts what was done.
    """

    def __init__(
        self,
        changes: ChangeExecutor,
        time: RequestExpiry,
        housekeeping: Housekeeping,
        notifier: ChangeNotifier,
        begin: Begin,
        metrics: Metrics,
    ) -> None:
        self._changes = changes
        self._time = time
        self._housekeeping = housekeeping
        self._notifier = notifier
        self._begin = begin
        self._metrics = metrics
        self._retold: dict[ChangeId, tuple[int, datetime]] = {}
        self._news: set[ChangeId] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Go round until `stop`; the first round is at once. What was begun goes on: `begin` sees it through."""
        number = 0
        while not stop.is_set():
            well = await self._safely(self._round(number), "round")
            self._metrics.recovery_rounds.labels("done" if well else "failed").inc()
            number += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ROUND_SECONDS)

    async def _round(self, number: int) -> None:
        await self.resume_lapsed()
        await self.process_due()
        if number % UNTOLD_ROUNDS == 0:
            await self.send_unshown()
        if number % HOUSEKEEPING_ROUNDS == 0:
            await self._housekeeping.delete_expired(self._changes.clock())

    async def resume_lapsed(self) -> None:
        """Begin to carry out what other processes left. One that takes long holds up neither the others nor a round."""
        claimed = await self._changes.store.claim_lapsed(self._changes.clock(), self._changes.new_lease())
        for change in claimed:
            log.info("recovery.taken_over", change=change.id, state=change.state)
            self._metrics.leases_taken_over.inc()
            work = self._safely(self._changes.execute(change, self._notifier.notify), "carry_out")
            self._begin(work, name=f"recovery {change.id}")

    async def process_due(self) -> None:
        """Expire what waited too long, on the dot, and remind of what still waits; each once, whoever else runs.

        People are told in the background: a Slack that takes its time holds up no round.
        """
        now = self._changes.clock()
        for change in await self._changes.store.due(now):
            if change.id not in self._news and len(self._news) < MOST_NEWS:
                await self._safely(self._see_to(change, now), "due")

    async def _see_to(self, change: Change, now: datetime) -> None:
        """Expire the change, or remind of it. A reminder that cannot be sent is left out."""
        ends = expires_at(change)
        if ends is not None and ends <= now:
            expired = await self._time.expire(change)
            if expired is not None:
                # Under a lease, so that nobody tells the untold of it meanwhile.
                self._break_news(expired, self._changes.notify_again(expired, self._notifier.notify))
        elif await self._time.claim_reminder(change):
            self._break_news(change, self._notifier.remind(change))

    def _break_news(self, change: Change, work: Awaitable[None]) -> None:
        """Begin to tell of a request; until that has ended, time does nothing more to it here."""

        async def telling() -> None:
            try:
                await self._safely(work, "due")
            finally:
                self._news.discard(change.id)

        self._news.add(change.id)
        self._begin(telling(), name=f"news of {change.id}")

    async def send_unshown(self) -> None:
        """Begin to tell how changes ended, where nobody managed so far; no pause outlasts a clock that is put back."""
        now = self._changes.clock()
        untold = await self._changes.store.unshown(now, limit=MOST_UNTOLD)
        self._retold = {change.id: self._retold[change.id] for change in untold if change.id in self._retold}
        for change in untold:
            tries, after = self._retold.get(change.id, (0, now))
            if not now < after <= now + LONGEST_PAUSE:
                self._retold[change.id] = (tries + 1, now + _pause(tries))
                work = self._safely(self._changes.notify_again(change, self._notifier.notify), "tell")
                self._begin(work, name=f"telling {change.id}")

    async def _safely(self, step: Awaitable[Any], what: str) -> bool:
        """See a step through; whether it went well. What goes wrong in it is tried again in a later round."""
        try:
            await step
        except DependencyError as fault:
            log.warning("recovery.fault", step=what, error=str(fault))
        except Exception:
            log.exception("recovery.unexpected", step=what)
        else:
            return True
        self._metrics.recovery_failures.labels(what).inc()
        return False


def _pause(tries: int) -> timedelta:
    """How long to wait before a change is told again: longer each time, so that one cannot crowd out the others."""
    longer: timedelta = FIRST_PAUSE * (1 << min(tries, 16))
    return min(LONGEST_PAUSE, longer)
