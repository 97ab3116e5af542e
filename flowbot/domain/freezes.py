"""Freezes: times in which nothing goes live or is deleted, and the pure answer to whether, and until when, one holds.

README, "Channel policy", shows them. They are said in clock times of one zone. Where clocks go back, a window begins
with the first of two equal times and ends with the last; a time that clocks skip is the moment at which they do.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flowbot.domain.ids import ChannelId
from flowbot.domain.public_holidays import find_region_problem, load_holidays

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_FREEZE_NAME: Final = 75
"""In characters: as long as an entry of Slack's menus."""
MAX_FREEZES: Final = 100
"""Of one channel, those of all channels among them."""
MAX_WEEKLY_HOURS: Final = 50
MAX_FROZEN: Final = timedelta(days=366)
"""How long a frozen time may last, with all that touches it."""
_YEARS: Final = range(2000, 3000)
_HOURS: Final = re.compile(
    rf"(?P<day>{'|'.join(WEEKDAYS)})"
    r"(?: (?P<start>(?:[01][0-9]|2[0-3]):[0-5][0-9])-(?P<end>(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00))?"
)
_DAY: Final = timedelta(days=1)
_UTC: Final = ZoneInfo("UTC")
_SOME_MONDAY: Final = date(2024, 1, 1)
_HORIZONS: Final = (timedelta(days=8), MAX_FROZEN)
"""How far ahead the next freeze is looked for: most are weekly."""


class FrozenTime(NamedTuple):
    """A frozen time: the name of what holds its first moment, its start, and its end; no start where it is on."""

    name: str
    start: datetime | None
    until: datetime


class Window(NamedTuple):
    """What one freeze covers, as clocks show it, from its start up to its end."""

    start: datetime
    end: datetime
    name: str

    def find_start(self, zone: ZoneInfo) -> datetime:
        """Return the moment of its start."""
        return min(_find_instants(self.start, zone))

    def find_end(self, zone: ZoneInfo) -> datetime:
        """Return the moment of its end."""
        return max(_find_instants(self.end, zone))


def _parse_day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        value = date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime) or value.year not in _YEARS:
        raise ValueError("is not a day of the years 2000 to 2999, such as 2026-12-30")
    return value


def _parse_region(value: str) -> str:
    if problem := find_region_problem(value):
        raise ValueError(problem)
    return value


def _parse_weekly(value: str) -> str:
    read_hours(value)
    return value


@lru_cache(maxsize=256)
def read_hours(text: str) -> tuple[int, timedelta, timedelta]:
    """Read a weekday, from 0 for Monday, and hours since its midnight; an end before the start is the next day's.

    Raises:
        ValueError: the text says none.
    """
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError('must be a day, such as "sat", or hours of one, such as "fri 17:00-24:00"')
    start, end = (_read_clock(match[name] or default) for name, default in (("start", "00:00"), ("end", "24:00")))
    if start == end:
        raise ValueError("must not begin and end at the same time; a whole day is just its name")
    return WEEKDAYS.index(match["day"]), start, end if end > start else end + _DAY


def _read_clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


