"""Keeping which requests of Slack's were taken."""

from datetime import datetime
from typing import NewType, Protocol

DeliveryKey = NewType("DeliveryKey", str)
"""What one thing that somebody did in Slack has in common with its repetitions, and with nothing else."""


class DeliveryStore(Protocol):
    """Keeps which requests of Slack's were taken, so that a recording of one has no effect, in whatever process."""

    async def take(self, key: DeliveryKey, at: datetime) -> bool:
        """Note that it is taken; whether it is the first time.

        Raises:
            Fault: the database did not answer; it is not noted.
        """

    async def purge(self, before: datetime) -> int:
        """Forget those that were taken before that; how many.

        Raises:
            Fault: the database did not answer.
        """

    async def was_taken(self, key: DeliveryKey) -> bool:
        """Whether it is noted.

        Raises:
            Fault: the database did not answer.
        """
