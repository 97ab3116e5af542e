"""The bot's clock jumps: nothing expires until the jump is believed, and votes are applied as ever."""

import asyncio
from typing import Final

import pytest

from flowbot import bootstrap
from flowbot.sandbox.slack import text_of
from flowbot.services.clock import DOUBT_SECONDS
from tests.journeys.request_steps import (
    approval_policy,
    list_replies,
    request_change_and_wait,
    speed_up,
    wait_for_status,
)
from tests.journeys.world import World, on_both_databases

FAR: Final = 80 * 3600.0
"""Longer than a request waits."""
BRIEFLY: Final = 3.0
WAITING: Final = "Waiting for approval"


@pytest.fixture
async def fast_world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let bots look for due work many times a second."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    return world


@on_both_databases
@pytest.mark.parametrize("jump", [FAR, -FAR], ids=["ahead", "back"])
async def test_a_clock_that_is_wrong_for_three_seconds_expires_nothing_and_a_vote_counts(
    fast_world: World, jump: float
) -> None:
    await fast_world.start_http()
    waiting, voted = await request_change_and_wait(fast_world), await request_change_and_wait(fast_world)
    fast_world.time.jumped = jump
    await asyncio.sleep(BRIEFLY / 2)
    await fast_world.burak.click(voted, "Approve")
    await wait_for_status(fast_world, voted, "Applied")
    await asyncio.sleep(BRIEFLY / 2)
    fast_world.time.jumped = 0
    await asyncio.sleep(1)
    assert WAITING in text_of(await wait_for_status(fast_world, waiting, ""))
    assert list_replies(fast_world, waiting) == []
    await fast_world.burak.click(waiting, "Approve")
    await wait_for_status(fast_world, waiting, "Applied")


async def test_a_clock_that_stays_ahead_is_believed_after_ten_minutes(fast_world: World) -> None:
    await fast_world.start_http()
    request = await request_change_and_wait(fast_world)
    fast_world.time.jumped = FAR
    await asyncio.sleep(1)
    fast_world.time.ahead += DOUBT_SECONDS - 60
    await asyncio.sleep(1)
    assert WAITING in text_of(await wait_for_status(fast_world, request, ""))
    fast_world.time.ahead += 60
    await wait_for_status(fast_world, request, "Expired")


async def test_a_clock_that_is_put_right_is_believed_at_once_by_the_date_of_an_answer(fast_world: World) -> None:
    fast_world.time.jumped = -FAR
    await fast_world.start_http()
    request = await request_change_and_wait(fast_world)
    fast_world.time.jumped = 0
    await wait_for_status(fast_world, request, "Expired")


@on_both_databases
async def test_a_clock_that_is_put_right_is_believed_at_once_by_the_database_if_that_is_a_server(
    fast_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "parse_date", lambda _header: None)
    fast_world.time.jumped = -FAR
    await fast_world.start_http()
    request = await request_change_and_wait(fast_world)
    fast_world.time.jumped = 0
    if fast_world.settings.database_url.get_secret_value().startswith("postgresql"):
        await wait_for_status(fast_world, request, "Expired")
    else:
        await asyncio.sleep(2)
        assert WAITING in text_of(await wait_for_status(fast_world, request, ""))
