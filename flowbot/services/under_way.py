"""What may still be under way at Enkapush, and what has to wait for that."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.change import ChangeKind, NewChange, Outcome
from flowbot.services.ports.changes import ChangeStore

SETTLES_AFTER: Final = timedelta(minutes=1)
"""A request of this age is not under way at Enkapush any more: what it did not do by then it will not do."""
WAITS_FOR: Final[Mapping[ChangeKind, ChangeKind]] = {
    ChangeKind.ENABLE: ChangeKind.EDIT,
    ChangeKind.EDIT: ChangeKind.ENABLE,
}
"""What is not done while one of the other kind may still come, of which it is not known what became.

An edit of a disabled flow needs no approval, and an approval to enable is of the flow as it was. Whichever of the two
comes late, the flow would run with what nobody has approved.
"""


async def reason_to_wait(store: ChangeStore, asked: NewChange, now: datetime) -> Outcome | None:
    """Why a change is not done yet, for people; None where nothing that may still come would meet it.

    Raises:
        Fault: the database did not answer.
    """
    other = WAITS_FOR.get(asked.kind)
    if asked.flow is None or other is None or _edits_what_runs(asked):
        return None
    if not await store.is_unsettled(asked.flow, other, now, within=SETTLES_AFTER):
        return None
    return Outcome("not_done.under_way", {"id": str(asked.flow)})


def _edits_what_runs(asked: NewChange) -> bool:
    """Whether it edits an enabled flow: that is judged as an enabling, whatever comes before or after it."""
    return asked.kind is ChangeKind.EDIT and asked.before is not None and asked.before.is_enabled
