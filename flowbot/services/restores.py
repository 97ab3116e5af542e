"""Restores of deleted flows, known by their tokens: a flow is restored once."""

from datetime import datetime
from typing import Final

from flowbot.domain.change import Change, ChangeRequest, ChangeState
from flowbot.domain.ids import ChangeId, FormToken
from flowbot.domain.late_effects import is_sought
from flowbot.services.ports.changes import ChangeStore

_PREFIX: Final = "restore."


async def find_restore(store: ChangeStore, deleted: ChangeId, now: datetime) -> tuple[FormToken, Change | None]:
    """Find the restore of the flow that the change `deleted` has deleted.

    Returns:
        The token under which the flow is restored, another one after each try that failed or was looked for in vain,
        and the change that has it; None where the flow can still be restored.

    Raises:
        DependencyError: the database did not answer.
    """
    token, number = FormToken(f"{_PREFIX}{deleted}"), 1
    while (restore := await store.get_by_token(token)) is not None:
        is_lost = restore.state is ChangeState.UNKNOWN and not is_sought(restore, now)
        if restore.state is not ChangeState.FAILED and not is_lost:
            break
        number += 1
        token = FormToken(f"{_PREFIX}{deleted}.{number}")
    return token, restore


def parse_restored_change(request: ChangeRequest) -> ChangeId | None:
    """Return the change that deleted the flow which a request restores; None for any other request."""
    if not request.token.startswith(_PREFIX):
        return None
    return ChangeId(request.token.removeprefix(_PREFIX).partition(".")[0])
