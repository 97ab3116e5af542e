"""Enabling, disabling and deleting a flow."""

from dataclasses import dataclass

from flowbot.domain.changes import Change
from flowbot.domain.flows import Flow
from flowbot.domain.tasks import Deleting, Switching
from flowbot.domain.verdicts import Verdict, confirmed, gone, obstacle, unknown
from flowbot.errors import Fault
from flowbot.services.applying.pictures import keep_picture
from flowbot.services.applying.tries import Repeatable, note_sending


@dataclass(frozen=True, slots=True)
class Switch(Repeatable[Switching | Deleting]):
    """Enables, disables or deletes the flow of one change."""

    async def look(self) -> Verdict:
        """What can be said of it, where Enkapush did not say that it was done."""
        return await self._read_back(was_answered=False)

    async def _attempt(self, change: Change) -> Verdict:
        was_sent = change.sent_at is not None
        now = await self.tools.flow_before(self.task.before.id)
        if now is None:
            return confirmed(self.task, None, was_answered=False) if was_sent else gone(self.task.before)
        if found := obstacle(self.task, now, was_sent=was_sent):
            return found
        if not self.task.is_reached(now):
            await self._send(change, now)
        return await self._read_back(was_answered=not was_sent)

    async def _send(self, change: Change, now: Flow) -> None:
        """Write it; the picture of a flow is kept before that is deleted."""
        flow_id = self.task.before.id
        if isinstance(self.task, Deleting):
            await keep_picture(self.tools, change, now)
            await note_sending(self.tools, change)
            await self.tools.writer.delete(flow_id)
        else:
            await note_sending(self.tools, change)
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
        return confirmed(self.task, flow, was_answered=was_answered)
