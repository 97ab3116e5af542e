"""Writes to an existing flow: edit, enable, disable and delete, in two attempts, then read back."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.effects import shows_effect
from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.late_effects import LATE_EFFECTS, SEARCH_TIME, find_flow_before_repeat, operations_since
from flowbot.domain.operations import DeleteOperation, EditOperation, FlowOperation, ToggleOperation
from flowbot.domain.outcomes import (
    ChangeResult,
    edit_applied_result,
    evaluate_edit,
    evaluate_late,
    evaluate_toggle_or_delete,
    find_obstacle,
    gone_result,
    may_be_stale,
    unknown_result,
)
from flowbot.domain.progress import ImageFault
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    STALE_SECONDS,
    ExecutionContext,
    RulesChangedError,
    Write,
    keep_image,
    load_new_image,
    require_leased,
)
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.executor.preconditions import may_go_live
from flowbot.services.ports.enkapush import FlowUpdate, WriteRefusedError, WriteUnclearError

MAX_ATTEMPTS: Final = 2
PASSING_REFUSALS: Final = frozenset({"not_done.busy", "not_done.slow", "not_done.down", "not_done.broken"})
"""The reasons of refusals that may pass by themselves."""

OperationT = TypeVar("OperationT", bound=FlowOperation)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RepeatableWrite(Write, ABC, Generic[OperationT]):
    """A write to an existing flow, which may be sent twice."""

    context: ExecutionContext
    change: Change
    operation: OperationT
    allowed_at: float
    """When it was found to be allowed, by the monotonic clock."""

    async def apply(self) -> ChangeResult:
        """Attempt the write, and once more where no answer came, if that is not long ago.

        Once a write was sent and not answered, nothing proves any more that it was not done: not even a refusal.

        Raises:
            DependencyError: a disable at its time was not done, and is tried again: late rather than never.
        """
        try:
            result = await self._apply()
        except WriteRefusedError as error:
            if error.text.key in PASSING_REFUSALS and await self._is_tried_again():
                raise DependencyError(error.text) from error
            raise
        if result.state is ChangeState.UNKNOWN and await self._is_tried_again():
            raise DependencyError(result.outcome)
        return result

    async def _is_tried_again(self) -> bool:
        """Check whether it is a disable at its time, which was first sent not long ago, if at all."""
        if not self.change.request.is_timed_disable:
            return False
        change = await self.context.store.get(self.change.id) or self.change
        return change.sent_at is None or self.context.clock() - change.sent_at <= SEARCH_TIME

    async def _apply(self) -> ChangeResult:
        change = self.change
        for _ in range(MAX_ATTEMPTS):
            was_sent = change.sent_at is not None
            if change.sent_at is not None and self.context.clock() - change.sent_at > SEARCH_TIME:
                # Sent as late as this, its effect could come after the time that is counted from the first attempt.
                break
            # What is seen by now is not sent again.
            if was_sent and (seen := await self.read_back()).state is ChangeState.APPLIED:
                return seen
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

    async def recheck(self) -> ChangeResult | None:
        flow_id, others = self.operation.before.id, await self._find_other_operations()
        result = evaluate_late(self.operation, await self.context.source.get_flow(flow_id), others)
        if result is None and self.operation.kind is ChangeKind.ENABLE:
            # A process that disabled the flow again may have ended before it settled the enable.
            writes = await self.context.store.sent_since(flow_id, self.change.changed_at)
            if (seen := find_flow_before_repeat(self.change, writes)) is not None:
                return evaluate_late(self.operation, seen, others)
        return result

    async def _find_other_operations(self) -> tuple[FlowOperation, ...]:
        """Find what flowbot sent to the flow besides, and may have shown itself since the change was requested."""
        since = self.change.created_at - LATE_EFFECTS
        writes = await self.context.store.sent_since(self.operation.before.id, since)
        return operations_since(self.change, writes, self.context.clock())

    async def _rebase(self, current: Flow, *, was_sent: bool) -> OperationT | ChangeResult:
        """Return the operation on the flow as it is now, or how the change ends unsent.

        A disable that needed no approval, or runs at its time, is done whatever else the flow is by now, as long as its
        channel may see it.
        """
        is_forced = self.operation.kind is ChangeKind.DISABLE and (
            self.change.rule is None or self.change.request.is_timed_disable
        )
        is_the_same = fingerprint(current) == fingerprint(self.operation.before)
        if is_forced and current.website_id != self.operation.before.website_id:
            policy = (await self.context.store.get_record(self.change.id)).scope.policy
            if policy is None or not policy.covers_website(current.website_id):
                return unknown_result(self.operation, None) if was_sent else gone_result(current)
        if not is_forced:
            others = () if is_the_same or was_sent else await self._find_other_operations()
            if obstacle := find_obstacle(self.operation, current, was_sent=was_sent, others=others):
                return obstacle
        return self.operation.rebase(current)

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

    async def _require_sendable(self, change: Change, *, was_sent: bool) -> None:
        """Make sure, right before it is sent, that this process still holds the change, and that it is still allowed.

        Nobody is asked, unless it took long to come here.

        Raises:
            LeaseLostError: another process may have taken the change over.
            RulesChangedError: it is not allowed any more.
            WriteRefusedError: the same, of what was sent before.
            DependencyError: the database or Slack did not answer.
        """
        context = self.context
        if context.monotonic() - self.allowed_at > STALE_SECONDS:
            await self._require_allowed(change, was_sent=was_sent)
        if not context.holds_lease(change.id):
            raise LeaseLostError

    async def _require_allowed(self, change: Change, *, was_sent: bool) -> None:
        context = self.context
        try:
            blocker = await context.find_blocker(change, context.clock())
        except DependencyError:
            if not was_sent:
                await context.store.unmark_sent(change.id, context.owner)
            raise
        if blocker is None:
            return
        if was_sent:
            raise WriteRefusedError(blocker)
        if not await context.store.unmark_sent(change.id, context.owner):
            raise LeaseLostError
        raise RulesChangedError(blocker)

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
    await context.store.mark_resent(change.id)


@dataclass(frozen=True, slots=True)
class EditWrite(RepeatableWrite[EditOperation]):
    """The edit of a flow."""

    async def read_back(self) -> ChangeResult:
        flow = await self.context.read_back(self.operation.before.id)
        seen = flow and evaluate_late(self.operation, flow, await self._find_other_operations())
        return seen or unknown_result(self.operation, flow)

    async def _attempt(self, change: Change, *, was_sent: bool) -> ChangeResult:
        context, flow_id = self.context, self.operation.before.id
        image = await load_new_image(context, self.operation)
        await mark_sent_or_require_lease(context, change, was_sent=was_sent)
        if (current := await context.read_current_flow(flow_id)) is None:
            raise WriteRefusedError("not_done.gone")
        if was_sent and shows_effect(self.operation, current):
            # Sending it again would undo what somebody else has set since.
            context.flow_cache.upsert(current)
            return edit_applied_result(self.operation, current)
        operation = await self._rebase(current, was_sent=was_sent)
        if isinstance(operation, ChangeResult):
            return operation
        update = FlowUpdate(current, operation.wanted.content, operation.wanted.write_only, image)
        if update.is_empty:
            return edit_applied_result(operation, current)
        await self._require_sendable(change, was_sent=was_sent)
        await context.writer.update(flow_id, update)

        async def evaluate() -> ChangeResult:
            return evaluate_edit(operation, await context.read_back(flow_id))

        return await self._read_back_until_seen(evaluate)


@dataclass(frozen=True, slots=True)
class ToggleOrDeleteWrite(RepeatableWrite[ToggleOperation | DeleteOperation]):
    """The enabling, disabling or deletion of a flow."""

    async def read_back(self) -> ChangeResult:
        return await self._read_back(self.operation, was_confirmed=False)

    async def _attempt(self, change: Change, *, was_sent: bool) -> ChangeResult:
        if obstacle := await self._keep_image_before_delete(change, was_sent=was_sent):
            return obstacle
        operation = await self._write_if_unchanged(change, was_sent=was_sent)
        if isinstance(operation, ChangeResult):
            return operation
        return await self._read_back_until_seen(lambda: self._read_back(operation, was_confirmed=not was_sent))

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
        operation = await self._require_unchanged(current, was_sent=was_sent)
        if isinstance(operation, ChangeResult):
            return operation
        await keep_image(self.context, change, before)
        return None

    async def _write_if_unchanged(
        self, change: Change, *, was_sent: bool
    ) -> ToggleOperation | DeleteOperation | ChangeResult:
        """Write to Enkapush and return the operation on the flow as it was then, or the obstacle to that."""
        context = self.context
        await mark_sent_or_require_lease(context, change, was_sent=was_sent)
        current = await context.read_current_flow(self.operation.before.id)
        operation = await self._require_unchanged(current, was_sent=was_sent)
        if isinstance(operation, ChangeResult):
            return operation
        if isinstance(operation, DeleteOperation):
            await self._require_sendable(change, was_sent=was_sent)
            await context.writer.delete(operation.before.id)
        elif operation.before.is_enabled is not operation.enabled or await self._may_go_live(operation):
            await self._require_sendable(change, was_sent=was_sent)
            await context.writer.set_enabled(operation.before.id, operation.enabled)
        return operation

    async def _may_go_live(self, operation: ToggleOperation) -> bool:
        """Check whether a flow to be disabled, which reads disabled, may be enabled by an earlier write yet."""
        context = self.context
        return not operation.enabled and await may_go_live(context.store, operation.before.id, context.clock())

    async def _require_unchanged(
        self, current: Flow | None, *, was_sent: bool
    ) -> ToggleOperation | DeleteOperation | ChangeResult:
        """Return the operation on the flow as it is now, or how the change ends unsent."""
        if current is not None:
            return await self._rebase(current, was_sent=was_sent)
        if was_sent:
            return evaluate_toggle_or_delete(self.operation, None, was_confirmed=False)
        return gone_result(self.operation.before)

    async def _read_back(self, operation: ToggleOperation | DeleteOperation, *, was_confirmed: bool) -> ChangeResult:
        flow_id = operation.before.id
        try:
            flow = await self.context.source.get_flow(flow_id)
        except DependencyError:
            return unknown_result(operation, None)
        if flow:
            self.context.flow_cache.upsert(flow)
        else:
            self.context.flow_cache.remove(flow_id)
        return evaluate_toggle_or_delete(operation, flow, was_confirmed=was_confirmed)
