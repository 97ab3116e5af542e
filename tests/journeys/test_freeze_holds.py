"""What a freeze holds: what would go live or delete waits for its end, and a skip overrides it, loudly."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from flowbot.sandbox.slack import text_of
from flowbot.services.approvals import schedule
from tests.journeys.form_steps import add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    approval_policy,
    list_alarms,
    request_change,
    speed_up,
    submit_reason,
    wait_for_status,
)
from tests.journeys.test_schedules import DENIZ_MAY_SKIP, is_live, pass_time, schedule_change
from tests.journeys.world import MARKETING, World, on_both_databases

FRIDAY: Final = datetime(2026, 11, 6, 15, 0, tzinfo=UTC)
"""Six in the evening in Istanbul, an hour into the freeze."""
WEEKENDS: Final = """
[[freezes]]
name = "Weekends"
weekly = ["fri 17:00-24:00", "sat", "sun"]
"""


def frozen(*approval: str) -> str:
    return approval_policy(DENIZ_MAY_SKIP, *approval) + WEEKENDS


@pytest.fixture
async def friday(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot in a freeze, which looks for due work many times a second."""
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    world.time.ahead = (FRIDAY - datetime.now(UTC)).total_seconds()
    await world.import_policy(frozen())
    await world.start_http()
    return world


@on_both_databases
@pytest.mark.parametrize("kind", ["enable", "delete"])
async def test_what_would_go_live_or_delete_waits_for_the_end_of_a_freeze(friday: World, kind: str) -> None:
    held = await schedule_change(friday, f"{kind} 1")
    assert "9 Nov 2026 00:00" in text_of(held)
    pass_time(friday, hours=53)
    assert list_writes(friday) == []
    pass_time(friday, hours=1, minutes=1)
    await wait_for_status(friday, held, "Applied")


async def test_a_skip_overrides_it_loudly(friday: World) -> None:
    held = await schedule_change(friday, "enable 1")
    await friday.deniz.click(held, "Skip approval")
    await submit_reason(friday.deniz, "The shop is full")
    over = await wait_for_status(friday, held, "Applied")
    assert "skipped approval" in text_of(over)
    await friday.deniz.wait_until(lambda: list_alarms(friday, held))


async def test_disabling_is_never_frozen_and_its_end_neither(friday: World) -> None:
    add_flow(friday, is_enabled=True)
    await friday.emma.send(MARKETING, "/flows disable 1 at 16:00")
    timed = await friday.deniz.wait_for_message(
        MARKETING, lambda each: not each.is_ephemeral and "will be disabled" in text_of(each)
    )
    pass_time(friday, minutes=61)
    await wait_for_status(friday, timed, "Applied")
    assert not is_live(friday)


async def test_an_edit_of_a_live_flow_that_needs_no_approval_waits_too(friday: World) -> None:
    await friday.import_policy(frozen('required_for = ["enable", "delete"]'))
    add_flow(friday, is_enabled=True)
    await open_form(friday.emma, "/flows edit 1")
    await friday.emma.submit({"Title": "Tulips"})
    held = await friday.deniz.wait_for_message(
        MARKETING, lambda each: not each.is_ephemeral and "will be changed" in text_of(each)
    )
    assert list_writes(friday) == []
    pass_time(friday, hours=54, minutes=1)
    await wait_for_status(friday, held, "Applied")
    assert friday.enkapush.store.flow(1).title == "Tulips"


async def test_an_edit_of_a_flow_that_is_off_does_not_wait(friday: World) -> None:
    add_flow(friday)
    await open_form(friday.emma, "/flows edit 1")
    await friday.emma.submit({"Title": "Tulips"})
    await friday.emma.wait_for_message(MARKETING, "Tulips")
    assert friday.enkapush.store.flow(1).title == "Tulips"


@on_both_databases
async def test_a_freeze_that_is_added_or_lifted_later_counts(friday: World) -> None:
    await friday.import_policy(approval_policy(DENIZ_MAY_SKIP))
    scheduled = await schedule_change(friday, "enable 1 at 16:00")
    assert "6 Nov 2026 19:00" in text_of(scheduled)
    await friday.import_policy(frozen())
    held = await wait_for_status(friday, scheduled, "9 Nov 2026 00:00")
    pass_time(friday, minutes=61)
    assert not is_live(friday)
    await friday.import_policy(approval_policy(DENIZ_MAY_SKIP))
    await wait_for_status(friday, held, "Applied")


async def test_a_freeze_that_is_added_puts_off_the_expiry_of_what_waits_for_approval(friday: World) -> None:
    await friday.import_policy(approval_policy(DENIZ_MAY_SKIP))
    add_flow(friday)
    request = await request_change(friday, "enable 1 at 16:00")
    await friday.import_policy(frozen())
    pass_time(friday, hours=3)
    await asyncio.sleep(1)
    await friday.burak.click(request, "Approve")
    held = await wait_for_status(friday, request, "Scheduled")
    assert "9 Nov 2026 00:00" in text_of(held)


async def test_a_freeze_that_is_added_before_the_approval_counts_at_once(friday: World) -> None:
    await friday.import_policy(approval_policy(DENIZ_MAY_SKIP))
    for flow, times in ((1, "at 18:00"), (2, "at 18:00 until sat 10:00")):
        add_flow(friday)
        request = await request_change(friday, f"enable {flow} {times}")
        await friday.import_policy(frozen())
        await friday.burak.click(request, "Approve")
        if flow == 1:
            await wait_for_status(friday, request, "goes live 9 Nov 2026 00:00")
        else:
            over = await wait_for_status(friday, request, "Expired")
            assert "started after its end" in text_of(over)
        await friday.import_policy(approval_policy(DENIZ_MAY_SKIP))


async def test_a_start_after_the_end_expires(friday: World) -> None:
    add_flow(friday)
    request = await request_change(friday, "enable 1 until sat 09:00")
    await friday.burak.click(request, "Approve")
    over = await wait_for_status(friday, request, "Expired")
    assert "started after its end" in text_of(over)
