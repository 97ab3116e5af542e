"""Days that people type: a date, a weekday, today or tomorrow."""

import re
from datetime import date, timedelta
from typing import Final

from flowbot.domain.text import normalize_word, plain_number, simplify
from flowbot.domain.when import TimeWords

_WEEK: Final = 7
_DAY: Final = re.compile(
    r"""["'(]*
    (?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)
      | (?P<day_first>\d\d?)\.(?P<month_second>\d\d?)\.(?P<year_last>\d{4})
      | (?P<word>[^\W\d_]+))
    (?:'[^\W\d_]+)?["')\].,;!?]*""",
    re.VERBOSE,
)
"""`2026-12-24`, `24.12.2026`, `fri`, `cuma'ya`. What comes first in `1/2/2026` depends on the country."""


def read_day(typed: str, known: TimeWords, today: date) -> date | None:
    """Return the day that was typed; None for what is none, and where no calendar has it.

    Args:
        typed: the text.
        known: the names of days in all languages.
        today: the day that it is for whoever typed it; a weekday is the next one, which may be today.
    """
    match = _DAY.fullmatch(plain_number(simplify(typed)).strip())
    if match is None:
        return None
    if match["word"]:
        word = normalize_word(match["word"])
        if word in known.days:
            return today + timedelta(days=known.days[word])
        weekday = known.weekdays.get(word)
        return None if weekday is None else today + timedelta(days=(weekday - today.weekday()) % _WEEK)
    year, month, day = (
        int(match[name] or match[other])
        for name, other in (("year", "year_last"), ("month", "month_second"), ("day", "day_first"))
    )
    try:
        return date(year, month, day)
    except ValueError:
        return None
