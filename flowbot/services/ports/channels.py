"""The database's port for channels whose id changes."""

from typing import Protocol

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId


class ChannelStore(Protocol):
    """The store of everything that names a channel."""

    async def move(self, old: ChannelId, new: ChannelId, event: AuditEvent) -> bool:
        """Name `new` wherever `old` is named but in the audit trail, and write `event`, in one transaction.

        A policy that `new` has already stays, in the place of the one of `old`. Open requests count as not shown in
        their newest version.

        Returns:
            Whether `old` was named anywhere; nothing was written where it was not.

        Raises:
            DependencyError: the database failed.
        """
