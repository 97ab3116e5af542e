"""Enabling, disabling and deleting a flow."""

from dataclasses import dataclass

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.operations import DeleteOperation, ToggleOperation
from flowbot.domain.outcomes import Verdict, find_obstacle, flow_gone, judge_toggle, unknown
from flowbot.errors import Fault
from flowbot.services.applying.pictures import keep_picture
from flowbot.services.applying.tries import Repeatable, note_sending, require_held


@dataclass(frozen=True, slots=True)
class Switch(Repeatable[ToggleOperation | DeleteOperation]):
    """Enables, disables or deletes the flow of one change."""

    async def look(self) -> Verdict:
        """What can be said of it, where Enkapush did not say that it was done."""
        return await self._read_back(was_answered=False)

    async def _attempt(self, change: Change) -> Verdict:
        if found := await self._prepared(change) or await self._written(change):
            return found
        was_answered = change.sent_at is None
        return await self._seen(lambda: self._read_back(was_answered=was_answered))

    async def _prepared(self, change: Change) -> Verdict | None:
        """Keep the picture of a flow that is deleted, which may take long; the verdict where there is no need to."""
        before = self.task.before
        if not isinstance(self.task, DeleteOperation) or before.image_url is None or change.progress.image is not None:
            return None
        if found := self._hindrance(change, await self.tools.flow_before(before.id)):
            return found
        await keep_picture(self.tools, change, before)
        return None

    async def _written(self, change: Change) -> Verdict | None:
        """Write it, if the flow is as it was; the verdict where it is not."""
        await note_sending(self.tools, change)
        now = await self.tools.flow_before(self.task.before.id)
        if found := self._hindrance(change, now):
            return found
        if not self.task.is_reached(now):
            require_held(self.tools, change)
            await self._send()
        return None

    def _hindrance(self, change: Change, now: Flow | None) -> Verdict | None:
        was_sent = change.sent_at is not None
        if now is None:
            return judge_toggle(self.task, None, was_answered=False) if was_sent else flow_gone(self.task.before)
        return find_obstacle(self.task, now, was_sent=was_sent)

    async def _send(self) -> None:
        flow_id = self.task.before.id
        if isinstance(self.task, DeleteOperation):
            await self.tools.writer.delete(flow_id)
        else:
            await self.tools.writer.set_enabled(flow_id, self.task.enabled)

    async def _read_back(self, *, was_answered: bool) -> Verdict:
        flow_id = self.task.before.id
        try:
            flow = await self.tools.source.flow(flow_id)
        except Fault:
            return unknown(self.task, None)
        if flow:
            self.tools.catalog.put(flow)
        else:
            self.tools.catalog.drop(flow_id)
        return judge_toggle(self.task, flow, was_answered=was_answered)
