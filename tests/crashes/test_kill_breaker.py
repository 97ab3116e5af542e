"""A kill while the breaker disables a flow, or a digest is posted: each is done and told once."""

from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from flowbot.domain.freezes import WEEKDAYS
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.crashes.bot_processes import (
    POLICY,
    Deployment,
    Hold,
    NewDatabase,
    eventually,
    hold_at_enkapush,
    hold_at_slack,
    new_deployment,
    run_all,
)
from tests.crashes.test_kill_watch import wait_for_rounds
from tests.journeys.world import MARKETING

SECONDS: Final = 40.0
BREAKER: Final = "\n[channels.breaker]\nmin_sent = 10\nmax_close_rate = 0.5\n"
STEPS: Final[dict[str, Hold]] = {
    "before the disable": hold_at_enkapush(Fault.hang(method="GET", path="/flows/1")),
    "while the disable is sent": hold_at_enkapush(Fault.hang(method="POST", path="/flows/1")),
    "after the disable took effect": hold_at_enkapush(Fault.hang(method="POST", path="/flows/1", after_effect=True)),
    "while it is told": hold_at_slack("chat.postMessage"),
}


def list_told(deployment: Deployment, word: str) -> list[str]:
    posted = map(text_of, deployment.slack.workspace.messages[MARKETING])
    return [text for text in posted if word in text]


async def start(deployment: Deployment, rules: str) -> None:
    world = deployment.world
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": 2})
    await world.import_policy(POLICY + rules)


async def kill_the_breaker(deployment: Deployment, step: str, *, two: bool = False) -> None:
    """Let a flow break its limits, and kill the process that disables it at this step."""
    store = deployment.enkapush.store
    await start(deployment, BREAKER)
    store.update_flow(1, is_enabled=True)
    process = await deployment.start()
    await wait_for_rounds(deployment)
    other = await deployment.start() if two else None
    held = STEPS[step](deployment)
    store.update_flow(
        1, total_sent_push_notifications=20, total_displayed_push_notifications=20, total_closed_push_notifications=11
    )
    await eventually(held, SECONDS)
    await process.kill()
    deployment.heal()
    if other is None:
        await deployment.start()
    await eventually(lambda: list_told(deployment, "The breaker disabled #1 Flow 1."), SECONDS)
    assert not store.flows[1].is_enabled
    await wait_for_rounds(deployment)
    assert len(list_told(deployment, "breaker")) == 1
    assert list_told(deployment, "outside flowbot") == []


async def kill_the_digest(deployment: Deployment) -> None:
    """Kill the process that posts a digest in the middle of that."""
    today = datetime.now(deployment.world.settings.zone).weekday()
    held = hold_at_slack("chat.postMessage")(deployment)
    await start(deployment, f'\n[channels.digest]\nat = "{WEEKDAYS[today]} 00:00"\n')
    process = await deployment.start()
    await eventually(held, SECONDS)
    await process.kill()
    deployment.heal()
    await deployment.start()
    await eventually(lambda: list_told(deployment, "Weekly digest"), SECONDS)
    await wait_for_rounds(deployment)
    assert len(list_told(deployment, "Weekly digest")) == 1


async def test_a_kill_of_the_breaker_or_a_digest_loses_and_doubles_nothing(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    async def run(number: int, step: str) -> None:
        async with new_deployment(new_sqlite, tmp_path / str(number)) as deployment:
            await (kill_the_breaker(deployment, step) if step in STEPS else kill_the_digest(deployment))

    await run_all({step: run(number, step) for number, step in enumerate([*STEPS, "while a digest is posted"])})


@pytest.mark.long
@pytest.mark.postgresql
async def test_another_process_goes_on_with_the_breaker(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    async def run(number: int, step: str) -> None:
        async with new_deployment(new_postgresql, tmp_path / str(number)) as deployment:
            await kill_the_breaker(deployment, step, two=True)

    await run_all({step: run(number, step) for number, step in enumerate(STEPS)})
