"""A request by the form behind `Enable`, and a kill after it was acknowledged."""

from pathlib import Path

import pytest

from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    POLICY,
    Deployment,
    NewDatabase,
    Step,
    hold_nowhere,
    kill_when_held,
    run_steps,
)
from tests.journeys.request_steps import WAITING, press_and_request
from tests.journeys.world import MARKETING

REASON = "The sale begins"
STEPS = (Step("Enable, at once after the answer", hold_nowhere, WAITING, is_done=False),)


async def check_kill(deployment: Deployment, step: Step) -> None:
    await deployment.world.import_policy(POLICY)
    first = await deployment.start()
    await deployment.emma.send(MARKETING, "/flows show 1")
    shown = await deployment.emma.wait_for_message(
        MARKETING, lambda message: "Enable" in deployment.emma.list_buttons(message)
    )
    held = step.hold(deployment)
    assert (await press_and_request(deployment.emma, shown, "Enable", REASON)).errors == {}
    last = await kill_when_held(deployment, step, held, first)
    request = await deployment.emma.wait_for_message(MARKETING, step.says, timeout=last.seconds_left)
    assert REASON in text_of(request)
    await deployment.wait_until_shown(1)
    assert deployment.enkapush.store.flow(1).is_enabled is step.is_done


async def test_a_request_that_was_acknowledged_outlives_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_postgresql, tmp_path)
