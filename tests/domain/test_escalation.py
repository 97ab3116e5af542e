"""When a request is escalated, and what else is due with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.approval import wait_again
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change
from flowbot.domain.deadlines import escalates_at, expires_at, is_due_to_escalate, is_reminder_due, next_reminder
from flowbot.domain.progress import Progress
from tests.domain.test_approval import NOON, PENDING

HOUR: Final = timedelta(hours=1)
RULE: Final = ApprovalRule(expires_after_hours=12, escalate_after_hours=4)
WAITING: Final = replace(PENDING, rule=RULE)


def due_after(change: Change, hours: float) -> Change:
    """Return the change as it is due next after so many hours."""
    assert change.rule is not None
    return replace(change, due_at=next_reminder(change, change.rule, NOON + hours * HOUR))


@pytest.mark.parametrize(("after", "due"), [(0, 3), (3, 4), (4, 6), (6, 9), (9, 12), (12, 12), (50, 12)])
def test_it_is_due_between_the_reminders(after: float, due: float) -> None:
    assert due_after(WAITING, after).due_at == NOON + due * HOUR


def test_once_escalated_it_is_due_for_reminders_alone() -> None:
    escalated = replace(WAITING, progress=Progress(escalated_at=NOON + 4 * HOUR))
    assert escalates_at(escalated) is None
    assert due_after(escalated, 3).due_at == NOON + 6 * HOUR


def test_it_is_never_due_later_than_it_expires() -> None:
    late = replace(WAITING, rule=ApprovalRule(expires_after_hours=2, escalate_after_hours=4))
    assert due_after(late, 1.6).due_at == expires_at(late) == NOON + 2 * HOUR


def test_what_waits_again_waits_as_long_once_more() -> None:
    again = wait_again(WAITING, RULE, NOON + 20 * HOUR)
    assert escalates_at(again) == NOON + 24 * HOUR
    assert not is_due_to_escalate(again, NOON + 23 * HOUR)
    told = replace(WAITING, progress=Progress(escalated_at=NOON))
    assert escalates_at(wait_again(told, RULE, NOON + 20 * HOUR)) is None


@pytest.mark.parametrize(
    ("due", "now", "reminds"),
    [
        pytest.param(3, 3, True, id="a reminder"),
        pytest.param(4, 4, False, id="the escalation alone"),
        pytest.param(4, 6.5, True, id="seen late, after the next reminder"),
        pytest.param(3.5, 3.6, True, id="put off, for it had no message"),
    ],
)
def test_what_is_due_for_its_escalation_alone_is_not_reminded_of(due: float, now: float, reminds: bool) -> None:
    assert is_reminder_due(replace(WAITING, due_at=NOON + due * HOUR), NOON + now * HOUR) is reminds


def test_both_at_the_same_moment_are_due() -> None:
    same = replace(WAITING, rule=ApprovalRule(expires_after_hours=12, escalate_after_hours=3))
    due = due_after(same, 0)
    assert is_due_to_escalate(due, NOON + 3 * HOUR)
    assert is_reminder_due(due, NOON + 3 * HOUR)


@given(st.integers(1, 100), st.none() | st.integers(1, 100), st.floats(0, 120))
def test_nothing_that_is_due_is_passed_over(expires: int, escalates: int | None, hours: float) -> None:
    rule = ApprovalRule(expires_after_hours=expires, escalate_after_hours=escalates)
    change, now = replace(PENDING, rule=rule), datetime(2026, 3, 1, 12, tzinfo=UTC) + hours * HOUR
    due = next_reminder(change, rule, now)
    expiry, escalation = NOON + expires * HOUR, escalates_at(change)
    assert due <= expiry
    assert due > now or due == expiry
    if escalation is not None and now < escalation <= expiry:
        assert due <= escalation
