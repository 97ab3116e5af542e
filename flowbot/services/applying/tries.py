"""What may be tried again: the same again has the same effect, and is sent only where it lacks."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from flowbot.domain.changes import Change, State
from flowbot.domain.verdicts import Verdict
from flowbot.services.applying.tools import LeaseLostError, Tools
from flowbot.services.ports.flows import NotDone, Unclear

TRIES: Final = 2

log = structlog.get_logger(__name__)


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

    Raises:
        LeaseLostError: another process has taken the change over.
    """
    if change.sent_at is None and await tools.store.latch(change.id, tools.owner, tools.clock(), None):
        return
    kept = await tools.store.get(change.id)
    if kept is None or kept.lease_owner != tools.owner or kept.state is not State.APPLYING:
        raise LeaseLostError
