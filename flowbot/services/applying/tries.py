"""Retries of idempotent writes: sent again only if the effect is missing."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.operations import FlowOperation
from flowbot.domain.outcomes import Verdict, judge_recheck, may_come_yet
from flowbot.services.applying.tools import LOOKS_SECONDS, LeaseLostError, Tools
from flowbot.services.ports.flows import NotDone, Unclear

TRIES: Final = 2

AnyOnFlow = TypeVar("AnyOnFlow", bound=FlowOperation)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Repeatable(ABC, Generic[AnyOnFlow]):
    """The work of one change of a flow that is there."""

    tools: Tools
    change: Change
    task: AnyOnFlow

    async def apply(self) -> Verdict:
        """Send it where it lacks, and read it back.

        Raises:
            NotDone: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """
        return await tried(self.tools, self.change, self._attempt) or await self.look()

    async def look_again(self, *, is_final: bool) -> Verdict:
        """What is known of it later; `is_final` where what is not there now will not come any more.

        Raises:
            Fault: Enkapush did not answer.
        """
        return judge_recheck(self.task, await self.tools.source.flow(self.task.before.id), is_final=is_final)

    @abstractmethod
    async def look(self) -> Verdict:
        """What can be said of it, where Enkapush did not say that it was done."""

    async def _seen(self, look: Callable[[], Awaitable[Verdict]]) -> Verdict:
        """What is to be seen of a write that Enkapush said was done, which may take a moment."""
        verdict = await look()
        for pause in LOOKS_SECONDS[1:]:
            if not may_come_yet(self.task, verdict):
                break
            await self.tools.sleep(pause)
            verdict = await look()
        return verdict

    @abstractmethod
    async def _attempt(self, change: Change) -> Verdict:
        """Send it once where it lacks, and read it back.

        Raises:
            Unclear: Enkapush may have done it.
            NotDone: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """


async def tried(tools: Tools, change: Change, attempt: Callable[[Change], Awaitable[Verdict]]) -> Verdict | None:
    """Try, and once more where no answer came; None where nobody knows what came of it.

    From the first write on that was not answered, nothing proves any more that it was not done: not even a refusal.

    Raises:
        NotDone: Enkapush did not do it, for certain.
        LeaseLostError: another process has taken the change over.
    """
    for _ in range(TRIES):
        try:
            return await attempt(change)
        except Unclear:
            log.warning("change.unclear", change=change.id)
            change = await tools.store.get(change.id) or change
        except NotDone:
            if change.sent_at is None:
                raise
            break
    return None


async def note_sending(tools: Tools, change: Change) -> None:
    """Note that the write goes out; a second try, or one after a crash, has noted it before.

    The flow is read and compared after that: the note may take seconds, in which the flow may change.

    Raises:
        LeaseLostError: another process has taken the change over.
    """
    if change.sent_at is None and await tools.store.latch(change.id, tools.owner, tools.clock(), None):
        return
    kept = await tools.store.get(change.id)
    if kept is None or kept.lease_owner != tools.owner or kept.state is not ChangeState.APPLYING:
        raise LeaseLostError


def require_held(tools: Tools, change: Change) -> None:
    """Make sure that nobody has taken the change over while the flow was read; the database is not waited for again.

    Raises:
        LeaseLostError: another process may have taken the change over.
    """
    if not tools.is_sure_of(change.id):
        raise LeaseLostError
