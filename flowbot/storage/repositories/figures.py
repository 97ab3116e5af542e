"""The repository of figures by day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Double,
    Row,
    Table,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.figures import DayTotals, FigureDay, FlowMove, place_reading, week_of
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.services.ports.figures import FigureStore
from flowbot.storage.inserts import insert_into
from flowbot.storage.tables import figure_days, flow_figures, flow_weeks, website_figures
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import find_readable, keep_readable, row_reader

_COUNTS: Final = ("sent", "displayed", "clicked", "closed")
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)


class FigureRepository(FigureStore):
    """The figures by day in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def flow_days(self, flow: FlowId, first: date, last: date) -> Mapping[date, DayTotals]:
        # The days are named, since the key begins with them.
        days = [first + number * _DAY for number in range((last - first).days + 1)]
        is_wanted = and_(flow_figures.c.day.in_(days), flow_figures.c.flow_id == flow)
        async with self._database.query() as connection:
            rows = await connection.execute(select(flow_figures).where(is_wanted))
            return dict(keep_readable(connection, rows, read_flow_day))

    async def website_days(
        self, websites: Collection[WebsiteId] | None, first: date, last: date
    ) -> Mapping[date, DayTotals]:
        is_wanted = and_(website_figures.c.day.between(first, last), _is_of(website_figures, websites))
        async with self._database.query() as connection:
            rows = await connection.execute(select(website_figures).where(is_wanted))
            found = keep_readable(connection, rows, read_website_day)
        days: dict[date, DayTotals] = {}
        for day, moved in found:
            days[day] = _add(days[day], moved) if day in days else moved
        return days

    async def flow_sums(
        self,
        websites: Collection[WebsiteId] | None,
        first: date,
        last: date,
        *,
        flows: Collection[FlowId] | None = None,
    ) -> Mapping[FlowId, Totals]:
        rows = _select_moves(websites, first, last, _COUNTS).subquery("chosen")
        wanted = select(rows.c.flow_id, *(_sum(rows.c[name]) for name in _COUNTS)).group_by(rows.c.flow_id)
        if flows is not None:
            wanted = wanted.where(rows.c.flow_id.in_(flows))
        async with self._database.query() as connection:
            return {FlowId(flow): Totals(*counts) for flow, *counts in await connection.execute(wanted)}

    async def rank_flows(
        self, websites: Collection[WebsiteId] | None, first: date, last: date, *, min_sent: int
    ) -> Sequence[FlowId]:
        # There may be tens of thousands, of which the database makes an order in a fraction of Python's time.
        rows = _select_moves(websites, first, last, ("sent", "displayed", "clicked")).subquery("chosen")
        sent, displayed, clicked = (_sum(rows.c[name]) for name in ("sent", "displayed", "clicked"))
        wanted = select(rows.c.flow_id).group_by(rows.c.flow_id).having(and_(sent >= min_sent, displayed != 0))
        wanted = wanted.order_by(cast(clicked, Double) / displayed, sent, rows.c.flow_id)
        async with self._database.query() as connection:
            return (await connection.scalars(wanted)).all()

    async def whole_days(self, first: date, last: date) -> frozenset[date]:
        newest = select(func.max(figure_days.c.day)).scalar_subquery()
        wanted = select(figure_days).where(figure_days.c.day.between(first, last), figure_days.c.day < newest)
        async with self._database.query() as connection:
            days = keep_readable(connection, await connection.execute(wanted), read_figure_day)
        return frozenset(each.day for each in days if each.is_whole)

    async def delete_older_than(self, day: date) -> None:
        async with self._database.write() as connection:
            for table in (flow_figures, website_figures, figure_days):
                await connection.execute(delete(table).where(table.c.day < day))
            await connection.execute(delete(flow_weeks).where(flow_weeks.c.week <= day - _WEEK))


