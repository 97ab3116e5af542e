"""Retries: when a failed read is tried again, decided on values, apart from any loop or clock."""

import datetime as dt
import math
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.errors import EnkapushError, RateLimitedError, ServerError, TransportError

_RETRYABLE = (TransportError, RateLimitedError, ServerError)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a read is tried. Writes are never repeated.

    Attributes:
        attempts: Tries at most, the first included.
        budget: Seconds for all tries and waits together.
        base_delay: Seconds before the second try; doubled each time.
        max_delay: The longest own wait in seconds.
        max_retry_after: The longest wait in seconds that the server may ask for.
    """

    attempts: int = constants.READ_ATTEMPTS
    budget: float = constants.READ_BUDGET
    base_delay: float = constants.BACKOFF_BASE
    max_delay: float = constants.BACKOFF_MAX
    max_retry_after: float = constants.RETRY_AFTER_MAX

    def delay(self, error: EnkapushError, attempt: int, elapsed: float, jitter: float = 1.0) -> float | None:
        """Return the seconds to wait before the next try, or None to give up.

        Args:
            error: The last try's error.
            attempt: The last try's number, from 1.
            elapsed: Seconds since the first try began.
            jitter: From 0 to 1: how much of the upper half of the wait is used.
        """
        if attempt >= self.attempts or not isinstance(error, _RETRYABLE):
            return None
        backoff = min(self.base_delay * 2.0 ** (attempt - 1), self.max_delay) * (1 + jitter) / 2
        asked = min(error.exchange.retry_after or 0.0, self.max_retry_after)
        wait = max(backoff, asked)
        return wait if elapsed + wait < self.budget else None


def parse_retry_after(header: str | None, now: dt.datetime | None = None) -> float | None:
    """Parse the header `Retry-After`, seconds or an HTTP date (RFC 9110, section 10.2.3), into seconds to wait.

    Args:
        header: The header's value.
        now: An aware moment, for dates; the present where it is left out.

    Returns:
        0 for a moment that has passed, None where the header is missing or cannot be read.
    """
    if header is None:
        return None
    with suppress(ValueError):
        seconds = float(header)
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return max((aware - (now or dt.datetime.now(dt.UTC))).total_seconds(), 0.0)
