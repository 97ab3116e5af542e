"""People around a request for approval: asking, finding its message, and what came of it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.sandbox.slack.models import Person
from flowbot.services import history
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, writes
from tests.journeys.world import APPROVALS, MARKETING, World

WAITS: Final = "Waiting for approval"


def rules(
    *approval: str,
    websites: str = "[1, 2]",
    editors: str = '["S0EDITORS"]',
    approvers: str = '["S0LEADS"]',
    where: str = APPROVALS,
) -> str:
    """A policy for the marketing channel whose requests are posted elsewhere; `approval` are lines of its rule."""
    return f"""
[websites]
1 = "Lale Moda"
2 = "Northbound Outdoor"

[[channels]]
id = "{MARKETING}"
websites = {websites}
viewers = ["*"]
editors = {editors}
approvers = {approvers}

[channels.approval]
channel = "{where}"
{chr(10).join(approval)}
"""


async def at_once(seconds: float) -> None:
    """Wait no longer than others need to go on."""
    await asyncio.sleep(seconds / 100)


def hurry(world: World, patch: pytest.MonkeyPatch) -> None:
    """Give Enkapush little time, and let the bot look after what is due many times a second."""
    world.timeouts, world.sleep = Timeouts(read=0.2, write=0.2, write_deadline=0.4), at_once
    patch.setattr(recovery, "ROUND_SECONDS", 0.1)
    patch.setattr(recovery, "UNSHOWN_ROUNDS", 1)


async def asks(
    world: World, what: str = "enable", *, by: SandboxPerson | None = None, where: str = APPROVALS
) -> Message:
    """Ask for something to be done with a flow: `enable 1 Because`, or `enable` for a flow made on the spot."""
    person = by or world.emma
    if what in {"enable", "disable", "delete"}:
        what = f"{what} {add_flow(world, is_enabled=what == 'disable')}"
    before = {message.ts for message in await world.deniz.list_messages(where)}
    await person.send(MARKETING, f"/flows {what}")
    return await world.deniz.wait_for_message(where, lambda message: message.ts not in before and _is_request(message))


def _is_request(message: Message) -> bool:
    return not message.is_ephemeral and "approve" in json.dumps(message.blocks)


async def asks_and_hears(world: World) -> Message:
    """Ask for something, and hear that it was: by then it is noted where the message is, of which one is reminded."""
    before = len(private(world, world.emma, MARKETING))
    request = await asks(world)
    await world.emma.wait_until(lambda: len(private(world, world.emma, MARKETING)) > before)
    return request


async def ends(world: World, request: Message, word: str, *, timeout: float = 5.0) -> Message:
    """Wait until the request's own message says so."""

    def is_it(message: Message) -> bool:
        return message.ts == request.ts and word in text_of(message)

    return await world.deniz.wait_for_message(request.channel, is_it, timeout)


async def is_told(person: SandboxPerson, sentence: str, where: str = APPROVALS) -> Message:
    """Wait for a sentence for this person's eyes alone."""
    return await person.wait_for_message(where, lambda message: message.is_ephemeral and sentence in text_of(message))


async def answer_to(world: World, person: SandboxPerson, target: Message, label: str, where: str = APPROVALS) -> str:
    """Press a button, and return what this person alone is told about it."""
    before = len(private(world, person, where))
    await person.click(target, label)
    await person.wait_until(lambda: len(private(world, person, where)) > before)
    return private(world, person, where)[-1]


async def gives_reason(person: SandboxPerson, reason: str) -> list[str]:
    """Fill in the small form that asks why; what it says is wrong."""
    await person.wait_for_view(lambda view: view.callback_id == "changes.reason")
    (label,) = person.list_fields()
    return list((await person.submit({label: reason})).errors.values())


async def changed_by(world: World, request: Message, **fields: Any) -> None:
    """Somebody else changes the flow in Enkapush after the request was made."""
    assert WAITS in text_of(request)
    world.enkapush.store.update_flow(1, **fields)


async def is_struck(world: World) -> None:
    """Wait until every fault that Enkapush was given has struck."""
    await comes_true(lambda: not world.enkapush.faults.pending)


async def comes_true(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells of, as what happens within the stand-in for Enkapush."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def sent_texts(world: World) -> list[dict[str, str]]:
    """The fields of every write that reached Enkapush."""
    return [record.texts for record in writes(world)]


def asked_enkapush(world: World, since: int) -> list[tuple[str, str]]:
    """Methods and paths of the requests after the first `since`."""
    return [(record.method, record.path.rstrip("/")) for record in world.enkapush.requests[since:]]


def private(world: World, person: SandboxPerson, where: str = APPROVALS) -> list[str]:
    """What a person was told privately, oldest first."""
    return [
        text_of(message)
        for message in world.slack.workspace.list_visible_messages(where, person.id)
        if message.is_ephemeral
    ]


def mentioned(world: World, thing: Message | View) -> list[tuple[str, str]]:
    """Everything that is more than text."""
    return [(mention.kind, mention.value) for mention in world.slack.find_mentions(thing)]


def replies(world: World, message: Message) -> list[Message]:
    """What stands in a message's thread."""
    return [each for each in world.slack.workspace.messages[message.channel] if each.thread_ts == message.ts]


def alarms(world: World, message: Message, where: str | None = None) -> list[Message]:
    """What stands in the channel of a message, or elsewhere, for all, that cries out."""
    posted = world.slack.workspace.messages[where or message.channel]
    others = [each for each in posted if each.ts != message.ts and each.thread_ts is None and not each.is_ephemeral]
    return [each for each in others if "🚨" in text_of(each)]


def leaves(world: World, person: SandboxPerson) -> None:
    """Somebody is gone, and reached by nothing."""
    del world.slack.workspace.people[person.id]
    for channel in world.slack.workspace.channels.values():
        if person.id in channel.members:
            channel.members.remove(person.id)


def hire(world: World, count: int, group: str = "S0LEADS") -> list[SandboxPerson]:
    """New colleagues who read English, in every channel of the team and in a user group."""
    workspace, people = world.slack.workspace, []
    for number in range(1, count + 1):
        user = f"U0NEW{number}"
        workspace.people[user] = Person(user, f"new{number}", f"New {number}", workspace.team)
        workspace.groups[group].users.append(user)
        for channel in (MARKETING, APPROVALS):
            workspace.channels[channel].members.append(user)
        people.append(world.slack.person(user))
    return people


async def audit(world: World) -> list[dict[str, Any]]:
    """The audit trail, as it is exported."""
    lines: list[str] = []
    async with world.open_database() as database:
        await history.export(
            ChangeRepository(database, world.time.now).all_events(), history.Format.JSONL, lines.append
        )
    return [json.loads(line) for line in lines]
