"""Figures by day: recorded with each reading, summed by day and by flow, kept for two years."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.figures import DayTotals, FlowMove, week_of
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.storage.repositories.figures import FigureRepository, record_reading
from flowbot.storage.unit_of_work import Database

ZONE: Final = ZoneInfo("Europe/Istanbul")
SHOP, BLOG = WebsiteId(1), WebsiteId(2)
SALE, NEWS = FlowId(7), FlowId(8)
DAY: Final = timedelta(days=1)
FIRST: Final = date(2026, 12, 1)


@pytest.fixture
def figures(database: Database) -> FigureRepository:
    """Return the store of figures."""
    return FigureRepository(database)


def moment(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


def moved(flow: FlowId, sent: int, *, website: WebsiteId = SHOP, has_shrunk: bool = False) -> FlowMove:
    return FlowMove(flow, website, DayTotals(sent, sent // 2, sent // 4, sent // 8, has_shrunk=has_shrunk))


async def record(database: Database, at: datetime, *moves: FlowMove) -> None:
    async with database.write() as connection:
        await record_reading(connection, at, moves, ZONE)


async def record_hours(database: Database, day: date, hours: Iterable[int], *moves: FlowMove) -> None:
    """Record a reading at each of the hours after a day's midnight, all in one transaction."""
    async with database.write() as connection:
        for hour in hours:
            await record_reading(connection, moment(day, 0) + timedelta(hours=hour), moves, ZONE)


async def test_moves_add_up_by_flow_and_by_website(database: Database, figures: FigureRepository) -> None:
    await record(database, moment(FIRST, 10))
    await record(database, moment(FIRST, 11), moved(SALE, 8), moved(NEWS, 16, website=BLOG))
    await record(database, moment(FIRST, 12), moved(SALE, 24))
    await record(database, moment(FIRST + DAY, 12), moved(SALE, 80))
    days = await figures.flow_days(SALE, FIRST, FIRST + DAY)
    assert days == {FIRST: DayTotals(32, 16, 8, 4), FIRST + DAY: DayTotals(80, 40, 20, 10)}
    assert await figures.flow_days(SALE, FIRST + DAY, FIRST + 9 * DAY) == {FIRST + DAY: DayTotals(80, 40, 20, 10)}
    everything = await figures.website_days(None, FIRST, FIRST)
    assert everything == {FIRST: DayTotals(48, 24, 12, 6)}
    assert await figures.website_days([BLOG], FIRST, FIRST + DAY) == {FIRST: DayTotals(16, 8, 4, 2)}
    assert await figures.website_days([], FIRST, FIRST + DAY) == {}
    assert await figures.flow_sums([SHOP], FIRST, FIRST + DAY) == {SALE: Totals(112, 56, 28, 14)}
    assert await figures.flow_sums(None, FIRST, FIRST + DAY, flows=[SALE]) == {SALE: Totals(112, 56, 28, 14)}
    assert await figures.flow_sums(None, FIRST, FIRST + DAY, flows=[]) == {}


async def test_flows_are_ranked_by_what_moved_in_all_days(database: Database, figures: FigureRepository) -> None:
    moves = {
        "more of twice as many": (DayTotals(900, 30, 9), DayTotals(100, 30, 12)),
        "few of many": (DayTotals(200, 100, 1), DayTotals(0, 50, 2)),
        "alike, and sent more": (DayTotals(400, 300, 3), DayTotals(0, 0, 3)),
        "never displayed": (DayTotals(300, 0, 5), DayTotals(300, 0, 5)),
        "sent too rarely": (DayTotals(98, 10, 10), DayTotals(1, 1, 1)),
        "elsewhere": (DayTotals(900, 30, 30), DayTotals(0, 0, 0)),
    }
    websites = {FlowId(number): BLOG if name == "elsewhere" else SHOP for number, name in enumerate(moves)}
    for number in range(2):
        of_day = zip(websites.items(), (each[number] for each in moves.values()), strict=True)
        await record(database, moment(FIRST + number * DAY), *(FlowMove(*flow, each) for flow, each in of_day))
    names = list(moves)

    async def rank(websites: list[WebsiteId] | None, last: date) -> list[str]:
        return [names[flow] for flow in await figures.rank_flows(websites, FIRST, last, min_sent=100)]

    best_of_shop = ["few of many", "alike, and sent more", "more of twice as many"]
    assert await rank([SHOP], FIRST + DAY) == best_of_shop
    assert await rank(None, FIRST + DAY) == [*best_of_shop, "elsewhere"]
    assert await rank([SHOP], FIRST) == best_of_shop
    assert await rank([], FIRST + DAY) == []


