"""The loop of the watch: one process makes the rounds, and another only once that one does not any more."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, cast

import pytest

from flowbot.domain.change import Lease
from flowbot.errors import DatabaseFaultError, EnkapushFaultError
from flowbot.observability.metrics import Metrics
from flowbot.services.executor.lease import LEASE_SECONDS, LeaseKeeper
from flowbot.services.ports.leases import Leasable
from flowbot.services.ports.readings import RoundObserver, WatchRound, WatchState, WatchStore
from flowbot.services.watch.rounds import WatchRounds
from flowbot.worker.watcher import LOOK_SECONDS, Watcher

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL: Final = 300.0
STEP: Final = 1.0


@dataclass
class Row:
    """The row of the watch, and the seconds that have gone by."""

    state: WatchState = field(default_factory=WatchState)
    seconds: float = 1000.0

    async def get_state(self) -> WatchState:
        return self.state

    async def try_acquire_lease(self, seen: Leasable, lease: Lease) -> bool:
        if (seen.version, seen.lease) != (self.state.version, self.state.lease):
            return False
        self.state = replace(self.state, lease=lease)
        return True

    async def renew_lease(self, _: object, lease: Lease) -> bool:
        return self.state.lease is not None and self.state.lease.owner == lease.owner

    async def release_lease(self, _: object, owner: str) -> None:
        if self.state.lease is not None and self.state.lease.owner == owner:
            self.state = replace(self.state, lease=None)


@dataclass
class Process:
    """A process that may make rounds; its clock is some seconds off."""

    row: Row
    name: str
    off: float = 0.0
    rounds: list[float] = field(default_factory=list)
    followed: list[int] = field(default_factory=list)
    fault: Exception | None = None
    takes: float = 0.0
    observers: Sequence[Any] = ()
    watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        store = cast(WatchStore, self.row)
        self.watcher = Watcher(
            rounds=cast(WatchRounds, self),
            store=store,
            leases=LeaseKeeper(store, self.clock, self.monotonic, self.name),
            observers=cast(Sequence[RoundObserver], self.observers or (self,)),
            interval=INTERVAL,
            metrics=Metrics(),
            clock=self.clock,
            monotonic=self.monotonic,
            may_work=self.may_work,
        )

    def monotonic(self) -> float:
        return self.row.seconds

    def clock(self) -> datetime:
        return NOON + timedelta(seconds=self.row.seconds + self.off)

    async def may_work(self) -> bool:
        return True

    async def run(self, state: WatchState) -> WatchRound:
        self.rounds.append(self.row.seconds)
        self.row.seconds += self.takes
        if self.fault is not None:
            raise self.fault
        previous, number = self.row.state.read_at, state.version + 1
        self.row.state = replace(self.row.state, version=number, read_at=self.clock())
        return WatchRound(number, self.clock(), previous)

    async def after_round(self, watched: WatchRound) -> None:
        self.followed.append(watched.number)


async def pass_time(seconds: float, *processes: Process) -> None:
    """Let time go by, in which each process looks when it wants to."""
    row = processes[0].row
    end = row.seconds + seconds
    while row.seconds < end:
        for process in processes:
            if row.seconds >= process.watcher._next_at:
                await process.watcher.look()
        row.seconds += STEP


def gaps(*processes: Process) -> set[float]:
    """Return the seconds between two rounds, whoever made them."""
    made = sorted(moment for process in processes for moment in process.rounds)
    return {after - before for before, after in pairwise(made)}


async def start_two(off: float) -> tuple[Process, Process]:
    """Start two processes; return the one that has the watch once both have begun, and the other one."""
    row = Row()
    one, two = Process(row, "one"), Process(row, "two", off)
    await pass_time(10, one, two)
    assert len(one.rounds) == 1
    return (two, one) if two.rounds else (one, two)


@pytest.mark.parametrize("off", [0.0, 7200.0, -7200.0])
async def test_one_of_two_processes_makes_all_rounds_however_far_their_clocks_are_apart(off: float) -> None:
    one, other = await start_two(off)
    begun = len(other.rounds)
    await pass_time(8 * INTERVAL, one, other)
    assert gaps(one) == {INTERVAL}
    assert (len(one.rounds), len(other.rounds)) == (8 + 1, begun)


@pytest.mark.parametrize("off", [0.0, 7200.0, -7200.0])
async def test_another_process_takes_over_once_rounds_fail_to_come(off: float) -> None:
    gone, other = await start_two(off)
    await pass_time(2 * INTERVAL, gone, other)
    begun, last = len(other.rounds), gone.rounds[-1]
    await pass_time(3 * INTERVAL, other)
    first = other.rounds[begun]
    assert INTERVAL < first - last <= INTERVAL + LEASE_SECONDS + 2 * LOOK_SECONDS
    # It was only frozen.
    await pass_time(3 * INTERVAL, gone, other)
    assert gone.rounds[-1] == last
    assert {after - before for before, after in pairwise(other.rounds[begun:])} == {INTERVAL}


async def test_a_lease_that_its_process_left_behind_runs_out() -> None:
    row = Row(WatchState(4, Lease("gone", NOON), NOON + timedelta(seconds=1000.0), has_baseline=True))
    process = Process(row, "one")
    await pass_time(LEASE_SECONDS, process)
    assert process.rounds == []
    await pass_time(2 * LOOK_SECONDS, process)
    assert len(process.rounds) == 1


@pytest.mark.parametrize(("ago", "first"), [(1e6, 0), (-1e6, 0), (100, 203), (0, 303)])
async def test_a_restart_waits_for_what_is_left_of_the_time(ago: float, first: float) -> None:
    row = Row(WatchState(4, None, NOON + timedelta(seconds=1000 - ago), has_baseline=True))
    process = Process(row, "one")
    await pass_time(2 * INTERVAL, process)
    assert 0 <= process.rounds[0] - 1000 - first <= LOOK_SECONDS


async def test_a_slow_round_is_followed_by_as_long_a_rest() -> None:
    process = Process(Row(), "one", takes=500)
    await pass_time(4000, process)
    assert gaps(process) == {1000.0}


@pytest.mark.parametrize("fault", [EnkapushFaultError("down"), DatabaseFaultError(), RuntimeError("a mistake")])
async def test_a_round_that_fails_is_made_again_at_its_time(fault: Exception) -> None:
    process = Process(Row(), "one")
    process.fault = fault
    await pass_time(2 * INTERVAL, process)
    process.fault = None
    await pass_time(INTERVAL, process)
    assert gaps(process) == {INTERVAL}
    assert process.followed == [1]


async def test_a_follower_that_fails_costs_itself_alone() -> None:
    class Failing:
        async def after_round(self, _: WatchRound) -> None:
            raise RuntimeError("a mistake")

    class Away:
        async def after_round(self, _: WatchRound) -> None:
            raise DatabaseFaultError

    process = Process(Row(), "one", observers=[Failing(), Away()])
    process.watcher.observers = (*process.watcher.observers, cast(RoundObserver, process))
    await pass_time(2 * INTERVAL, process)
    assert process.followed == [1, 2]
