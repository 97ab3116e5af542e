"""The ports of channels: whose id changes, and which are shared with another organisation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId


@dataclass(frozen=True, slots=True)
class ChannelSharing:
    """Slack's last answer or event about a channel: whether another organisation is in it."""

    is_shared: bool
    answered_at: datetime


class ChannelDirectory(Protocol):
    """Slack's channels. Each call asks Slack; `services.channel_privacy` keeps the answers."""

    async def is_shared(self, channel: ChannelId) -> bool:
        """Check whether another organisation is in a channel.

        Raises:
            DependencyError: Slack did not answer, or not with that.
        """


class ChannelStore(Protocol):
    """The store of everything that names a channel. Every method raises DependencyError where the database fails."""

    async def move(self, old: ChannelId, new: ChannelId, event: AuditEvent) -> bool:
        """Name `new` wherever `old` is named but in the audit trail, and write `event`, in one transaction.

        A policy that `new` has already stays, in the place of the one of `old`. Open requests and reports count as
        not shown in their newest version. What Slack said of `old` is forgotten: it may be the sharing that changed
        the id.

        Returns:
            Whether `old` was named anywhere; nothing was written where it was not.
        """

    async def get_sharing(self, channel: ChannelId) -> ChannelSharing | None:
        """Return Slack's last answer about a channel; None where there is none."""

    async def note_sharing(
        self, channel: ChannelId, answer: ChannelSharing, seen: ChannelSharing | None = None
    ) -> ChannelSharing:
        """Store Slack's answer about a channel; that it is not shared, only while the answer `seen` before is stored.

        Where it differs from the one before, open requests and reports in the channel count as not shown in their
        newest version.

        Returns:
            What is stored now.
        """

    async def list_open(self) -> tuple[ChannelId, ...]:
        """List the channels that have the message of an open request or report."""
