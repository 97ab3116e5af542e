"""Expiry of a request that a new freeze puts off, where two processes look at it at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.services.approvals.expire import RequestExpiry
from flowbot.services.executor.preconditions import Preconditions
from flowbot.storage.repositories.changes import ChangeRepository
from tests.storage.change_cases import NOON, move_through, submit_change

HOUR = timedelta(hours=1)


async def test_what_another_process_has_just_put_off_does_not_expire(store: ChangeRepository) -> None:
    submitted = await submit_change(store, kind=ChangeKind.ENABLE, not_before=NOON + HOUR)
    ruled = await store.replace_if_unchanged(submitted, replace(submitted, rule=ApprovalRule(), due_at=NOON + 2 * HOUR))
    waiting = await move_through(store, ruled, ChangeState.PENDING)

    class Frozen:
        """Preconditions under a freeze until later, which another process finds first."""

        async def find_start(self, change: Change, _now: object) -> Any:
            await store.postpone(change, NOON + 6 * HOUR)
            return NOON + 5 * HOUR

    expiry = RequestExpiry(store, cast("Preconditions", Frozen()), lambda: NOON + 2 * HOUR)
    assert await expiry.expire(waiting) is None
    kept = await store.get(waiting.id)
    assert kept is not None
    assert (kept.state, kept.due_at) == (ChangeState.PENDING, NOON + 6 * HOUR)
