"""Public holidays of countries, from the package `holidays`, which is imported when a freeze first needs it."""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

_REMARK: Final = re.compile(r"\s*\([^()]*\)")
"""What a name says in brackets: that its date is estimated or observed, or the hour at which a half day begins."""


def find_region_problem(region: str) -> str | None:
    """Say what is wrong with a region; nothing where its holidays are known.

    Args:
        region: a country's two letters, such as `TR`, or one of its parts, such as `DE-BY` (ISO 3166-2).
    """
    country, _, part = region.partition("-")
    parts = _list_regions().get(country)
    if parts is None or len(country) != len("TR"):
        return 'must be a country of two capital letters, such as "TR"'
    if part in parts or region == country:
        return None
    known = f"; its parts are {', '.join(f'{country}-{each}' for each in parts)}" if parts else ""
    return f"{country} has no part {part!r}{known}"


def list_countries() -> tuple[str, ...]:
    """List the countries whose holidays are known, by their two letters."""
    return tuple(country for country in _list_regions() if len(country) == len("TR"))


@lru_cache(maxsize=1)
def _list_regions() -> Mapping[str, tuple[str, ...]]:
    from holidays import list_supported_countries  # noqa: PLC0415 - large, and needed by few

    return {country: tuple(parts) for country, parts in list_supported_countries(include_aliases=False).items()}


@lru_cache(maxsize=512)
def load_holidays(
    region: str, year: int, language: str | None = None, *, half_days: bool = False
) -> Mapping[date, str]:
    """Load a year's public holidays, or its half days, with their names.

    Args:
        region: as `find_region_problem` takes it.
        year: of the Gregorian calendar.
        language: of the names, such as `tr`, where the package has it; else the country's own.
        half_days: the days of which only the rest is a holiday, in place of whole ones.
    """
    from holidays import HALF_DAY, PUBLIC, country_holidays  # noqa: PLC0415 - same

    country, _, part = region.partition("-")
    calendar = country_holidays(country, subdiv=part or None)
    category = HALF_DAY if half_days else PUBLIC
    if category not in calendar.supported_categories:
        return {}
    known = (each for each in calendar.supported_languages if language and each.partition("_")[0] == language)
    # Without a language the package takes the machine's.
    chosen = next(known, calendar.default_language)
    days = country_holidays(
        country, subdiv=part or None, years=year, categories=(category,), language=chosen, expand=False
    )
    # An observed day may belong to the next year.
    return {day: _REMARK.sub("", name) for day, name in days.items() if day.year == year}