async def test_totals_that_shrank_are_said(database: Database, figures: FigureRepository) -> None:
    await record(database, moment(FIRST, 10))
    await record(database, moment(FIRST, 11), moved(SALE, 8, has_shrunk=True), moved(NEWS, 8))
    await record(database, moment(FIRST, 12), moved(SALE, 8))
    assert (await figures.flow_days(SALE, FIRST, FIRST))[FIRST] == DayTotals(16, 8, 4, 2, has_shrunk=True)
    assert (await figures.website_days([SHOP], FIRST, FIRST))[FIRST].has_shrunk
    assert not (await figures.flow_days(NEWS, FIRST, FIRST))[FIRST].has_shrunk


async def test_only_days_that_are_over_and_without_a_gap_are_whole(
    database: Database, figures: FigureRepository
) -> None:
    await record_hours(database, FIRST, (hour for hour in range(18, 4 * 24) if hour != 60))
    assert await figures.whole_days(FIRST, FIRST + 5 * DAY) == {FIRST + DAY}
    await record(database, moment(FIRST + 4 * DAY, 0), moved(SALE, 8))
    assert await figures.whole_days(FIRST, FIRST + 5 * DAY) == {FIRST + DAY, FIRST + 3 * DAY}
    assert set(await figures.flow_days(SALE, FIRST, FIRST + 9 * DAY)) == {FIRST + 3 * DAY}, "it moved before midnight"


async def test_days_of_a_clock_that_was_far_ahead_never_were(database: Database, figures: FigureRepository) -> None:
    await record(database, moment(FIRST, 12))
    await record_hours(database, FIRST + 300 * DAY, range(30))
    assert await figures.whole_days(FIRST, FIRST + 400 * DAY) == frozenset()
    await record_hours(database, FIRST, range(13, 50), moved(SALE, 8))
    assert await figures.whole_days(FIRST, FIRST + 400 * DAY) == {FIRST + DAY}
    assert set(await figures.flow_days(SALE, FIRST, FIRST + 9 * DAY)) == {FIRST, FIRST + DAY, FIRST + 2 * DAY}


async def test_a_flow_that_moves_keeps_its_days_under_its_new_website(
    database: Database, figures: FigureRepository
) -> None:
    await record(database, moment(FIRST, 11), moved(SALE, 8))
    await record(database, moment(FIRST, 12), moved(SALE, 16, website=BLOG))
    assert await figures.flow_sums([BLOG], FIRST, FIRST) == {SALE: Totals(24, 12, 6, 3)}
    assert (await figures.website_days([SHOP], FIRST, FIRST))[FIRST].sent == 8


async def test_old_days_are_deleted(database: Database, figures: FigureRepository) -> None:
    for number in range(20):
        await record(database, moment(FIRST + number * DAY), moved(SALE, 8))
    await figures.delete_older_than(FIRST + 10 * DAY)
    assert min(await figures.flow_days(SALE, FIRST, FIRST + 30 * DAY)) == FIRST + 10 * DAY
    assert min(await figures.website_days(None, FIRST, FIRST + 30 * DAY)) == FIRST + 10 * DAY
    for first in range(10, 20):
        sums = await figures.flow_sums(None, FIRST + first * DAY, FIRST + 19 * DAY)
        assert sums == {SALE: Totals(8 * (20 - first), 4 * (20 - first), 2 * (20 - first), 20 - first)}
    async with database.read() as connection:
        weeks = await connection.exec_driver_sql("SELECT min(week) FROM flow_weeks")
        assert str(weeks.scalar_one()) == str(week_of(FIRST + 10 * DAY))


async def test_every_sum_is_that_of_its_days(database: Database, figures: FigureRepository) -> None:
    """Weeks and the days around them leave nothing out and count nothing twice."""
    async with database.write() as connection:
        for number in range(23):
            await record_reading(connection, moment(FIRST + number * DAY), [moved(SALE, 2**number)], ZONE)
    for first in (0, 5, 6, 7, 13):
        for last in (first, *range(max(first, 11), 15), 20, 22):
            sums = await figures.flow_sums([SHOP], FIRST + first * DAY, FIRST + last * DAY)
            assert sums[SALE].sent == sum(2**number for number in range(first, last + 1)), (first, last)
