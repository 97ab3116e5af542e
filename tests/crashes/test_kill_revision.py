"""An author's revision of their waiting request, and a kill at each step between its submit and its answer."""

import json
from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack.models import Message
from flowbot.sandbox.slack.visible_text import text_of
from tests.crashes.bot_processes import (
    Deployment,
    NewDatabase,
    Step,
    eventually,
    hold_at_enkapush,
    hold_at_slack,
    hold_nowhere,
    kill_when_held,
    new_deployment,
    open_form,
    redeliver_to_all,
    run_steps,
)
from tests.journeys.world import MARKETING

pytestmark = pytest.mark.long

FLOW, TITLE, OLD = 2, "Revised", "Title 2"
ANEW: Final = "Approval starts over."
WHERE: Final = f"/flows/{FLOW}"
hang = Fault.hang


async def request(deployment: Deployment, *, is_live: bool) -> Message:
    """Ask to enable a flow, or to edit a live one, and return the request's message."""
    if is_live:
        deployment.enkapush.store.update_flow(FLOW, is_enabled=True)
        await open_form(deployment.emma, f"/flows edit {FLOW}")
        await deployment.emma.submit({"Title": "First"})
    else:
        await deployment.emma.send(MARKETING, f"/flows enable {FLOW}")
    shown = await deployment.emma.wait_for_message(MARKETING, lambda each: "changes.approve" in json.dumps(each.blocks))
    await deployment.wait_until_shown()
    return shown


def list_replies(deployment: Deployment, shown: Message) -> list[Message]:
    messages = deployment.slack.workspace.messages[MARKETING]
    return [each for each in messages if each.thread_ts == shown.ts and ANEW in text_of(each)]


async def check_settled(deployment: Deployment, shown: Message) -> None:
    """Check that the revision is told once, blocks nothing, and is what an approval lets happen."""
    await deployment.wait_until_shown()
    await eventually(lambda: TITLE in text_of(shown))
    assert "0/1 approval" in text_of(shown)
    assert len(list_replies(deployment, shown)) == 1
    assert not [row for row in await deployment.query("SELECT progress FROM changes") if "x" in _revised_by(row[0])]
    await deployment.world.burak.click(shown, "Approve")
    await eventually(lambda: "Applied" in text_of(shown))
    flow = deployment.enkapush.store.flow(FLOW)
    assert (flow.title, flow.is_enabled) == (TITLE, True)


def _revised_by(progress: object) -> str:
    found = json.loads(progress) if isinstance(progress, str) else progress
    return "x" if isinstance(found, dict) and found.get("revised_by") else ""


ENABLE_STEPS: Final = (
    Step("at once after the answer", hold_nowhere, ""),
    Step("before the flow is compared", hold_at_enkapush(hang(method="GET", path=WHERE)), ""),
    Step("sent, and lost on the way", hold_at_enkapush(hang(method="POST", path=WHERE)), ""),
    Step("done, and not answered", hold_at_enkapush(hang(after_effect=True, method="POST", path=WHERE)), ""),
    Step("done, and not read back", hold_at_enkapush(hang(skip=1, method="GET", path=WHERE)), ""),
    Step("settled, and not told", hold_at_slack("views.update"), ""),
    Step("settled, and the team not told", hold_at_slack("chat.update"), ""),
    Step(
        "killed again after it was done",
        hold_at_enkapush(hang(after_effect=True, method="POST", path=WHERE)),
        "",
        again=hold_at_enkapush(hang(method="GET", path=WHERE)),
    ),
)
EDIT_STEPS: Final = (
    Step("at once after the answer", hold_nowhere, ""),
    Step("settled, and not told", hold_at_slack("views.update"), ""),
    Step("settled, and the team not told", hold_at_slack("chat.update"), ""),
    Step("told in the message, and not in its thread", hold_at_slack("chat.postMessage"), ""),
)
ON_POSTGRESQL: Final = {"done, and not answered", "settled, and the team not told"}


async def check_kill(deployment: Deployment, step: Step, *, is_live: bool) -> None:
    first = await deployment.start()
    shown = await request(deployment, is_live=is_live)
    await open_form(deployment.emma, f"/flows edit {FLOW}")
    held = step.hold(deployment)
    assert (await deployment.emma.submit({"Title": TITLE})).response_action == "update"
    await kill_when_held(deployment, step, held, first)
    await check_settled(deployment, shown)


async def check_enable(deployment: Deployment, step: Step) -> None:
    await check_kill(deployment, step, is_live=False)


async def check_edit(deployment: Deployment, step: Step) -> None:
    await check_kill(deployment, step, is_live=True)


async def test_a_kill_at_any_step_of_an_edit_under_an_enable_blocks_nothing(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    await run_steps(ENABLE_STEPS, check_enable, new_sqlite, tmp_path)


async def test_a_kill_at_any_step_of_a_revised_edit_blocks_nothing(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(EDIT_STEPS, check_edit, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    steps = [step for step in ENABLE_STEPS if step.name in ON_POSTGRESQL]
    await run_steps(steps, check_enable, new_postgresql, tmp_path / "enable")


@pytest.mark.postgresql
async def test_a_form_that_two_processes_get_at_once_revises_once(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    async with new_deployment(new_postgresql, tmp_path / "deployment") as deployment:
        processes = [await deployment.start(), await deployment.start()]
        shown = await request(deployment, is_live=False)
        await open_form(deployment.emma, f"/flows edit {FLOW}")
        held = hold_at_enkapush(hang(method="POST", path=WHERE))(deployment)
        await deployment.emma.submit({"Title": TITLE})
        await redeliver_to_all(deployment, processes)
        await eventually(held)
        deployment.heal()
        await check_settled(deployment, shown)
        revisions = await deployment.query("SELECT id FROM changes WHERE parent IS NOT NULL")
        assert len(revisions) == 1
