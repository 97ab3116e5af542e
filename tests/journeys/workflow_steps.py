"""Steps around a workflow: let it run one of flowbot's steps, read what its person is asked, and how it ended."""

from collections.abc import Callable
from typing import Any, Final

from flowbot.sandbox.slack import Message, SandboxPerson, StepRun, text_of
from flowbot.slack.manifest import build_manifest
from tests.journeys.world import APPROVALS, MARKETING, World

ASKED: Final = ("A workflow asks you", "Bir iş akışı")
WAITING: Final = ("Waiting for approval", "Onay bekl")


def run_step(world: World, step: str, person: SandboxPerson, channel: str = MARKETING, **inputs: Any) -> StepRun:
    """Let a workflow run a step that asks a person."""
    world.slack.workflows.install(build_manifest(None, with_steps=True))
    return world.slack.client.run_step(step, {"person": person.id, "channel": channel, **inputs})


def direct_messages(world: World, person: SandboxPerson) -> str:
    """Return the channel of a person's direct messages with flowbot."""
    return world.slack.workspace.open_direct_message(person.id).id


async def wait_until_asked(world: World, person: SandboxPerson) -> Message:
    """Wait for the message that asks a person."""
    return await wait_for_direct(world, person, lambda message: text_of(message).startswith(ASKED))


async def wait_for_direct(world: World, person: SandboxPerson, wanted: str | Callable[[Message], object]) -> Message:
    """Wait for a direct message."""
    return await person.wait_for_message(direct_messages(world, person), wanted)


async def wait_for_end(world: World, run: StepRun) -> StepRun:
    """Wait until flowbot has told the workflow how its step ended."""
    await world.deniz.wait_until(lambda: run.state != "running")
    return run


async def press(world: World, person: SandboxPerson, button: str = "Request approval") -> Message:
    """Press the button of the message that asks a person, and return their request's message."""
    await person.click(await wait_until_asked(world, person), button)
    return await world.deniz.wait_for_message(APPROVALS, lambda each: any(word in text_of(each) for word in WAITING))
