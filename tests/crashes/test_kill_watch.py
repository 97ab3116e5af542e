"""A kill while flows are read or a finding is told: each change made outside is told once, and none is lost."""

from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    Deployment,
    Hold,
    NewDatabase,
    eventually,
    hold_at_enkapush,
    hold_at_slack,
    new_deployment,
    run_all,
)
from tests.journeys.world import MARKETING

SECONDS: Final = 40.0
STEPS: Final[dict[str, Hold]] = {
    "while all flows are read": hold_at_enkapush(Fault.hang(method="GET", path="/flows")),
    "while a flow is read once more": hold_at_enkapush(Fault.hang(method="GET", path="/flows/1")),
    "while a finding is posted": hold_at_slack("chat.postMessage"),
}


def list_told(deployment: Deployment) -> list[str]:
    posted = map(text_of, deployment.slack.workspace.messages[MARKETING])
    return [text for text in posted if "outside flowbot" in text]


async def wait_for_rounds(deployment: Deployment, rounds: int = 3) -> None:
    """Wait until all flows were read some more times."""
    before = deployment.enkapush.request_count("GET", "/flows")
    await eventually(lambda: deployment.enkapush.request_count("GET", "/flows") >= before + rounds, SECONDS)


async def kill_at(deployment: Deployment, step: str, *, two: bool = False, freeze: bool = False) -> None:
    """Change a flow outside, and kill or freeze the process that finds it at this step."""
    world = deployment.world
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": 2})
    process = await deployment.start()
    await wait_for_rounds(deployment)
    other = await deployment.start() if two else None
    held = STEPS[step](deployment)
    deployment.enkapush.store.update_flow(1, title="Theirs")
    await eventually(held, SECONDS)
    if freeze:
        process.freeze()
    else:
        await process.kill()
    deployment.heal()
    if other is None:
        await deployment.start()
    await eventually(lambda: list_told(deployment), SECONDS)
    if freeze:
        process.thaw()
    await wait_for_rounds(deployment)
    (told,) = list_told(deployment)
    assert "#1 Flow 1 was changed outside flowbot" in told
    deployment.enkapush.store.update_flow(2, title="Theirs, too")
    await eventually(lambda: len(list_told(deployment)) == 2, SECONDS)


async def test_a_kill_while_the_watch_reads_and_tells_loses_nothing(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    async def run(number: int, step: str) -> None:
        async with new_deployment(new_sqlite, tmp_path / str(number)) as deployment:
            await kill_at(deployment, step)

    await run_all({step: run(number, step) for number, step in enumerate(STEPS)})


@pytest.mark.postgresql
@pytest.mark.parametrize("freeze", [False, True], ids=["killed", "frozen"])
async def test_another_process_takes_the_watch_over(new_postgresql: NewDatabase, tmp_path: Path, freeze: bool) -> None:
    async def run(number: int, step: str) -> None:
        async with new_deployment(new_postgresql, tmp_path / str(number)) as deployment:
            await kill_at(deployment, step, two=True, freeze=freeze)

    await run_all({step: run(number, step) for number, step in enumerate(STEPS)})
