"""Conditions and queries of changes, votes and events, and the statistics of changes.

`select_…` builds a statement, `fetch_…` runs one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction
from flowbot.domain.change import (
    CREATING_KINDS,
    LEASED_STATES,
    OPEN_STATES,
    WAITING_STATES,
    Change,
    ChangeKind,
    ChangeState,
    Lease,
)
from flowbot.domain.ids import ChangeId, FlowId, FormToken, WebsiteId
from flowbot.domain.remarks import REMARK_ACTIONS
from flowbot.domain.votes import Vote
from flowbot.services.ports.changes import EventFilter, RequestRecord, WaitingRequest
from flowbot.services.ports.leases import Backlog, ChangeInProgress, Leasable
from flowbot.services.ports.statistics import ChangeStatistics
from flowbot.storage.column_types import UtcDateTime
from flowbot.storage.repositories.change_rows import WAITING_COLUMNS, read_change, read_vote, read_waiting
from flowbot.storage.repositories.scopes import fetch_scope, fetch_scopes
from flowbot.storage.tables import changes, events, reports, votes
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import fetch_readable, keep_readable, row_reader, rows_aside

OLDEST: Final = (changes.c.created_at, changes.c.id)
NEWEST: Final = (changes.c.created_at.desc(), changes.c.id.desc())
VOTES_BY_TIME: Final = (votes.c.at, votes.c.person)
NEEDED_APPROVAL: Final = changes.c.rule.is_not(null())
IS_PENDING: Final = changes.c.state == ChangeState.PENDING.value
IS_TIMED_DISABLE: Final = and_(changes.c.kind == ChangeKind.DISABLE.value, changes.c.not_before.is_not(null()))
IS_UNOBSERVED: Final = and_(changes.c.observed_at.is_(None), changes.c.sent_at.is_not(None))
"""Matches changes that were sent and that the watch has not counted yet."""
IS_UNWRITTEN_REVISION: Final = and_(changes.c.parent.is_not(None), changes.c.sent_at.is_(None))
"""Matches revisions that became the content of their request, and were not written themselves."""
DUE_STATES: Final = WAITING_STATES | {ChangeState.UNKNOWN}
"""A waiting change is due to be reminded of, to expire or to start, an unknown one to be looked for."""
_WITH_VOTES: Final = (
    select(changes, votes)
    .outerjoin(votes, votes.c.change_id == changes.c.id)
    .where(changes.c.id == bindparam("change"))
    .order_by(*VOTES_BY_TIME)
)
"""A change in a row for each vote on it, oldest first; in one row where there is none."""


def in_states(states: frozenset[ChangeState]) -> ColumnElement[bool]:
    """Match changes in one of `states`."""
    return changes.c.state.in_(sorted(state.value for state in states))


def has_lease_of(seen: Leasable) -> ColumnElement[bool]:
    """Match the change that was seen, where it still has the same lease, or still none."""
    owner, until, lease = changes.c.lease_owner, changes.c.lease_until, seen.lease
    is_free = or_(owner.is_(None), until.is_(None))
    is_as_seen = is_free if lease is None else and_(owner == lease.owner, until == lease.until)
    return and_(changes.c.id == seen.id, is_as_seen)


def is_in_progress() -> ColumnElement[bool]:
    """Match changes that a process has to work on. One that follows another waits for the end of that."""
    followed = changes.alias()
    is_applying = followed.c.state == ChangeState.APPLYING.value
    waits = exists().where(followed.c.id == changes.c.follows, is_applying)
    return and_(in_states(LEASED_STATES), ~waits)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Match changes whose `due_at` has come."""
    return and_(in_states(DUE_STATES), changes.c.due_at <= now)


def is_leased_by(owner: str, change: ChangeId) -> ColumnElement[bool]:
    """Match `change`, where `owner` has its lease."""
    return and_(changes.c.id == change, changes.c.lease_owner == owner)


def is_unshown() -> ColumnElement[bool]:
    """Match changes that have nothing left to do and whose newest version was not shown to people."""
    return and_(~in_states(LEASED_STATES), changes.c.shown_version < changes.c.version)


def is_unshown_report() -> ColumnElement[bool]:
    """Match reports whose newest version was not shown to people."""
    return reports.c.shown_version < reports.c.version


async def fetch_one(connection: AsyncConnection, condition: ColumnElement[bool]) -> Change | None:
    """Read the change that fulfils the condition; there is one at most."""
    row = (await connection.execute(select(changes).where(condition))).one_or_none()
    return None if row is None else read_change(row)


async def fetch_record(connection: AsyncConnection, change: ChangeId) -> RequestRecord:
    """Read a change with its votes and its channel's scope.

    Raises:
        LookupError: there is no such change.
    """
    rows = (await connection.execute(_WITH_VOTES, {"change": change})).all()
    if not rows:
        raise LookupError(f"there is no change {change}")
    found = read_change(rows[0])
    given = keep_readable(connection, (row for row in rows if row.change_id is not None), read_vote)
    return RequestRecord(found, given, await fetch_scope(connection, found.request.channel))


