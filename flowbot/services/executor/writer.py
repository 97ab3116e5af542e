"""The writer of changes: builds what a change does at Enkapush, and applies it."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.operations import CreateOperation, EditOperation, build_operation
from flowbot.domain.outcomes import ChangeResult
from flowbot.services.executor.context import ExecutionContext, Write, keep_image
from flowbot.services.executor.create import CreateWrite
from flowbot.services.executor.update import EditWrite, ToggleOrDeleteWrite
from flowbot.services.ports.enkapush import WriteRefusedError

IMAGE_SECONDS: Final = 3.0
"""A request to delete is not held up longer by the flow's image."""


@dataclass(frozen=True, slots=True)
class ChangeWriter:
    """Builds the writes of changes, and applies them."""

    context: ExecutionContext

    async def apply(self, change: Change) -> ChangeResult:
        """Write, and read back. What a process that died has sent is looked for first, and never sent twice.

        Raises:
            LeaseLostError: another process has taken the change over.
            RulesChangedError: it is not allowed any more, and was not sent.
            DependencyError: the database did not answer; or Slack, asked once more since Enkapush was slow.
        """
        request = change.request
        has_image = request.image is not None or request.picture is not None
        try:
            async with self.context.image_slots if has_image else nullcontext():
                return await self.build_write(change).apply()
        except WriteRefusedError as error:
            return ChangeResult(ChangeState.FAILED, Outcome.of(error.text))

    async def keep_image_early(self, change: Change) -> Change:
        """Store the image of a flow whose deletion is requested, so that its message can say where that fails.

        Raises:
            VersionConflictError: somebody else has changed the change.
            DependencyError: the database did not answer.
        """
        before, is_delete = change.request.before, change.request.kind is ChangeKind.DELETE
        if before is None or not is_delete or not change.lacks_image or change.progress.image_fault is not None:
            return change
        return await keep_image(self.context, change, before, seconds=IMAGE_SECONDS)

    def build_write(self, change: Change) -> Write:
        """Build the write of a change.

        Raises:
            WriteRefusedError: the change does not say enough for its kind.
        """
        operation = build_operation(change.request)
        if operation is None:
            raise WriteRefusedError("not_done.gone")
        if isinstance(operation, CreateOperation):
            return CreateWrite(self.context, change, operation)
        if isinstance(operation, EditOperation):
            return EditWrite(self.context, change, operation, self.context.monotonic())
        return ToggleOrDeleteWrite(self.context, change, operation, self.context.monotonic())
