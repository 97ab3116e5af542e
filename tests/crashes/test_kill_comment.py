"""A comment, or changes that were asked for, and a kill after the form was acknowledged: told once, and in history."""

from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
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

pytestmark = pytest.mark.long

TEXT: Final = "A shorter title"
STEPS: Final = (
    Step("Comment, at once after the answer", hold_nowhere, TEXT),
    Step("Comment, and not told", hold_at_slack("chat.postMessage"), TEXT),
    Step("Comment, and not shown", hold_at_slack("chat.update"), TEXT),
    Step("Request changes, at once after the answer", hold_nowhere, TEXT),
    Step("Request changes, and not told", hold_at_slack("chat.postMessage"), TEXT),
)


async def check_kill(deployment: Deployment, step: Step) -> None:
    first, burak = await deployment.start(), deployment.world.burak
    await deployment.emma.send(MARKETING, "/flows enable 1")
    request = await deployment.emma.wait_for_message(
        MARKETING, lambda message: "Reject" in deployment.emma.list_buttons(message)
    )
    await deployment.wait_until_shown()
    held = step.hold(deployment)
    await burak.click(request, step.name.partition(",")[0])
    assert await submit_reason(burak, TEXT) == []
    await kill_when_held(deployment, step, held, first)
    await deployment.wait_until_shown()
    posted = deployment.slack.workspace.messages[MARKETING]
    assert len([each for each in posted if each.thread_ts == request.ts and TEXT in text_of(each)]) == 1
    is_wish = step.name.startswith("Request")
    assert (TEXT in text_of(request)) is is_wish
    direct = deployment.slack.workspace.open_direct_message(deployment.emma.id).id
    told = [each for each in deployment.slack.workspace.messages[direct] if TEXT in text_of(each)]
    assert len(told) == is_wish
    assert await deployment.query("SELECT count(*) FROM events WHERE action LIKE 'change.c%'") == [(1,)]


async def test_what_was_said_of_a_request_outlives_a_kill(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS, check_kill, new_sqlite, tmp_path)


@pytest.mark.postgresql
async def test_so_it_does_on_postgresql(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    await run_steps(STEPS[1::3], check_kill, new_postgresql, tmp_path)
