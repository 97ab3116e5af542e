"""The weekly digest: once a week and channel, late on its day at most, and honest about what is not known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Final

import pytest
from sqlalchemy import update

from flowbot.domain.figures import DayTotals, FlowMove
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.figures import record_reading
from flowbot.storage.tables import observed_flows
from tests.journeys.form_steps import add_flow, open_form
from tests.journeys.request_steps import approval_policy, request_change, speed_up, wait_for_status
from tests.journeys.test_home import open_home, section
from tests.journeys.watch_steps import Watch, wait_for_finding, watch_flows
from tests.journeys.world import MARKETING, World, on_both_databases

DIGEST: Final = '\n[channels.digest]\nat = "mon 09:00"\n'
TITLES: Final = ("Weekly digest", "Haftalık özet")
SUNDAY: Final = 6


def local_now(world: World) -> datetime:
    return world.time.now().astimezone(world.settings.zone)


def go_to(world: World, days: int, clock: str) -> None:
    """Move the clocks to a time so many days from now, in Enkapush's zone."""
    now = local_now(world)
    then = datetime.combine(now.date() + timedelta(days=days), time.fromisoformat(clock), world.settings.zone)
    assert then > now
    world.time.ahead += (then - now).total_seconds()


async def read_flows(watch: Watch) -> None:
    """Wait for the round that follows the clocks."""
    await watch.wait_for_round((await watch.store.get_state()).version + 1)


def list_digests(world: World) -> list[Message]:
    messages = world.slack.workspace.list_visible_messages(MARKETING, world.deniz.id)
    return [each for each in messages if any(title in text_of(each) for title in TITLES) and not each.is_ephemeral]


def go_to_sunday(world: World, clock: str) -> None:
    go_to(world, (SUNDAY - local_now(world).weekday()) % 7 or 7, clock)


@asynccontextmanager
async def start_watch(world: World, patch: pytest.MonkeyPatch, rules: str) -> AsyncIterator[Watch]:
    """Start bots that watch: two bots where PostgreSQL is used."""
    speed_up(world, patch)
    await world.import_policy(rules)
    is_shared = world.settings.database_url.get_secret_value().startswith("postgresql")
    async with watch_flows(world, patch, processes=2 if is_shared else 1) as watch:
        yield watch
    world.enkapush.release()


@pytest.fixture
async def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    for name in ("Winter sale", "Kept", "Asked for"):
        add_flow(world, name=name)
    go_to_sunday(world, "12:00")
    async with start_watch(world, monkeypatch, approval_policy() + DIGEST) as watch:
        yield watch


@on_both_databases
async def test_a_week_is_told_once_on_its_day(watched: Watch) -> None:
    world = watched.world
    request = await request_change(world, "enable 1")
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    world.enkapush.store.update_flow(2, title="Theirs")
    await watched.make_round()
    await wait_for_finding(world, "#2 Kept was changed outside flowbot")
    await request_change(world, "delete 3")
    go_to(world, 1, "08:50")
    await read_flows(watched)
    assert list_digests(world) == []
    go_to(world, 0, "09:00")
    await read_flows(watched)
    told = await world.emma.wait_for_message(MARKETING, "Weekly digest")
    for line in (
        "1 flow is live",
        "What was sent is unknown: flowbot has no figures for this week.",
        "Changed through flowbot",
        "Enabled: #1 Winter sale",
        "Changed outside flowbot",
        "Edited: #2 Kept",
        "Waiting for approval",
        "#3 Asked for",
        "Unknown until all 30 days have figures",
    ):
        assert line in text_of(told)
    await watched.make_round(3)
    assert len(list_digests(world)) == 1
    view = await open_home(world.emma, "Weekly digest")
    assert "Enabled: #1 Winter sale" in section(view, "Weekly digest")
    assert "couldn't be posted" not in text_of(await open_home(world.deniz))