async def fetch_records(connection: AsyncConnection, wanted: Sequence[ChangeId]) -> tuple[RequestRecord, ...]:
    """Read several changes in this order, with their votes and their channels' scopes."""
    found = {
        change.id: change for change in await fetch_many(connection, select(changes).where(changes.c.id.in_(wanted)))
    }
    given = await fetch_votes_by_change(connection, wanted)
    scopes = await fetch_scopes(connection, {change.request.channel for change in found.values()})
    return tuple(
        RequestRecord(found[each], given[each], scopes[found[each].request.channel]) for each in wanted if each in found
    )


async def fetch_for_update(connection: AsyncConnection, change: ChangeId) -> Change:
    """Read the change once nobody else writes to it; it stays so until the transaction ends.

    SQLite knows no `FOR UPDATE` and needs none: a writing transaction is alone.

    Raises:
        LookupError: there is no such change.
    """
    row = (await connection.execute(select(changes).where(changes.c.id == change).with_for_update())).one_or_none()
    if row is None:
        raise LookupError(f"there is no change {change}")
    return read_change(row)


async def update_one(
    connection: AsyncConnection, change: ChangeId, values: Mapping[str, Any], *more: ColumnElement[Any]
) -> Row[Any]:
    """Write to a change, in no new version, and return its row as it is then, with `more`.

    Raises:
        LookupError: there is no such change.
    """
    updated = update(changes).where(changes.c.id == change).values(values).returning(changes, *more)
    row: Row[Any] | None = (await connection.execute(updated)).one_or_none()
    if row is None:
        raise LookupError(f"there is no change {change}")
    return row


async def fetch_many(connection: AsyncConnection, wanted: Select[Any]) -> tuple[Change, ...]:
    """Read the changes of a query for whole rows, in its order, without those that cannot be read."""
    return await fetch_readable(connection, changes, wanted, read_change)


async def fetch_backlog(connection: AsyncConnection, now: datetime) -> Backlog:
    """Read the changes that a process has to work on, and look for one that is due, and for what is unshown."""
    aside = rows_aside(connection)
    known = changes.c.id.not_in(aside.keys(changes))
    due = exists().where(is_due(now), known)
    unshown = exists().where(is_unshown(), known)
    unshown_report = exists().where(is_unshown_report(), reports.c.id.not_in(aside.keys(reports)))
    found = (await connection.execute(select(due, unshown, unshown_report))).one()
    has_due, has_unshown, has_unshown_reports = found
    wanted = select(changes.c.id, changes.c.version, changes.c.lease_owner, changes.c.lease_until)
    in_progress = await fetch_readable(
        connection, changes, wanted.where(is_in_progress()).order_by(*OLDEST), _read_work
    )
    return Backlog(in_progress, has_due=has_due, has_unshown=has_unshown, has_unshown_reports=has_unshown_reports)


@row_reader(changes)
def _read_work(row: Row[Any]) -> ChangeInProgress:
    """Read what a process has to work on."""
    return ChangeInProgress(ChangeId(row.id), row.version, Lease.of(row.lease_owner, row.lease_until))


async def fetch_waiting(connection: AsyncConnection) -> tuple[WaitingRequest, ...]:
    """Read the changes that wait for people or for their time, oldest first, without what only their message shows."""
    wanted = select(*WAITING_COLUMNS).where(in_states(WAITING_STATES)).order_by(*OLDEST)
    waiting = await fetch_readable(connection, changes, wanted, read_waiting)
    on_pending = select(votes).join(changes, changes.c.id == votes.c.change_id).where(IS_PENDING)
    given = await _group_votes(connection, on_pending)
    return tuple(replace(each, votes=tuple(given[each.id])) if each.id in given else each for each in waiting)


async def _group_votes(connection: AsyncConnection, wanted: Select[Any]) -> dict[ChangeId, list[Vote]]:
    """Read votes, oldest first, by their change."""
    rows, found = await connection.execute(wanted.order_by(*VOTES_BY_TIME)), dict[ChangeId, list[Vote]]()
    for change, vote in keep_readable(connection, rows, _read_vote_of):
        found.setdefault(change, []).append(vote)
    return found


def _read_vote_of(row: Row[Any]) -> tuple[ChangeId, Vote]:
    """Read a vote with the id of its change."""
    return ChangeId(row.change_id), read_vote(row)


async def fetch_by_token(connection: AsyncConnection, token: FormToken) -> Change | None:
    """Read the change that a form became."""
    return await fetch_one(connection, changes.c.token == token)


async def fetch_open(connection: AsyncConnection, flow: FlowId) -> Change | None:
    """Read the open change of a flow, not one that follows or revises it, nor a disable that waits for its time."""
    is_open = and_(
        changes.c.flow_id == flow, in_states(OPEN_STATES), changes.c.follows.is_(None), changes.c.parent.is_(None)
    )
    runs = or_(~IS_TIMED_DISABLE, changes.c.state == ChangeState.APPLYING.value)
    return await fetch_one(connection, and_(is_open, runs))


