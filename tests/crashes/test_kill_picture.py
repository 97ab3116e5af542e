"""An edit of a live flow with a slow picture, and a kill at each step between its form and its posted request."""

from pathlib import Path
from typing import Final

import pytest

from tests.crashes.bot_processes import (
    Deployment,
    Hold,
    IsHeld,
    NewDatabase,
    Step,
    hold_at_slack,
    kill_when_held,
    new_deployment,
    open_form,
    run_steps,
)
from tests.journeys.form_steps import PNG, add_flow, list_writes
from tests.journeys.request_steps import wait_for_status
from tests.journeys.world import MARKETING

FLOW: Final = 4


def _hold_slow_picture(method: str) -> Hold:
    """Hold the process where it calls this method of Slack's, with a picture that is late for the form's answer."""

    def order(deployment: Deployment) -> IsHeld:
        deployment.slack.faults.add("files", delay=1.5)
        return hold_at_slack(method)(deployment)

    return order


STEPS: Final = (
    Step("while the picture is fetched", _hold_slow_picture("files"), "Applied"),
    Step("while the picture is fetched again", _hold_slow_picture("files"), "Applied", again=hold_at_slack("files")),
    Step("kept, and not posted", _hold_slow_picture("chat.postMessage"), "Applied"),
    Step("posted, and its author not told", _hold_slow_picture("chat.postEphemeral"), "Applied"),
)


async def check_kill(deployment: Deployment, step: Step) -> None:
    add_flow(deployment.world, is_enabled=True)
    first = await deployment.start()
    await open_form(deployment.emma, f"/flows edit {FLOW}")
    file = deployment.emma.upload("new.png", PNG)
    held = step.hold(deployment)
    assert (await deployment.emma.submit({"Image": file})).response_action == "update"
    await kill_when_held(deployment, step, held, first)
    request = await deployment.emma.wait_for_message(
        MARKETING, lambda message: "Approve" in deployment.emma.list_buttons(message)
    )
    del deployment.slack.workspace.files[file.id]
    await deployment.world.burak.click(request, "Approve")
    await wait_for_status(deployment.world, request, step.says)
    (write,) = list_writes(deployment.world)
    assert write.files["image"].content == PNG
    await deployment.wait_until_shown()


async def test_a_slow_picture_outlives_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    async with new_deployment(new_postgresql, tmp_path / "deployment") as deployment:
        await check_kill(deployment, STEPS[0])