async def test_what_left_the_channels_websites_is_gone_and_its_new_name_is_not_told(watched: Watch) -> None:
    world, store = watched.world, watched.world.enkapush.store
    form = await open_form(world.emma, "/flows edit 2")
    await world.emma.choose(form, "Website", "Northbound Outdoor")
    await world.emma.wait_until(lambda: "Segment" in world.emma.list_fields() and world.emma.read_field("Segment"))
    await world.emma.submit({"Name": "Secret"})
    await world.emma.wait_until(lambda: store.flow(2).website_id == 2)
    store.update_flow(3, website_id=2, name="Secret, too")
    await watched.make_round()
    await wait_for_finding(world, "#3 Secret, too was changed outside flowbot")
    await world.import_policy(approval_policy(websites="[1]") + DIGEST)
    go_to(world, 1, "09:00")
    await read_flows(watched)
    told = text_of(await world.emma.wait_for_message(MARKETING, "Weekly digest"))
    assert "Edited: #2 Kept" in told
    assert "Deleted: #3 Asked for" in told
    assert "Secret" not in told


async def test_what_was_missed_is_late_the_same_day_and_else_left_out(watched: Watch) -> None:
    world = watched.world
    go_to(world, 2, "00:05")
    await read_flows(watched)
    assert list_digests(world) == []
    go_to(world, 6, "23:50")
    await read_flows(watched)
    told = text_of(await world.emma.wait_for_message(MARKETING, "Weekly digest"))
    assert "No flow was changed." in told
    assert "Waiting" not in told


async def test_a_channel_that_refuses_its_digest_is_named_to_admins_and_that_week_is_left_out(watched: Watch) -> None:
    world = watched.world
    world.slack.faults.add("chat.postMessage", error="not_in_channel", times=None)
    go_to(world, 1, "09:00")
    await read_flows(watched)
    async with asyncio.timeout(15):
        while "couldn't be posted" not in text_of(view := await open_home(world.deniz)):
            await watched.make_round()
    assert f"The weekly digest couldn't be posted in {MARKETING}. Invite flowbot there." in section(view, "To set up")
    assert "couldn't be posted" not in text_of(await open_home(world.emma))
    world.slack.faults.clear()
    await watched.make_round(2)
    assert list_digests(world) == []
    go_to(world, 7, "09:00")
    await read_flows(watched)
    await world.emma.wait_for_message(MARKETING, "Weekly digest")
    async with asyncio.timeout(15):
        while "couldn't be posted" in text_of(await open_home(world.deniz)):
            await watched.make_round()


async def record_month(world: World) -> None:
    """Record a reading each hour of the last weeks: flow 1 sends more each week, flow 2 is never clicked."""
    start = local_now(world).replace(minute=0, second=0) - timedelta(days=31)
    async with world.open_database() as database, database.write() as connection:
        for hour in range(31 * 24 + 1):
            at = start + timedelta(hours=hour)
            moves = []
            if at.hour == SUNDAY:
                is_last_week = hour >= 24 * 24
                moved = DayTotals(200 if is_last_week else 100, 100, 4 if is_last_week else 1, 0)
                quiet = DayTotals(10, 10, 0, 0)
                moves = [FlowMove(FlowId(n), WebsiteId(1), each) for n, each in ((1, moved), (2, quiet))]
            await record_reading(connection, at, moves, world.settings.zone)


async def test_figures_are_told_against_the_week_before_in_the_channels_language(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Winter sale", "Kimse tıklamıyor", "Yeni"):
        add_flow(world, name=name, is_enabled=True)
    rules = approval_policy().replace("editors =", 'language = "tr"\neditors =') + DIGEST
    go_to_sunday(world, "11:30")
    await record_month(world)
    async with start_watch(world, monkeypatch, rules) as watch:
        is_old = observed_flows.c.flow_id.in_([1, 2])
        async with world.open_database() as database, database.write() as connection:
            since = world.time.now() - timedelta(days=40)
            await connection.execute(update(observed_flows).where(is_old).values(live_since=since))
        while local_now(world).weekday() == SUNDAY or local_now(world).hour < 9:
            # A day is known whole where no two readings are further apart than an hour.
            world.time.ahead += 50 * 60
            await read_flows(watch)
        told = text_of(await world.emma.wait_for_message(MARKETING, "Haftalık özet"))
    for line in (
        "3 akış yayında",
        "1.470 gönderim (önceki hafta: 770)",
        "Tıklama oranı %3,6 (önceki hafta: %0,9)",
        "30 gündür tıklanmayanlar",
        "#2 Kimse tıklamıyor",
    ):
        assert line in told
    assert "#3 Yeni" not in told
    assert "biliniyor" not in told
