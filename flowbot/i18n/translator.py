"""Translators: messages from gettext catalogs, read by Babel at start, so that no compile step is needed."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from flowbot.errors import DependencyError

LANGUAGES: Final = tuple(
    sorted(folder.name for folder in files(__package__).iterdir() if folder.joinpath("messages.po").is_file())
)
"""Found by their folders: a language is added by adding one."""


class Translator:
    """Speaks one language, in the forms of one region.

    Args:
        catalog: the messages.
        locale: language and region, for numbers and times.
        zone: the reader's time zone.
    """

    def __init__(self, catalog: Catalog, locale: Locale, zone: ZoneInfo) -> None:
        self._catalog = catalog
        self._locale = locale
        self._zone = zone

    @property
    def language(self) -> str:
        """`en` or `tr`."""
        return self._locale.language

    def __call__(self, key: str, /, **params: Any) -> str:
        """The message `key` with its placeholders filled; whole numbers get their separators.

        A message with a plural is chosen by the parameter `n`.

        Raises:
            KeyError: there is no such message.
        """
        message = self._catalog.get(key)
        if message is None or not message.string:
            raise KeyError(key)
        text = message.string
        if not isinstance(text, str):
            text = text[0] if self._locale.plural_form(params["n"]) == "one" else text[-1]
        return text.format_map({name: self._shown(value) for name, value in params.items()})

    def has_message(self, key: str) -> bool:
        """Whether there is a message `key`."""
        message = self._catalog.get(key)
        return message is not None and bool(message.string)

    def format_number(self, value: int) -> str:
        """A whole number with its separators."""
        return format_decimal(value, locale=self._locale)

    def format_percent(self, value: float) -> str:
        """A rate from 0 to 1 as a percentage with one decimal."""
        return format_percent(value, format=self._percent_pattern, locale=self._locale, decimal_quantization=True)

    def format_duration(self, seconds: int) -> str:
        """A length of time in the largest unit that tells it exactly: `3 days`, `90 minutes`, `4 weeks`."""
        units = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))
        unit, size = next(((unit, size) for unit, size in units if seconds and seconds % size == 0), ("second", 1))
        return self.format_units(seconds // size, unit)

    def format_units(self, count: int, unit: str) -> str:
        """`count` of `unit`, which is minute, hour, day or week (or second)."""
        key = f"unit.{unit}"
        return self(key, n=count)

    def format_datetime(self, at: datetime) -> str:
        """A moment in the reader's zone: date and time, without seconds."""
        local = at.astimezone(self._zone)
        date = format_date(local, format="medium", locale=self._locale)
        return f"{date} {format_time(local, format='short', locale=self._locale)}"

    def format_time_ago(self, at: datetime, now: datetime) -> str:
        """How long ago `at` was, roughly: `3 minutes ago`."""
        return format_timedelta(at - now, add_direction=True, locale=self._locale, threshold=1.1)

    def format_list(self, items: list[str]) -> str:
        """Items as a list in a sentence: `a, b and c`."""
        return format_list(items, locale=self._locale)

    @property
    def _percent_pattern(self) -> str:
        return "%#,##0.0" if self.language == "tr" else "#,##0.0%"

    def _shown(self, value: Any) -> Any:
        return self.format_number(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Translators:
    """All the languages that flowbot speaks, read once a process.

    Args:
        fixed: the one language to speak with everybody; None leaves it to each reader.
        zone: the zone for readers of whom none is known.
    """

    def __init__(self, *, fixed: str | None, zone: ZoneInfo) -> None:
        self._catalogs: Mapping[str, Catalog] = {language: _read_catalog(language) for language in LANGUAGES}
        self._fixed = fixed
        self._zone = zone

    def for_reader(self, locale: str | None, timezone: str | None = None) -> Translator:
        """A translator for a reader whose Slack says `locale` (such as `tr-TR`) and `timezone`; either may be None."""
        chosen = _choose_locale(locale, self._fixed)
        return Translator(self._catalogs[chosen.language], chosen, _parse_zone(timezone) or self._zone)

    def for_channel(self, locale: str | None) -> Translator:
        """A translator for what a whole channel reads: in the fixed language, else that of who asked; zone neutral."""
        return self.for_reader(locale)


@cache
def _read_catalog(language: str) -> Catalog:
    """A catalog; it comes with the code and cannot change while it runs."""
    with files(__package__).joinpath(language, "messages.po").open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


def _choose_locale(wanted: str | None, fixed: str | None) -> Locale:
    """The reader's locale where it is of a language that flowbot speaks (and of the fixed one, if any)."""
    try:
        locale = Locale.parse((wanted or "en").replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    speaks = (fixed,) if fixed else LANGUAGES
    return locale if locale.language in speaks else Locale(fixed or "en")


def _parse_zone(name: str | None) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


CAUSE_MAX: Final = 300


def describe_fault(fault: DependencyError) -> str:
    """The fault's sentence in English, with the first line of its cause, if that says anything: a single line."""
    words = Translators(fixed="en", zone=ZoneInfo("UTC")).for_reader(None)
    sentence = " ".join(words(fault.key, **fault.params).split())
    return append_cause(sentence, fault)


def append_cause(sentence: str, fault: DependencyError) -> str:
    """A sentence about the fault, with the first line of its cause, if that says anything."""
    said = (line.strip() for line in str(fault.__cause__ or "").splitlines())
    cause = next(filter(None, said), type(fault.__cause__).__name__ if fault.__cause__ else "")
    return f"{sentence} ({cause[:CAUSE_MAX]})" if cause else sentence
