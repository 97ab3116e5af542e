"""Promises that hold once a fault is over, checked at the end of every scene.

The bot of a scene is never restarted: it goes through one fault after the other, and must be well after each.
"""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import pytest
from sqlalchemy import select

from flowbot.domain.change import OPEN_STATES, Change, ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.enkapush import images
from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import LoggedRequest
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.server.socket_mode import ReconnectPolicy
from flowbot.slack.api import client
from flowbot.storage import migrations
from flowbot.storage.engine import open_database
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.journeys.request_steps import approval_policy, speed_up
from tests.journeys.world import MARKETING, World, new_world

SETTLING_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
A_WHILE: Final = 4.0
"""Seconds of the bot's own time after which leases have run out and what could not be told is told again."""
PATIENCE: Final = 1.0
"""Seconds that Slack and pictures get: so few that a hang is short, so many that a busy machine makes none."""
HOLDER: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
WORDS: Final = {
    ChangeState.APPLIED: "Applied",
    ChangeState.FAILED: "Failed",
    ChangeState.UNKNOWN: "not known",
    ChangeState.REJECTED: "Rejected",
    ChangeState.WITHDRAWN: "Withdrawn",
    ChangeState.EXPIRED: "Expired",
    ChangeState.OUT_OF_DATE: "Out of date",
    ChangeState.PENDING: "Waiting for approval",
}
NOT_FOR_PEOPLE: Final = re.compile(
    r"Traceback|\w+Error\b|\b(?:fault|not_done|unknown|denied|form|request)\.[a-z_]+|\{\w+\}|sqlite|psycopg|localhost|127\."
)
"""What only an engineer could read."""


@dataclass
class Scene:
    """A bot at work, and how things stood before the fault.

    Attributes:
        origin: Where the bot listens, for its readiness; None in Socket Mode.
        url: The database's address.
        database: The same database as the bot's, opened a second time.
        bots_database: The bot's own.
        known: The changes of earlier scenes.
        requests_before: How many requests Enkapush had got before.
        messages_before: How many messages a person had seen before, by their id.
    """

    world: World
    origin: str | None
    url: str
    database: Database
    bots_database: Database
    known: set[ChangeId] = field(default_factory=set)
    requests_before: int = 0
    messages_before: dict[str, int] = field(default_factory=dict)

    async def begin(self) -> None:
        """Start counting: what was before does not belong to the scene."""
        self.world.slack.faults.clear()
        self.known |= {change.id for change in await self.changes()}
        self.requests_before = len(self.world.enkapush.requests)
        people = (self.world.emma, self.world.burak)
        self.messages_before = {person.id: len(list_private_messages(self.world, person)) for person in people}

    async def changes(self) -> list[Change]:
        """Return the changes of this scene as they are stored now."""
        store = ChangeRepository(self.database, self.world.time.now)
        return list(await store._fetch(select(changes).where(changes.c.id.not_in(self.known))))

    async def pending_changes(self) -> list[Change]:
        """Return the changes that wait for a vote."""
        return [change for change in await self.changes() if change.state is ChangeState.PENDING]

    @property
    def writes(self) -> list[LoggedRequest]:
        """List the requests other than reads that reached Enkapush in this scene."""
        return [record for record in self.world.enkapush.requests[self.requests_before :] if record.method != "GET"]

    def texts_for(self, person: SandboxPerson) -> list[str]:
        """List what a person was told privately in this scene, and what their form shows now."""
        told = [
            text_of(message) for message in list_private_messages(self.world, person)[self.messages_before[person.id] :]
        ]
        return [*told, text_of(person.view)] if person.view else told


def list_private_messages(world: World, person: SandboxPerson) -> list[Message]:
    """List the messages that only one person sees, in the order they were sent."""
    channels = world.slack.workspace.channels.values()
    seen = [(channel, world.slack.workspace.list_visible_messages(channel.id, person.id)) for channel in channels]
    told = [message for channel, messages in seen for message in messages if channel.is_im or message.ephemeral_to]
    return sorted(told, key=lambda message: int(message.ts.partition(".")[2]))


