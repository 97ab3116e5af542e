"""The ports: protocols, clocks, and the values that pass through them."""

import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""

Monotonic = Callable[[], float]
"""Seconds that only grow."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits some seconds."""

ProgressReport = Callable[[int, int | None], None]
"""Takes how much is done, and of how much, None where that is not known."""

utc_now: Final[Clock] = partial(datetime.now, UTC)
"""Tells the time in UTC."""

monotonic_seconds: Final[Monotonic] = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Tells the seconds since the machine started, those in which it slept among them."""


def ignore_progress(_done: int, _total: int | None) -> None:
    """Report to nobody."""


class TaskStarter(Protocol):
    """Starts work in the background."""

    def __call__(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Start `work`, which handles its own errors."""
