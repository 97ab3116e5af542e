"""Editing a flow."""

from dataclasses import dataclass

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow, FlowContent
from flowbot.domain.operations import EditOperation
from flowbot.domain.outcomes import Verdict, edit_applied, find_obstacle, judge_edit, unknown
from flowbot.services.applying.pictures import new_picture
from flowbot.services.applying.tries import Repeatable, note_sending, require_held
from flowbot.services.ports.flows import FlowUpdate, NotDone


@dataclass(frozen=True, slots=True)
class Edit(Repeatable[EditOperation]):
    """Edits the flow of one change."""

    async def look(self) -> Verdict:
        """What can be said of it after every try was unclear."""
        flow = await self.tools.flow_after(self.task.before.id)
        if flow is None or not self.task.is_proven(flow):
            return unknown(self.task, flow)
        return self._there(flow)

    async def _attempt(self, change: Change) -> Verdict:
        task, tools = self.task, self.tools
        image = await new_picture(tools, task)
        await note_sending(tools, change)
        if (now := await tools.flow_before(task.before.id)) is None:
            raise NotDone("not_done.gone")
        was_sent = change.sent_at is not None
        if was_sent and task.is_evident(now):
            return self._there(now)
        if found := find_obstacle(task, now, was_sent=was_sent):
            return found
        update = FlowUpdate(FlowContent.of(now), task.wanted.content, task.wanted.unread, image)
        if update.is_empty:
            return edit_applied(task, now)
        require_held(tools, change)
        await tools.writer.update(task.before.id, update)
        return await self._seen(lambda: self._read_back(was_answered=not was_sent))

    def _there(self, flow: Flow) -> Verdict:
        """It was made before, so it is not sent again: that would undo what somebody else has set since."""
        self.tools.catalog.put(flow)
        return edit_applied(self.task, flow)

    async def _read_back(self, *, was_answered: bool) -> Verdict:
        return judge_edit(self.task, await self.tools.read_back(self.task.before.id), was_answered=was_answered)