@asynccontextmanager
async def new_scene(
    database_url: str, *, in_socket_mode: bool = False, timeouts: Timeouts | None = None
) -> AsyncIterator[Scene]:
    """Run a bot that is in a hurry, with requests posted in a channel of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "TIMEOUT_SECONDS", PATIENCE)
        patch.setattr(images, "TIMEOUT_SECONDS", PATIENCE)
        async with new_world(database_url) as world:
            speed_up(world, patch)
            world.timeouts = timeouts or world.timeouts
            opened = _record_databases(patch)
            origin = None
            if in_socket_mode:
                # A line counts as dead after four pings: so long that a busy machine is not taken for a silent line.
                await world.start_socket(ReconnectPolicy(ping_interval=0.5, connect_timeout=5, retry_delays=(0.05,)))
            else:
                _, origin = await world.start_http()
            (bots,) = opened
            await world.import_policy(approval_policy())
            database = open_database(database_url)
            try:
                scene = Scene(world, origin, database_url, database, bots)
                await scene.begin()
                yield scene
            finally:
                world.enkapush.release()
                await database.close()


def _record_databases(patch: pytest.MonkeyPatch) -> list[Database]:
    """Return a list that gets every database that flowbot opens from now on."""
    opened: list[Database] = []

    def catching(url: str) -> Database:
        opened.append(open_database(url))
        return opened[-1]

    patch.setattr(migrations, "open_database", catching)
    return opened


async def eventually(holds: Callable[[], Awaitable[object]], wanted: str) -> None:
    """Wait until it holds, or say what was wanted: nothing announces what happens in a database."""
    last: object = None
    try:
        async with asyncio.timeout(SETTLING_SECONDS):
            while not (last := await holds()):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        pytest.fail(f"{wanted}; but {last!r}")


# --- after the fault -----------------------------------------------------------------------------------------------


async def check_recovery(scene: Scene, *told: SandboxPerson) -> dict[ChangeId, Change]:
    """End the fault, check every promise, and return the scene's changes by their id, as they ended.

    Args:
        scene: the bot, and what happened to it.
        told: who has to have been told a sentence about it.
    """
    world = scene.world
    world.enkapush.faults.clear()
    world.slack.faults.clear()
    world.enkapush.release()
    world.time.ahead += A_WHILE
    await wait_until_settled(scene)
    ended = {change.id: change for change in await scene.changes()}
    for change in ended.values():
        check_effects(scene, change)
        check_message(scene, change)
    for person in told:
        check_texts(scene, person)
    await check_readiness(scene)
    await check_new_command(scene)
    return ended


async def wait_until_settled(scene: Scene) -> None:
    """Wait until no change is in hand, and the end of each is shown."""

    async def is_calm() -> bool:
        kept = await scene.changes()
        return all(change.state in WORDS and change.shown_version >= change.version for change in kept)

    try:
        await eventually(is_calm, "every change has an end, and was told")
    except pytest.fail.Exception as failure:
        left = [(c.request.kind, c.state, c.version, c.shown_version, c.lease_until) for c in await scene.changes()]
        raise AssertionError(f"not over: {left}") from failure


def check_effects(scene: Scene, change: Change) -> None:
    """Check that Enkapush did a change once where it is applied, not at all where it is not, and never twice."""
    effects = list_effects(scene, change)
    assert len(effects) <= 1, [record.path for record in effects]
    if change.state is ChangeState.APPLIED:
        assert len(effects) == 1
        assert is_in_enkapush(scene, change)
    elif change.state is not ChangeState.UNKNOWN:
        assert effects == []


def list_effects(scene: Scene, change: Change) -> list[LoggedRequest]:
    """List the requests of this scene by which the change took effect."""
    asked = change.request
    if asked.flow is not None:
        return [record for record in scene.writes if asked.flow in record.changed]
    assert asked.wanted is not None
    name = asked.wanted.content.name
    return [record for record in scene.writes if record.changed and record.texts.get("name") == name]


def is_in_enkapush(scene: Scene, change: Change) -> bool:
    """Check whether Enkapush has what the change wanted."""
    flow = scene.world.enkapush.store.flows.get((change.outcome and change.outcome.flow) or 0)
    if change.request.kind is ChangeKind.DELETE:
        return flow is None
    if flow is None:
        return False
    if change.request.kind in {ChangeKind.ENABLE, ChangeKind.DISABLE}:
        return flow.is_enabled is (change.request.kind is ChangeKind.ENABLE)
    wanted = change.request.wanted
    return wanted is not None and (flow.name, flow.title) == (wanted.content.name, wanted.content.title)


def check_message(scene: Scene, change: Change) -> None:
    """Check that one message shows the change's end, without a button to decide."""
    shown = list_messages_about(scene, change)
    if change.rule is None and change.message_ts is None:
        assert shown == []
        return
    (message,) = shown
    assert message.ts == change.message_ts
    assert WORDS[change.state] in text_of(message)
    if change.state is not ChangeState.PENDING:
        assert "Approve" not in scene.world.deniz.list_buttons(message)


