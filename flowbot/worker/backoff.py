"""Pauses between the tries of what could not be sent."""

from collections.abc import Collection
from typing import Final

from flowbot.services.ports import Monotonic

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 600.0
_MOST_DOUBLINGS: Final = 16


class Backoff:
    """Lets each thing be tried again after a pause that doubles with each try: one cannot crowd out the others.

    Args:
        monotonic: measures the pauses.
    """

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._tries: dict[str, tuple[int, float]] = {}

    def forget_others(self, ids: Collection[str]) -> None:
        """Forget all but these: they were sent."""
        self._tries = {each: self._tries[each] for each in ids if each in self._tries}

    def begin_try(self, subject: str) -> bool:
        """Count a try of a thing that may be tried now; return false where its pause is not over."""
        now = self._monotonic()
        tries, after = self._tries.get(subject, (0, now))
        if now < after:
            return False
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * (1 << min(tries, _MOST_DOUBLINGS)))
        self._tries[subject] = (tries + 1, now + pause)
        return True
