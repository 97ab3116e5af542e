"""Conditions and queries of changes, and their statistics."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, null, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditAction
from flowbot.domain.change import LEASED_STATES, OPEN_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId, FlowId, FormToken
from flowbot.services.ports.storage import ChangeStatistics
from flowbot.storage.repositories.change_rows import read_change
from flowbot.storage.tables import UtcDateTime, changes, events
from flowbot.storage.unit_of_work import Database

LONGEST_LEASE: Final = timedelta(minutes=1)
"""No lease is this long: one that ends later was given before somebody put the clock back."""


OLDEST: Final = (changes.c.created_at, changes.c.id)


NEWEST: Final = (changes.c.created_at.desc(), changes.c.id.desc())


LATEST: Final = (changes.c.changed_at.desc(), changes.c.id.desc())


NEEDED_APPROVAL: Final = changes.c.rule.is_not(null())


IS_PENDING: Final = changes.c.state == ChangeState.PENDING.value


MAKING: Final = frozenset({ChangeKind.CREATE, ChangeKind.RESTORE})
"""The kinds that make a flow."""


async def select_one(connection: AsyncConnection, condition: ColumnElement[bool]) -> Change | None:
    """The change that fulfils the condition; there is one at most."""
    row = (await connection.execute(select(changes).where(condition))).one_or_none()
    return None if row is None else read_change(row)


async def select_locked(connection: AsyncConnection, change: ChangeId) -> Change:
    """The change as it is once nobody else writes to it; it stays so until the transaction ends.

    SQLite knows no `FOR UPDATE` and needs none: a writing transaction is alone.

    Raises:
        LookupError: there is no such change.
    """
    row = (await connection.execute(select(changes).where(changes.c.id == change).with_for_update())).one_or_none()
    if row is None:
        raise LookupError(f"there is no change {change}")
    return read_change(row)


async def select_many(connection: AsyncConnection, wanted: Select[Any]) -> tuple[Change, ...]:
    """The changes of a query for whole rows, in its order."""
    return tuple(read_change(row) for row in await connection.execute(wanted))


async def has_token(connection: AsyncConnection, token: FormToken) -> Change | None:
    """The change that a form became."""
    return await select_one(connection, changes.c.token == token)


async def holds_lease(connection: AsyncConnection, flow: FlowId | None) -> Change | None:
    """The open change of a flow; a flow to be made is held by none."""
    if flow is None:
        return None
    return await select_one(connection, and_(changes.c.flow_id == flow, in_states(OPEN_STATES)))


def in_states(states: frozenset[ChangeState]) -> ColumnElement[bool]:
    """Whether a change is in one of `states`."""
    return changes.c.state.in_(sorted(state.value for state in states))


def is_unshown() -> ColumnElement[bool]:
    """Whether people were not told of the newest version of a change that nobody is at."""
    return and_(~in_states(LEASED_STATES), changes.c.shown_version < changes.c.version)


def is_free(now: datetime) -> ColumnElement[bool]:
    """Whether nobody works on a change at `now`. A lease from a clock that was put back since does not count."""
    until = changes.c.lease_until
    return or_(until.is_(None), until < now, until > now + LONGEST_LEASE)


def is_younger(change: Change) -> ColumnElement[bool]:
    """Whether it comes after `change` in the order of OLDEST."""
    is_later = changes.c.created_at > change.created_at
    return or_(is_later, and_(changes.c.created_at == change.created_at, changes.c.id > change.id))


def is_a_while_ago(moment: ColumnElement[datetime], now: datetime, while_: timedelta) -> ColumnElement[bool]:
    """Whether a moment is at least `while_` before `now`, or was noted by a clock that was put back since."""
    return or_(moment <= now - while_, moment > now + LONGEST_LEASE)


def is_held(change: ChangeId, owner: str) -> ColumnElement[bool]:
    """Whether it is this change, and `owner` has its lease."""
    return and_(changes.c.id == change, changes.c.lease_owner == owner)


def flow_creators(flows: Collection[FlowId], *, except_change: ChangeId | None = None) -> Select[int | None]:
    """The flows among `flows` that changes, all but one, have made, as their events tell."""
    # A restore is submitted on the flow that was deleted, which it does not make.
    is_submission = events.c.action == AuditAction.SUBMITTED.value
    making = and_(events.c.kind.in_(sorted(MAKING)), events.c.flow_id.in_(flows), ~is_submission)
    return select(events.c.flow_id).where(making, events.c.change_id.is_distinct_from(except_change))


def select_approved_before(change: Change) -> Select[Any]:
    """The changes of the same flow that were approved, to enable or to edit it, and applied; the newest first."""
    approving = and_(
        changes.c.flow_id == change.request.flow,
        changes.c.id != change.id,
        changes.c.state == ChangeState.APPLIED,
        changes.c.kind.in_([ChangeKind.ENABLE, ChangeKind.EDIT]),
        changes.c.created_at < change.created_at,
    )
    return select(changes).where(approving, NEEDED_APPROVAL).order_by(*NEWEST)


def select_unsettled(flow: FlowId, kind: ChangeKind, now: datetime, within: timedelta) -> Select[Any]:
    """The changes of this kind of a flow that became unknown less than `within` before `now`, and are so still."""
    is_unknown = and_(changes.c.flow_id == flow, changes.c.kind == kind, changes.c.state == ChangeState.UNKNOWN)
    return select(changes).where(is_unknown, ~is_a_while_ago(changes.c.changed_at, now, within))


async def read_change_statistics(database: Database) -> ChangeStatistics:
    """The figures of all changes.

    Raises:
        DependencyError: the database did not answer.
    """
    untold = is_unshown()
    by_state = select(
        changes.c.state,
        func.count().label("number"),
        _moment(func.min(changes.c.created_at)).label("created"),
        _moment(func.min(changes.c.changed_at)).label("changed"),
        func.count(case((untold, 1))).label("untold"),
        _moment(func.min(case((untold, changes.c.changed_at)))).label("untold_since"),
    ).group_by(changes.c.state)
    async with database.read() as connection:
        rows = {ChangeState(row.state): row for row in await connection.execute(by_state)}
    return _read_statistics(rows)


def _read_statistics(rows: Mapping[ChangeState, Row[Any]]) -> ChangeStatistics:
    pending = rows.get(ChangeState.PENDING)
    return ChangeStatistics(
        states={state: rows[state].number if state in rows else 0 for state in ChangeState},
        oldest_pending=None if pending is None else pending.created,
        oldest_in_progress=_earliest(rows[state].changed for state in LEASED_STATES if state in rows),
        unshown=sum(row.untold for row in rows.values()),
        oldest_unshown=_earliest(row.untold_since for row in rows.values()),
    )


def _moment(least: ColumnElement[Any]) -> ColumnElement[Any]:
    """An aggregate of timestamps, typed again: SQLite returns plain text."""
    return type_coerce(least, UtcDateTime)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
