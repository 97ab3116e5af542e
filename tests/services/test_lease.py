"""The lease of a change: renewed while there is work, with every failure logged."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from structlog.testing import capture_logs

from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, Lease
from flowbot.domain.ids import ChangeId, ChannelId, FormToken, UserId, WebsiteId
from flowbot.errors import DatabaseFaultError, DependencyError, SlackFaultError
from flowbot.services.executor import lease
from flowbot.services.executor.lease import LEASE_SECONDS, LeaseKeeper, LeaseLostError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database

NEW: Final = ChangeRequest(FormToken("t"), ChangeKind.ENABLE, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1))


class Clock:
    """Shows what time it is."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class FailingStore(ChangeRepository):
    """A store that fails to renew, in one way after another, before it renews."""

    def __init__(self, database: Database, clock: Clock) -> None:
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
        self.clock = Clock()
        self.store = FailingStore(database, self.clock)
        self.leases = LeaseKeeper(self.store, self.clock, "here")

    async def submit(self) -> ChangeId:
        change, _ = await self.store.submit(NEW, self.leases.new_lease(), submission_event(NEW, self.clock()))
        return change.id

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
    harness.clock.time += timedelta(seconds=1)
    harness.store.failures = [failure]
    with capture_logs() as logs:
        async with harness.leases.hold(change):
            await wait_until(lambda: harness.store.renewals > 0)
            assert (await harness.read(change)).lease_until == harness.clock() + timedelta(seconds=LEASE_SECONDS)
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
    later = harness.clock() + timedelta(hours=1)

    async def work() -> None:
        async with harness.leases.hold(change):
            assert await harness.store.claim_lapsed(later, Lease("there", later))
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
    change = await harness.submit()
    async with harness.leases.hold(change, until=harness.clock() + timedelta(seconds=LEASE_SECONDS)):
        await asyncio.sleep(0.2)
        assert harness.store.renewals == 0


async def test_two_tasks_do_not_hold_the_same(harness: Harness) -> None:
    change = await harness.submit()

    async def work_on_the_same() -> None:
        async with harness.leases.hold(change):
            pytest.fail("held twice")

    async with harness.leases.hold(change):
        assert not await harness.leases.try_acquire(change)
        with pytest.raises(LeaseLostError):
            await work_on_the_same()
        assert set(harness.leases.in_progress) == {change}
    assert await harness.leases.try_acquire(change)


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
