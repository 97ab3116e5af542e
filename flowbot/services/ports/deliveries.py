"""The database's port for the Slack requests that were handled."""

from datetime import datetime
from typing import NewType, Protocol

DeliveryKey = NewType("DeliveryKey", str)
"""The key of one Slack request: its replays have the same, no other request has."""


class DeliveryStore(Protocol):
    """The store of handled deliveries, so that a replayed request has no effect, in whatever process.

    Every method raises DependencyError where the database fails.
    """

    async def record_once(self, key: DeliveryKey, at: datetime) -> bool:
        """Record a delivery; return whether it is the first time."""

    async def was_recorded(self, key: DeliveryKey) -> bool:
        """Check whether a delivery was recorded."""

    async def delete_older_than(self, before: datetime) -> int:
        """Delete those recorded before that; return how many."""
