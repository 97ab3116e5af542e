"""Writes to an existing flow: edit, enable, disable and delete, in two attempts, then read back."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.operations import DeleteOperation, EditOperation, FlowOperation, ToggleOperation
from flowbot.domain.outcomes import (
    ChangeResult,
    edit_applied_result,
    evaluate_edit,
    evaluate_recheck,
    evaluate_state_write,
    find_conflict,
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
        return await write_with_retries(self.context, self.change, self._attempt) or await self.inspect()

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        flow = await self.context.source.get_flow(self.operation.before.id)
        return evaluate_recheck(self.operation, flow, is_final=is_final)

    @abstractmethod
    async def _attempt(self, change: Change) -> ChangeResult:
        """Send it once unless it is done already, and read it back.

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


async def write_with_retries(
    context: ExecutionContext, change: Change, attempt: Callable[[Change], Awaitable[ChangeResult]]
) -> ChangeResult | None:
    """Attempt a write, and once more where no answer came; None where nobody knows its effect.

    Once a write was sent and not answered, nothing proves any more that it was not done: not even a refusal.

    Raises:
        WriteRefusedError: Enkapush did not do it, for certain.
        LeaseLostError: another process has taken the change over.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            return await attempt(change)
        except WriteUnclearError:
            log.warning("change.unclear", change=change.id)
            change = await context.store.get(change.id) or change
        except WriteRefusedError:
            if change.sent_at is None:
                raise
            break
    return None


async def mark_sending(context: ExecutionContext, change: Change) -> None:
    """Note that the write is about to be sent, unless an earlier attempt, or one before a crash, has noted it.

    Read and compare the flow after this: noting may take seconds, in which the flow may change.

    Raises:
        LeaseLostError: another process has taken the change over.
    """
    owner = context.owner
    if change.sent_at is None and await context.store.mark_sent_once(change.id, owner, context.clock(), None):
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

    async def inspect(self) -> ChangeResult:
        flow = await self.context.flow_cache.read_back(self.operation.before.id)
        if flow is None or not self.operation.is_confirmed_by(flow):
            return unknown_result(self.operation, flow)
        return edit_applied_result(self.operation, flow)

    async def _attempt(self, change: Change) -> ChangeResult:
        operation, context = self.operation, self.context
        flow_id, wanted = operation.before.id, operation.wanted
        image = await load_new_image(context, operation)
        await mark_sending(context, change)
        if (now := await context.read_current_flow(flow_id)) is None:
            raise WriteRefusedError("not_done.gone")
        was_sent = change.sent_at is not None
        if was_sent and operation.shows_effect(now):
            # Sending it again would undo what somebody else has set since.
            context.flow_cache.upsert(now)
            return edit_applied_result(operation, now)
        if conflict := find_conflict(operation, now, was_sent=was_sent):
            return conflict
        update = FlowUpdate(now, wanted.content, wanted.unread, image)
        if update.is_empty:
            return edit_applied_result(operation, now)
        require_held(context, change)
        await context.writer.update(flow_id, update)

        async def read_back() -> ChangeResult:
            flow = await context.flow_cache.read_back(flow_id)
            return evaluate_edit(operation, flow, was_answered=not was_sent)

        return await self._read_back_until_seen(read_back)


@dataclass(frozen=True, slots=True)
class StateWrite(RepeatableWrite[ToggleOperation | DeleteOperation]):
    """The enabling, disabling or deletion of a flow."""

    async def inspect(self) -> ChangeResult:
        return await self._read_back(was_answered=False)

    async def _attempt(self, change: Change) -> ChangeResult:
        if conflict := await self._keep_image_before_delete(change) or await self._write_if_unchanged(change):
            return conflict
        was_answered = change.sent_at is None
        return await self._read_back_until_seen(lambda: self._read_back(was_answered=was_answered))

    async def _keep_image_before_delete(self, change: Change) -> ChangeResult | None:
        """Store the image of a flow to be deleted, which may take long, or return the conflict that stops it."""
        before = self.operation.before
        is_delete = isinstance(self.operation, DeleteOperation)
        if not is_delete or before.image_url is None or change.progress.image is not None:
            return None
        if conflict := self._find_conflict(change, await self.context.read_current_flow(before.id)):
            return conflict
        await keep_image(self.context, change, before)
        return None

    async def _write_if_unchanged(self, change: Change) -> ChangeResult | None:
        """Write to Enkapush if the flow is as it was, or return the conflict that stops it."""
        operation, context = self.operation, self.context
        await mark_sending(context, change)
        now = await context.read_current_flow(operation.before.id)
        if conflict := self._find_conflict(change, now):
            return conflict
        if not operation.matches(now):
            require_held(context, change)
            if isinstance(operation, DeleteOperation):
                await context.writer.delete(operation.before.id)
            else:
                await context.writer.set_enabled(operation.before.id, operation.enabled)
        return None

    def _find_conflict(self, change: Change, now: Flow | None) -> ChangeResult | None:
        was_sent = change.sent_at is not None
        if now is not None:
            return find_conflict(self.operation, now, was_sent=was_sent)
        if was_sent:
            return evaluate_state_write(self.operation, None, was_answered=False)
        return gone_result(self.operation.before)

    async def _read_back(self, *, was_answered: bool) -> ChangeResult:
        flow_id = self.operation.before.id
        try:
            flow = await self.context.source.get_flow(flow_id)
        except DependencyError:
            return unknown_result(self.operation, None)
        if flow:
            self.context.flow_cache.upsert(flow)
        else:
            self.context.flow_cache.remove(flow_id)
        return evaluate_state_write(self.operation, flow, was_answered=was_answered)
