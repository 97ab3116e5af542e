"""The last exchanges between the workspace and the bot, for the curious."""

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Literal

from flowbot.sandbox.slack.models import Json

_KEPT = 500


@dataclass(frozen=True)
class Exchange:
    """One exchange; `ms` is how long it took."""

    time: float
    direction: Literal["to_bot", "from_bot"]
    what: str
    status: str
    ms: float


class ExchangeLog:
    """Keeps the last few hundred exchanges."""

    def __init__(self) -> None:
        self._entries: deque[Exchange] = deque(maxlen=_KEPT)

    def record(self, direction: Literal["to_bot", "from_bot"], what: str, status: str, ms: float) -> None:
        """Remember an exchange."""
        self._entries.append(Exchange(time.time(), direction, what, status, round(ms, 2)))

    def list_last(self, limit: int) -> list[Json]:
        """Return the last `limit` exchanges as JSON, oldest first."""
        return [asdict(entry) for entry in list(self._entries)[-limit:]]
