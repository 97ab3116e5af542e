"""Votes on a change, and when they reach the quorum."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import Change, ChangeState, Lease, Vote, VoteChoice
from flowbot.domain.ids import ChangeId, UserId
from flowbot.services.ports.storage import VersionConflictError, VoteResult
from flowbot.storage.repositories.change_queries import select_locked
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.repositories.change_writes import lease_columns, next_version
from flowbot.storage.tables import votes


async def count_vote(
    connection: AsyncConnection, change: ChangeId, vote: Vote, lease: Lease, *events: AuditEvent
) -> VoteResult:
    """Count a vote in the transaction of `connection`, with all that follows from it (see the port).

    Raises:
        Conflict: the change is not pending any more.
        LookupError: there is no such change.
    """
    seen = await select_locked(connection, change)
    if seen.state is not ChangeState.PENDING:
        raise VersionConflictError(seen)
    before = await read_votes(connection, change)
    if any((given.person, given.choice) == (vote.person, vote.choice) for given in before):
        return VoteResult(seen, before, is_new=False)
    await _put(connection, change, vote)
    counted = await read_votes(connection, change)
    approved = _is_approved(seen, counted)
    kept = await next_version(connection, seen, _counted(seen, vote, lease if approved else None))
    told = [*events, _approval(kept, vote, counted)] if approved else events
    await append_events(connection, [replace(event, change=change) for event in told])
    return VoteResult(kept, counted, is_new=True)


async def read_votes(connection: AsyncConnection, change: ChangeId) -> tuple[Vote, ...]:
    """The votes on a change, oldest first."""
    wanted = select(votes).where(votes.c.change_id == change).order_by(votes.c.at, votes.c.person)
    return tuple(_read(row) for row in await connection.execute(wanted))


async def _put(connection: AsyncConnection, change: ChangeId, vote: Vote) -> None:
    """Put the vote in the place of this person's earlier one."""
    person = str(vote.person)
    await connection.execute(delete(votes).where(votes.c.change_id == change, votes.c.person == person))
    row = {"change_id": change, "person": person, "vote": vote.choice.value, "at": vote.at}
    await connection.execute(insert(votes).values(row))


def _is_approved(change: Change, counted: tuple[Vote, ...]) -> bool:
    """Whether there are as many approvals as its rule asks for; where no rule is known there never are."""
    approvals = [vote for vote in counted if vote.choice is VoteChoice.APPROVE]
    return change.rule is not None and len(approvals) >= change.rule.quorum


def _counted(seen: Change, vote: Vote, lease: Lease | None) -> Change:
    """The change after this vote: with a lease it is approved, and being applied under it."""
    if lease is None:
        return replace(seen, changed_at=vote.at)
    return replace(seen, state=ChangeState.APPLYING, changed_at=vote.at, due_at=None, **lease_columns(lease))


def _approval(change: Change, last: Vote, counted: tuple[Vote, ...]) -> AuditEvent:
    asked = change.request
    return AuditEvent(
        at=last.at,
        action=AuditAction.APPROVED,
        actor=last.person,
        channel=asked.channel,
        kind=asked.kind,
        flow=asked.flow,
        website=asked.website,
        details={"approvers": [str(vote.person) for vote in counted if vote.choice is VoteChoice.APPROVE]},
    )


def _read(row: Row[Any]) -> Vote:
    return Vote(person=UserId(row.person), choice=VoteChoice(row.vote), at=row.at)
