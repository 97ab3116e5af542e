"""Cases for tests of votes: a pending change, its approvers, and results of many calls at once."""

from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import Any, Final

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import UserId
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.services.ports.changes import VersionConflictError, VoteResult
from flowbot.storage.repositories.changes import ChangeRepository
from tests.storage.change_cases import NOON, SECOND, submit_change

CAN: Final = UserId("U0CAN")
DENIZ: Final = UserId("U0DENIZ")
TWENTY: Final = [UserId(f"U0N{number:02}") for number in range(20)]


async def submit_pending(store: ChangeRepository, quorum: int = 1, token: str = "t1", **other: Any) -> Change:
    """Submit a change and move it to pending, due in a minute; `other` belongs to the request or to the change."""
    given = {name: other.pop(name) for name in ("flow", "requester", "reason", "website") if name in other}
    change = await submit_change(store, token, **given)
    pending: dict[str, Any] = {
        "state": ChangeState.PENDING,
        "rule": ApprovalRule(quorum=quorum),
        "due_at": NOON + 60 * SECOND,
    }
    return await store.replace_if_unchanged(
        change, replace(change, lease_owner=None, lease_until=None, **pending | other)
    )


def approval(person: UserId, after: int = 0) -> Vote:
    """Build an approval, `after` seconds after noon."""
    return Vote(person, VoteChoice.APPROVE, NOON + after * SECOND)


def rejection(person: UserId, after: int = 0) -> Vote:
    """Build a rejection, `after` seconds after noon."""
    return Vote(person, VoteChoice.REJECT, NOON + after * SECOND)


async def catch_conflict(call: Awaitable[Any]) -> Any:
    """Return the call's result, or the conflict that it ends in; any other error is raised."""
    try:
        return await call
    except VersionConflictError as conflict:
        return conflict


def vote_results(results: Iterable[Any]) -> list[VoteResult]:
    """List the votes that counted or were counted already."""
    return [result for result in results if isinstance(result, VoteResult)]


def conflicts(results: Iterable[Any]) -> list[VersionConflictError]:
    """List those that came too late."""
    return [result for result in results if isinstance(result, VersionConflictError)]
