"""The words around times in commands, of all languages."""

from functools import cache
from typing import Final

from flowbot.domain.text import normalize_word
from flowbot.domain.when import TimeRole, TimeWords
from flowbot.i18n.command_words import WhenWords, load_command_words

ENGLISH: Final = WhenWords(
    at="at",
    until="until",
    weekdays=(
        ("monday", "mon"),
        ("tuesday", "tue", "tues"),
        ("wednesday", "wed"),
        ("thursday", "thu", "thur", "thurs"),
        ("friday", "fri"),
        ("saturday", "sat"),
        ("sunday", "sun"),
    ),
    days=("today", "tomorrow"),
)


@cache
def load_time_words() -> TimeWords:
    """Return the words of all languages: each is understood in any of them."""
    languages = (ENGLISH, *(words.when for words in load_command_words().values()))
    roles: dict[str, TimeRole] = {}
    weekdays: dict[str, int] = {}
    for words in languages:
        roles |= {normalize_word(words.at): TimeRole.AT, normalize_word(words.until): TimeRole.UNTIL}
        for weekday, names in enumerate(words.weekdays):
            weekdays |= {normalize_word(name): weekday for name in names}
    days = {normalize_word(day): away for words in languages for away, day in enumerate(words.days)}
    return TimeWords(roles, weekdays, days)


def get_time_keyword(role: TimeRole, language: str) -> str:
    """Return the word that stands before a time in a language, or in English where it has none."""
    words = load_command_words().get(language)
    when = words.when if words else ENGLISH
    return when.at if role is TimeRole.AT else when.until
