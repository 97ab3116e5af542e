"""A form that edits a flow, and a kill at each step between its submit and its answer."""

from pathlib import Path
from typing import Any, Unpack

import pytest

from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import FlowId
from flowbot.sandbox.enkapush import Fault, FlowFields, Image
from flowbot.sandbox.slack.models import Message
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from tests.crashes.bot_processes import (
    Deployment,
    Hold,
    IsHeld,
    NewDatabase,
    Step,
    check_reopened_form,
    eventually,
    hold_at_enkapush,
    hold_at_slack,
    hold_nowhere,
    kill_when_held,
    new_deployment,
    open_form,
    run_steps,
)
from tests.journeys.form_steps import PNG
from tests.journeys.world import MARKETING

FLOW, NAME, OLD = 2, "Renamed", "Flow 2"
CHANGED = "was changed"
READ = {"method": "GET", "path": f"/flows/{FLOW}"}
WRITE = {"method": "POST", "path": f"/flows/{FLOW}"}

hang = Fault.hang
STEPS = (
    Step("at once after the answer", hold_nowhere, CHANGED),
    Step("before the flow is compared", hold_at_enkapush(hang(method="GET", path="/flows/2")), CHANGED),
    Step("sent, and lost on the way", hold_at_enkapush(hang(method="POST", path="/flows/2")), CHANGED),
    Step(
        "sent, and done after the kill",
        hold_at_enkapush(hang(outlives_sender=True, method="POST", path="/flows/2")),
        CHANGED,
    ),
    Step("done, and not answered", hold_at_enkapush(hang(after_effect=True, method="POST", path="/flows/2")), CHANGED),
    Step("done, and not read back", hold_at_enkapush(hang(skip=1, method="GET", path="/flows/2")), CHANGED),
    Step("settled, and not told", hold_at_slack("views.update"), CHANGED),
    Step(
        "killed again after it was done",
        hold_at_enkapush(hang(after_effect=True, method="POST", path="/flows/2")),
        CHANGED,
        again=hold_at_enkapush(hang(method="GET", path="/flows/2")),
    ),
)
ON_POSTGRESQL = {"done, and not answered", "settled, and not told"}


async def check_kill(deployment: Deployment, step: Step) -> None:
    first = await deployment.start()
    await open_form(deployment.emma, f"/flows edit {FLOW}")
    held = step.hold(deployment)
    assert (await deployment.emma.submit({"Name": NAME, "UTM source": "slack"})).response_action == "update"
    last = await kill_when_held(deployment, step, held, first)
    await deployment.emma.wait_for_message(MARKETING, step.says, timeout=last.seconds_left)
    await deployment.wait_until_shown()
    flow = deployment.enkapush.store.flow(FLOW)
    assert (flow.name, flow.utm_source, flow.title, flow.is_enabled) == (NAME, "slack", "Title 2", False)
    assert len(deployment.enkapush.store.flows) == 3
    assert len(deployment.private_messages(deployment.emma)) == 1
    assert await read_known(deployment) == WriteOnlyFields(utm_source="slack")


async def read_known(deployment: Deployment) -> WriteOnlyFields:
    """Return what flowbot knows of the flow's segment and UTM values."""
    async with deployment.world.open_database() as database:
        return (await KnownSettingsRepository(database).get(FlowId(FLOW))).values


async def test_a_kill_at_any_step_leaves_the_flow_as_it_was_wanted(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_steps([step for step in STEPS if step.name in ON_POSTGRESQL], check_kill, new_postgresql, tmp_path)


async def check_agreement(deployment: Deployment, step: Step) -> None:
    """Check that what was set is known exactly where the change is known to be applied, whenever the process dies."""
    first = await deployment.start()
    await open_form(deployment.emma, f"/flows edit {FLOW}")
    held = step.hold(deployment)
    await deployment.emma.submit({"Name": NAME, "UTM source": "slack"})
    await eventually(held)
    await first.kill()
    deployment.heal()
    ((state,),) = await deployment.query("SELECT state FROM changes")
    assert (state, await read_known(deployment)) == (
        ("applied", WriteOnlyFields(utm_source="slack"))
        if step.name == "settled, and not told"
        else ("applying", WriteOnlyFields())
    )


AGREEING = [step for step in STEPS if step.name in {"done, and not read back", "settled, and not told"}]


async def test_what_was_set_is_known_with_the_outcome_and_not_before(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(AGREEING, check_agreement, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_is_known_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_steps(AGREEING, check_agreement, new_postgresql, tmp_path)


# --- somebody else edits the flow while nobody is there ------------------------------------------------------------


async def overtake(
    deployment: Deployment, hold: Hold, ours: dict[str, Any], answer: str = "Open form", **theirs: Unpack[FlowFields]
) -> Message:
    """Kill the process where Emma's edit is held, edit the flow as somebody else, and return Emma's one message."""
    first = await deployment.start()
    await open_form(deployment.emma, f"/flows edit {FLOW}")
    held = hold(deployment)
    await deployment.emma.submit(ours)
    await eventually(held)
    await first.kill()
    deployment.heal()
    deployment.enkapush.store.update_flow(FLOW, **theirs)
    last = await deployment.start()
    message = await deployment.emma.wait_for_message(MARKETING, answer, timeout=last.seconds_left)
    await deployment.wait_until_shown()
    assert deployment.private_messages(deployment.emma) == [message]
    return message


def hold_after_our_edit(deployment: Deployment) -> IsHeld:
    """Hold the process where Enkapush has made the edit, and does not answer."""
    hold_at_enkapush(hang(after_effect=True, method="POST", path="/flows/2"))(deployment)
    return lambda: deployment.enkapush.store.flow(FLOW).utm_source == "ours"


async def test_what_somebody_else_did_after_the_kill_is_not_overwritten(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_sqlite, tmp_path / "deployment") as deployment:
        lost = hold_at_enkapush(hang(method="POST", path="/flows/2"))
        message = await overtake(deployment, lost, {"Name": NAME}, title="By somebody else")
        flow = deployment.enkapush.store.flow(FLOW)
        assert (flow.name, flow.title) == (OLD, "By somebody else")
        await check_reopened_form(deployment, deployment.emma, message, NAME)


async def test_what_somebody_set_after_the_kill_that_cannot_be_read_is_not_overwritten(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async with new_deployment(new_sqlite, tmp_path / "deployment") as deployment:
        ours = {"Image": [deployment.emma.upload("ours.png", PNG)], "UTM source": "ours"}
        theirs = Image("theirs.png", "image/png", PNG)
        answer = "Flow #2 was changed"  # nothing tells their picture from ours
        await overtake(deployment, hold_after_our_edit, ours, answer, image=theirs, utm_source="theirs", segment="7")
        flow = deployment.enkapush.store.flow(FLOW)
        assert (flow.image, flow.utm_source, flow.segment) == (theirs, "theirs", "7")
