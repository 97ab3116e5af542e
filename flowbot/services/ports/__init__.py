"""The ports: protocols, clocks, and the values that pass through them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""

Monotonic = Callable[[], float]
"""Seconds that only grow."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits some seconds."""

utc_now: Final[Clock] = partial(datetime.now, UTC)
"""Tells the time in UTC."""
