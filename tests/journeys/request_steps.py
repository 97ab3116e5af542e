"""Steps around a request for approval: make it, find its message, and read the outcome."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.sandbox.slack.models import Person
from flowbot.sandbox.slack.view_responses import SubmissionResult
from flowbot.services import history
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.world import APPROVALS, MARKETING, World

WAITING: Final = "Waiting for approval"


def approval_policy(
    *approval: str,
    websites: str = "[1, 2]",
    editors: str = '["S0EDITORS"]',
    approvers: str = '["S0LEADS"]',
    where: str = APPROVALS,
) -> str:
    """Write a policy for the marketing channel; `where` gets its requests, `approval` are lines of its rule."""
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


async def sleep_briefly(seconds: float) -> None:
    """Wait no longer than others need to go on."""
    await asyncio.sleep(seconds / 100)


def speed_up(world: World, patch: pytest.MonkeyPatch) -> None:
    """Give Enkapush little time, and let the bot look for due work many times a second."""
    world.timeouts, world.sleep = Timeouts(read=0.2, write=0.2, write_deadline=0.4), sleep_briefly
    patch.setattr(recovery, "ROUND_SECONDS", 0.2)


async def request_change(
    world: World, what: str = "enable", *, by: SandboxPerson | None = None, where: str = APPROVALS
) -> Message:
    """Request a change of a flow: `enable 1 Because`, or `enable` for a flow made on the spot."""
    person = by or world.emma
    if what in {"enable", "disable", "delete"}:
        what = f"{what} {add_flow(world, is_enabled=what == 'disable')}"
    before = {message.ts for message in await world.deniz.list_messages(where)}
    await person.send(MARKETING, f"/flows {what}")
    return await world.deniz.wait_for_message(where, lambda message: message.ts not in before and _is_request(message))


def _is_request(message: Message) -> bool:
    return not message.is_ephemeral and '"changes.approve"' in json.dumps(message.blocks)


async def request_change_and_wait(world: World) -> Message:
    """Request a change, and wait for the reply: by then flowbot knows where the message is, which reminders need."""
    before = len(private_messages(world, world.emma, MARKETING))
    request = await request_change(world)
    await world.emma.wait_until(lambda: len(private_messages(world, world.emma, MARKETING)) > before)
    return request


async def wait_for_status(world: World, request: Message, word: str, *, timeout: float = 15.0) -> Message:
    """Wait until the request's own message says the word."""

    def is_it(message: Message) -> bool:
        return message.ts == request.ts and word in text_of(message)

    return await world.deniz.wait_for_message(request.channel, is_it, timeout)


async def wait_for_private_message(person: SandboxPerson, sentence: str, where: str = APPROVALS) -> Message:
    """Wait for a message that only this person sees."""
    return await person.wait_for_message(where, lambda message: message.is_ephemeral and sentence in text_of(message))


async def wait_for_notice(world: World, request: Message, sentence: str, *, timeout: float = 15.0) -> Message:
    """Wait for the notice to who asked, in the thread of their request."""

    def is_it(message: Message) -> bool:
        return message.thread_ts == request.ts and not message.is_ephemeral and sentence in text_of(message)

    return await world.deniz.wait_for_message(request.channel, is_it, timeout)


def list_notices(world: World, request: Message) -> list[Message]:
    """List the notices in a request's thread that mention somebody by name."""
    return [each for each in list_replies(world, request) if ("user", "U0EMMA") in list_mentions(world, each)]


async def click_and_read(
    world: World, person: SandboxPerson, target: Message, label: str, where: str = APPROVALS
) -> str:
    """Press a button, and return the private reply."""
    before = len(private_messages(world, person, where))
    await person.click(target, label)
    await person.wait_until(lambda: len(private_messages(world, person, where)) > before)
    return private_messages(world, person, where)[-1]


async def press_and_request(person: SandboxPerson, shown: Message, button: str, reason: str = "") -> SubmissionResult:
    """Press `Enable`, `Disable` or `Delete`, and send the small form that opens."""
    await person.click(shown, button)
    await wait_for_change_form(person)
    return await person.submit({"Reason": reason})


async def wait_for_change_form(person: SandboxPerson) -> View:
    """Wait until the form that asks for a change is filled."""
    return await person.wait_for_view(lambda view: view.callback_id == "flows.change")


async def submit_reason(person: SandboxPerson, reason: str) -> list[str]:
    """Submit the form that asks for a reason, and return its errors."""
    await person.wait_for_view(lambda view: view.callback_id == "changes.reason")
    (label,) = person.list_fields()
    return list((await person.submit({label: reason})).errors.values())


async def change_meanwhile(world: World, request: Message, **fields: Any) -> None:
    """Change the flow in Enkapush, as somebody else would, after the request was made."""
    assert WAITING in text_of(request)
    world.enkapush.store.update_flow(1, **fields)


async def wait_for_faults(world: World) -> None:
    """Wait until every fault that Enkapush was given has struck."""
    await wait_until(lambda: not world.enkapush.faults.pending)


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces, such as what happens within the stand-in for Enkapush."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def all_sent_fields(world: World) -> list[dict[str, str]]:
    """Return the text fields of every write that reached Enkapush."""
    return [record.texts for record in list_writes(world)]


def list_requests(world: World, since: int) -> list[tuple[str, str]]:
    """List methods and paths of the requests after the first `since`."""
    return [(record.method, record.path.rstrip("/")) for record in world.enkapush.requests[since:]]


def private_messages(world: World, person: SandboxPerson, where: str = APPROVALS) -> list[str]:
    """Return the texts that only this person sees, oldest first."""
    return [
        text_of(message)
        for message in world.slack.workspace.list_visible_messages(where, person.id)
        if message.is_ephemeral
    ]


def list_mentions(world: World, thing: Message | View) -> list[tuple[str, str]]:
    """List everything in a message or view that is more than text."""
    return [(mention.kind, mention.value) for mention in world.slack.find_mentions(thing)]


def list_replies(world: World, message: Message) -> list[Message]:
    """List the messages in a message's thread."""
    return [each for each in world.slack.workspace.messages[message.channel] if each.thread_ts == message.ts]


def list_alarms(world: World, message: Message, where: str | None = None) -> list[Message]:
    """List the alarms for all in a message's channel, or in another."""
    posted = world.slack.workspace.messages[where or message.channel]
    others = [each for each in posted if each.ts != message.ts and each.thread_ts is None and not each.is_ephemeral]
    return [each for each in others if "🚨" in text_of(each)]


def remove_person(world: World, person: SandboxPerson) -> None:
    """Remove a person from the workspace and its channels."""
    del world.slack.workspace.people[person.id]
    for channel in world.slack.workspace.channels.values():
        if person.id in channel.members:
            channel.members.remove(person.id)


def add_people(world: World, count: int, group: str = "S0LEADS") -> list[SandboxPerson]:
    """Add people who read English to every channel of the team and to a user group."""
    workspace, people = world.slack.workspace, []
    for number in range(1, count + 1):
        user = f"U0NEW{number}"
        workspace.people[user] = Person(user, f"new{number}", f"New {number}", workspace.team)
        workspace.groups[group].users.append(user)
        for channel in (MARKETING, APPROVALS):
            workspace.channels[channel].members.append(user)
        people.append(world.slack.person(user))
    return people


async def read_audit_trail(world: World) -> list[dict[str, Any]]:
    """Read the audit trail as it is exported."""
    lines: list[str] = []
    async with world.open_database() as database:
        await history.export(
            ChangeRepository(database, world.time.now).all_events(), history.Format.JSONL, lines.append
        )
    return [json.loads(line) for line in lines]
