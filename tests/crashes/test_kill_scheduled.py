"""A scheduled start and a planned end, and a kill at each step of them."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from flowbot.sandbox.slack.models import Message
from tests.crashes.bot_processes import (
    Deployment,
    NewDatabase,
    Step,
    eventually,
    hold_at_slack,
    kill_when_held,
    run_steps,
)
from tests.crashes.test_kill_late_effects import (
    DONE,
    FLOW,
    LOST,
    SECONDS,
    UPDATE,
    WRITE,
    at_read,
    list_changes,
    wait_for,
    wait_for_text,
    writes,
)
from tests.journeys.world import MARKETING

pytestmark = pytest.mark.timeout(600)

A_MINUTE_AND_A_START: Final = 68.0
"""Seconds by which clocks that show a minute after are put back, so that two processes run before the time."""

STARTED: Final = (
    Step("due, and nothing read", at_read(), "Applied"),
    Step("begun, and not compared", at_read(skip=1), "Applied"),
    Step("lost on the way", LOST, "Applied"),
    Step("done, and not answered", DONE, "Applied"),
    Step("done, and not read back", at_read(skip=2), "Applied"),
    Step("settled, and not told", UPDATE, "Applied"),
    Step("begun, and lost after that", at_read(skip=1), "Applied", again=LOST),
)
PLANNED: Final = (
    Step("enabled, and not answered", DONE, "Applied"),
    Step("enabled, and not read back", at_read(skip=1), "Applied"),
    Step("planned, and not told", hold_at_slack("chat.postMessage"), "Applied"),
)


class Times:
    """Tomorrow at this time, as Emma types it, and how far a clock is ahead that shows a minute after."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        tomorrow = (now + timedelta(days=1)).replace(second=0, microsecond=0)
        self.typed = tomorrow.astimezone(ZoneInfo("Europe/London")).strftime("%Y-%m-%d %H:%M")
        self.ahead = (tomorrow + timedelta(minutes=1) - now).total_seconds()


async def request(deployment: Deployment, command: str) -> Message:
    """Send a command that asks for an approval, and return the request."""
    await deployment.emma.send(MARKETING, f"/flows {command}")
    return await deployment.world.burak.wait_for_message(
        MARKETING, lambda message: "Approve" in deployment.world.burak.list_buttons(message)
    )


async def check_start(deployment: Deployment, step: Step) -> None:
    times = Times()
    first = await deployment.start()
    enable = await request(deployment, f"enable {FLOW} at {times.typed}")
    await deployment.world.burak.click(enable, "Approve")
    await wait_for(enable, "Scheduled")
    await deployment.wait_until_shown(SECONDS)
    await first.kill()
    held = step.hold(deployment)
    second = await deployment.start(ahead=times.ahead)
    await kill_when_held(deployment, step, held, second, ahead=times.ahead)
    await wait_for(enable, step.says)
    await deployment.wait_until_shown(SECONDS)
    assert await list_changes(deployment) == [("enable", "applied")]
    assert set(writes(deployment)) == {"1"}
    assert deployment.enkapush.store.flow(FLOW).is_enabled


async def enable_until(deployment: Deployment, times: Times) -> Message:
    enable = await request(deployment, f"enable {FLOW} until {times.typed}")
    await deployment.world.burak.click(enable, "Approve")
    return enable


async def check_end(deployment: Deployment, step: Step) -> None:
    times = Times()
    first = await deployment.start()
    await wait_for(await enable_until(deployment, times), "is live until")
    end = await wait_for_text(deployment, "will be disabled")
    await deployment.wait_until_shown(SECONDS)
    await first.kill()
    held = step.hold(deployment)
    second = await deployment.start(ahead=times.ahead)
    await kill_when_held(deployment, step, held, second, ahead=times.ahead)
    await wait_for(end, step.says)
    await deployment.wait_until_shown(SECONDS)
    assert await list_changes(deployment) == [("enable", "applied"), ("disable", "applied")]
    assert writes(deployment)[0] == "1"
    assert not deployment.enkapush.store.flow(FLOW).is_enabled


async def check_planned(deployment: Deployment, step: Step) -> None:
    times = Times()
    first = await deployment.start()
    enable = await request(deployment, f"enable {FLOW} until {times.typed}")
    held = step.hold(deployment)
    await deployment.world.burak.click(enable, "Approve")
    await kill_when_held(deployment, step, held, first)
    await wait_for(enable, "is live until")
    end = await wait_for_text(deployment, "will be disabled")
    await deployment.wait_until_shown(SECONDS)
    assert end.thread_ts == enable.ts
    assert await list_changes(deployment) == [("enable", "applied"), ("disable", "scheduled")]


