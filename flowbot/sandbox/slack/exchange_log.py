"""Log of the latest exchanges between the workspace and the bot."""

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Literal

from flowbot.sandbox.slack.models import Json

_CAPACITY = 500


@dataclass(frozen=True)
class Exchange:
    """One exchange; `ms` is its duration."""

    time: float
    direction: Literal["to_bot", "from_bot"]
    what: str
    status: str
    ms: float


class ExchangeLog:
    """The latest few hundred exchanges."""

    def __init__(self) -> None:
        self._entries: deque[Exchange] = deque(maxlen=_CAPACITY)

    def record(self, direction: Literal["to_bot", "from_bot"], what: str, status: str, ms: float) -> None:
        """Add an exchange."""
        self._entries.append(Exchange(time.time(), direction, what, status, round(ms, 2)))

    def list_latest(self, limit: int) -> list[Json]:
        """Return the latest `limit` exchanges as JSON, oldest first."""
        return [asdict(entry) for entry in list(self._entries)[-limit:]]
