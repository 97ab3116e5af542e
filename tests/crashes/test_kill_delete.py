"""A request to delete a flow with a picture, and a kill at each step before its message is posted."""

from pathlib import Path
from typing import Final

from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    Deployment,
    Hold,
    IsHeld,
    NewDatabase,
    Step,
    hold_at_enkapush,
    hold_at_slack,
    kill_when_held,
    run_steps,
)
from tests.journeys.form_steps import PNG, add_flow
from tests.journeys.request_steps import wait_for_status, wait_until
from tests.journeys.world import MARKETING

FLOW: Final = 4


def _hold_without_picture(method: str) -> Hold:
    """Hold the process where it calls this method of Slack's, with the picture gone until then."""

    def order(deployment: Deployment) -> IsHeld:
        deployment.enkapush.faults.add(Fault.status(404, path="/media/*", times=None))
        return hold_at_slack(method)(deployment)

    return order


def _hold_at_picture() -> Hold:
    return hold_at_enkapush(Fault.hang(path="/media/*"))


STEPS: Final = (
    Step("while the picture is fetched", _hold_at_picture(), "#4 Old name was deleted"),
    Step(
        "while the picture is fetched again",
        _hold_at_picture(),
        "#4 Old name was deleted",
        again=_hold_at_picture(),
    ),
    Step("kept, and not posted", hold_at_slack("chat.postMessage"), "#4 Old name was deleted"),
    Step("lost, and not posted", _hold_without_picture("chat.postMessage"), "couldn't be saved", is_done=False),
)
"""`is_done` is whether the picture is kept in the end."""


async def check_kill(deployment: Deployment, step: Step) -> None:
    add_flow(deployment.world, image=Image("picture.png", "image/png", PNG))
    first = await deployment.start()
    held = step.hold(deployment)
    await deployment.emma.send(MARKETING, f"/flows delete {FLOW}")
    await kill_when_held(deployment, step, held, first)
    request = await deployment.emma.wait_for_message(
        MARKETING, lambda message: "Approve" in deployment.emma.list_buttons(message)
    )
    assert ("can't be saved" in text_of(request)) is not step.is_done
    await deployment.world.burak.click(request, "Approve")
    over = await wait_for_status(deployment.world, request, "Applied")
    assert step.says in text_of(over)
    await deployment.emma.click(over, "Restore")
    await wait_until(lambda: FLOW + 1 in deployment.enkapush.store.flows)
    assert (deployment.enkapush.store.flow(FLOW + 1).image is not None) is step.is_done
    await deployment.wait_until_shown()


async def test_a_request_to_delete_and_its_picture_outlive_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)
