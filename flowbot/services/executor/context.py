"""The execution context: the ports that writes use, what a write does, and the images to send or to keep."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

import structlog

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, FlowId, ImageId
from flowbot.domain.images import ImageFile
from flowbot.domain.operations import CreateOperation, EditOperation
from flowbot.domain.outcomes import ChangeResult
from flowbot.domain.progress import ImageFault
from flowbot.errors import DependencyError, UserError
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import Clock, Monotonic, Sleep
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.enkapush import AccountSource, FlowImages, FlowWriter, ImageLostError, WriteRefusedError
from flowbot.services.ports.form_storage import ImageStore
from flowbot.services.ports.slack import ImageSource

READ_BACK_SECONDS: Final = (0.0, 1.0, 2.0)
"""Pauses before each look for an effect: a request may still be under way at Enkapush, or its effect show late."""

NEW_IMAGE_SECONDS: Final = 60.0
"""How long the image of a form may take before its change is given up; its author sees that it is being saved."""

IMAGES_AT_ONCE: Final = 4
"""An image is up to 10 MB, and held several times over while it is checked and sent."""

STALE_SECONDS: Final = 3.0
"""Rules and rights that were looked up longer ago are looked up once more right before a write."""

log = structlog.get_logger(__name__)


class RulesChangedError(Exception):
    """A change that was about to be sent is not allowed any more: `blocker` says why. Nothing was sent."""

    def __init__(self, blocker: Outcome) -> None:
        super().__init__(blocker.key)
        self.blocker = blocker


class Write(Protocol):
    """What one change does at Enkapush."""

    async def apply(self) -> ChangeResult:
        """Send it, unless it was sent before, and read it back.

        Raises:
            WriteRefusedError: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """

    async def read_back(self) -> ChangeResult:
        """Look for the effect of a write that was just sent, possibly more than once; write nothing."""

    async def recheck(self) -> ChangeResult | None:
        """Look for the effect of an unknown change again, some time after the write; write nothing.

        Returns:
            The result that the effect shows; None where there is no effect to be seen.

        Raises:
            DependencyError: Enkapush did not answer.
        """


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """The ports that writes use, and the name of this process.

    Attributes:
        images: Stores images.
        form_images: Fetches images that people put into forms.
        flow_images: Fetches images that flows have.
        owner: This process's name on leases.
        image_slots: So many images are in memory at a time; the next ones wait.
        holds_lease: Whether this process still holds a change for certain, as far as it knows without asking.
        find_blocker: Finds what stands against sending a change by the rules and rights of now.
        sleep: Waits some seconds.
    """

    store: ChangeStore
    images: ImageStore
    form_images: ImageSource
    flow_images: FlowImages
    source: AccountSource
    writer: FlowWriter
    flow_cache: FlowCache
    clock: Clock
    monotonic: Monotonic
    owner: str
    holds_lease: Callable[[ChangeId], bool]
    find_blocker: Callable[[Change, datetime], Awaitable[Outcome | None]]
    image_slots: asyncio.Semaphore
    sleep: Sleep = asyncio.sleep

    async def read_current_flow(self, flow_id: FlowId) -> Flow | None:
        """Read a flow as it is now, before anything is sent; None where it is gone.

        Raises:
            WriteRefusedError: Enkapush did not answer, so nothing is sent.
        """
        try:
            return await self.source.get_flow(flow_id)
        except DependencyError as error:
            raise refuse_after_failed_read(error) from error

    async def read_back(self, flow_id: FlowId) -> Flow | None:
        """Read a flow after a write, and show it in lists at once.

        Returns:
            None where the flow is gone, or Enkapush does not answer.
        """
        try:
            flow = await self.source.get_flow(flow_id)
        except DependencyError:
            return None
        if flow is not None:
            self.flow_cache.upsert(flow)
        return flow


def refuse_after_failed_read(error: DependencyError) -> WriteRefusedError:
    """Turn an error of a read before the write into a refusal for the same reason: nothing was sent."""
    # Keys: not_done.key, not_done.busy, not_done.slow, not_done.down, not_done.broken
    return WriteRefusedError(f"not_done.{error.status}")


def require_leased(change: Change | None, owner: str) -> Change:
    """Return the change, as it is stored now, while `owner` is applying it.

    Raises:
        LeaseLostError: another process has taken it over.
    """
    if change is None or change.lease_owner != owner or change.state is not ChangeState.APPLYING:
        raise LeaseLostError
    return change


async def store_new_image(context: ExecutionContext, change: Change) -> Change:
    """Fetch and store the image that was put into a change's form, so that what is decided on is what will be sent.

    Raises:
        WriteRefusedError: it cannot be had, or it is no image.
        VersionConflictError: somebody else has changed the change.
        DependencyError: the database did not answer.
    """
    request = change.request
    if request.image is not None and await context.images.describe(request.image) is None:
        raise WriteRefusedError("not_done.image_gone")
    if request.image is not None or request.picture is None:
        return change
    async with context.image_slots:
        try:
            async with asyncio.timeout(NEW_IMAGE_SECONDS):
                image = await context.form_images.fetch(request.picture)
        except (UserError, DependencyError) as error:
            raise WriteRefusedError(error.text) from error
        except TimeoutError as error:
            raise WriteRefusedError("fault.image") from error
        image_id = await context.images.add(image, context.clock())
    return await context.store.replace_if_unchanged(change, replace(change, request=request.with_image(image_id)))


async def load_new_image(context: ExecutionContext, operation: CreateOperation | EditOperation) -> ImageFile | None:
    """Return the image that is wanted; None where none is. Only changes of older versions have one to fetch yet.

    Raises:
        WriteRefusedError: it cannot be had, or it is no image.
    """
    if operation.wanted.image is not None:
        if (stored := await context.images.get(ImageId(operation.wanted.image))) is None:
            raise WriteRefusedError("not_done.image_gone")
        return stored
    if operation.picture is None:
        return None
    try:
        return await context.form_images.fetch(operation.picture)
    except (UserError, DependencyError) as error:
        raise WriteRefusedError(error.text) from error


async def keep_image(context: ExecutionContext, change: Change, flow: Flow, *, seconds: float | None = None) -> Change:
    """Store the image of a flow to be deleted, for a restore, or note that it cannot be had.

    Args:
        context: the ports.
        change: the deletion.
        flow: the flow as it was when that was requested.
        seconds: how long to wait; the deletion tries again what could not be fetched by then. None is the last try.

    Raises:
        VersionConflictError: somebody else has changed the change.
        DependencyError: the database did not answer.
    """
    try:
        async with asyncio.timeout(seconds), context.image_slots:
            image = await context.flow_images.fetch_for(flow)
    except (DependencyError, TimeoutError) as error:
        is_lost = seconds is None or isinstance(error, ImageLostError)
        fault = ImageFault.LOST if is_lost else ImageFault.LATE
        log.warning("change.image_not_kept", change=change.id, fault=fault, error=str(error))
        progress = replace(change.progress, image_fault=fault)
    else:
        if image is None:
            return change
        image_id = await context.images.add(image, context.clock())
        progress = replace(change.progress, image=image_id, image_fault=None)
    return await context.store.replace_if_unchanged(change, replace(change, progress=progress))
