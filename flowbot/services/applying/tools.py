"""What applying works with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, FlowId
from flowbot.errors import Fault
from flowbot.services.catalog import Catalog
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.flows import FlowPictures, FlowSource, FlowWriter, NotDone
from flowbot.services.ports.forms import ImageStore, PictureSource
from flowbot.services.ports.time import Clock, Sleep

LOOKS_SECONDS: Final = (0.0, 1.0, 2.0)
"""Pauses before each look for an effect that is not to be seen yet: a request may still be under way at Enkapush, and
what it has done may be seen late."""


class LeaseLostError(Exception):
    """Somebody else works on the change."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The ports, and what this process is called.

    Attributes:
        images: Keeps pictures.
        pictures: Fetches those that people put into forms.
        flow_pictures: Fetches those that flows have.
        owner: This process's name on leases.
        is_sure_of: Whether this process still has a change for certain, by what it knows without asking.
        sleep: Waits some seconds.
    """

    store: ChangeStore
    images: ImageStore
    pictures: PictureSource
    flow_pictures: FlowPictures
    source: FlowSource
    writer: FlowWriter
    catalog: Catalog
    clock: Clock
    owner: str
    is_sure_of: Callable[[ChangeId], bool]
    sleep: Sleep = asyncio.sleep

    async def flow_before(self, flow_id: FlowId) -> Flow | None:
        """The flow before anything is sent, None where it is gone.

        Raises:
            NotDone: Enkapush does not say, so nothing is sent.
        """
        try:
            return await self.source.flow(flow_id)
        except Fault as fault:
            raise not_asked(fault) from fault

    async def flow_after(self, flow_id: FlowId) -> Flow | None:
        """The flow after something was sent, None where it is gone or Enkapush does not say."""
        try:
            return await self.source.flow(flow_id)
        except Fault:
            return None

    async def read_back(self, flow_id: FlowId) -> Flow | None:
        """As `flow_after`; lists show at once what was read."""
        flow = await self.flow_after(flow_id)
        if flow is not None:
            self.catalog.put(flow)
        return flow


def not_asked(fault: Fault) -> NotDone:
    """Enkapush could not even be asked beforehand: the same reason, and nothing was sent."""
    return NotDone(f"not_done.{fault.key.rpartition('_')[2]}")
