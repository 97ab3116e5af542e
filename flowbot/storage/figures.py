"""Counts what waits, for those who watch."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select, type_coerce

from flowbot.domain.change import LEASED_STATES, ChangeState
from flowbot.services.ports.storage import ChangeStatistics
from flowbot.storage.change_queries import is_untold
from flowbot.storage.database import Database
from flowbot.storage.tables import UtcDateTime, changes


async def read_figures(database: Database) -> ChangeStatistics:
    """The figures of all changes.

    Raises:
        Fault: the database did not answer.
    """
    untold = is_untold()
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
    return _figures(rows)


def _figures(rows: Mapping[ChangeState, Row[Any]]) -> ChangeStatistics:
    pending = rows.get(ChangeState.PENDING)
    return ChangeStatistics(
        states={state: rows[state].number if state in rows else 0 for state in ChangeState},
        oldest_pending=None if pending is None else pending.created,
        oldest_in_hand=_earliest(rows[state].changed for state in LEASED_STATES if state in rows),
        untold=sum(row.untold for row in rows.values()),
        oldest_untold=_earliest(row.untold_since for row in rows.values()),
    )


def _moment(least: ColumnElement[Any]) -> ColumnElement[Any]:
    """An aggregate of timestamps, typed again: SQLite returns plain text."""
    return type_coerce(least, UtcDateTime)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
