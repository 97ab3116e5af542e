"""A kill between the escalation of a request and its telling: told once, and whoever may decide does."""

from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    POLICY,
    Deployment,
    NewDatabase,
    eventually,
    hold_at_slack,
    new_deployment,
    run_all,
)
from tests.crashes.test_kill_telling import ONCE_TOLD_SECONDS, count_mentions, list_posted
from tests.journeys.world import MARKETING

pytestmark = pytest.mark.timeout(300)

ESCALATING: Final = f'{POLICY}\n[channels.approval]\nescalate_after_hours = 1\nescalate_to = ["U0DENIZ"]\n'
AN_HOUR_LATER: Final = 3700.0


async def kill_at(deployment: Deployment, method: str, *, mentions: tuple[int, ...]) -> None:
    """Kill the process that escalates where it calls this method of Slack's, and let another go on."""
    await deployment.world.import_policy(ESCALATING)
    first = await deployment.start()
    await deployment.emma.send(MARKETING, "/flows enable 1")
    await eventually(lambda: deployment.private_messages(deployment.emma))
    await deployment.wait_until_shown()
    await first.kill()
    held = hold_at_slack(method)(deployment)
    second = await deployment.start(ahead=AN_HOUR_LATER)
    await eventually(held)
    await second.kill()
    deployment.heal()
    await deployment.start(ahead=AN_HOUR_LATER)
    await eventually(lambda: list_posted(deployment, in_thread=True), ONCE_TOLD_SECONDS)
    await deployment.wait_until_shown(ONCE_TOLD_SECONDS)
    (request,) = list_posted(deployment, in_thread=False)
    (call,) = list_posted(deployment, in_thread=True)
    assert "decide now" in text_of(call)
    assert count_mentions(deployment, [call], "U0DENIZ") in mentions
    assert "can decide, too." in text_of(request)
    await deployment.world.deniz.click(request, "Approve")
    await eventually(lambda: "is live" in text_of(request), ONCE_TOLD_SECONDS)


async def test_a_kill_while_an_escalation_is_told_tells_it_once(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    async def run(method: str, mentions: tuple[int, ...]) -> None:
        async with new_deployment(new_sqlite, tmp_path / method) as deployment:
            await kill_at(deployment, method, mentions=mentions)

    # Cut off while the call was sent, it is sent again without its mentions.
    await run_all({"stored": run("chat.update", (1,)), "being called": run("chat.postMessage", (0, 1))})
