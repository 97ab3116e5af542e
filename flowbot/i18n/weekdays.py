"""The names of weekdays in all languages."""

import re
from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Final

from babel.dates import get_day_names

from flowbot.domain.text import normalize_word
from flowbot.domain.weekly_time import WeeklyTime
from flowbot.i18n.languages import LANGUAGES

_WEEKLY_TIME: Final = re.compile(r"(?P<day>[^\W\d_]+)\.?,?\s+(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})")


def find_weekday(word: str) -> int | None:
    """Return the weekday that a word of any language names, whole or short; 0 is Monday."""
    return _load_names().get(normalize_word(word))


def read_weekly_time(typed: str) -> WeeklyTime | None:
    """Read a weekday of any language and a time: `Mon 9:00`, `pazartesi 09.00`; None for what is none."""
    match = _WEEKLY_TIME.fullmatch(typed.strip())
    weekday = match and find_weekday(match["day"])
    try:
        clock = match and time(int(match["hour"]), int(match["minute"]))
    except ValueError:
        return None
    return None if weekday is None or clock is None else WeeklyTime(weekday, clock)


@cache
def _load_names() -> Mapping[str, int]:
    return {
        normalize_word(name): weekday
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for weekday, name in get_day_names(width, locale=language).items()
    }
