"""The one way in to what writes to Enkapush."""

from dataclasses import dataclass
from typing import Protocol

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.operations import CreateOperation, EditOperation, operation_of
from flowbot.domain.outcomes import Verdict
from flowbot.services.applying.creating import Creation
from flowbot.services.applying.editing import Edit
from flowbot.services.applying.switching import Switch
from flowbot.services.applying.tools import Tools
from flowbot.services.ports.flows import NotDone


class Work(Protocol):
    """What is done for one change."""

    async def apply(self) -> Verdict:
        """As `Applying.apply`; raises NotDone where Enkapush did not do it, for certain."""

    async def look(self) -> Verdict:
        """As `Applying.look`."""

    async def look_again(self, *, is_final: bool) -> Verdict:
        """As `Applying.look_again`."""


@dataclass(frozen=True, slots=True)
class Applying:
    """Applies changes of every kind."""

    tools: Tools

    async def apply(self, change: Change) -> Verdict:
        """Write, and read back. What was sent by a process that died is looked for first, and never sent twice.

        Raises:
            LeaseLostError: another process has taken the change over.
            Fault: the database did not answer.
        """
        try:
            return await self._work(change).apply()
        except NotDone as error:
            return Verdict(ChangeState.FAILED, Outcome(error.key, error.params))

    async def look(self, change: Change) -> Verdict:
        """What became of a change that was sent, possibly more than once; nothing is written.

        Raises:
            Fault: the database did not answer.
        """
        return await self._work(change).look()

    async def look_again(self, change: Change, *, is_final: bool) -> Verdict:
        """Only look what became of a change: nothing is written.

        Args:
            change: one of which it is not known.
            is_final: whether what is not there now will not come any more.

        Raises:
            Fault: Enkapush did not answer.
        """
        return await self._work(change).look_again(is_final=is_final)

    def _work(self, change: Change) -> Work:
        """The work that the change asks for.

        Raises:
            NotDone: it does not say enough for its kind.
        """
        task = operation_of(change.asked)
        if task is None:
            raise NotDone("not_done.gone")
        if isinstance(task, CreateOperation):
            return Creation(self.tools, change, task)
        if isinstance(task, EditOperation):
            return Edit(self.tools, change, task)
        return Switch(self.tools, change, task)