async def record_reading(connection: AsyncConnection, at: datetime, moves: Iterable[FlowMove], zone: ZoneInfo) -> None:
    """Record a reading of all flows and what moved since the one before, in the transaction of `connection`.

    Every reading is recorded, also where nothing moved, so that its day counts as whole. The caller sees to it that
    one reading is recorded at a time.
    """
    newest = select(figure_days).order_by(figure_days.c.day.desc()).limit(1)
    last = await find_readable(connection, newest, read_figure_day)
    day, changed = place_reading(last, at, zone)
    if last is not None and changed and changed[-1].day < last.day:
        await connection.execute(delete(figure_days).where(figure_days.c.day > changed[-1].day))
    for each in changed:
        row = {"day": each.day, "read_at": each.read_at, "is_whole": each.is_whole}
        await _upsert(connection, figure_days, [row], replaced=("read_at", "is_whole"))
    by_website: dict[WebsiteId, DayTotals] = {}
    flows: list[dict[str, Any]] = []
    for move in moves:
        known = by_website.get(move.website)
        by_website[move.website] = move.moved if known is None else _add(known, move.moved)
        flows.append({"flow_id": move.flow, "website_id": move.website, **_columns(move.moved)})
    if not flows:
        return
    counted = {"added": _COUNTS, "either": ("has_shrunk",)}
    await _upsert(connection, flow_figures, [{"day": day, **row} for row in flows], replaced=("website_id",), **counted)
    weeks = [{"week": week_of(day), **row} for row in flows]
    for row in weeks:
        del row["has_shrunk"]
    await _upsert(connection, flow_weeks, weeks, replaced=("website_id",), added=_COUNTS)
    sums = [{"day": day, "website_id": website, **_columns(moved)} for website, moved in by_website.items()]
    await _upsert(connection, website_figures, sums, **counted)


async def _upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    replaced: Iterable[str] = (),
    added: Iterable[str] = (),
    either: Iterable[str] = (),
) -> None:
    """Insert rows; of one that is there, replace some columns, add to others, and keep what is true of either."""
    insert = insert_into(connection, table)
    values: dict[str, Any] = {name: insert.excluded[name] for name in replaced}
    values |= {name: table.c[name] + insert.excluded[name] for name in added}
    values |= {name: or_(table.c[name], insert.excluded[name]) for name in either}
    keys = list(table.primary_key.columns)
    await connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def _select_moves(
    websites: Collection[WebsiteId] | None, first: date, last: date, counts: Iterable[str]
) -> CompoundSelect[Any]:
    """Select rows that sum up to what moved of each flow in these days: of whole weeks, and of the days around them."""
    monday, end = week_of(first + 6 * _DAY), week_of(last + _DAY)
    days, weeks = flow_figures.c.day, flow_weeks.c.week
    parts: list[tuple[Table, ColumnElement[bool]]] = [(flow_figures, days.between(first, last))]
    if monday < end:
        parts = [
            (flow_figures, and_(days >= first, days < monday)),
            (flow_weeks, and_(weeks >= monday, weeks < end)),
            (flow_figures, and_(days >= end, days <= last)),
        ]
    return union_all(
        *(
            select(table.c.flow_id, *(table.c[name] for name in counts)).where(is_in, _is_of(table, websites))
            for table, is_in in parts
        )
    )


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    # PostgreSQL's sum of such is a decimal.
    return cast(func.sum(column), BigInteger)


def _is_of(table: Table, websites: Collection[WebsiteId] | None) -> ColumnElement[bool]:
    return table.c.website_id.is_not(None) if websites is None else table.c.website_id.in_(websites)


def _columns(moved: DayTotals) -> dict[str, Any]:
    return {name: getattr(moved, name) for name in (*_COUNTS, "has_shrunk")}


def _add(one: DayTotals, other: DayTotals) -> DayTotals:
    counts = {name: getattr(one, name) + getattr(other, name) for name in _COUNTS}
    return DayTotals(**counts, has_shrunk=one.has_shrunk or other.has_shrunk)


@row_reader(flow_figures)
def read_flow_day(row: Row[Any]) -> tuple[date, DayTotals]:
    """Read what moved of a flow in a day from its row."""
    return row.day, _read_totals(row)


@row_reader(website_figures)
def read_website_day(row: Row[Any]) -> tuple[date, DayTotals]:
    """Read what moved of a website in a day from its row."""
    return row.day, _read_totals(row)


@row_reader(figure_days)
def read_figure_day(row: Row[Any]) -> FigureDay:
    """Read a day with readings from its row."""
    return FigureDay(row.day, row.read_at, row.is_whole)


def _read_totals(row: Row[Any]) -> DayTotals:
    return DayTotals(**{name: getattr(row, name) for name in _COUNTS}, has_shrunk=row.has_shrunk)
