"""When a failed read is tried again: a decision on values, apart from any loop or clock."""

from dataclasses import dataclass

from flowbot.enkapush import _constants as constants
from flowbot.enkapush.errors import EnkapushError, RateLimitedError, ServerError, TransportError

_WORTH_ANOTHER_TRY = (TransportError, RateLimitedError, ServerError)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a read is. Writes are never repeated.

    Attributes:
        attempts: Tries at most, the first included.
        budget: Seconds for all tries and waits together.
        base: Seconds before the second try; doubled each time.
        longest: The longest own wait in seconds.
        retry_after_cap: The longest wait in seconds that the server may ask for.
    """

    attempts: int = constants.READ_ATTEMPTS
    budget: float = constants.READ_BUDGET
    base: float = constants.BACKOFF_BASE
    longest: float = constants.BACKOFF_MAX
    retry_after_cap: float = constants.RETRY_AFTER_CAP

    def delay(self, error: EnkapushError, attempt: int, elapsed: float, jitter: float = 1.0) -> float | None:
        """Decide about the next try.

        Args:
            error: What the last try met.
            attempt: Which try it was, from 1.
            elapsed: Seconds since the first try began.
            jitter: From 0 to 1: how much of the upper half of the wait is used.

        Returns:
            Seconds to wait before the next try, or None to give up.
        """
        if attempt >= self.attempts or not isinstance(error, _WORTH_ANOTHER_TRY):
            return None
        wait = max(self._backoff(attempt, jitter), self._asked_for(error))
        return wait if elapsed + wait < self.budget else None

    def _backoff(self, attempt: int, jitter: float) -> float:
        full = min(self.base * 2.0 ** (attempt - 1), self.longest)
        return full * (1 + jitter) / 2

    def _asked_for(self, error: EnkapushError) -> float:
        return min(error.exchange.retry_after or 0.0, self.retry_after_cap)
