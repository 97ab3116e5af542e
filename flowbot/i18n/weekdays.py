"""The names of weekdays in all languages."""

from collections.abc import Mapping
from functools import cache

from babel.dates import get_day_names

from flowbot.domain.text import normalize_word
from flowbot.i18n.languages import LANGUAGES


def find_weekday(word: str) -> int | None:
    """Return the weekday that a word of any language names, whole or short; 0 is Monday."""
    return _load_names().get(normalize_word(word))


@cache
def _load_names() -> Mapping[str, int]:
    return {
        normalize_word(name): weekday
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for weekday, name in get_day_names(width, locale=language).items()
    }
