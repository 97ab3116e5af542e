"""The ports: protocols, clocks, and the values that pass through them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""

Monotonic = Callable[[], float]
"""Seconds that only grow."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits some seconds."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