def list_messages_about(scene: Scene, change: Change) -> list[Message]:
    """List the channels' messages that show a change: those with its buttons, and the one that it is known by."""
    posted = [message for messages in scene.world.slack.workspace.messages.values() for message in messages]
    return [
        message
        for message in posted
        if message.ephemeral_to is None
        and message.thread_ts is None
        and (message.ts == change.message_ts or f'"{change.id}"' in json.dumps(message.blocks).replace("\\", ""))
    ]


def check_texts(scene: Scene, person: SandboxPerson) -> None:
    """Check that a person was told something, in words for people."""
    said = scene.texts_for(person)
    assert said
    for text in said:
        assert not NOT_FOR_PEOPLE.search(text), text


async def check_readiness(scene: Scene) -> None:
    """Check that the bot reports itself ready."""
    if scene.origin is None:
        return
    async with aiohttp.ClientSession() as session:

        async def is_ready() -> bool:
            scene.world.time.ahead += A_WHILE
            async with session.get(f"{scene.origin}/readyz") as answer:
                return answer.status == 200

        await eventually(is_ready, "flowbot is ready")


async def read_database_state(scene: Scene) -> str:
    """Return what `/readyz` says of the database."""
    scene.world.time.ahead += A_WHILE
    async with aiohttp.ClientSession() as session, session.get(f"{scene.origin}/readyz") as answer:
        state = str((await answer.json())["database"])
        assert (answer.status == 200) is (state == "ok")
    return state


async def check_new_command(scene: Scene) -> None:
    """Check that a new command works as if nothing had happened."""
    answer = await type_and_read(scene, scene.world.emma, "/flows list", r"(?m)^\d+ flows?\b")
    assert "Try again" not in answer


# --- a file that is locked ------------------------------------------------------------------------------------------


@asynccontextmanager
async def lock_sqlite(url: str) -> AsyncIterator[None]:
    """Lock the SQLite file by a write of another process."""
    command = (sys.executable, "-c", HOLDER, url.removeprefix("sqlite:///"))
    holder = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        holder.stdin.close()
        await holder.wait()


# --- what the team does --------------------------------------------------------------------------------------------


async def type_and_read(scene: Scene, person: SandboxPerson, command: str, wanted: str = "") -> str:
    """Type a command, and return the first answer, or the first that fits a pattern."""
    before = len(list_private_messages(scene.world, person))
    await person.send(MARKETING, command)

    def said() -> list[str]:
        texts = map(text_of, list_private_messages(scene.world, person)[before:])
        return [text for text in texts if re.search(wanted, text)]

    await person.wait_until(said)
    return said()[0]


async def wait_until_closed(scene: Scene) -> None:
    """Wait until no change of the scene is open."""
    await eventually(lambda: is_closed(scene), "nothing is open any more")


async def is_closed(scene: Scene) -> bool:
    """Check that there is a change, and none is open."""
    kept = await scene.changes()
    return bool(kept) and all(change.state not in OPEN_STATES for change in kept)


async def only_change(scene: Scene) -> Change:
    """Return the scene's one change as it is stored now."""
    (change,) = await scene.changes()
    return change