async def run_kills(
    starts: Iterable[Step], ends: Iterable[Step], plans: Iterable[Step], new_database: NewDatabase, folder: Path
) -> None:
    await run_steps(starts, check_start, new_database, folder / "start")
    await run_steps(ends, check_end, new_database, folder / "end")
    await run_steps(plans, check_planned, new_database, folder / "plan")


async def test_a_start_and_an_end_outlive_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STARTED[1:2], STARTED[3:4], PLANNED[2:], new_sqlite, tmp_path)


@pytest.mark.long
async def test_so_they_do_at_every_other_step(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STARTED, STARTED, PLANNED, new_sqlite, tmp_path)


@pytest.mark.long
@pytest.mark.postgresql
async def test_so_they_do_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STARTED, STARTED, PLANNED, new_postgresql, tmp_path)


@pytest.mark.parametrize("kind", ["start", "end"])
async def test_processes_whose_clocks_differ_do_it_once(
    kind: str, new_sqlite: NewDatabase, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    async def check(deployment: Deployment, step: Step) -> None:
        times = Times()
        first = await deployment.start()
        if kind == "start":
            scheduled = await request(deployment, f"enable {FLOW} at {times.typed}")
            await deployment.world.burak.click(scheduled, "Approve")
            await wait_for(scheduled, "Scheduled")
        else:
            await wait_for(await enable_until(deployment, times), "is live until")
            scheduled = await wait_for_text(deployment, "will be disabled")
        await deployment.wait_until_shown(SECONDS)
        await first.kill()
        deployment.enkapush.faults.add(Fault.delay(1.0, method="POST", path=WRITE))
        for apart in (0.0, 20.0, 40.0):
            await deployment.start(ahead=times.ahead + apart)
        await wait_for(scheduled, step.says)
        await deployment.wait_until_shown(SECONDS)
        assert writes(deployment) == (["1"] if kind == "start" else ["1", "0"])
        seen = await deployment.emma.list_messages(MARKETING)
        assert sum("It no longer reaches" in text_of(each) for each in seen) == (kind == "end")

    await run_steps([Step("several", LOST, "Applied")], check, new_sqlite, tmp_path / "sqlite")
    await run_steps([Step("several", LOST, "Applied")], check, new_postgresql, tmp_path / "postgresql")


@pytest.mark.postgresql
@pytest.mark.parametrize(("kind", "step"), [("start", STARTED[3]), ("end", STARTED[2])], ids=["start", "end"])
async def test_one_of_two_processes_is_killed_at_the_moment_and_the_other_does_it(
    kind: str, step: Step, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    async def check(deployment: Deployment, step: Step) -> None:
        began, times = time.monotonic(), Times()
        first = await deployment.start()
        enable = await request(deployment, f"enable {FLOW} {'at' if kind == 'start' else 'until'} {times.typed}")
        await deployment.world.burak.click(enable, "Approve")
        await wait_for(enable, "Scheduled" if kind == "start" else "is live until")
        scheduled = enable if kind == "start" else await wait_for_text(deployment, "will be disabled")
        await deployment.wait_until_shown(SECONDS)
        await first.kill()
        held = step.hold(deployment)
        ahead = times.ahead - A_MINUTE_AND_A_START - (time.monotonic() - began)
        both = await asyncio.gather(deployment.start(ahead=ahead), deployment.start(ahead=ahead))
        await eventually(held, 2 * SECONDS)
        (begun,) = [each for each in both if "schedule.started" in each.log]
        await begun.kill()
        deployment.heal()
        await wait_for(scheduled, step.says)
        await deployment.wait_until_shown(SECONDS)
        sent = "1" if kind == "start" else "0"
        assert set(writes(deployment)) == {"1", sent}
        assert [state for _, state in await list_changes(deployment)] == ["applied"] * (1 if kind == "start" else 2)
        assert deployment.enkapush.store.flow(FLOW).is_enabled is (kind == "start")
        seen = await deployment.emma.list_messages(MARKETING)
        said = "New subscribers get it" if kind == "start" else "It no longer reaches"
        assert sum(said in text_of(each) for each in seen) == 1

    await run_steps([step], check, new_postgresql, tmp_path)
