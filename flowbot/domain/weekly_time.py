"""Times that come once a week, such as `mon 09:00`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from flowbot.domain.freezes import WEEKDAYS

_WRITTEN: Final = re.compile(rf"({'|'.join(WEEKDAYS)}) ((?:[01][0-9]|2[0-3]):[0-5][0-9])")


@dataclass(frozen=True, slots=True)
class WeeklyTime:
    """A weekday, from 0 for Monday, and a time of its clock."""

    weekday: int
    clock: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it as `str` writes it.

        Raises:
            ValueError: the text says none.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError('must be a day and a time, such as "mon 09:00"')
        return cls(WEEKDAYS.index(match[1]), time.fromisoformat(match[2]))

    def __str__(self) -> str:
        """Return it as rules have it: `mon 09:00`."""
        return f"{WEEKDAYS[self.weekday]} {self.clock:%H:%M}"

    def find_last(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return when clocks of the zone last showed it, at the moment at the latest.

        Of two equal times the first counts; a time that clocks skip is meant by the clocks before the change.
        """
        today = moment.astimezone(zone).date()
        for day in (today - timedelta(days=(today.weekday() - self.weekday) % 7 + week) for week in (0, 7)):
            if (at := datetime.combine(day, self.clock, zone).astimezone(UTC)) <= moment:
                return at
        raise AssertionError("a week has every weekday")
