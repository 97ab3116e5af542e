"""Freezes: requests, the help and the Home tab say until when nothing goes live, and why."""

from datetime import UTC, datetime
from typing import Final

import pytest

from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import add_flow
from tests.journeys.request_steps import approval_policy, request_change, speed_up, wait_for_status
from tests.journeys.test_home import open_home, section
from tests.journeys.world import MARKETING, World

SATURDAY: Final = datetime(2027, 1, 30, 12, 0, tzinfo=UTC)
EVE: Final = datetime(2027, 5, 15, 12, 0, tzinfo=UTC)
"""The afternoon before Kurban Bayramı, whose last day is a holiday for another reason, too."""
WEEKENDS: Final = """
[[freezes]]
name = "Weekends"
weekly = ["sat", "sun"]
"""
BAYRAM: Final = """
[[freezes]]
name = "Bayram"
holidays = "TR"
half_day_from = "13:00"
"""


async def start(world: World, now: datetime, freezes: str, patch: pytest.MonkeyPatch) -> None:
    speed_up(world, patch)
    world.time.ahead = (now - datetime.now(UTC)).total_seconds()
    await world.import_policy(approval_policy() + freezes)
    await world.start_http()


async def test_a_freeze_is_said_in_the_request_the_help_and_home_and_ends_with_its_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(world, SATURDAY, WEEKENDS, monkeypatch)
    request = await request_change(world)
    await wait_for_status(world, request, "❄ Frozen until 1 Feb 2027 00:00 · Weekends")
    in_london = "Frozen until 31 Jan 2027 21:00 · Weekends"
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_for_message(MARKETING, f"❄ {in_london}")
    assert in_london in section(await open_home(world.emma), "Freezes")
    await world.import_policy(approval_policy())
    await world.deniz.wait_for_message(
        request.channel, lambda message: message.ts == request.ts and "❄" not in text_of(message)
    )
    await world.import_policy(approval_policy() + WEEKENDS.replace("Weekends", "Sale"))
    await wait_for_status(world, request, "❄ Frozen until 1 Feb 2027 00:00 · Sale")


async def test_a_holiday_is_named_in_the_language_of_its_readers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(world, EVE, BAYRAM, monkeypatch)
    request = await request_change(world, f"enable {add_flow(world)}", by=world.ayse)
    await wait_for_status(world, request, "❄ Donduruldu, bitiş: 20 May 2027 00:00 · Kurban Bayramı")
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_for_message(MARKETING, "❄ Frozen until 19 May 2027 22:00 · Eid al-Adha")
    await world.ayse.send(MARKETING, "/flows yardım")
    await world.ayse.wait_for_message(MARKETING, "· Kurban Bayramı")
    await open_home(world.ayse, "Dondurma dönemleri")
