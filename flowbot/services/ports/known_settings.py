"""The database's port for settings of flows that cannot be read back."""

from collections.abc import Collection, Mapping
from typing import Protocol

from flowbot.domain.ids import FlowId
from flowbot.domain.known_settings import KnownSettings


class KnownSettingsStore(Protocol):
    """The store of what was set through flowbot and cannot be read back; changes write it.

    Every method raises DependencyError where the database fails.
    """

    async def get(self, flow: FlowId) -> KnownSettings:
        """Return what is known of a flow, also of one that was deleted."""

    async def get_many(self, flows: Collection[FlowId]) -> Mapping[FlowId, KnownSettings]:
        """Return what is known of those flows of which anything is."""
