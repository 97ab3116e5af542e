"""The last exchanges between the workspace and the bot, for the curious."""

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Literal

from flowbot.sandbox.slack.models import Json

_KEPT = 500


@dataclass(frozen=True)
class Entry:
    """One exchange; `ms` is how long it took."""

    time: float
    direction: Literal["to_bot", "from_bot"]
    what: str
    status: str
    ms: float


class Journal:
    """Keeps the last few hundred exchanges."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def note(self, direction: Literal["to_bot", "from_bot"], what: str, status: str, ms: float) -> None:
        """Remember an exchange."""
        self._entries.append(Entry(time.time(), direction, what, status, round(ms, 2)))

    def last(self, limit: int) -> list[Json]:
        """Return the last `limit` exchanges as JSON, oldest first."""
        return [asdict(entry) for entry in list(self._entries)[-limit:]]
