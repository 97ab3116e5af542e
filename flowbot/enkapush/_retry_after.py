"""Reads the header `Retry-After`: seconds or an HTTP date (RFC 9110, section 10.2.3)."""

import datetime as dt
import math
from email.utils import parsedate_to_datetime


def seconds_asked_for(header: str | None, now: dt.datetime | None = None) -> float | None:
    """Return the seconds to wait, 0 for a moment that has passed, None where the header says nothing readable.

    Args:
        header: The header's value.
        now: An aware moment, for dates; the present where it is left out.
    """
    if header is None:
        return None
    seconds = _as_number(header)
    if seconds is None:
        seconds = _until(header, now or dt.datetime.now(dt.UTC))
    return None if seconds is None else max(seconds, 0.0)


def _as_number(header: str) -> float | None:
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(header: str, now: dt.datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - now).total_seconds()
