"""Shared by the tests of approvals: a pending change, its approvers, and results of many calls at once."""

from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import Any, Final

from flowbot.domain.change import Change, ChangeState, Vote, VoteChoice
from flowbot.domain.ids import UserId
from flowbot.domain.policy import ApprovalRule
from flowbot.services.ports.storage import VersionConflictError, VoteResult
from flowbot.storage.repositories.changes import ChangeRepository
from tests.storage.change_cases import NOON, SECOND, submitted

CAN: Final = UserId("U0CAN")
DENIZ: Final = UserId("U0DENIZ")
TWENTY: Final = [UserId(f"U0N{number:02}") for number in range(20)]


async def waiting(store: ChangeRepository, quorum: int = 1, token: str = "t1", **other: Any) -> Change:
    """A change that waits for approvals, in nobody's hands, due in a minute; `other` is of the change, or was asked."""
    given = {name: other.pop(name) for name in ("flow", "requester", "reason", "website") if name in other}
    change = await submitted(store, token, **given)
    pending: dict[str, Any] = {
        "state": ChangeState.PENDING,
        "rule": ApprovalRule(quorum=quorum),
        "due_at": NOON + 60 * SECOND,
    }
    return await store.transition(change, replace(change, lease_owner=None, lease_until=None, **pending | other))


def yes(person: UserId, after: int = 0) -> Vote:
    """An approval, `after` seconds after noon."""
    return Vote(person, VoteChoice.APPROVE, NOON + after * SECOND)


def no(person: UserId, after: int = 0) -> Vote:
    """A refusal, `after` seconds after noon."""
    return Vote(person, VoteChoice.REJECT, NOON + after * SECOND)


async def unless_late(call: Awaitable[Any]) -> Any:
    """What the call gives, or the conflict that it ends in; any other error is one."""
    try:
        return await call
    except VersionConflictError as conflict:
        return conflict


def ballots(results: Iterable[Any]) -> list[VoteResult]:
    """Those that counted or were counted already."""
    return [result for result in results if isinstance(result, VoteResult)]


def late(results: Iterable[Any]) -> list[VersionConflictError]:
    """Those that came too late."""
    return [result for result in results if isinstance(result, VersionConflictError)]
