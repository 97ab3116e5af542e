"""A step of a workflow, and a kill before anybody is asked, and before the workflow is told."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from tests.crashes.bot_processes import (
    Deployment,
    NewDatabase,
    Step,
    hold_at_slack,
    kill_when_held,
    run_steps,
)
from tests.journeys.workflow_steps import direct_messages, run_step, wait_for_direct, wait_for_end, wait_until_asked
from tests.journeys.world import MARKETING

pytestmark = pytest.mark.timeout(600)

FLOW: Final = 1
DONE: Final = "The workflow goes on."
ASKING: Final = hold_at_slack("chat.postMessage")
TELLING: Final = hold_at_slack("functions.completeSuccess")
STEPS: Final = (
    Step("stored, and nobody is asked", ASKING, DONE),
    Step("over, and the workflow is not told", TELLING, DONE),
    Step("two are killed before it is told", TELLING, DONE, again=TELLING),
)


async def approve(deployment: Deployment) -> None:
    """Request what the step asks for, and approve it."""
    asked = await wait_until_asked(deployment.world, deployment.emma)
    await deployment.emma.click(asked, "Request approval")
    burak = deployment.world.burak
    request = await burak.wait_for_message(MARKETING, lambda message: "Approve" in burak.list_buttons(message))
    await burak.click(request, "Approve")


async def check_step(deployment: Deployment, step: Step) -> None:
    """Kill the process when it is held, and see that another does the rest, once."""
    first = await deployment.start()
    held = step.hold(deployment)
    run = run_step(deployment.world, "enable_flow", deployment.emma, flow=FLOW)
    if step.hold is not ASKING:
        await approve(deployment)
    await kill_when_held(deployment, step, held, first)
    if step.hold is ASKING:
        await approve(deployment)
    await wait_for_end(deployment.world, run)
    assert run.outputs == {"outcome": "applied", "flow": FLOW, "decided_by": "U0BURAK"}
    await wait_for_direct(deployment.world, deployment.emma, step.says)
    await deployment.wait_until_shown()
    posted = deployment.slack.workspace.messages[direct_messages(deployment.world, deployment.emma)]
    assert len([each for each in posted if not each.is_ephemeral]) == 1
    assert await deployment.query("SELECT kind, state FROM reports") == [("step", "closed")]
    assert [record.method for record in deployment.enkapush.requests].count("POST") == 1


async def run_kills(steps: Iterable[Step], new_database: NewDatabase, folder: Path) -> None:
    await run_steps(steps, check_step, new_database, folder)


async def test_a_step_outlives_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STEPS[1:2], new_sqlite, tmp_path)


@pytest.mark.long
async def test_so_it_does_at_every_other_step(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STEPS, new_sqlite, tmp_path)


@pytest.mark.long
@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STEPS, new_postgresql, tmp_path)
