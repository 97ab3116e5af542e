"""The watcher: the loop that makes rounds of the watch, in one process at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from flowbot.domain.findings import Summary
from flowbot.domain.report import Report, ReportKind
from flowbot.errors import DependencyError
from flowbot.observability.metrics import Metrics
from flowbot.services.executor.lease import LEASE_SECONDS, LeaseKeeper, LeaseLostError, LeaseObserver
from flowbot.services.ports import Clock, Monotonic
from flowbot.services.ports.readings import WATCH, RoundObserver, WatchLostError, WatchRound, WatchState, WatchStore
from flowbot.services.watch.rounds import WatchRounds

TICK_SECONDS: Final = 1.0
"""The clocks are looked at so often, since a machine may sleep."""
LOOK_SECONDS: Final = 3.0
"""A process that does not have the watch looks so often whether it has to take it over."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watcher:
    """A loop over the rounds of the watch. Any number of processes may run one: whoever has the lease makes a round.

    The process that made the last one makes the next: what it knows is in its memory.

    Attributes:
        leases: The leases of this process on the watch.
        observers: What follows from a round. One that fails costs itself alone.
        interval: Seconds between the beginnings of two rounds. A round that takes longer is followed by as long a rest.
        may_work: Tells whether people can be told of what is found. While they cannot, nothing is read.
        _first_seen: The version of the watch as this process first saw it, and when a round is due where it stays.
    """

    rounds: WatchRounds
    store: WatchStore
    leases: LeaseKeeper
    observers: Sequence[RoundObserver]
    interval: float
    metrics: Metrics
    clock: Clock
    monotonic: Monotonic
    may_work: Callable[[], Awaitable[bool]]
    _others: LeaseObserver = field(init=False)
    _next_at: float = 0.0
    _ended_at: float = 0.0
    _own_version: int | None = None
    _first_seen: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        """Begin without having seen the lease."""
        self._others = LeaseObserver(self.monotonic)

    async def run(self, stop: asyncio.Event) -> None:
        """Make rounds until `stop`."""
        while not stop.is_set():
            if self.monotonic() >= self._next_at and await self.may_work():
                await self.look()
            pause = max(0.0, self._next_at - self.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(TICK_SECONDS, pause) or TICK_SECONDS)

    async def look(self) -> None:
        """Make a round if it is this process's turn, and find out when to look again."""
        began = self.monotonic()
        self._next_at = began + min(self.interval, LOOK_SECONDS)
        try:
            state = await self.store.get_state()
            if not self._is_free(state):
                return
            self._next_at = began + self.interval
            watched = await self._make_round(state)
        except (LeaseLostError, WatchLostError):
            log.warning("watch.lost")
            self.metrics.watch_rounds.labels("lost").inc()
            return
        except DependencyError as error:
            log.warning("watch.failed", error=str(error), cause=str(error.__cause__ or ""))
            self.metrics.watch_rounds.labels("failed").inc()
            return
        except Exception:
            log.exception("watch.unexpected")
            self.metrics.watch_rounds.labels("failed").inc()
            return
        if watched is None:
            return
        self._own_version, ended = watched.number, self._ended_at
        self._next_at = max(self._next_at, ended + (ended - began))
        self._count(watched, ended - began)
        for observer in self.observers:
            await self._show(observer, watched)

    def _is_free(self, state: WatchState) -> bool:
        """Check whether this process may make the next round.

        Clocks of processes differ: this one's says only, when it starts, how long ago the last round seems to be.
        """
        now, wait = self.monotonic(), self.interval + LEASE_SECONDS
        if self._first_seen is None:
            since = wait if state.read_at is None else (self.clock() - state.read_at).total_seconds()
            self._first_seen = (state.version, now + (wait - since if 0 <= since < wait else 0.0))
        has_lapsed = bool(self._others.find_free([state], pause=wait))
        if has_lapsed or state.lease is not None:
            return has_lapsed
        version, due_at = self._first_seen
        return state.version == self._own_version or (state.version == version and now >= due_at)

    async def _make_round(self, state: WatchState) -> WatchRound | None:
        """Make a round under the lease; None where another process was faster."""
        lease = await self.leases.try_acquire(state)
        if lease is None:
            return None
        async with self.leases.hold(WATCH, lease) as held:
            # Released whatever comes of it: the pause is that between two rounds.
            held.is_done = True
            watched = await self.rounds.run(replace(state, lease=lease))
            # Noted before the release, since the pause counts from there.
            self._ended_at = self.monotonic()
            return watched

    async def _show(self, observer: RoundObserver, watched: WatchRound) -> None:
        try:
            await observer.after_round(watched)
        except DependencyError as error:
            log.warning("watch.not_followed", observer=type(observer).__name__, error=str(error))
        except Exception:
            log.exception("watch.unexpected", observer=type(observer).__name__)
        else:
            return
        self.metrics.watch_rounds.labels("not_followed").inc()

    def _count(self, watched: WatchRound, seconds: float) -> None:
        found = sum(map(_count_findings, watched.reports))
        self.metrics.watch_rounds.labels("done").inc()
        self.metrics.watch_seconds.observe(seconds)
        self.metrics.findings.inc(found)
        log.info("watch.round", number=watched.number, findings=found, seconds=round(seconds, 3))


def _count_findings(report: Report) -> int:
    """Count the findings that a report is the first to tell."""
    if isinstance(report.told.content, Summary):
        return len(report.told.content.findings)
    return int(report.told.kind is ReportKind.FINDING and report.version == 1)
