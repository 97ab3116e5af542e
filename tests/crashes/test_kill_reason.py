"""A reason given to reject or to skip approval, and a kill after it was acknowledged."""

from pathlib import Path

import pytest

from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    POLICY,
    Deployment,
    NewDatabase,
    Step,
    hold_at_slack,
    hold_nowhere,
    kill_when_held,
    run_steps,
)
from tests.journeys.request_steps import submit_reason
from tests.journeys.world import MARKETING

SKIPPABLE = f'{POLICY}\n[channels.approval]\nbreak_glass = ["U0BURAK"]\n'
REASON = "Not before the sale"
STEPS = (
    Step("Reject, at once after the answer", hold_nowhere, "Rejected", is_done=False),
    Step("Reject, and not told", hold_at_slack("chat.update"), "Rejected", is_done=False),
    Step("Skip approval, at once after the answer", hold_nowhere, "Applied"),
    Step("Skip approval, and not told", hold_at_slack("chat.update"), "Applied"),
)


async def check_kill(deployment: Deployment, step: Step) -> None:
    await deployment.world.import_policy(SKIPPABLE)
    first = await deployment.start()
    await deployment.emma.send(MARKETING, "/flows enable 1")
    request = await deployment.emma.wait_for_message(
        MARKETING, lambda message: "Reject" in deployment.emma.list_buttons(message)
    )
    held = step.hold(deployment)
    await deployment.world.burak.click(request, step.name.partition(",")[0])
    assert await submit_reason(deployment.world.burak, REASON) == []
    last = await kill_when_held(deployment, step, held, first)
    await deployment.emma.wait_until(lambda: step.says in text_of(request), timeout=last.seconds_left)
    assert REASON in text_of(request)
    await deployment.wait_until_shown()
    assert deployment.enkapush.store.flow(1).is_enabled is step.is_done


async def test_a_decision_whose_reason_was_acknowledged_outlives_a_kill(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS[::2], check_kill, new_postgresql, tmp_path)
