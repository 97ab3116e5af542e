"""A kill while people are called or told, and two processes at it: told once, mentioned once."""

from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.slack import SandboxPerson, text_of
from flowbot.sandbox.slack.models import Message
from tests.crashes.bot_processes import (
    POLICY,
    Deployment,
    NewDatabase,
    Process,
    eventually,
    hold_at_slack,
    new_deployment,
    run_all,
)
from tests.journeys.world import MARKETING

BY_DIRECT_MESSAGE: Final = f'{POLICY}\n[channels.approval]\nnotify = "dm"\n'
ONCE_TOLD_SECONDS: Final = 25.0
"""A copy that was cut off is left for a while to whoever may still be sending it."""


def list_posted(deployment: Deployment, *, in_thread: bool) -> list[Message]:
    posted = deployment.slack.workspace.messages[MARKETING]
    return [each for each in posted if not each.is_ephemeral and (each.thread_ts is not None) is in_thread]


def list_copies(deployment: Deployment, person: SandboxPerson) -> list[Message]:
    return deployment.slack.workspace.messages[deployment.slack.workspace.open_direct_message(person.id).id]


def count_mentions(deployment: Deployment, messages: list[Message], value: str) -> int:
    found = [mention.value for message in messages for mention in deployment.slack.find_mentions(message)]
    return found.count(value)


async def start(deployment: Deployment, *, two: bool) -> list[Process]:
    """Start one process, or two of which the last is delivered to."""
    return [await deployment.start() for _ in range(2 if two else 1)]


async def kill_while_the_request_is_posted(deployment: Deployment, *, two: bool = False) -> None:
    *_, process = await start(deployment, two=two)
    held = hold_at_slack("chat.postMessage")(deployment)
    await deployment.emma.send(MARKETING, "/flows enable 1")
    await eventually(held)
    await process.kill()
    deployment.heal()
    if not two:
        await deployment.start()
    await eventually(lambda: list_posted(deployment, in_thread=False), ONCE_TOLD_SECONDS)
    await deployment.wait_until_shown(ONCE_TOLD_SECONDS)
    (request,) = list_posted(deployment, in_thread=False)
    assert count_mentions(deployment, [request], "S0LEADS") <= 1


async def kill_while_the_end_is_told(deployment: Deployment, *, two: bool = False) -> None:
    *_, process = await start(deployment, two=two)
    request = await _request(deployment)
    held = hold_at_slack("chat.postMessage")(deployment)
    await deployment.world.burak.click(request, "Approve")
    await eventually(held)
    await process.kill()
    deployment.heal()
    if not two:
        await deployment.start()
    await eventually(lambda: list_posted(deployment, in_thread=True), ONCE_TOLD_SECONDS)
    await deployment.wait_until_shown(ONCE_TOLD_SECONDS)
    (notice,) = list_posted(deployment, in_thread=True)
    assert "is live · approved by Burak Demir" in text_of(notice)
    assert count_mentions(deployment, [notice], "U0EMMA") <= 1


async def kill_before_the_end_is_told(deployment: Deployment) -> None:
    process = await deployment.start()
    request = await _request(deployment)
    held = hold_at_slack("chat.update")(deployment)
    await deployment.world.burak.click(request, "Approve")
    await eventually(held)
    await process.kill()
    deployment.heal()
    last = await deployment.start()
    await eventually(lambda: list_posted(deployment, in_thread=True), last.seconds_left)
    await deployment.wait_until_shown()
    (notice,) = list_posted(deployment, in_thread=True)
    assert count_mentions(deployment, [notice], "U0EMMA") == 1


async def kill_while_a_copy_is_sent(deployment: Deployment) -> None:
    await deployment.world.import_policy(BY_DIRECT_MESSAGE)
    process = await deployment.start()
    deployment.slack.faults.add("chat.postMessage", delay=0.001)
    held = hold_at_slack("chat.postMessage")(deployment)
    await deployment.emma.send(MARKETING, "/flows enable 1")
    await eventually(held)
    await process.kill()
    deployment.heal()
    await deployment.start()
    burak = deployment.world.burak
    await eventually(lambda: list_copies(deployment, burak), ONCE_TOLD_SECONDS)
    (copy,) = list_copies(deployment, burak)
    await burak.click(copy, "Approve")
    await eventually(lambda: "is live" in text_of(copy), 15)
    await deployment.wait_until_shown(ONCE_TOLD_SECONDS)
    assert burak.list_buttons(copy) == []
    assert len(list_posted(deployment, in_thread=False)) == len(list_posted(deployment, in_thread=True)) == 1


async def _request(deployment: Deployment) -> Message:
    await deployment.emma.send(MARKETING, "/flows enable 1")
    await eventually(lambda: deployment.private_messages(deployment.emma))
    (request,) = list_posted(deployment, in_thread=False)
    return request


async def test_a_kill_while_people_are_told_tells_them_once(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    kills = (
        kill_while_the_request_is_posted,
        kill_while_the_end_is_told,
        kill_before_the_end_is_told,
        kill_while_a_copy_is_sent,
    )

    async def run(number: int) -> None:
        async with new_deployment(new_sqlite, tmp_path / str(number)) as deployment:
            await kills[number](deployment)

    await run_all({kill.__name__: run(number) for number, kill in enumerate(kills)})


@pytest.mark.postgresql
async def test_the_other_process_tells_what_a_killed_one_did_not(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    async def run_request() -> None:
        async with new_deployment(new_postgresql, tmp_path / "request") as deployment:
            await kill_while_the_request_is_posted(deployment, two=True)

    async def run_end() -> None:
        async with new_deployment(new_postgresql, tmp_path / "end") as deployment:
            await kill_while_the_end_is_told(deployment, two=True)

    await run_all({"request": run_request(), "end": run_end()})