class Freeze(BaseModel):
    """A freeze of all channels or some: on public holidays, from one day to another, or weekly.

    Attributes:
        holidays: a region, as `find_region_problem` takes it; its public holidays are covered, whole days.
        half_day_from: the clock time from which half days are covered, to midnight; without it they are not.
        first_day: `from` in files.
        last_day: `to` in files; covered itself.
        weekly: days, such as `sat`, and hours of days, such as `fri 17:00-24:00` or `fri 22:00-06:00`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(strict=True, min_length=1, max_length=MAX_FREEZE_NAME)]
    channels: Annotated[tuple[ChannelId, ...], Field(min_length=1)] | None = None
    holidays: Annotated[str, Field(strict=True), AfterValidator(_parse_region)] | None = None
    half_day_from: Annotated[str, Field(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    first_day: Annotated[date, BeforeValidator(_parse_day)] | None = Field(default=None, alias="from")
    last_day: Annotated[date, BeforeValidator(_parse_day)] | None = Field(default=None, alias="to")
    weekly: (
        Annotated[
            tuple[Annotated[str, Field(strict=True), AfterValidator(_parse_weekly)], ...],
            Field(min_length=1, max_length=MAX_WEEKLY_HOURS),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _require_one_kind(self) -> Self:
        if (self.first_day is None) != (self.last_day is None):
            raise ValueError("needs both from and to")
        if sum(rule is not None for rule in (self.holidays, self.first_day, self.weekly)) != 1:
            raise ValueError("needs one of holidays, from and to, and weekly")
        if self.half_day_from is not None and self.holidays is None:
            raise ValueError("half_day_from goes with holidays")
        if self.first_day is not None and self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("to is before from")
        return self

    @model_validator(mode="after")
    def _require_channels_once(self) -> Self:
        twice = sorted({channel for channel in self.channels or () if (self.channels or ()).count(channel) > 1})
        if twice:
            raise ValueError(f"names {', '.join(twice)} more than once")
        return self

    def covers_channel(self, channel: ChannelId) -> bool:
        """Check whether the freeze is one of `channel`'s."""
        return self.channels is None or channel in self.channels

    def is_own_of(self, channel: ChannelId) -> bool:
        """Check whether the freeze is of `channel` and no other: then `/flows setup` edits it."""
        return self.channels == (channel,)

    def document(self) -> dict[str, Any]:
        """Return the freeze as plain data with the keys that were written, so that it reads back equal."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def list_windows(self, first: date, last: date, language: str | None = None) -> Iterator[Window]:
        """List what is frozen from the day `first` to the day `last`, and perhaps more.

        Args:
            first: the first day.
            last: the last day.
            language: of the names of public holidays; those of other freezes are in no language.
        """
        if self.first_day is not None and self.last_day is not None:
            if self.first_day <= last and self.last_day >= first:
                yield Window(_midnight(self.first_day), _midnight(self.last_day) + _DAY, self.name)
            return
        hours = [read_hours(each) for each in self.weekly or ()]
        # Hours may go on after midnight.
        for number in range(first.toordinal() - 1, last.toordinal() + 1):
            day = _midnight(date.fromordinal(number))
            for weekday, start, end in hours:
                if weekday == day.weekday():
                    yield Window(day + start, day + end, self.name)
            if self.holidays is not None:
                yield from self._list_holidays(self.holidays, day, language)

    def _list_holidays(self, region: str, day: datetime, language: str | None) -> Iterator[Window]:
        if name := load_holidays(region, day.year, language).get(day.date()):
            yield Window(day, day + _DAY, name)
        elif self.half_day_from and (name := load_holidays(region, day.year, language, half_days=True).get(day.date())):
            yield Window(day + _read_clock(self.half_day_from), day + _DAY, name)


@dataclass(frozen=True, slots=True)
class FreezeCalendar:
    """The freezes that cover one channel, in the zone whose clocks they mean.

    The language that its methods take is that of public holidays' names, such as `tr`; else the country's own.
    """

    freezes: Sequence[Freeze]
    zone: ZoneInfo

    def find_frozen_time(self, moment: datetime, language: str | None = None) -> FrozenTime | None:
        """Find the frozen time that is on, or else the next one within a year."""
        return self.find_hold(moment, language) or self.find_next(moment, language)

    def find_hold(self, moment: datetime, language: str | None = None) -> FrozenTime | None:
        """Find the frozen time that is on: from a window's start up to its end; windows that touch are one.

        Of several windows a public holiday's name counts, then that of a freeze from one day to another. An end later
        than a year is not looked for; `find_endless` refuses such freezes.
        """
        windows = self._find_windows(moment, language)
        if not windows:
            return None
        name, until = windows[0].name, moment
        while windows and until <= moment + MAX_FROZEN:
            until = max(window.find_end(self.zone) for window in windows)
            windows = self._find_windows(until)
        return FrozenTime(name, None, until)

    def find_next(self, moment: datetime, language: str | None = None) -> FrozenTime | None:
        """Find the next frozen time that begins after a moment, within a year."""
        hold = self.find_hold(moment)
        free = moment if hold is None else hold.until
        today = free.astimezone(self.zone).date()
        for horizon in _HORIZONS:
            windows = [window for freeze in self.freezes for window in freeze.list_windows(today, today + horizon)]
            for window in sorted(windows, key=lambda window: window.start):
                start = window.find_start(self.zone)
                if free < start < window.find_end(self.zone) and (following := self.find_hold(start, language)):
                    return following._replace(start=start)
        return None

    def _find_windows(self, moment: datetime, language: str | None = None) -> list[Window]:
        """Find the windows that hold a moment: of public holidays, then from one day to another, then weekly."""
        today = moment.astimezone(self.zone).date()
        return [
            window
            for freeze in sorted(self.freezes, key=lambda freeze: (freeze.holidays is None, freeze.first_day is None))
            for window in freeze.list_windows(today - _DAY, today + _DAY, language)
            if window.find_start(self.zone) <= moment < window.find_end(self.zone)
        ]


def find_endless(freezes: Collection[Freeze]) -> str | None:
    """Find the name of a freeze that does not end within a year, by itself or with those that touch it."""
    for channel in {None, *(channel for freeze in freezes for channel in freeze.channels or ())}:
        covering = [freeze for freeze in freezes if freeze.channels is None or channel in freeze.channels]
        days = (_SOME_MONDAY, *(freeze.first_day for freeze in covering if freeze.first_day is not None))
        for start in (_midnight(day).replace(tzinfo=UTC) for day in days):
            hold = FreezeCalendar(covering, _UTC).find_hold(start)
            if hold is not None and hold.until - start > MAX_FROZEN:
                return hold.name
    return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _find_instants(wall: datetime, zone: ZoneInfo) -> Sequence[datetime]:
    """Find the first and last instant at which clocks show a time; where they skip it, the moment of the change."""
    early, late = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return early, late
    while (seconds := (late - early) // timedelta(seconds=1)) > 1:
        middle = early + timedelta(seconds=seconds // 2)
        early, late = (early, middle) if middle.astimezone(zone).replace(tzinfo=None) >= wall else (middle, late)
    return (late,)
