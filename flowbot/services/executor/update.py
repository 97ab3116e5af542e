"""Writes to an existing flow: edit, enable, disable and delete, in two attempts, then read back."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from flowbot.domain.change import Change, ImageFault
from flowbot.domain.flow import Flow
from flowbot.domain.operations import DeleteOperation, EditOperation, FlowOperation, ToggleOperation
from flowbot.domain.outcomes import (
    ChangeResult,
    edit_applied_result,
    evaluate_edit,
    evaluate_recheck,
    evaluate_toggle_or_delete,
    find_obstacle,
    gone_result,
    may_be_stale,
    unknown_result,
)
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    ExecutionContext,
    Write,
    keep_image,
    load_new_image,
    require_leased,
)
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.enkapush import FlowUpdate, WriteRefusedError, WriteUnclearError

MAX_ATTEMPTS: Final = 2

OperationT = TypeVar("OperationT", bound=FlowOperation)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RepeatableWrite(Write, ABC, Generic[OperationT]):
    """A write to an existing flow, which may be sent twice."""

    context: ExecutionContext
    change: Change
    operation: OperationT

    async def apply(self) -> ChangeResult:
        """Attempt the write, and once more where no answer came.

        Once a write was sent and not answered, nothing proves any more that it was not done: not even a refusal.
        """
        change = self.change
        for _ in range(MAX_ATTEMPTS):
            was_sent = change.sent_at is not None
            try:
                return await self._attempt(change, was_sent=was_sent)
            except WriteUnclearError:
                log.warning("change.unclear", change=change.id)
                change = await self.context.store.get(change.id) or change
            except WriteRefusedError:
                if not was_sent:
                    raise
                break
        return await self.read_back()

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        flow = await self.context.source.get_flow(self.operation.before.id)
        return evaluate_recheck(self.operation, flow, is_final=is_final)

    @abstractmethod
    async def _attempt(self, change: Change, *, was_sent: bool) -> ChangeResult:
        """Send it once unless it is done already, and read it back.

        Args:
            change: the change as it was before this attempt.
            was_sent: whether it was sent before this attempt.

        Raises:
            WriteUnclearError: Enkapush may have done it.
            WriteRefusedError: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """

    async def _read_back_until_seen(self, read_back: Callable[[], Awaitable[ChangeResult]]) -> ChangeResult:
        """Read back a write that Enkapush confirmed, again where its effect may take a moment to show."""
        result = await read_back()
        for pause in READ_BACK_SECONDS[1:]:
            if not may_be_stale(self.operation, result):
                break
            await self.context.sleep(pause)
            result = await read_back()
        return result


async def mark_sent_or_require_lease(context: ExecutionContext, change: Change, *, was_sent: bool) -> None:
    """Mark the change as sent where it is not marked yet; else make sure that this process may send it once more.

    Read and compare the flow after this: marking may take seconds, in which the flow may change.

    Raises:
        LeaseLostError: another process has taken the change over.
    """
    owner = context.owner
    if not was_sent and await context.store.mark_sent_once(change.id, owner, context.clock(), None):
        return
    require_leased(await context.store.get(change.id), owner)


def require_held(context: ExecutionContext, change: Change) -> None:
    """Make sure that nobody has taken the change over while the flow was read, without asking the database.

    Raises:
        LeaseLostError: another process may have taken the change over.
    """
    if not context.holds_lease(change.id):
        raise LeaseLostError


@dataclass(frozen=True, slots=True)
class EditWrite(RepeatableWrite[EditOperation]):
    """The edit of a flow."""

    async def read_back(self) -> ChangeResult:
        flow = await self.context.flow_cache.read_back(self.operation.before.id)
        if flow is None or not self.operation.is_confirmed_by(flow):
            return unknown_result(self.operation, flow)
        return edit_applied_result(self.operation, flow)

    async def _attempt(self, change: Change, *, was_sent: bool) -> ChangeResult:
        operation, context = self.operation, self.context
        flow_id, wanted = operation.before.id, operation.wanted
        image = await load_new_image(context, operation)
        await mark_sent_or_require_lease(context, change, was_sent=was_sent)
        if (current := await context.read_current_flow(flow_id)) is None:
            raise WriteRefusedError("not_done.gone")
        if was_sent and operation.shows_effect(current):
            # Sending it again would undo what somebody else has set since.
            context.flow_cache.upsert(current)
            return edit_applied_result(operation, current)
        if obstacle := find_obstacle(operation, current, was_sent=was_sent):
            return obstacle
        update = FlowUpdate(current, wanted.content, wanted.write_only, image)
        if update.is_empty:
            return edit_applied_result(operation, current)
        require_held(context, change)
        await context.writer.update(flow_id, update)

        async def evaluate() -> ChangeResult:
            flow = await context.flow_cache.read_back(flow_id)
            return evaluate_edit(operation, flow, is_first_write=not was_sent)

        return await self._read_back_until_seen(evaluate)


@dataclass(frozen=True, slots=True)
class ToggleOrDeleteWrite(RepeatableWrite[ToggleOperation | DeleteOperation]):
    """The enabling, disabling or deletion of a flow."""

    async def read_back(self) -> ChangeResult:
        return await self._read_back(was_confirmed=False)

    async def _attempt(self, change: Change, *, was_sent: bool) -> ChangeResult:
        if obstacle := (
            await self._keep_image_before_delete(change, was_sent=was_sent)
            or await self._write_if_unchanged(change, was_sent=was_sent)
        ):
            return obstacle
        return await self._read_back_until_seen(lambda: self._read_back(was_confirmed=not was_sent))

    async def _keep_image_before_delete(self, change: Change, *, was_sent: bool) -> ChangeResult | None:
        """Store the image of a flow to be deleted, which may take long, or return the obstacle to the deletion.

        An image that cannot be had is no obstacle.
        """
        before = self.operation.before
        is_delete = isinstance(self.operation, DeleteOperation)
        is_settled = change.progress.image is not None or change.progress.image_fault is ImageFault.LOST
        if not is_delete or before.image_url is None or is_settled:
            return None
        current = await self.context.read_current_flow(before.id)
        if obstacle := self._find_obstacle(current, was_sent=was_sent):
            return obstacle
        await keep_image(self.context, change, before)
        return None

    async def _write_if_unchanged(self, change: Change, *, was_sent: bool) -> ChangeResult | None:
        """Write to Enkapush if the flow is as it was, or return the obstacle to that."""
        operation, context = self.operation, self.context
        await mark_sent_or_require_lease(context, change, was_sent=was_sent)
        current = await context.read_current_flow(operation.before.id)
        if obstacle := self._find_obstacle(current, was_sent=was_sent):
            return obstacle
        if not operation.matches(current):
            require_held(context, change)
            if isinstance(operation, DeleteOperation):
                await context.writer.delete(operation.before.id)
            else:
                await context.writer.set_enabled(operation.before.id, operation.enabled)
        return None

    def _find_obstacle(self, current: Flow | None, *, was_sent: bool) -> ChangeResult | None:
        if current is not None:
            return find_obstacle(self.operation, current, was_sent=was_sent)
        if was_sent:
            return evaluate_toggle_or_delete(self.operation, None, was_confirmed=False)
        return gone_result(self.operation.before)

    async def _read_back(self, *, was_confirmed: bool) -> ChangeResult:
        flow_id = self.operation.before.id
        try:
            flow = await self.context.source.get_flow(flow_id)
        except DependencyError:
            return unknown_result(self.operation, None)
        if flow:
            self.context.flow_cache.upsert(flow)
        else:
            self.context.flow_cache.remove(flow_id)
        return evaluate_toggle_or_delete(self.operation, flow, was_confirmed=was_confirmed)