async def fetch_revising(connection: AsyncConnection, flow: FlowId) -> Change | None:
    """Read the revision of a flow that is being written."""
    is_written = and_(changes.c.parent.is_not(None), changes.c.state == ChangeState.APPLYING.value)
    return await fetch_one(connection, and_(changes.c.flow_id == flow, is_written))


async def fetch_votes(connection: AsyncConnection, change: ChangeId) -> tuple[Vote, ...]:
    """Read the votes on a change, oldest first."""
    wanted = select(votes).where(votes.c.change_id == change).order_by(*VOTES_BY_TIME)
    return keep_readable(connection, await connection.execute(wanted), read_vote)


async def fetch_votes_by_change(
    connection: AsyncConnection, wanted: Sequence[ChangeId]
) -> Mapping[ChangeId, tuple[Vote, ...]]:
    """Read the votes on several changes, oldest first."""
    given = await _group_votes(connection, select(votes).where(votes.c.change_id.in_(wanted)))
    return {change: tuple(given.get(change, ())) for change in wanted}


def select_history(websites: frozenset[WebsiteId] | None, flow: FlowId | None) -> Select[Any]:
    """Select the changes of `websites` (None: of all), or of one flow among them, the latest moved first."""
    wanted = select(changes).where(~IS_UNWRITTEN_REVISION).order_by(changes.c.changed_at.desc(), *NEWEST)
    if websites is not None:
        wanted = wanted.where(changes.c.website_id.in_(sorted(websites)))
    if flow is not None:
        # By its events: the change that made the flow was submitted without its number.
        wanted = wanted.where(changes.c.id.in_(select(events.c.change_id).where(events.c.flow_id == flow)))
    return wanted


def select_created_flows(flows: Collection[FlowId], *, except_change: ChangeId | None = None) -> Select[int | None]:
    """Select those of `flows` that a change other than `except_change` created, by its events."""
    # A restore is submitted on the flow that was deleted, which it does not make.
    is_submission = events.c.action == AuditAction.SUBMITTED.value
    created = and_(events.c.kind.in_(sorted(CREATING_KINDS)), events.c.flow_id.in_(flows), ~is_submission)
    return select(events.c.flow_id).where(created, events.c.change_id.is_distinct_from(except_change))


def select_events(scope: EventFilter) -> Select[Any]:
    """Select the events of `scope`, newest first.

    A flow's are also those of the change that made it, from when it had no id yet, and all of its restore, which is
    submitted on the deleted flow.
    """
    wanted = select(events).order_by(events.c.number.desc())
    if scope.websites is not None:
        wanted = wanted.where(events.c.website_id.in_(sorted(scope.websites)))
    if scope.flow is not None:
        of_flow = events.c.flow_id == scope.flow
        is_elsewhere = or_(events.c.flow_id.is_(None), events.c.kind == ChangeKind.RESTORE.value)
        same_change = events.c.change_id.in_(select(events.c.change_id).where(of_flow))
        wanted = wanted.where(or_(of_flow, and_(is_elsewhere, same_change)))
    if scope.except_actions:
        wanted = wanted.where(events.c.action.not_in(sorted(scope.except_actions)))
    return wanted


def select_remarks(remarked: Collection[Change]) -> Select[Any]:
    """Select the events of remarks on requests, by their flows, which are indexed."""
    flows, ids = {change.request.flow for change in remarked}, [change.id for change in remarked]
    of_changes = and_(events.c.flow_id.in_(flows - {None}), events.c.change_id.in_(ids))
    return select(events).where(of_changes, events.c.action.in_(sorted(REMARK_ACTIONS)))


async def read_change_statistics(database: Database) -> ChangeStatistics:
    """Count the changes in each state, and find the oldest of those that wait.

    Raises:
        DependencyError: the database did not answer.
    """

    def moment(aggregate: ColumnElement[Any]) -> ColumnElement[Any]:
        # SQLite returns an aggregate of timestamps as plain text, unless it is typed again.
        return type_coerce(aggregate, UtcDateTime)

    unshown = is_unshown()
    by_state = select(
        changes.c.state,
        func.count().label("number"),
        moment(func.min(changes.c.created_at)).label("created"),
        moment(func.min(changes.c.changed_at)).label("changed"),
        func.count(case((unshown, 1))).label("unshown"),
        moment(func.min(case((unshown, changes.c.changed_at)))).label("unshown_since"),
    ).group_by(changes.c.state)
    async with database.read() as connection:
        rows = {row.state: row for row in await connection.execute(by_state)}
    pending = rows.get(ChangeState.PENDING)
    return ChangeStatistics(
        states={state: rows[state].number if state in rows else 0 for state in ChangeState},
        oldest_pending=_earliest([pending.created] if pending else []),
        oldest_in_progress=_earliest(rows[state].changed for state in LEASED_STATES if state in rows),
        unshown=sum(row.unshown for row in rows.values()),
        oldest_unshown=_earliest(row.unshown_since for row in rows.values()),
        unreadable=database.unreadable.count(),
    )


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if isinstance(moment, datetime)), default=None)
