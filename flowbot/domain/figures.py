"""Figures by day: what flows sent, displayed, clicked and closed, from readings of their running totals."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Final
from zoneinfo import ZoneInfo

from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, WebsiteId

READING_GAP_MAX: Final = timedelta(hours=1, minutes=2)
"""A day is known whole where no two readings were further apart: an hour, and what a reading may be late by."""
KEEP_FIGURES: Final = timedelta(days=731)
"""Two years."""
_DAY: Final = timedelta(days=1)


class Period(IntEnum):
    """A time up to yesterday that figures are shown of, in days. Slack's charts take 20 points."""

    WEEK = 7
    MONTH = 30
    QUARTER = 90

    @property
    def bucket_days(self) -> int:
        """The days that are summed up to one point."""
        return {Period.WEEK: 1, Period.MONTH: 2, Period.QUARTER: 7}[self]

    def split(self, today: date) -> tuple["Span", ...]:
        """Return its points, oldest first: 7 days, 15 times two days, or 13 weeks."""
        size = self.bucket_days
        count = -(-self // size)
        starts = (today - (count - number) * size * _DAY for number in range(count))
        return tuple(Span(start, start + (size - 1) * _DAY) for start in starts)


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> Iterator[date]:
        """Yield its days."""
        return (self.first + number * _DAY for number in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class DayTotals(Totals):
    """What moved in a day. Where a total of Enkapush's `has_shrunk` some of it may not be counted."""

    has_shrunk: bool = False


@dataclass(frozen=True, slots=True)
class FlowMove:
    """What moved in a flow's totals between two readings."""

    flow: FlowId
    website: WebsiteId
    moved: DayTotals


@dataclass(frozen=True, slots=True)
class FigureDay:
    """A day, its last reading so far, and whether there was none too late since it began."""

    day: date
    read_at: datetime
    is_whole: bool


def measure_move(before: Totals, after: Totals) -> DayTotals:
    """Return what moved between two readings of a flow's totals: a total that shrank counts as none."""
    moves = {each.name: getattr(after, each.name) - getattr(before, each.name) for each in fields(Totals)}
    counted = {name: max(0, moved) for name, moved in moves.items()}
    return DayTotals(**counted, has_shrunk=counted != moves)


def sum_totals(parts: Collection[Totals]) -> Totals:
    """Add totals up."""
    return Totals(**{each.name: sum(getattr(part, each.name) for part in parts) for each in fields(Totals)})


@dataclass(frozen=True, slots=True)
class Point:
    """What moved in some days."""

    span: Span
    totals: Totals


def find_points(
    period: Period, today: date, whole: Collection[date], moved: Mapping[date, Totals]
) -> tuple[Period, tuple[Point, ...]]:
    """Sum the points of a period that are known whole; of the next shorter period that has any where it has none.

    Args:
        period: the period.
        today: the day after its last one.
        whole: the days that are known whole.
        moved: what moved, by day; a day that is not in it had nothing.
    """
    for each in sorted((each for each in Period if each <= period), reverse=True):
        spans = [span for span in each.split(today) if all(day in whole for day in span.days)]
        if spans:
            found = (sum_totals([moved[day] for day in span.days if day in moved]) for span in spans)
            return each, tuple(map(Point, spans, found))
    return period, ()


def join_days(days: Iterable[date]) -> tuple[Span, ...]:
    """Join days to as few spans as there can be, oldest first."""
    spans: list[Span] = []
    for day in sorted(days):
        if spans and day - spans[-1].last == _DAY:
            spans[-1] = Span(spans[-1].first, day)
        else:
            spans.append(Span(day, day))
    return tuple(spans)


def place_reading(last: FigureDay | None, at: datetime, zone: ZoneInfo) -> tuple[date, tuple[FigureDay, ...]]:
    """Say which day gets what moved since the last reading, and which days the reading begins or changes.

    Where the clock was set back by more than an hour, the days after them never were.

    Args:
        last: the newest day that was read, None before the first reading.
        at: the moment of the reading.
        zone: whose midnight ends a day.
    """
    day = _day_of(at, zone)
    if last is None:
        return day, (FigureDay(day, at, is_whole=False),)
    gap = at - last.read_at
    if gap < -READING_GAP_MAX:
        # A clock was far ahead until now.
        return day, (FigureDay(day, at, is_whole=False),)
    if gap < timedelta(0):
        return last.day, ()
    is_in_time = gap <= READING_GAP_MAX
    moved_on = _day_of(at - gap / 2, zone) if is_in_time else day
    if day <= last.day:
        return moved_on, (FigureDay(last.day, at, is_whole=last.is_whole and is_in_time),)
    before = () if is_in_time else (FigureDay(last.day, last.read_at, is_whole=False),)
    return moved_on, (*before, FigureDay(day, at, is_whole=is_in_time))


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _day_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
