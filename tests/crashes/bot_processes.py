"""Bots in processes of their own, which a test stops, freezes and kills where it likes."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import select, text

from flowbot.config import Settings
from flowbot.sandbox.enkapush import EnkapushSandbox, Fault
from flowbot.sandbox.enkapush.models import Flow
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SandboxPerson, SlackSandbox
from flowbot.sandbox.slack.delivery.envelope import Envelope
from flowbot.sandbox.slack.delivery.http import HttpTransport
from flowbot.sandbox.slack.models import Message, View
from flowbot.sandbox.slack.visible_text import text_of
from flowbot.storage.tables import changes
from tests.crashes.forked_bots import born
from tests.journeys.world import API_KEY, MARKETING, Time, World

RECOVERY_SECONDS: Final = 10.0
"""What recovery may take, from the start of the new process."""
AT_A_TIME: Final = 3
LOOK_SECONDS: Final = 0.005
ENDED_SECONDS: Final = 60.0
"""Far more than a process may take to end: tests that care look at the time."""

POLICY: Final = """
[[channels]]
id = "C0MARKETING"
websites = [1]
viewers = ["*"]
editors = ["*"]
approvers = ["S0LEADS"]
"""

NewDatabase = Callable[[], AbstractContextManager[str]]


async def eventually(condition: Callable[[], object], seconds: float = 10.0, every: float = LOOK_SECONDS) -> None:
    """Look until it holds: what happens inside another process cannot be waited for in any other way."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"{condition!r} did not hold within {seconds} s") from None


