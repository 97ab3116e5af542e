"""Translators. Messages come from gettext catalogs that Babel reads at start, so no compile step is needed."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import localcontext
from functools import cache, lru_cache
from gettext import c2py
from importlib.resources import files
from string import Formatter
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton, format_time, format_timedelta, get_day_names
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.text import isolate, shorten
from flowbot.errors import DependencyError, Text
from flowbot.i18n.languages import LANGUAGES

MAX_CAUSE_CHARS: Final = 300
_KILOBYTE: Final = 1024
_MAX_DIGITS: Final = 5000
"""Python reads no text of more as a number."""
_NUMBERS_KEPT: Final = 2000
"""Numbers that are not formatted anew: Babel takes 30 microseconds for one."""
_LOCALES_KEPT: Final = 500
"""Locales that are not parsed anew: Babel looks for a file for each."""
_MINUTE: Final = timedelta(minutes=1)
_MOST_OF_A_YEAR: Final = timedelta(days=300)


class Translator:
    """Translates messages into one language and formats values for one region.

    Args:
        catalog: the messages.
        locale: language and region, for numbers and times.
        zone: the reader's time zone.
    """

    def __init__(self, catalog: Catalog, locale: Locale, zone: ZoneInfo) -> None:
        self._catalog = catalog
        self._choose_plural = c2py(catalog.plural_expr)
        self._locale = locale
        self._zone = zone

    @property
    def language(self) -> str:
        """The language's code, such as `tr`."""
        return self._locale.language

    @property
    def zone(self) -> ZoneInfo:
        """The reader's time zone."""
        return self._zone

    def __call__(self, key: str, /, **params: Any) -> str:
        """Return the message `key` with its placeholders filled.

        Whole numbers get their separators. Text may be anybody's: it cannot turn the message around it.

        The parameter `n` chooses between singular and plural.

        Raises:
            KeyError: there is no such message.
        """
        message = self._catalog.get(key)
        if message is None or not message.string:
            raise KeyError(key)
        text = message.string
        if not isinstance(text, str):
            text = text[self._choose_plural(params["n"])]
        for name, value in params.items():
            if isinstance(value, str):
                params[name] = isolate(value)
            elif isinstance(value, int) and not isinstance(value, bool):
                params[name] = self.format_number(value)
        return text.format_map(params)

    def has_message(self, key: str, params: Mapping[str, Any] | None = None) -> bool:
        """Check whether there is a message `key`, and `params`, if given, fill all its placeholders."""
        message = self._catalog.get(key)
        if message is None or not message.string:
            return False
        if params is None:
            return True
        forms = [message.string] if isinstance(message.string, str) else message.string
        names = {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}
        return names | ({"n"} if len(forms) > 1 else set()) <= params.keys()

    def format_number(self, value: int) -> str:
        """Format a whole number with its separators."""
        return _format_number(value, self._locale)

    def format_percent(self, value: float, *, is_exact: bool = False) -> str:
        """Format a rate from 0 to 1 as a percentage with one decimal, or with up to three."""
        # The language's own pattern, which has no decimal; regions differ only in their separators.
        pattern = Locale(self.language).percent_formats[None].pattern.replace("0", "0.0##" if is_exact else "0.0")
        return format_percent(value, format=pattern, locale=self._locale, decimal_quantization=True)

    def format_duration(self, seconds: int) -> str:
        """Format a length of time in the largest unit that is exact: `3 days`, `90 minutes`, `4 weeks`."""
        units = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))
        unit, size = next(((unit, size) for unit, size in units if seconds and seconds % size == 0), ("second", 1))
        return self.format_units(seconds // size, unit)

    def format_units(self, count: int, unit: str) -> str:
        """Format a count of a unit: second, minute, hour, day, week or byte."""
        # Keys: unit.second, unit.minute, unit.hour, unit.day, unit.week, unit.byte
        key = f"unit.{unit}"
        return self(key, n=count)

    def format_size(self, size: int) -> str:
        """Format a size in bytes: `66 bytes`, `71 KB`, `2.5 MB`."""
        if size < _KILOBYTE:
            return self.format_units(size, "byte")
        if size < _KILOBYTE**2:
            return f"{self.format_number(round(size / _KILOBYTE))} KB"
        return f"{format_decimal(size / _KILOBYTE**2, format='#,##0.#', locale=self._locale)} MB"

    def format_datetime(self, at: datetime) -> str:
        """Format date and time in the reader's zone, without seconds."""
        local = at.astimezone(self._zone)
        date = format_date(local, format="medium", locale=self._locale)
        return f"{date} {format_time(local, format='short', locale=self._locale)}"

    def format_moment(self, at: datetime, now: datetime) -> str:
        """Format a time to come shortly: `24 Dec 09:00`, with its year where that is in doubt."""
        local = at.astimezone(self._zone)
        skeleton = "MMMd" if abs(at - now) < _MOST_OF_A_YEAR else "yMMMd"
        date = format_skeleton(skeleton, local, locale=self._locale)
        return f"{date} {format_time(local, format='short', locale=self._locale)}"

    def format_day(self, day: date) -> str:
        """Format a day."""
        return format_date(day, format="medium", locale=self._locale)

    def format_days(self, first: date, last: date) -> str:
        """Format days in a row shortly, without their year: `24 Dec`, `24–30 Dec`."""
        if first == last:
            return str(format_skeleton("MMMd", first, locale=self._locale))
        return str(format_interval(first, last, "MMMd", locale=self._locale))

    def format_weekday(self, weekday: int) -> str:
        """Format a weekday, from 0 for Monday, in short."""
        return str(get_day_names("abbreviated", locale=self._locale)[weekday])

    def format_country(self, code: str) -> str:
        """Format a country by its two letters, which stand where it has no name."""
        return str(self._locale.territories.get(code, code))

    def format_language(self, code: str) -> str:
        """Format a language by its code, which stands where it has no name."""
        return str(self._locale.languages.get(code, code))

    def format_time_ago(self, at: datetime, now: datetime) -> str:
        """Format roughly how long ago `at` was: `just now`, `3 minutes ago`."""
        if now - at < _MINUTE:
            return self("unit.just_now")
        return format_timedelta(at - now, add_direction=True, locale=self._locale, threshold=1)

    def format_list(self, items: list[str]) -> str:
        """Format items, which may be anybody's, as a list in a sentence: `a, b and c`."""
        return format_list([*map(isolate, items)], locale=self._locale)


class Translators:
    """Translators for all languages, whose catalogs are read once a process.

    Args:
        fixed: the language for everybody; None takes each reader's own.
        zone: the zone for readers without a known one.
    """

    def __init__(self, *, fixed: str | None, zone: ZoneInfo) -> None:
        self._catalogs: Mapping[str, Catalog] = {language: _read_catalog(language) for language in LANGUAGES}
        self._fixed = fixed
        self._zone = zone
        self._translators: dict[tuple[Locale, ZoneInfo], Translator] = {}

    def for_reader(self, locale: str | None, timezone: str | None = None) -> Translator:
        """Return a translator for a reader by locale (such as `tr-TR`) and time zone, as Slack has them."""
        chosen = _choose_locale(locale, self._fixed)
        try:
            zone = ZoneInfo(timezone) if timezone else self._zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = self._zone
        return self._find(chosen, zone)

    def _find(self, chosen: Locale, zone: ZoneInfo) -> Translator:
        # A translator is the same for all who read alike, so what a view keeps for one counts for the others.
        known = (chosen, zone)
        if known not in self._translators:
            self._translators[known] = Translator(self._catalogs[chosen.language], chosen, zone)
        return self._translators[known]

    def for_channel(self, policy: ChannelPolicy | None, locale: str | None = None) -> Translator:
        """Return a translator for a message to a whole channel, in no reader's own zone.

        Args:
            policy: that of the message; its language comes first, then the one for everybody.
            locale: the requester's; without one the message is in English.
        """
        language = policy.language if policy and policy.language in self._catalogs else self._fixed
        return self._find(_choose_locale(locale, language), self._zone)


@lru_cache(maxsize=_NUMBERS_KEPT)
def _format_number(value: int, locale: Locale) -> str:
    # The usual context refuses a number of more than 28 digits.
    with localcontext(prec=_MAX_DIGITS):
        return format_decimal(value, locale=locale)


@cache
def _read_catalog(language: str) -> Catalog:
    """Read a catalog. It comes with the code and does not change while flowbot runs."""
    with files(__package__).joinpath(language, "messages.po").open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


@lru_cache(maxsize=_LOCALES_KEPT)
def _choose_locale(wanted: str | None, fixed: str | None) -> Locale:
    """Return the reader's locale if flowbot has its language and no other is fixed, else the fixed one or English."""
    try:
        locale = Locale.parse((wanted or "en").replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    allowed = (fixed,) if fixed else LANGUAGES
    return locale if locale.language in allowed else Locale(fixed or "en")


def describe_fault(fault: DependencyError) -> str:
    """Return the fault's sentence in English with the first line of its cause, as a single line."""
    return append_cause(describe_text(fault.text), fault)


def describe_text(text: Text) -> str:
    """Return a sentence in English, as a single line."""
    t = Translators(fixed="en", zone=ZoneInfo("UTC")).for_reader(None)
    return " ".join(t(text.key, **text.params).split())


def append_cause(sentence: str, fault: DependencyError) -> str:
    """Return the sentence with the first line of the fault's cause, or its type, in parentheses."""
    said = (line.strip() for line in str(fault.__cause__ or "").splitlines())
    cause = next(filter(None, said), type(fault.__cause__).__name__ if fault.__cause__ else "")
    return f"{sentence} ({shorten(cause, MAX_CAUSE_CHARS)})" if cause else sentence
