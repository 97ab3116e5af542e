"""The breaker: which figures break which limits, and what becomes of the attempts to disable a flow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowbot.domain.breaker import (
    MOST_ATTEMPTS,
    Breach,
    Limit,
    Trip,
    TripEnd,
    disable_token,
    find_breaches,
    find_report_token,
    may_try_again,
    report_token,
)
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.policy import BreakerRule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULE = BreakerRule(min_sent=1000, min_click_rate=0.002, max_close_rate=0.6)
TOKEN = report_token(FlowId(7), NOON)
TRIP = Trip("Sale", NOON, NOON, Totals(), (), ChannelId("C1"))
CLICKS, CLOSES = Limit.CLICK_RATE, Limit.CLOSE_RATE
REFUSED = Outcome("fault.enkapush", {})


@pytest.mark.parametrize(
    ("described", "rule", "counted", "broken"),
    [
        ("too few sent to tell", RULE, Totals(999, 900, 0, 900), []),
        ("just enough sent", RULE, Totals(1000, 900, 0, 900), [CLICKS, CLOSES]),
        ("at the limits, not beyond them", RULE, Totals(1000, 1000, 2, 600), []),
        ("one click too few", RULE, Totals(1000, 1000, 1, 600), [CLICKS]),
        ("one closed too many", RULE, Totals(1000, 1000, 2, 601), [CLOSES]),
        ("nothing displayed: the rates are unknown", RULE, Totals(5000, 0, 0, 0), []),
        ("no limit for clicks", BreakerRule(max_close_rate=0.6), Totals(1000, 1000, 0, 0), []),
        ("no limit for closing", BreakerRule(min_click_rate=0.1), Totals(1000, 1000, 100, 1000), []),
    ],
)
def test_limits_are_broken_beyond_them(described: str, rule: BreakerRule, counted: Totals, broken: list[Limit]) -> None:
    assert [breach.limit for breach in find_breaches(rule, counted)] == broken, described


def test_a_breach_says_the_rate_and_its_limit() -> None:
    breaches = find_breaches(RULE, Totals(2000, 1000, 1, 700))
    assert breaches == (Breach(CLICKS, 0.001, 0.002), Breach(CLOSES, 0.7, 0.6))


def disable(state: ChangeState, attempt: int = 0, outcome: Outcome | None = None) -> Change:
    request = ChangeRequest(
        token=disable_token(TOKEN, attempt),
        kind=ChangeKind.DISABLE,
        requester=UserId("U1"),
        channel=ChannelId("C1"),
        website=WebsiteId(1),
        flow=FlowId(7),
    )
    return Change(ChangeId("c"), request, state, 1, NOON, NOON, outcome=outcome)


@pytest.mark.parametrize(
    ("described", "change", "after"),
    [
        ("disabled", disable(ChangeState.APPLIED), replace(TRIP, end=TripEnd.DISABLED)),
        ("not done yet", disable(ChangeState.APPLYING), TRIP),
        ("not known yet", disable(ChangeState.UNKNOWN, outcome=REFUSED), replace(TRIP, problem=REFUSED)),
        ("refused", disable(ChangeState.FAILED, outcome=REFUSED), replace(TRIP, attempts=1, problem=REFUSED)),
        ("edited meanwhile", disable(ChangeState.OUT_OF_DATE), replace(TRIP, attempts=1)),
        ("another attempt, counted before", disable(ChangeState.FAILED, 3), TRIP),
        ("another attempt that worked after all", disable(ChangeState.APPLIED, 3), replace(TRIP, end=TripEnd.DISABLED)),
    ],
)
def test_a_trip_follows_its_disables(described: str, change: Change, after: Trip) -> None:
    assert TRIP.after(change) == after, described


def test_attempts_are_bounded() -> None:
    trip = TRIP
    for attempt in range(MOST_ATTEMPTS):
        assert trip.end is None
        trip = trip.after(disable(ChangeState.FAILED, attempt, REFUSED))
    assert (trip.end, trip.problem) == (TripEnd.FAILED, REFUSED)


def test_a_disable_is_given_up_when_its_effect_is_not_looked_for_any_more() -> None:
    unknown = disable(ChangeState.UNKNOWN)
    assert not may_try_again(unknown, NOON + timedelta(minutes=14))
    assert may_try_again(unknown, NOON + timedelta(minutes=15))
    assert not may_try_again(disable(ChangeState.APPLYING), NOON + timedelta(hours=1))


def test_a_disable_names_its_report() -> None:
    assert find_report_token(disable(ChangeState.APPLIED, 4)) == TOKEN
