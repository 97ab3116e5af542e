"""The execution context: ports for writing, and the images to send or to keep."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, FlowId, ImageId
from flowbot.domain.images import ImageFile
from flowbot.domain.operations import CreateOperation, EditOperation
from flowbot.errors import DependencyError, UserError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import Clock, Sleep
from flowbot.services.ports.enkapush import FlowImages, FlowSource, FlowWriter, WriteRefusedError
from flowbot.services.ports.slack import ImageSource
from flowbot.services.ports.storage import ChangeStore, ImageStore

READ_BACK_SECONDS: Final = (0.0, 1.0, 2.0)
"""Pauses before each look for an effect that is not to be seen yet: a request may still be under way at Enkapush, and
what it has done may be seen late."""


class LeaseLostError(Exception):
    """Somebody else works on the change."""


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """The ports, and what this process is called.

    Attributes:
        images: Keeps pictures.
        form_images: Fetches those that people put into forms.
        flow_images: Fetches those that flows have.
        owner: This process's name on leases.
        holds_lease: Whether this process still has a change for certain, by what it knows without asking.
        sleep: Waits some seconds.
    """

    store: ChangeStore
    images: ImageStore
    form_images: ImageSource
    flow_images: FlowImages
    source: FlowSource
    writer: FlowWriter
    flow_cache: FlowCache
    clock: Clock
    owner: str
    holds_lease: Callable[[ChangeId], bool]
    sleep: Sleep = asyncio.sleep

    async def flow_before(self, flow_id: FlowId) -> Flow | None:
        """The flow before anything is sent, None where it is gone.

        Raises:
            NotDone: Enkapush does not say, so nothing is sent.
        """
        try:
            return await self.source.get_flow(flow_id)
        except DependencyError as fault:
            raise refuse_unread(fault) from fault

    async def flow_after(self, flow_id: FlowId) -> Flow | None:
        """The flow after something was sent, None where it is gone or Enkapush does not say."""
        try:
            return await self.source.get_flow(flow_id)
        except DependencyError:
            return None

    async def read_back(self, flow_id: FlowId) -> Flow | None:
        """As `flow_after`; lists show at once what was read."""
        flow = await self.flow_after(flow_id)
        if flow is not None:
            self.flow_cache.upsert(flow)
        return flow


def refuse_unread(fault: DependencyError) -> WriteRefusedError:
    """Enkapush could not even be asked beforehand: the same reason, and nothing was sent."""
    return WriteRefusedError(f"not_done.{fault.key.rpartition('_')[2]}")


async def load_new_image(tools: ExecutionContext, task: CreateOperation | EditOperation) -> ImageFile | None:
    """The picture that is wanted, if there is one: kept already, or fetched now.

    Raises:
        NotDone: it cannot be had, or it is not one.
    """
    if task.wanted.image is not None:
        if (kept := await tools.images.get(ImageId(task.wanted.image))) is None:
            raise WriteRefusedError("not_done.image_gone")
        return kept
    if task.picture is None:
        return None
    try:
        return await tools.form_images.fetch(task.picture)
    except (UserError, DependencyError) as error:
        raise WriteRefusedError(error.key, **error.params) from error


async def keep_image(tools: ExecutionContext, change: Change, flow: Flow) -> None:
    """Keep the flow's picture for a restore, before anything is deleted.

    Raises:
        NotDone: the picture is there and could not be fetched.
    """
    try:
        picture = await tools.flow_images.fetch_for(flow)
    except DependencyError as fault:
        raise WriteRefusedError("not_done.picture", id=str(flow.id)) from fault
    if picture is not None:
        kept = await tools.images.add(picture, tools.clock())
        await tools.store.transition(change, replace(change, progress=replace(change.progress, image=kept)))
