"""The lease of a change: renewed while there is work, with every failure logged."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from structlog.testing import capture_logs

from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, Lease
from flowbot.domain.ids import ChangeId, ChannelId, FormToken, UserId, WebsiteId
from flowbot.errors import DatabaseFaultError, DependencyError, SlackFaultError
from flowbot.services.executor import lease
from flowbot.services.executor.lease import LEASE_SECONDS, LeaseKeeper, LeaseLostError, LeaseObserver
from flowbot.services.ports.leases import ChangeInProgress
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database

NEW: Final = ChangeRequest(FormToken("t"), ChangeKind.ENABLE, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1))


class Clocks:
    """Shows what time it is, and how many seconds have gone by; each is moved by itself."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.seconds = 100.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds


class FailingStore(ChangeRepository):
    """A store that fails to renew, in one way after another, before it renews."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database, clock)
        self.failures: list[Exception] = []
        self.renewals = 0

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        renewed = await super().renew_lease(change, lease)
        self.renewals += 1
        return renewed


class Harness:
    """A change that this process has, and the store that holds it."""

    def __init__(self, database: Database) -> None:
        self.clocks = Clocks()
        self.store = FailingStore(database, self.clocks.now)
        self.leases = LeaseKeeper(self.store, self.clocks.now, self.clocks.monotonic, "here")

    async def submit(self) -> ChangeId:
        return (await self.submit_leased()).id

    async def submit_leased(self) -> Change:
        record, _ = await self.store.submit(NEW, self.leases.new_lease(), submission_event(NEW, self.clocks.now()))
        return record.change

    async def read(self, change: ChangeId) -> Change:
        kept = await self.store.get(change)
        assert kept is not None
        return kept


@pytest.fixture
def harness(database: Database, monkeypatch: pytest.MonkeyPatch) -> Harness:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    return Harness(database)


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("failure", "level"), [(DatabaseFaultError(), "warning"), (RuntimeError("a mistake of ours"), "error")]
)
async def test_a_heartbeat_that_fails_is_logged_and_the_lease_is_saved(
    harness: Harness, failure: Exception, level: str
) -> None:
    change = await harness.submit()
    harness.clocks.time += timedelta(seconds=1)
    harness.store.failures = [failure]
    with capture_logs() as logs:
        async with harness.leases.hold(change):
            await wait_until(lambda: harness.store.renewals > 0)
            until = (await harness.read(change)).lease_until
            assert until is not None
            assert until - harness.clocks.time >= timedelta(seconds=LEASE_SECONDS)
    assert [(line["event"], line["change"], line["log_level"]) for line in logs] == [
        ("change.not_renewed", change, level)
    ]


async def test_what_is_done_is_given_up(harness: Harness) -> None:
    change = await harness.submit()
    async with harness.leases.hold(change):
        await wait_until(lambda: harness.store.renewals > 1)
        assert set(harness.leases.in_progress) == {change}
    assert (await harness.read(change)).lease_owner is None
    assert harness.leases.in_progress == {}


async def test_a_lease_that_ended_with_what_was_stored_is_neither_lost_nor_released(harness: Harness) -> None:
    change = await harness.submit()
    async with harness.leases.hold(change):
        seen, beats = await harness.read(change), harness.store.renewals
        freed = await harness.store.replace_if_unchanged(seen, harness.leases.give_up(seen))
        acquired = replace(harness.leases.new_lease(), owner="elsewhere")
        assert await harness.store.try_acquire_lease(freed, acquired)
        await wait_until(lambda: harness.store.renewals > beats)
    assert (await harness.read(change)).lease == acquired


@pytest.mark.parametrize(("is_done", "owner"), [(False, "here"), (True, None)])
async def test_a_fault_before_all_is_done_keeps_the_lease_as_a_pause(
    harness: Harness, *, is_done: bool, owner: str | None
) -> None:
    change = await harness.submit()

    async def work() -> None:
        async with harness.leases.hold(change) as hold:
            hold.is_done = is_done
            raise SlackFaultError("ratelimited")

    with pytest.raises(DependencyError):
        await work()
    assert (await harness.read(change)).lease_owner == owner
    assert harness.leases.in_progress == {}


async def test_work_ends_where_another_has_taken_it_over(harness: Harness) -> None:
    change = await harness.submit()
    theirs = Lease("there", harness.clocks.time)

    async def work() -> None:
        async with harness.leases.hold(change):
            await wait_until(lambda: harness.store.renewals > 0)
            while not await harness.store.claim_lapsed([await harness.read(change)], theirs):
                # Renewed between the two.
                pass
            await asyncio.sleep(60)

    with pytest.raises(LeaseLostError):
        await work()
    assert (await harness.read(change)).lease_owner == "there"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_lease_that_was_taken_a_moment_ago_is_not_renewed_at_once(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 1.5)
    change = await harness.submit_leased()
    async with harness.leases.hold(change.id, change.lease):
        await asyncio.sleep(0.2)
        assert harness.store.renewals == 0
        assert harness.leases.holds_for_certain(change.id)
        harness.clocks.seconds += LEASE_SECONDS
        assert not harness.leases.holds_for_certain(change.id)


@pytest.mark.parametrize("hours", [80, -80])
async def test_a_clock_that_jumps_neither_ends_nor_prolongs_a_lease(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 1.5)
    change = await harness.submit_leased()
    async with harness.leases.hold(change.id, change.lease):
        harness.clocks.time += timedelta(hours=hours)
        assert harness.leases.holds_for_certain(change.id)
        harness.clocks.seconds += LEASE_SECONDS
        assert not harness.leases.holds_for_certain(change.id)


async def test_a_lease_counts_from_before_it_was_written(harness: Harness) -> None:
    change = await harness.submit()

    async def write_slowly(change: ChangeId, lease: Lease) -> bool:
        harness.clocks.seconds += LEASE_SECONDS - 1
        harness.store.renewals += 1
        return True

    harness.store.renew_lease = write_slowly  # type: ignore[method-assign]
    async with harness.leases.hold(change):
        await wait_until(lambda: harness.store.renewals > 0)
        await asyncio.sleep(0)
        held = harness.leases.in_progress[change].until
        assert held is not None
        assert held - harness.clocks.seconds <= 1


async def test_each_lease_differs_from_the_last_although_the_clock_stands(harness: Harness) -> None:
    assert len({harness.leases.new_lease() for _ in range(20)}) == 20
    harness.clocks.seconds += LEASE_SECONDS + 1
    harness.leases.new_lease()
    assert len(harness.leases._ends) == 1


async def test_two_tasks_do_not_hold_the_same(harness: Harness) -> None:
    change = await harness.submit()

    async def work_on_the_same() -> None:
        async with harness.leases.hold(change):
            pytest.fail("held twice")

    async with harness.leases.hold(change):
        assert not await harness.leases.try_acquire(await harness.read(change))
        with pytest.raises(LeaseLostError):
            await work_on_the_same()
        assert set(harness.leases.in_progress) == {change}
    assert await harness.leases.try_acquire(await harness.read(change))


async def test_who_is_cancelled_gives_it_up(harness: Harness) -> None:
    change = await harness.submit()

    async def work() -> None:
        async with harness.leases.hold(change):
            await asyncio.sleep(60)

    working = asyncio.create_task(work())
    await wait_until(lambda: harness.store.renewals > 0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await harness.read(change)).lease_owner is None


# --- what other processes see --------------------------------------------------------------------------------------

AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(until: datetime | None = AT, *, number: int = 1, version: int = 1) -> ChangeInProgress:
    """Build what is seen of a change, with a lease until some moment, or with none."""
    return ChangeInProgress(ChangeId(f"c{number}"), version, Lease.of("there", until))


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def observer(clocks: Clocks) -> LeaseObserver:
    return LeaseObserver(clocks.monotonic)


@pytest.mark.parametrize("days", [-3000, 0, 3000])
def test_a_lease_has_run_out_when_it_was_seen_unchanged_for_its_length(
    clocks: Clocks, observer: LeaseObserver, days: int
) -> None:
    left = seen(AT + timedelta(days=days))
    assert observer.find_free([left]) == []
    clocks.seconds += LEASE_SECONDS - 0.1
    assert observer.find_free([left]) == []
    clocks.seconds += 0.1
    assert observer.find_free([left]) == [left]


@pytest.mark.parametrize("renewed", [seen(AT + timedelta(seconds=1)), seen(AT - timedelta(hours=1)), seen(version=2)])
def test_a_lease_that_is_renewed_never_runs_out(
    clocks: Clocks, observer: LeaseObserver, renewed: ChangeInProgress
) -> None:
    for number in range(10):
        assert observer.find_free([seen() if number % 2 else renewed]) == []
        clocks.seconds += LEASE_SECONDS - 0.1


def test_a_change_without_a_lease_is_free_at_once_or_after_a_pause(clocks: Clocks, observer: LeaseObserver) -> None:
    free = seen(None)
    assert observer.find_free([free]) == [free]
    assert observer.find_free([free], pause=2) == []
    clocks.seconds += 2
    assert observer.find_free([free], pause=2) == [free]
    assert observer.find_free([seen(None, version=2)], pause=2) == []


def test_what_is_gone_is_forgotten(clocks: Clocks, observer: LeaseObserver) -> None:
    observer.find_free([seen(number=number) for number in range(1000)])
    observer.find_free([seen(number=1)])
    assert len(observer._seen) == 1
    clocks.seconds += LEASE_SECONDS
    assert observer.find_free([seen(number=1), seen(number=2)]) == [seen(number=1)]
