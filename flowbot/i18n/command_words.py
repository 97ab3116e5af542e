"""The words that people type after `/flows` in a language other than English."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from flowbot.i18n.languages import LANGUAGES


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CommandWords(_Words):
    """A command's word, what follows it, and other words that people try before they know it."""

    word: str
    usage: str = ""
    synonyms: tuple[str, ...] = ()


class FilterWords(_Words):
    """The words that filter and sort a list.

    Attributes:
        disabled_synonyms: Other words for the same; one may be two words.
        all: All flows, after `stop`.
        website: What stands before a website's name; `page` and `sort` stand before a page's number and an order.
        orders: The orders, by their English word.
    """

    enabled: str
    disabled: str
    disabled_synonyms: tuple[str, ...] = ()
    all: str
    website: str
    page: str
    sort: str
    orders: Mapping[str, str]


class WhenWords(_Words):
    """The words around a time: what stands before a start and an end, and days.

    Attributes:
        weekdays: The names of each weekday, from Monday on.
        days: Other words for a day: today, tomorrow.
    """

    at: str
    until: str
    weekdays: tuple[tuple[str, ...], ...]
    days: tuple[str, ...] = ()


class LanguageWords(_Words):
    """A language's `commands.toml`: commands by their English word, the words of a list's filter, and of times.

    Attributes:
        day_mark: What stands after a number of days.
    """

    commands: Mapping[str, CommandWords]
    filter: FilterWords
    when: WhenWords
    day_mark: str


@cache
def load_command_words() -> Mapping[str, LanguageWords]:
    """Read the words of each language that has some. They come with the code and do not change while flowbot runs."""
    found = {language: files(__package__).joinpath(language, "commands.toml") for language in LANGUAGES}
    return {
        language: LanguageWords.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        for language, file in found.items()
        if file.is_file()
    }
