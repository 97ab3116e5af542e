"""Edit, enable, disable and delete a flow: two attempts, then read back."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.flow import Flow, FlowContent
from flowbot.domain.operations import DeleteOperation, EditOperation, FlowOperation, ToggleOperation
from flowbot.domain.outcomes import (
    ChangeResult,
    edit_applied_result,
    evaluate_edit,
    evaluate_recheck,
    evaluate_toggle,
    find_conflict,
    gone_result,
    may_be_stale,
    unknown_result,
)
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    ExecutionContext,
    LeaseLostError,
    keep_image,
    load_new_image,
)
from flowbot.services.ports.enkapush import FlowUpdate, WriteRefusedError, WriteUnclearError

MAX_ATTEMPTS: Final = 2


OperationT = TypeVar("OperationT", bound=FlowOperation)


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RepeatableWrite(ABC, Generic[OperationT]):
    """The work of one change of a flow that is there."""

    context: ExecutionContext
    change: Change
    operation: OperationT

    async def apply(self) -> ChangeResult:
        """Send it where it lacks, and read it back.

        Raises:
            NotDone: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """
        return await write_with_retries(self.context, self.change, self._attempt) or await self.inspect()

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        """What is known of it later; `is_final` where what is not there now will not come any more.

        Raises:
            DependencyError: Enkapush did not answer.
        """
        return evaluate_recheck(
            self.operation, await self.context.source.get_flow(self.operation.before.id), is_final=is_final
        )

    @abstractmethod
    async def inspect(self) -> ChangeResult:
        """What can be said of it, where Enkapush did not say that it was done."""

    async def _seen(self, look: Callable[[], Awaitable[ChangeResult]]) -> ChangeResult:
        """What is to be seen of a write that Enkapush said was done, which may take a moment."""
        verdict = await look()
        for pause in READ_BACK_SECONDS[1:]:
            if not may_be_stale(self.operation, verdict):
                break
            await self.context.sleep(pause)
            verdict = await look()
        return verdict

    @abstractmethod
    async def _attempt(self, change: Change) -> ChangeResult:
        """Send it once where it lacks, and read it back.

        Raises:
            Unclear: Enkapush may have done it.
            NotDone: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """


async def write_with_retries(
    tools: ExecutionContext, change: Change, attempt: Callable[[Change], Awaitable[ChangeResult]]
) -> ChangeResult | None:
    """Try, and once more where no answer came; None where nobody knows what came of it.

    From the first write on that was not answered, nothing proves any more that it was not done: not even a refusal.

    Raises:
        NotDone: Enkapush did not do it, for certain.
        LeaseLostError: another process has taken the change over.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            return await attempt(change)
        except WriteUnclearError:
            log.warning("change.unclear", change=change.id)
            change = await tools.store.get(change.id) or change
        except WriteRefusedError:
            if change.sent_at is None:
                raise
            break
    return None


async def mark_sending(tools: ExecutionContext, change: Change) -> None:
    """Note that the write goes out; a second try, or one after a crash, has noted it before.

    The flow is read and compared after that: the note may take seconds, in which the flow may change.

    Raises:
        LeaseLostError: another process has taken the change over.
    """
    if change.sent_at is None and await tools.store.mark_sent_once(change.id, tools.owner, tools.clock(), None):
        return
    kept = await tools.store.get(change.id)
    if kept is None or kept.lease_owner != tools.owner or kept.state is not ChangeState.APPLYING:
        raise LeaseLostError


def require_held(tools: ExecutionContext, change: Change) -> None:
    """Make sure that nobody has taken the change over while the flow was read; the database is not waited for again.

    Raises:
        LeaseLostError: another process may have taken the change over.
    """
    if not tools.holds_lease(change.id):
        raise LeaseLostError


@dataclass(frozen=True, slots=True)
class EditWrite(RepeatableWrite[EditOperation]):
    """Edits the flow of one change."""

    async def inspect(self) -> ChangeResult:
        """What can be said of it after every try was unclear."""
        flow = await self.context.flow_after(self.operation.before.id)
        if flow is None or not self.operation.is_confirmed_by(flow):
            return unknown_result(self.operation, flow)
        return self._there(flow)

    async def _attempt(self, change: Change) -> ChangeResult:
        task, tools = self.operation, self.context
        image = await load_new_image(tools, task)
        await mark_sending(tools, change)
        if (now := await tools.flow_before(task.before.id)) is None:
            raise WriteRefusedError("not_done.gone")
        was_sent = change.sent_at is not None
        if was_sent and task.shows_effect(now):
            return self._there(now)
        if found := find_conflict(task, now, was_sent=was_sent):
            return found
        update = FlowUpdate(FlowContent.of(now), task.wanted.content, task.wanted.unread, image)
        if update.is_empty:
            return edit_applied_result(task, now)
        require_held(tools, change)
        await tools.writer.update(task.before.id, update)
        return await self._seen(lambda: self._read_back(was_answered=not was_sent))

    def _there(self, flow: Flow) -> ChangeResult:
        """It was made before, so it is not sent again: that would undo what somebody else has set since."""
        self.context.flow_cache.upsert(flow)
        return edit_applied_result(self.operation, flow)

    async def _read_back(self, *, was_answered: bool) -> ChangeResult:
        return evaluate_edit(
            self.operation, await self.context.read_back(self.operation.before.id), was_answered=was_answered
        )


@dataclass(frozen=True, slots=True)
class ToggleWrite(RepeatableWrite[ToggleOperation | DeleteOperation]):
    """Enables, disables or deletes the flow of one change."""

    async def inspect(self) -> ChangeResult:
        """What can be said of it, where Enkapush did not say that it was done."""
        return await self._read_back(was_answered=False)

    async def _attempt(self, change: Change) -> ChangeResult:
        if found := await self._prepared(change) or await self._written(change):
            return found
        was_answered = change.sent_at is None
        return await self._seen(lambda: self._read_back(was_answered=was_answered))

    async def _prepared(self, change: Change) -> ChangeResult | None:
        """Keep the picture of a flow that is deleted, which may take long; the verdict where there is no need to."""
        before = self.operation.before
        if (
            not isinstance(self.operation, DeleteOperation)
            or before.image_url is None
            or change.progress.image is not None
        ):
            return None
        if found := self._hindrance(change, await self.context.flow_before(before.id)):
            return found
        await keep_image(self.context, change, before)
        return None

    async def _written(self, change: Change) -> ChangeResult | None:
        """Write it, if the flow is as it was; the verdict where it is not."""
        await mark_sending(self.context, change)
        now = await self.context.flow_before(self.operation.before.id)
        if found := self._hindrance(change, now):
            return found
        if not self.operation.matches(now):
            require_held(self.context, change)
            await self._send()
        return None

    def _hindrance(self, change: Change, now: Flow | None) -> ChangeResult | None:
        was_sent = change.sent_at is not None
        if now is None:
            return (
                evaluate_toggle(self.operation, None, was_answered=False)
                if was_sent
                else gone_result(self.operation.before)
            )
        return find_conflict(self.operation, now, was_sent=was_sent)

    async def _send(self) -> None:
        flow_id = self.operation.before.id
        if isinstance(self.operation, DeleteOperation):
            await self.context.writer.delete(flow_id)
        else:
            await self.context.writer.set_enabled(flow_id, self.operation.enabled)

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
        return evaluate_toggle(self.operation, flow, was_answered=was_answered)
