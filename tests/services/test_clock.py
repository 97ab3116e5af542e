"""The clock that flowbot goes by, where the machine's clock is moved."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from structlog.testing import capture_logs

from flowbot.services.clock import DOUBT_SECONDS, BelievedClock, parse_date

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS: Final = timedelta(hours=80)
both_ways: Final = pytest.mark.parametrize("jump", [HOURS, -HOURS, timedelta(seconds=61)])


class Machine:
    """A machine whose clock is moved, and the clock of a flowbot on it."""

    def __init__(self) -> None:
        self.wall = NOON
        self.seconds = 100.0
        self.clock = BelievedClock(lambda: self.wall, lambda: self.seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time go by, and look at the clock."""
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)
        self.clock()

    def jump(self, jump: timedelta) -> None:
        """Move the clock, and look at it."""
        self.wall += jump
        self.clock()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_tells_the_machines_time(machine: Machine) -> None:
    assert machine.clock() == NOON
    machine.pass_time(7200)
    assert machine.clock() == NOON + timedelta(hours=2)
    assert not machine.clock.is_doubted


@pytest.mark.parametrize("seconds", [60, -60, 0.001])
def test_a_small_step_is_taken(machine: Machine, seconds: float) -> None:
    machine.wall += timedelta(seconds=seconds)
    assert machine.clock() == machine.wall
    assert not machine.clock.is_doubted


def test_a_clock_that_runs_fast_does_not_jump(machine: Machine) -> None:
    for _ in range(1000):
        machine.wall += timedelta(seconds=1)
        machine.pass_time(0.5)
    assert machine.clock() == machine.wall
    assert not machine.clock.is_doubted


@both_ways
def test_a_jump_is_doubted_and_the_old_time_goes_on(machine: Machine, jump: timedelta) -> None:
    machine.wall += jump
    assert machine.clock() == NOON
    machine.pass_time(DOUBT_SECONDS - 1)
    assert machine.clock() == NOON + timedelta(seconds=DOUBT_SECONDS - 1)
    assert machine.clock.is_doubted


@both_ways
def test_a_jump_is_believed_after_ten_minutes(machine: Machine, jump: timedelta) -> None:
    machine.jump(jump)
    machine.pass_time(DOUBT_SECONDS)
    assert machine.clock() == machine.wall == NOON + jump + timedelta(seconds=DOUBT_SECONDS)
    assert not machine.clock.is_doubted


@both_ways
def test_a_jump_that_is_undone_was_none(machine: Machine, jump: timedelta) -> None:
    machine.jump(jump)
    machine.pass_time(3)
    machine.jump(-jump)
    assert machine.clock() == NOON + timedelta(seconds=3)
    assert not machine.clock.is_doubted
    machine.jump(jump)
    machine.pass_time(DOUBT_SECONDS - 1)
    assert machine.clock.is_doubted


def test_a_jump_in_a_doubt_begins_the_doubt_anew(machine: Machine) -> None:
    machine.jump(HOURS)
    machine.pass_time(DOUBT_SECONDS - 1)
    machine.jump(HOURS)
    machine.pass_time(DOUBT_SECONDS - 1)
    assert machine.clock.is_doubted
    machine.pass_time(1)
    assert machine.clock() == machine.wall


@both_ways
def test_a_witness_that_agrees_is_believed_at_once(machine: Machine, jump: timedelta) -> None:
    machine.jump(jump)
    machine.pass_time(20)
    machine.clock.hear(machine.wall - timedelta(seconds=2))
    assert machine.clock() == machine.wall


@both_ways
def test_a_witness_heard_before_agrees_with_a_clock_that_is_put_right(machine: Machine, jump: timedelta) -> None:
    machine.clock.hear(machine.wall + jump)
    assert machine.clock() == NOON
    machine.pass_time(3000)
    machine.wall += jump
    assert machine.clock() == machine.wall


@both_ways
def test_a_witness_of_the_old_time_leaves_the_doubt(machine: Machine, jump: timedelta) -> None:
    machine.clock.hear(machine.wall)
    machine.jump(jump)
    machine.clock.hear(NOON)
    machine.clock.hear(None)
    assert machine.clock.is_doubted
    machine.pass_time(DOUBT_SECONDS)
    assert machine.clock() == machine.wall


def test_what_becomes_of_a_jump_is_logged_once(machine: Machine) -> None:
    with capture_logs() as logs:
        machine.wall += HOURS
        for _ in range(5):
            machine.pass_time(100)
        machine.jump(-HOURS)
        machine.jump(-HOURS)
        for _ in range(10):
            machine.pass_time(100)
    assert [(line["event"], line.get("seconds")) for line in logs] == [
        ("clock.jump_doubted", HOURS.total_seconds()),
        ("clock.jump_undone", None),
        ("clock.jump_doubted", -HOURS.total_seconds()),
        ("clock.jump_believed", -HOURS.total_seconds()),
    ]


@pytest.mark.parametrize("header", [None, "", "noon", "Sun, 01 Mar 2026 12:00:00 CET", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(header: str | None) -> None:
    assert parse_date(header) is None


def test_a_date_is_read() -> None:
    assert parse_date("Sun, 01 Mar 2026 12:00:00 GMT") == NOON
