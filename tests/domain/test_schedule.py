"""Schedules: when a change starts, and what its end is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from flowbot.domain.approval import wait_again
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.deadlines import expires_at
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.domain.schedule import LATE, find_start, is_late, next_due, plan_end

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
FLOW: Final = Flow(WebsiteId(1), "Sale", "Hello", "Come", WaitTime(3, "days"), id=FlowId(12), is_enabled=False)
SKIP: Final = Closure(UserId("U0DENIZ"), ClosureKind.BREAK_GLASS, "Now")


def new_change(kind: ChangeKind = ChangeKind.ENABLE, progress: Progress | None = None, **asked: Any) -> Change:
    request = ChangeRequest(
        FormToken("t"), kind, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1), FlowId(12), FLOW, **asked
    )
    return Change(ChangeId("k7m2"), request, ChangeState.SCHEDULED, 1, NOON, NOON, progress=progress or Progress())


def hold_until(moment: datetime) -> datetime | None:
    """Tell when the freeze from two to five in the afternoon ends, where it holds a moment."""
    return NOON + 5 * HOUR if NOON + 2 * HOUR <= moment < NOON + 5 * HOUR else None


@pytest.mark.parametrize(
    ("asked", "held_until", "now", "start"),
    [
        (None, None, 0, 0),
        (None, None, 3, 5),
        (1, None, 0, 1),
        (3, None, 0, 5),
        (5, None, 0, 5),
        # It is begun within the hour, and a freeze has begun since.
        (1.5, None, 2.25, 5),
        # It is too late, whatever holds now; unless the freeze held its time.
        (0.5, None, 2.25, 0.5),
        (3, None, 5.5, 5),
        (3, None, 9, 5),
        # A freeze held it, and was lifted, or its end has come.
        (None, 8, 0, 0),
        (None, 5, 5.5, 5),
        (None, 5, 9, 5),
        # The freeze that held it began after its time.
        (1.5, 5, 3, 5),
        (1.5, 5, 5, 5),
        (1.5, 5, 6.5, 5),
        # It was held by a freeze that is lifted since, after its time or before.
        (0.5, 8, 1.75, 1.75),
        (1.5, 8, 1, 1.5),
    ],
)
def test_a_change_starts_at_its_time_or_at_the_end_of_the_freeze_that_holds_it(
    asked: float | None, held_until: float | None, now: float, start: float
) -> None:
    times: dict[str, Any] = {} if asked is None else {"not_before": NOON + asked * HOUR}
    progress = Progress(starts_at=None if held_until is None else NOON + held_until * HOUR)
    found = find_start(new_change(progress=progress, **times), NOON + now * HOUR, hold_until)
    assert found == NOON + start * HOUR


@pytest.mark.parametrize(
    ("asked", "due", "now", "start"),
    [
        # Taken away before its time, and after it.
        (1, 0.5, 0.5, 1),
        (1, 1.5, 1.5, 1.5),
        # flowbot was down then, for less than an hour and for longer.
        (1, 0.5, 1.5, 1),
        (1, 1.5, 1.75, 1.5),
        (1, 0.5, 2.5, 1),
        (None, 0.5, 1.75, 0.5),
    ],
)
def test_what_a_freeze_held_starts_at_its_time_or_when_that_is_taken_away(
    asked: float | None, due: float, now: float, start: float
) -> None:
    times: dict[str, Any] = {} if asked is None else {"not_before": NOON + asked * HOUR}
    held = replace(new_change(progress=Progress(starts_at=NOON + 8 * HOUR), **times), due_at=NOON + due * HOUR)
    assert find_start(held, NOON + now * HOUR, lambda _: None) == NOON + start * HOUR


def test_neither_a_skipped_approval_nor_a_disable_is_held() -> None:
    now, later = NOON + 3 * HOUR, NOON + 4 * HOUR
    for change in (new_change(progress=Progress(SKIP)), new_change(ChangeKind.DISABLE)):
        assert find_start(change, now, hold_until) == now
        timed = replace(change, request=replace(change.request, not_before=later))
        assert find_start(timed, now, hold_until) == later


def test_only_a_disable_is_done_late() -> None:
    for kind in ChangeKind:
        assert is_late(new_change(kind), NOON, NOON + LATE) is (kind is not ChangeKind.DISABLE)
        assert not is_late(new_change(kind), NOON, NOON + LATE - timedelta(seconds=1))


def test_it_is_looked_at_each_hour_before_its_start() -> None:
    assert next_due(NOON + timedelta(minutes=5), NOON) == NOON + timedelta(minutes=5)
    assert next_due(NOON + 30 * HOUR, NOON) == NOON + HOUR


def test_a_request_waits_no_longer_than_its_start_or_end_allows() -> None:
    rule = ApprovalRule(expires_after_hours=8)
    for name, value, hours in (("not_before", 2, 3), ("not_before", 20, 8), ("ends_at", 4, 4), ("ends_at", 9, 8)):
        times: dict[str, Any] = {name: NOON + value * HOUR}
        assert expires_at(replace(new_change(**times), rule=rule)) == NOON + hours * HOUR
    disable = new_change(ChangeKind.DISABLE, not_before=NOON + 2 * HOUR)
    assert expires_at(replace(disable, rule=rule)) == NOON + 8 * HOUR
    again = wait_again(new_change(), rule, NOON + 20 * HOUR)
    assert (expires_at(again), again.due_at) == (NOON + 28 * HOUR, NOON + 22 * HOUR)
    held = wait_again(new_change(progress=Progress(starts_at=NOON + 5 * HOUR)), rule, NOON + 4 * HOUR)
    # Approved after that, it is not late: no time was asked for.
    assert held.progress.starts_at is None


def test_the_end_of_an_enable_is_a_disable_of_the_live_flow() -> None:
    end = plan_end(new_change(not_before=NOON, ends_at=NOON + HOUR))
    assert end is not None
    assert (end.kind, end.not_before, end.ends_at, end.ends) == (ChangeKind.DISABLE, NOON + HOUR, None, "k7m2")
    assert end.before == replace(FLOW, is_enabled=True)
    assert end.token == "end.k7m2"
    assert plan_end(new_change()) is None
    assert plan_end(new_change(ChangeKind.DISABLE, not_before=NOON)) is None
