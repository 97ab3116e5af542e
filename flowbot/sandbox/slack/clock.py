"""The workspace's time, which tests may move."""

import time


class Clock:
    """Wall-clock time plus an offset that tests may change.

    Expiries (trigger ids, response URLs) and message timestamps follow this clock; request signatures
    follow the machine's own time, because the bot that checks them lives there.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return the workspace's time in seconds since the epoch."""
        return time.time() + self._offset

    def move(self, seconds: float) -> None:
        """Let `seconds` pass at once (negative: go back)."""
        self._offset += seconds
