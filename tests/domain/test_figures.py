"""Figures by day: what moved between two readings, and which days are known whole."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.figures import (
    DayTotals,
    FigureDay,
    Period,
    Point,
    Span,
    find_points,
    join_days,
    measure_move,
    place_reading,
    sum_totals,
)
from flowbot.domain.flow import Totals

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
ISTANBUL = ZoneInfo("Europe/Istanbul")


def read_all(moments: list[datetime], zone: ZoneInfo) -> dict[date, bool]:
    """Return which days count as whole after readings at these moments, the newest one left out."""
    days: dict[date, FigureDay] = {}
    for at in moments:
        last = days[max(days)] if days else None
        days |= {each.day: each for each in place_reading(last, at, zone)[1]}
    return {day: found.is_whole for day, found in days.items() if day < max(days)}


def every(step: timedelta, first: datetime, last: datetime) -> list[datetime]:
    """List moments from `first` to `last`, in UTC."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    return [first + number * step for number in range((last - first) // step + 1)]


def test_what_moved_is_the_difference() -> None:
    assert measure_move(Totals(10, 9, 2, 1), Totals(15, 12, 2, 4)) == DayTotals(5, 3, 0, 3)


def test_a_total_that_shrank_is_said_and_never_negative() -> None:
    assert measure_move(Totals(10, 9, 2, 1), Totals(3, 9, 4, 1)) == DayTotals(0, 0, 2, 0, has_shrunk=True)


def test_totals_add_up() -> None:
    assert sum_totals([Totals(1, 2, 3, 4), DayTotals(1, 1, 1, 1, has_shrunk=True)]) == Totals(2, 3, 4, 5)
    assert sum_totals([]) == Totals()


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 10, 24), 24), (date(2026, 10, 25), 25), (date(2026, 3, 29), 23)],
    ids=["usual", "25 hours", "23 hours"],
)
@pytest.mark.parametrize("step", [HOUR, timedelta(minutes=5)], ids=str)
def test_a_day_is_whole_from_midnight_to_midnight(day: date, hours: int, step: timedelta) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
    readings = every(step, midnight - 30 * HOUR, midnight.astimezone(UTC) + (hours + 30) * HOUR)
    found = read_all([at + timedelta(minutes=3) for at in readings], BERLIN)
    assert found == {
        day - timedelta(days=2): False,
        day - timedelta(days=1): True,
        day: True,
        day + timedelta(days=1): True,
    }, "the first day began before the first reading"


@pytest.mark.parametrize(
    ("missing", "broken"),
    [
        ((34, 35.5), {2}),
        ((34, 35), set()),
        ((47.5, 49), {2, 3}),
        ((34, 82), {2, 3, 4}),
        ((34, 34.8), set()),
    ],
    ids=["in a day", "an hour", "over midnight", "over days", "less than an hour"],
)
def test_a_gap_over_an_hour_breaks_its_days(missing: tuple[float, float], broken: set[int]) -> None:
    """Between these hours of December there is no reading."""
    december = datetime(2026, 12, 1, tzinfo=ISTANBUL)
    first, last = (december + hours * HOUR for hours in missing)
    readings = every(timedelta(minutes=5), december - 12 * HOUR, december + 132 * HOUR)
    found = read_all([at for at in readings if not first < at < last], ISTANBUL)
    assert {day.day for day, is_whole in found.items() if is_whole} == {1, 2, 3, 4, 5} - broken


def test_what_moved_over_midnight_counts_on_the_day_of_its_middle() -> None:
    def placed(before: datetime, at: datetime) -> date:
        return place_reading(FigureDay(before.date(), before, is_whole=True), at, ISTANBUL)[0]

    midnight = datetime(2026, 12, 2, tzinfo=ISTANBUL)
    assert placed(midnight - HOUR, midnight) == date(2026, 12, 1)
    assert placed(midnight - 0.2 * HOUR, midnight + 0.5 * HOUR) == date(2026, 12, 2)
    assert placed(midnight - 3 * HOUR, midnight + 0.5 * HOUR) == date(2026, 12, 2), "nobody knows better"


def test_a_clock_that_is_set_back_a_little_changes_no_day() -> None:
    noon = datetime(2026, 12, 2, 12, tzinfo=ISTANBUL)
    last = FigureDay(noon.date(), noon, is_whole=True)
    assert place_reading(last, noon - 0.5 * HOUR, ISTANBUL) == (noon.date(), ())


@pytest.mark.parametrize(
    ("period", "points", "first"),
    [
        (Period.WEEK, 7, Span(date(2026, 11, 24), date(2026, 11, 24))),
        (Period.MONTH, 15, Span(date(2026, 11, 1), date(2026, 11, 2))),
        (Period.QUARTER, 13, Span(date(2026, 9, 1), date(2026, 9, 7))),
    ],
)
def test_a_period_has_as_many_points_as_a_chart_takes(period: Period, points: int, first: Span) -> None:
    spans = period.split(date(2026, 12, 1))
    assert (len(spans), spans[0], spans[-1].last) == (points, first, date(2026, 11, 30))
    assert [day for span in spans for day in span.days] == [*Span(first.first, date(2026, 11, 30)).days]


def test_points_are_whole_and_of_a_shorter_time_where_a_longer_one_has_none() -> None:
    today, moved = date(2026, 12, 1), {date(2026, 11, 29): Totals(5), date(2026, 11, 30): DayTotals(7)}
    assert find_points(Period.QUARTER, today, {*moved}, moved) == (
        Period.MONTH,
        (Point(Span(date(2026, 11, 29), date(2026, 11, 30)), Totals(12)),),
    )
    assert find_points(Period.QUARTER, today, {date(2026, 11, 28)}, moved) == (
        Period.WEEK,
        (Point(Span(date(2026, 11, 28), date(2026, 11, 28)), Totals()),),
    )
    assert find_points(Period.WEEK, today, {date(2026, 11, 20)}, moved) == (Period.WEEK, ())


def test_days_in_a_row_are_one_span() -> None:
    days = [date(2026, 11, day) for day in (30, 3, 28, 29)]
    assert join_days(days) == (
        Span(date(2026, 11, 3), date(2026, 11, 3)),
        Span(date(2026, 11, 28), date(2026, 11, 30)),
    )
    assert join_days([]) == ()
