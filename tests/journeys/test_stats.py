"""`/flows stats`: a chart by day, the best and the worst flows, and what is said where days are not known."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from flowbot.domain.figures import DayTotals, FlowMove
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.figures import record_reading
from flowbot.storage.tables import figure_days
from tests.journeys.watch_steps import watch_flows
from tests.journeys.world import AGENCY, MARKETING, World, on_both_databases

ZONE: Final = ZoneInfo("Europe/Istanbul")
DAY: Final = timedelta(days=1)
TODAY: Final = date(2026, 12, 31)


def chart_of(message: Message) -> dict[str, Any]:
    """Return the message's chart."""
    (chart,) = [block for block in message.blocks or () if block["type"] == "data_visualization"]
    return chart


def points_of(message: Message) -> dict[str, list[float]]:
    """Return the values of the chart's lines, by their names."""
    series = chart_of(message)["chart"]["series"]
    return {each["name"]: [point["value"] for point in each["data"]] for each in series}


def at(day: date, hour: float = 12) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)


def move(flow: int, sent: int, clicked: int, *, website: int = 1, has_shrunk: bool = False) -> FlowMove:
    moved = DayTotals(sent, sent // 2, clicked, sent // 10, has_shrunk=has_shrunk)
    return FlowMove(FlowId(flow), WebsiteId(website), moved)


def set_today(world: World, day: date, hour: float = 15) -> None:
    world.time.ahead += (at(day, hour) - world.time.now()).total_seconds()


async def start(world: World) -> None:
    """Start a bot that has been watching, and reads for the first time today."""
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": 3600})
    await world.start_http()


async def record_days(world: World, first: date, last: date, *moves: FlowMove, gaps: tuple[date, ...] = ()) -> None:
    """Record moves at the noon of days, which are known whole but for the first one and those around days without."""
    days = [first + number * DAY for number in range((last - first).days + 2)]
    whole = [day for day in days[1:] if not {day - DAY, day, day + DAY} & {*gaps}]
    async with world.open_database() as database, database.write() as connection:
        for day in days:
            if day not in gaps:
                await record_reading(connection, at(day, 12), moves if day <= last else (), ZONE)
        await connection.execute(update(figure_days).where(figure_days.c.day.in_(whole)).values(is_whole=True))


async def ask(world: World, text: str, answer: str, *, channel: str = MARKETING) -> Message:
    await world.emma.send(channel, text)
    return await world.emma.wait_for_message(channel, answer)


def add_flow(world: World, name: str, *, website: int = 1, is_enabled: bool = True, **totals: Any) -> None:
    world.enkapush.store.add_flow(
        website_id=website,
        is_enabled=is_enabled,
        name=name,
        title="Title",
        description="Text",
        wait_time=1,
        wait_time_type="days",
        **{f"total_{what}_push_notifications": count for what, count in totals.items()},
    )


@on_both_databases
async def test_a_chart_by_day_with_the_best_and_the_worst(world: World) -> None:
    for name in ("Winter sale", "Welcome", "Rarely sent"):
        add_flow(world, name)
    add_flow(world, "Of others", website=3)
    set_today(world, TODAY)
    moves = (move(1, 400, 20), move(2, 200, 30), move(3, 9, 4), move(4, 999, 400, website=3))
    await record_days(world, TODAY - 9 * DAY, TODAY - DAY, *moves)
    await start(world)
    seen = await ask(world, "/flows stats", "Stats · Last 7 days")
    assert points_of(seen) == {"Sent": [609] * 7, "Displayed": [304] * 7, "Clicked": [54] * 7, "Closed": [60] * 7}
    categories = chart_of(seen)["chart"]["axis_config"]["categories"]
    assert (categories[0], categories[-1]) == ("24 Dec", "30 Dec")
    text = text_of(seen)
    assert "Lale Moda, Northbound Outdoor" in text
    assert "Sent 4,263 · Displayed 2,128 (49.9%) · Clicked 378 (17.8%)" in text
    best, _, worst = text.partition("Best click rates (at least 100 sent)")[2].partition("Lowest click rates")
    assert "#2 Welcome · 30.0% click rate · 1,400 sent" in best
    assert "#1 Winter sale · 10.0% click rate · 2,800 sent" in worst
    assert "Rarely sent" not in text
    assert "Of others" not in text
    assert "Not known" not in text

    one = await ask(world, "/flows stats #2 7d", "#2 Welcome · Last 7 days")
    assert points_of(one)["Clicked"] == [30] * 7
    assert "Best" not in text_of(one)
    await ask(world, "/flows stats 4", "There is no flow #4 here.")
    await ask(world, "@flowbot stats 1", "#1 Winter sale · Last 7 days")

    await world.ayse.send(MARKETING, "/flows istatistik 7g")
    turkish = await world.ayse.wait_for_message(MARKETING, "İstatistik · Son 7 gün")
    assert list(points_of(turkish)) == ["Gönderilen", "Gösterilen", "Tıklanan", "Kapatılan"]
    assert chart_of(turkish)["chart"]["axis_config"]["categories"][-1] == "30 Ara"


async def test_days_that_are_not_known_are_left_out_and_named(world: World) -> None:
    add_flow(world, "Winter sale")
    set_today(world, TODAY)
    await record_days(world, TODAY - 40 * DAY, TODAY - DAY, move(1, 100, 5), gaps=(TODAY - 4 * DAY, TODAY - 20 * DAY))
    await start(world)
    week = await ask(world, "/flows stats 7d", "Last 7 days")
    assert len(points_of(week)["Sent"]) == 4
    assert "Not known, so left out: 26–28 Dec." in text_of(week)
    month = await ask(world, "/flows stats 30d", "Last 30 days")
    assert points_of(month)["Sent"] == [200] * 11
    assert "25–28 Dec" in text_of(month)
    await world.ayse.send(MARKETING, "/flows istatistik 30g")
    turkish = await world.ayse.wait_for_message(MARKETING, "Son 30 gün")
    assert "Bilinmediği için gösterilmeyen günler: 9–12 Ara, 25" in text_of(turkish).replace("\u2009", "")
    quarter = await ask(world, "/flows stats 90d", "Last 90 days")
    assert points_of(quarter)["Sent"] == [700] * 3
    assert "Not known, so left out: 1 Oct" in text_of(quarter)


async def test_a_longer_time_than_is_known_shows_a_shorter_one(world: World) -> None:
    add_flow(world, "Winter sale")
    set_today(world, TODAY)
    await record_days(world, TODAY - 2 * DAY, TODAY - DAY, move(1, 100, 5))
    await start(world)
    seen = await ask(world, "/flows stats 90d", "Last 7 days")
    assert points_of(seen)["Sent"] == [100]
    assert "The last 90 days are not known yet." in text_of(seen)
    await world.ayse.send(MARKETING, "/flows istatistik 90g")
    await world.ayse.wait_for_message(
        MARKETING, "Son 90 günün rakamları henüz tam değil. Daha kısa bir dönem gösteriliyor."
    )


async def test_before_the_first_whole_day_totals_are_shown_since_creation(world: World) -> None:
    add_flow(world, "Winter sale", sent=4000, displayed=2000, clicked=500, closed=100)
    add_flow(world, "Welcome", sent=1000, displayed=1000, clicked=10)
    add_flow(world, "Of others", sent=9000, displayed=1000, clicked=999, website=3)
    set_today(world, TODAY)
    await record_days(world, TODAY, TODAY - DAY, move(1, 100, 5))
    await start(world)
    seen = text_of(await ask(world, "/flows stats", "Stats · Since creation"))
    assert "No full day of this time is recorded yet." in seen
    assert "Sent 5,000 · Displayed 3,000 (60.0%) · Clicked 510 (17.0%)" in seen
    assert "#1 Winter sale · 25.0% click rate · 4,000 sent" in seen
    assert "Of others" not in seen
    one = text_of(await ask(world, "/flows stats 2", "#2 Welcome · Since creation"))
    assert "Sent 1,000" in one
    await world.ayse.send(MARKETING, "/flows istatistik 2")
    await world.ayse.wait_for_message(MARKETING, "Bu dönem için henüz tam bir gün kaydedilmedi.")


async def test_without_the_watch_there_are_no_figures_by_day(world: World) -> None:
    add_flow(world, "Winter sale", sent=4000, displayed=2000, clicked=500)
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": 0})
    await world.start_http()
    seen = text_of(await ask(world, "/flows stats 30d", "Stats · Since creation"))
    assert "Figures by day are off (FLOWBOT_WATCH_SECONDS is 0)." in seen
    await world.ayse.send(MARKETING, "/flows istatistik")
    turkish = text_of(await world.ayse.wait_for_message(MARKETING, "İstatistik · Baştan beri"))
    assert "Günlük rakamlar kapalı (FLOWBOT_WATCH_SECONDS 0)." in turkish


async def test_totals_that_went_back_are_said(world: World) -> None:
    add_flow(world, "Winter sale")
    set_today(world, TODAY)
    await record_days(world, TODAY - 3 * DAY, TODAY - DAY, move(1, 100, 5, has_shrunk=True))
    await start(world)
    seen = text_of(await ask(world, "/flows stats 1", "Winter sale · Last 7 days"))
    assert "Enkapush's totals went back on 29–30 Dec. These days may be too low." in seen
    await world.ayse.send(MARKETING, "/flows istatistik 1")
    await world.ayse.wait_for_message(MARKETING, "Enkapush toplamları şu günlerde geriledi: 29\u2009–\u200930 Ara.")


async def test_a_workspace_without_charts_gets_a_table(world: World) -> None:
    world.slack.workspace.accepts_newer_blocks = False
    add_flow(world, "Winter sale")
    set_today(world, TODAY)
    await record_days(world, TODAY - 3 * DAY, TODAY - DAY, move(1, 1234, 5))
    await start(world)
    seen = text_of(await ask(world, "/flows stats", "Last 7 days"))
    lines = [line.split() for line in seen.splitlines()]
    assert ["Sent", "Displayed", "Clicked", "Closed"] in lines
    assert ["30", "Dec", "1234", "617", "5", "123"] in lines


async def test_what_cannot_be_understood_is_said(world: World) -> None:
    await world.start_http()
    await ask(world, "/flows stats 14d", "“14d” is no time flowbot has figures for. Choose 7d, 30d or 90d.")
    await world.ayse.send(MARKETING, "/flows istatistik 14g")
    await world.ayse.wait_for_message(MARKETING, "“14g” için rakam yok. 7g, 30g veya 90g yazın.")
    await ask(world, "/flows stats sale", "“sale” is not a flow's number.")
    await world.emma.send(AGENCY, "/flows stats")
    await world.emma.wait_for_message(AGENCY, "Only S0LEADS can see flows.")


@on_both_databases
async def test_show_and_requests_carry_the_last_week(world: World) -> None:
    add_flow(world, "Winter sale", is_enabled=False)
    set_today(world, TODAY)
    await record_days(world, TODAY - 9 * DAY, TODAY - DAY, move(1, 100, 5))
    await world.start_http()
    week = "Last 7 days: Sent 700 · Displayed 350 (50.0%) · Clicked 35 (10.0%) · Closed 70 (20.0%)"
    await ask(world, "/flows show 1", week)
    await world.emma.send(MARKETING, "/flows enable 1")
    await world.burak.wait_for_message(MARKETING, lambda message: {week, "Approve"} <= {*text_of(message).splitlines()})
    set_today(world, TODAY + 2 * DAY)
    await ask(world, "/flows show 1", "Last 7 days, 5 of them known: Sent 500")
    await world.ayse.send(MARKETING, "/flows göster 1")
    await world.ayse.wait_for_message(MARKETING, "Son 7 gün, 5 günü biliniyor: Gönderilen 500")


async def test_the_watch_records_whole_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins at 22:00: the day after is the first that is known whole."""
    add_flow(world, "Winter sale", sent=5000, displayed=5000)
    set_today(world, TODAY - DAY, 22)
    async with watch_flows(world, monkeypatch) as watch:
        for number in range(1, 28):
            sent = 5000 + 10 * number if number < 20 else 1000 + 10 * number
            world.enkapush.store.update_flow(1, total_sent_push_notifications=sent)
            world.time.ahead += 3500
            await watch.wait_for_round(number + 1)
        seen = await ask(world, "/flows stats 1", "#1 Winter sale · Last 7 days")
        day = chart_of(seen)["chart"]["axis_config"]["categories"]
        assert (day, points_of(seen)["Sent"]) == (["31 Dec"], [240])
        assert "Enkapush's totals went back on 31 Dec." in text_of(seen)
        await ask(world, "/flows show 1", "Last 7 days, 1 of them known: Sent 240")
