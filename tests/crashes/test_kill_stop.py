"""A stop of several flows, and a kill at each step of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from tests.crashes.bot_processes import (
    Deployment,
    NewDatabase,
    Step,
    eventually,
    hold_at_slack,
    kill_when_held,
    run_steps,
)
from tests.crashes.test_kill_late_effects import DONE, LOST, UPDATE, at_read, list_changes, wait_for_text
from tests.journeys.world import MARKETING

pytestmark = pytest.mark.timeout(600)

STOPPED: Final = "stopped 3 live flows"
STEPS: Final = (
    Step("posted, and two of three done", at_read(), STOPPED),
    Step("lost on the way", LOST, STOPPED),
    Step("done, and not answered", DONE, STOPPED),
    Step("done, and not read back", at_read(skip=1), STOPPED),
    Step("begun, and not posted", hold_at_slack("chat.postMessage"), STOPPED),
    Step("over, and not told", UPDATE, STOPPED),
    Step("two are killed", at_read(), STOPPED, again=LOST),
)


async def check_stop(deployment: Deployment, step: Step) -> None:
    """Stop three flows, kill the process when it is held, and see that another does the rest, once."""
    flows = sorted(deployment.enkapush.store.flows)
    for flow in flows:
        deployment.enkapush.store.update_flow(flow, is_enabled=True)
    first = await deployment.start()
    await deployment.emma.send(MARKETING, "/flows stop all Wrong prices")
    question = await deployment.emma.wait_for_message(MARKETING, "Stop 3 live flows")
    held = step.hold(deployment)
    await deployment.emma.click(question, "Stop all")
    last = await kill_when_held(deployment, step, held, first)
    await wait_for_text(deployment, step.says)
    await eventually(lambda: not any(flow.is_enabled for flow in deployment.enkapush.store.flows.values()))
    await deployment.wait_until_shown(last.seconds_left)
    assert await list_changes(deployment) == [("disable", "applied")] * 3
    assert await deployment.query("SELECT state FROM reports") == [("closed",)]
    posted = [each for each in deployment.slack.workspace.messages[MARKETING] if each.bot_id and not each.is_ephemeral]
    # A report whose posting was cut off by the kill may be posted again.
    assert len(posted) in {1, 2}
    written = [record.path for record in deployment.enkapush.requests if record.method == "POST"]
    resent = ["/flows/2"] if step.hold is LOST or step.again is LOST else []
    assert sorted(written) == sorted([*(f"/flows/{flow}" for flow in flows), *resent])


async def run_kills(steps: Iterable[Step], new_database: NewDatabase, folder: Path) -> None:
    await run_steps(steps, check_stop, new_database, folder)


async def test_a_stop_outlives_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills((STEPS[0], STEPS[4]), new_sqlite, tmp_path)


@pytest.mark.long
async def test_so_it_does_at_every_other_step(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STEPS, new_sqlite, tmp_path)


@pytest.mark.long
@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_kills(STEPS, new_postgresql, tmp_path)
