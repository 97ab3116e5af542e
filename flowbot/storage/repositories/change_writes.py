"""The writes of changes that take several statements, each in the transaction of its caller."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.approval import apply_vote, waiting_stage
from flowbot.domain.audit import AuditEvent, Transition, transition_event
from flowbot.domain.change import LEASED_STATES, Change, ChangeRequest, ChangeState, Lease, with_lease
from flowbot.domain.ids import ChangeId
from flowbot.domain.transitions import UNSENT_ONLY
from flowbot.domain.votes import Vote, counts_already
from flowbot.errors import DatabaseFaultError
from flowbot.services.ports.changes import FlowBusyError, RequestRecord, VersionConflictError, VoteResult
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.repositories import change_queries as queries
from flowbot.storage.repositories.change_rows import append_events, change_row, changed_columns, read_change, vote_row
from flowbot.storage.repositories.finding_answers import settle_finding
from flowbot.storage.repositories.scopes import fetch_scope
from flowbot.storage.repositories.step_requests import end_step
from flowbot.storage.tables import changes, new_id, votes

_SUBMIT_ATTEMPTS: Final = 5


async def insert_or_find(
    connection: AsyncConnection, new: ChangeRequest, lease: Lease, now: datetime, displacing: Transition | None
) -> tuple[Change, bool]:
    """Insert a change, or find the one with its token; return whether it is new.

    Whatever stood in the way may be gone when it is looked for: then there is another try, under another id.

    Raises:
        FlowBusyError: the flow has an open change, and `displacing` does not end it.
    """
    if (revising := await _find_revising(connection, new, displacing)) is not None:
        # Nobody sees the flow as it will be in a moment.
        if known := await queries.fetch_by_token(connection, new.token):
            return known, False
        raise FlowBusyError(revising)
    attempt, follows = 0, None
    while True:
        attempt += 1
        change = Change(
            id=ChangeId(new_id()),
            request=new,
            state=ChangeState.DRAFT,
            version=1,
            created_at=now,
            changed_at=now,
            due_at=now,
            lease_owner=lease.owner,
            lease_until=lease.until,
            follows=follows,
        )
        if await insert_if_absent(connection, changes, change_row(change)):
            return change, True
        if known := await queries.fetch_by_token(connection, new.token):
            return known, False
        current = None if new.flow is None else await queries.fetch_open(connection, new.flow)
        if current is not None and new.repeats is not None:
            # It leaves the flow as an open request knows it, so that goes on beside it.
            follows = current.id
        elif current is not None:
            if displacing is None or attempt == _SUBMIT_ATTEMPTS:
                raise FlowBusyError(current)
            follows = await displace(connection, current, displacing, now)
        elif attempt == _SUBMIT_ATTEMPTS:
            raise DatabaseFaultError


async def _find_revising(
    connection: AsyncConnection, new: ChangeRequest, displacing: Transition | None
) -> Change | None:
    """Find the revision that is being written to the flow, if the new change has to wait for it."""
    is_decided = displacing is not None or any(each is not None for each in (new.parent, new.repeats, new.cause))
    if new.flow is None or is_decided or new.is_timed_disable:
        return None
    return await queries.fetch_revising(connection, new.flow)


async def displace(
    connection: AsyncConnection, open_change: Change, step: Transition, now: datetime
) -> ChangeId | None:
    """End a flow's open change by `step`; return the change to follow where it is being applied, and goes on.

    Where somebody has moved it meanwhile, nothing is done: it has to be looked for again.
    """
    if open_change.state is ChangeState.APPLYING:
        return open_change.id
    ended = replace(open_change, state=step.to, outcome=step.outcome, changed_at=now, due_at=None)
    try:
        await write_if_unchanged(connection, open_change, with_lease(None, ended))
    except VersionConflictError:
        return None
    await append_events(connection, [transition_event(open_change, now, step)], change=open_change.id)
    return None


async def displace_open(connection: AsyncConnection, taking: Change, step: Transition) -> None:
    """End the open change of a flow whose place `taking` takes.

    Raises:
        FlowBusyError: it is being applied.
        VersionConflictError: somebody moves it at this moment.
    """
    flow = taking.request.flow
    current = None if flow is None else await queries.fetch_open(connection, flow)
    if current is None or current.id == taking.id:
        return
    if await displace(connection, current, step, taking.changed_at) is not None:
        raise FlowBusyError(current)


async def write_if_unchanged(connection: AsyncConnection, seen: Change, moved: Change) -> Change:
    """Put `moved` in the place of `seen`, if the row still has its version and its lease owner.

    Raises:
        VersionConflictError: somebody was faster, or it was sent and `moved` may only be if it was not.
        LookupError: there is no such change.
    """
    is_as_seen = and_(
        changes.c.id == seen.id,
        changes.c.version == seen.version,
        changes.c.lease_owner.is_not_distinct_from(seen.lease_owner),
    )
    if seen.state is ChangeState.APPLYING and moved.state in UNSENT_ONLY:
        is_as_seen = and_(is_as_seen, changes.c.sent_at.is_(None))
    replaced = update(changes).where(is_as_seen).values(changed_columns(seen, moved)).returning(changes)
    row = (await connection.execute(replaced)).one_or_none()
    if row is not None:
        change = read_change(row)
        if moved.progress.round != seen.progress.round:
            # Without their rows no older process counts them for the new content, either.
            await connection.execute(delete(votes).where(votes.c.change_id == seen.id))
        await settle_finding(connection, change)
        await end_step(connection, change)
        return change
    current = await queries.fetch_one(connection, changes.c.id == seen.id)
    if current is None:
        raise LookupError(f"there is no change {seen.id}")
    raise VersionConflictError(current)


async def count_vote(
    connection: AsyncConnection,
    seen: Change,
    before: tuple[Vote, ...],
    vote: Vote,
    lease: Lease,
    *new_events: AuditEvent,
) -> VoteResult:
    """Count a vote in the transaction of `connection`, as `ChangeStore.record_vote` says.

    Raises:
        VersionConflictError: the change is not pending, or not as it was seen; nothing was written.
    """
    if seen.state is not ChangeState.PENDING or seen.progress.revised_by is not None:
        raise VersionConflictError(seen)
    if any(replace(given, at=vote.at) == vote for given in before):
        return VoteResult(seen, before, is_new=False)
    others = tuple(given for given in before if given.person != vote.person or given.choice is vote.choice)
    if vote.stage != waiting_stage(seen, others) or counts_already(vote, others):
        # Another vote came in between: whoever gave this one decides again.
        raise VersionConflictError(seen)
    counted = tuple(sorted((*others, vote), key=lambda given: (given.at, given.person)))
    moved, approved = apply_vote(seen, counted, vote, lease)
    # First of all: whoever counts another vote waits here, and finds another version.
    written = await write_if_unchanged(connection, seen, moved)
    if len(others) < len(before):
        await connection.execute(delete(votes).where(votes.c.change_id == seen.id, votes.c.person == str(vote.person)))
    await connection.execute(insert(votes).values(vote_row(seen.id, vote)))
    await append_events(connection, (*new_events, *approved), change=seen.id)
    if written.state not in LEASED_STATES:
        return VoteResult(written, counted, is_new=True)
    scope = await fetch_scope(connection, written.request.channel)
    return VoteResult(written, counted, is_new=True, record=RequestRecord(written, counted, scope))