class Process:
    """A bot of its own."""

    def __init__(self, process: BaseProcess, log: Path, began: float) -> None:
        self._process = process
        self._log = log
        self.began = began
        self.url = ""

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def seconds_left(self) -> float:
        """Of the time that a recovery may take; how long a start takes is the machine's affair."""
        return RECOVERY_SECONDS - (time.monotonic() - self.began)

    async def ready(self) -> None:
        def is_serving() -> re.Match[str] | None:
            assert self._process.exitcode is None, self.log
            return re.search(r"serving .*\bport=(\d+)|connected", self.log)

        await eventually(is_serving, 30)
        self.began = time.monotonic()
        if found := re.search(r"serving .*\bport=(\d+)", self.log):
            self.url = f"http://127.0.0.1:{found[1]}/slack/events"

    async def killed(self) -> None:
        """SIGKILL, and gone."""
        self._process.kill()
        await self.ended()

    def freezes(self) -> None:
        self._gets(signal.SIGSTOP)

    def thaws(self) -> None:
        self._gets(signal.SIGCONT)

    def _gets(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def finishes(self) -> None:
        """SIGTERM, and it ends well: nothing more comes of what it had in hand."""
        self.asked_to_stop()
        assert await self.ended() == 0, self.log

    def asked_to_stop(self) -> float:
        """SIGTERM; the moment."""
        self._process.terminate()
        return time.monotonic()

    async def ended(self) -> int:
        """Its exit status, when it is gone."""
        # Not by joining it in a thread: multiprocessing reads a status but once, and reads those of all its children
        # whenever it starts another one. Whoever comes second is told 255.
        await eventually(lambda: self._process.exitcode is not None, ENDED_SECONDS)
        assert self._process.exitcode is not None
        return self._process.exitcode


@dataclass
class Arena:
    """A world whose bots are processes."""

    world: World
    folder: Path
    stack: AsyncExitStack
    processes: list[Process] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def slack(self) -> SlackSandbox:
        return self.world.slack

    @property
    def enkapush(self) -> EnkapushSandbox:
        return self.world.enkapush

    @property
    def emma(self) -> SandboxPerson:
        return self.world.emma

    @property
    def database(self) -> str:
        return self.world.settings.database_url.get_secret_value()

    @property
    def is_postgresql(self) -> bool:
        return self.database.startswith("postgresql")

    async def starts(self, mode: str = "http") -> Process:
        """Start a bot; in HTTP mode Slack delivers to it from now on."""
        arguments = ["serve", "--host", "127.0.0.1", "--port", "0"] if mode == "http" else ["socket"]
        # Two that start at once would read each other's port from one file.
        log = self.folder / f"{next(self._numbers)}.log"
        log.touch()
        running = born(arguments, self._environment(), self.folder, log)
        process = Process(running, log, time.monotonic())
        self.processes.append(process)
        self.stack.push_async_callback(process.killed)
        await process.ready()
        if process.url:
            self.slack.deliver_to(process.url)
        return process

    def _environment(self) -> dict[str, str]:
        settings = self.world.settings
        return {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": settings.slack_api_url,
            "ENKAPUSH_API_KEY": API_KEY,
            "ENKAPUSH_API_URL": settings.enkapush_api_url,
            "DATABASE_URL": self.database,
            "FLOWBOT_LANGUAGE": "en",
        }

    def heals(self) -> None:
        """Nothing is in the way any more; what hangs goes on, if its sender still waits for it."""
        self.slack.faults.clear()
        self.enkapush.faults.clear()
        self.enkapush.release()

    def named(self, name: str) -> list[Flow]:
        return [flow for flow in self.enkapush.store.flows.values() if flow.name == name]

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        async with (
            self.world.open_database() as database,
            database.read() as connection,
        ):
            return [tuple(row) for row in await connection.execute(text(sql))]

    async def executes(self, sql: str) -> None:
        async with (
            self.world.open_database() as database,
            database.write() as connection,
        ):
            await connection.execute(text(sql))

    async def the_lease(self, *, is_over: bool, seconds: float = 10.0) -> None:
        """Wait until the only change's lease has run out, or until somebody holds it."""
        async with (
            asyncio.timeout(seconds),
            self.world.open_database() as database,
        ):
            while True:
                async with database.read() as connection:
                    until = (await connection.execute(select(changes.c.lease_until))).scalar_one()
                if (until < datetime.now(UTC)) == is_over:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def all_told(self, seconds: float) -> None:
        """Wait until no change is in hand and people know of all of them."""
        open_or_untold = "SELECT id FROM changes WHERE state IN ('draft', 'applying') OR shown_version < version"
        async with asyncio.timeout(seconds):
            while await self.rows(open_or_untold):  # noqa: ASYNC110 - another process writes there
                await asyncio.sleep(20 * LOOK_SECONDS)

    def told(self, person: SandboxPerson, words: str = "") -> list[Message]:
        """The messages for this person's eyes alone, oldest first."""
        seen = self.slack.context.workspace.list_visible_messages(MARKETING, person.id)
        return [message for message in seen if message.is_ephemeral and words in text_of(message)]


@asynccontextmanager
async def arena(new_database: NewDatabase, folder: Path) -> AsyncIterator[Arena]:
    """Stand-ins, a policy and a database; no bot yet."""
    slack, enkapush = SlackSandbox(), EnkapushSandbox(api_key=API_KEY)
    async with AsyncExitStack() as stack:
        database = stack.enter_context(new_database())
        origin = await stack.enter_async_context(slack.serve())
        api = await stack.enter_async_context(enkapush.serve())
        settings = Settings(
            _env_file=None,
            slack_bot_token=SecretStr(BOT_TOKEN),
            slack_signing_secret=SecretStr(SIGNING_SECRET),
            slack_api_url=f"{origin}/api/",
            enkapush_api_key=SecretStr(API_KEY),
            enkapush_api_url=api,
            database_url=SecretStr(database),
        )
        world = World(slack, enkapush, settings, Time(), stack)
        world.add_flows(3)
        await world.import_policy(POLICY)
        await asyncio.to_thread(folder.mkdir, parents=True)
        yield Arena(world, folder, stack)


# --- where a process is held ---------------------------------------------------------------------------------------

Held = Callable[[], object]
"""Whether the process stands where the test wanted it."""
Order = Callable[[Arena], Held]


def nowhere(_arena: Arena) -> Held:
    """It is not held at all."""
    return lambda: True


def at_enkapush(fault: Fault) -> Order:
    """Where Enkapush meets this fault."""

    def order(arena: Arena) -> Held:
        arena.enkapush.faults.add(fault)
        return lambda: not arena.enkapush.faults.pending

    return order


def at_slack(method: str) -> Order:
    """Where it calls this method of Slack's."""

    def order(arena: Arena) -> Held:
        fault = arena.slack.faults.add(method, hang=True)
        return lambda: fault.times == 0

    return order


@dataclass(frozen=True)
class Step:
    """Where a process is killed.

    Attributes:
        name: In words.
        hold: Holds it there.
        again: Holds the second process, which is killed as well.
        is_done: Whether it is done in the end.
        says: What the author is told.
    """

    name: str
    hold: Order
    says: str
    is_done: bool = True
    again: Order | None = None


# --- forms ---------------------------------------------------------------------------------------------------------


async def opens(person: SandboxPerson, command: str) -> View:
    """Open a form; it is there with all its fields."""
    await person.send(MARKETING, command)
    return await person.wait_for_view(lambda view: view.submit is not None, timeout=15)


def wanted(name: str) -> dict[str, str]:
    """What is typed into the form for a new flow."""
    return {"Name": name, "Title": "Hello", "Description": "Come and see", "Wait": "2"}


async def killed_where_it_is_held(arena: Arena, step: Step, held: Held, process: Process) -> Process:
    """Kill the process when it stands there, and the next one too if the step says so; the one that comes after."""
    await eventually(held)
    await process.killed()
    arena.heals()
    if step.again:
        held = step.again(arena)
        second = await arena.starts()
        await eventually(held, second.seconds_left)
        await second.killed()
        arena.heals()
    return await arena.starts()


async def offers_what_was_typed(arena: Arena, person: SandboxPerson, message: Message, name: str) -> None:
    """The message's button opens the form again, as it was typed."""
    await person.close(everything=True)
    await person.click(message, "Open form")
    await person.wait_for_view(lambda view: view.submit is not None)
    assert person.read_field("Name") == name


async def sends_to_all(arena: Arena, processes: Iterable[Process], number: int = -1) -> None:
    """Deliver what was delivered before once more, to every process at the same moment."""
    first = arena.slack.deliveries[number]
    envelope = Envelope(first.kind, first.label, first.payload)
    routes = [HttpTransport(process.url, SIGNING_SECRET, 3.0) for process in processes]
    try:
        answers = await asyncio.gather(*(route.send(envelope) for route in routes))
    finally:
        for route in routes:
            await route.close()
    assert [answer.status for answer in answers] == [200] * len(routes)


# --- several at once -----------------------------------------------------------------------------------------------


async def all_of(cases: dict[str, Coroutine[Any, Any, None]]) -> None:
    """Run some at a time, since each of them mostly waits for a lease to run out, and name those that fail.

    Not all at once: what is promised within ten seconds is not promised for two dozen processes on two cores.
    """
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(case: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await case

    results = await asyncio.gather(*map(one, cases.values()), return_exceptions=True)
    failed = {name: error for name, error in zip(cases, results, strict=True) if isinstance(error, BaseException)}
    assert not failed, "\n".join(f"{name}: {error!r}" for name, error in failed.items())


async def all_killed(
    steps: Iterable[Step], is_killed: Callable[[Arena, Step], Awaitable[None]], new_database: NewDatabase, folder: Path
) -> None:
    """See each of the steps through, in an arena of its own."""

    async def run(step: Step) -> None:
        async with arena(new_database, folder / step.name) as here:
            await is_killed(here, step)

    await all_of({step.name: run(step) for step in steps})
