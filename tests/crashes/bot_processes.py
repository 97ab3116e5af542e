"""Bots in processes of their own, which a test stops, freezes and kills."""

import asyncio
import os
import re
import resource
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
from tests.forked_bots import start_bot
from tests.journeys.form_steps import choose_first_website
from tests.journeys.world import API_KEY, MARKETING, Time, World

RECOVERY_SECONDS: Final = 10.0
"""What recovery may take, from the start of the new process."""
CONCURRENT_CASES: Final = 3
LOOK_SECONDS: Final = 0.005
SLOW: Final = "Your answer will follow"
"""What is said where an answer takes long."""
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
    """Wait until it holds: nothing announces what happens inside another process."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"{condition!r} did not hold within {seconds} s") from None


class Process:
    """A bot in a process of its own."""

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
        """Return what is left of a recovery's time; how long a start takes is the machine's affair."""
        return RECOVERY_SECONDS - (time.monotonic() - self.began)

    @property
    def resident_bytes(self) -> int:
        """Return how much memory it has now."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    async def wait_until_ready(self) -> None:
        def is_serving() -> re.Match[str] | None:
            assert self._process.exitcode is None, self.log
            return re.search(r"serving .*\bport=(\d+)|connected", self.log)

        await eventually(is_serving, 30)
        self.began = time.monotonic()
        if found := re.search(r"serving .*\bport=(\d+)", self.log):
            self.url = f"http://127.0.0.1:{found[1]}/slack/events"

    async def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        self._process.kill()
        await self.wait_for_exit()

    def freeze(self) -> None:
        self._send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send_signal(signal.SIGCONT)

    def _send_signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def finish(self) -> None:
        """Send SIGTERM, and wait until it ends well: nothing more comes of what it had in hand."""
        self.ask_to_stop()
        assert await self.wait_for_exit() == 0, self.log

    def ask_to_stop(self) -> float:
        """Send SIGTERM, and return the moment."""
        self._process.terminate()
        return time.monotonic()

    async def wait_for_exit(self) -> int:
        """Wait until it is gone, and return its exit status."""
        # Not by joining it in a thread: multiprocessing reads a status but once, and reads those of all its children
        # whenever it starts another one. Whoever comes second is told 255.
        await eventually(lambda: self._process.exitcode is not None, ENDED_SECONDS)
        assert self._process.exitcode is not None
        return self._process.exitcode


@dataclass
class Deployment:
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

    async def start(self, mode: str = "http", *, ahead: float = 0.0) -> Process:
        """Start a bot whose clock is seconds ahead; in HTTP mode Slack delivers to it from now on."""
        arguments = ["serve", "--host", "127.0.0.1", "--port", "0"] if mode == "http" else ["socket"]
        # Two that start at once would read each other's port from one file.
        log = self.folder / f"{next(self._numbers)}.log"
        log.touch()
        running = start_bot(arguments, self._environment(), self.folder, log, ahead=ahead)
        process = Process(running, log, time.monotonic())
        self.processes.append(process)
        self.stack.push_async_callback(process.kill)
        await process.wait_until_ready()
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
            "FLOWBOT_WATCH_SECONDS": str(settings.flowbot_watch_seconds),
        }

    def heal(self) -> None:
        """End every fault; what hangs goes on, if its sender still waits for it."""
        self.slack.faults.clear()
        self.enkapush.faults.clear()
        self.enkapush.release()

    def list_flows(self, name: str) -> list[Flow]:
        return [flow for flow in self.enkapush.store.flows.values() if flow.name == name]

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the database."""
        async with (
            self.world.open_database() as database,
            database.read() as connection,
        ):
            return [tuple(row) for row in await connection.execute(text(sql))]

    async def execute(self, sql: str) -> None:
        async with (
            self.world.open_database() as database,
            database.write() as connection,
        ):
            await connection.execute(text(sql))

    async def wait_for_lease(self, *, is_over: bool, seconds: float = 10.0) -> None:
        """Wait until the only change's lease has run out, or until somebody holds it."""
        async with (
            asyncio.timeout(seconds),
            self.world.open_database() as database,
        ):
            while True:
                async with database.read() as connection:
                    until = (await connection.execute(select(changes.c.lease_until))).scalar_one()
                left = (until - datetime.now(UTC)).total_seconds()
                if (left < 0) == is_over:
                    return
                await asyncio.sleep(max(left, LOOK_SECONDS) if is_over else LOOK_SECONDS)

    async def wait_until_shown(self, seconds: float = RECOVERY_SECONDS) -> None:
        """Wait until no change is in hand and people know of all of them."""
        open_or_untold = "SELECT id FROM changes WHERE state IN ('draft', 'applying') OR shown_version < version"
        async with asyncio.timeout(seconds):
            while await self.query(open_or_untold):  # noqa: ASYNC110 - another process writes there
                await asyncio.sleep(20 * LOOK_SECONDS)

    def private_messages(self, person: SandboxPerson, words: str = "") -> list[Message]:
        """List the messages that only this person sees, oldest first, without what a busy machine adds."""
        seen = self.slack.context.workspace.list_visible_messages(MARKETING, person.id)
        private = [message for message in seen if message.is_ephemeral and SLOW not in text_of(message)]
        return [message for message in private if words in text_of(message)]


@asynccontextmanager
async def new_deployment(new_database: NewDatabase, folder: Path) -> AsyncIterator[Deployment]:
    """Start stand-ins, a policy and a database, without a bot."""
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
            flowbot_watch_seconds=0,
        )
        world = World(slack, enkapush, settings, Time(), stack)
        world.add_flows(3)
        await world.import_policy(POLICY)
        await asyncio.to_thread(folder.mkdir, parents=True)
        yield Deployment(world, folder, stack)
    assert slack.reading_faults == []


# --- where a process is held ---------------------------------------------------------------------------------------

IsHeld = Callable[[], object]
"""Whether the process stands where the test wanted it."""
Hold = Callable[[Deployment], IsHeld]


def hold_nowhere(_arena: Deployment) -> IsHeld:
    """Hold the process nowhere."""
    return lambda: True


def hold_at_enkapush(fault: Fault) -> Hold:
    """Hold the process where Enkapush meets this fault."""

    def order(deployment: Deployment) -> IsHeld:
        deployment.enkapush.faults.add(fault)
        return lambda: not deployment.enkapush.faults.pending

    return order


def hold_at_slack(method: str) -> Hold:
    """Hold the process where it calls this method of Slack's."""

    def order(deployment: Deployment) -> IsHeld:
        fault = deployment.slack.faults.add(method, hang=True)
        return lambda: fault.times == 0

    return order


@dataclass(frozen=True)
class Step:
    """A step at which a process is killed.

    Attributes:
        name: In words.
        hold: Holds the process there.
        again: Holds the second process, which is killed as well.
        is_done: Whether the change is done in the end.
        says: Words of the message to the requester.
    """

    name: str
    hold: Hold
    says: str
    is_done: bool = True
    again: Hold | None = None


# --- forms ---------------------------------------------------------------------------------------------------------


async def open_form(person: SandboxPerson, command: str) -> View:
    """Open a form, and wait until it has all its fields."""
    await person.send(MARKETING, command)
    view = await person.wait_for_view(lambda view: view.submit is not None, timeout=15)
    choose_first_website(person, view)
    return view


def flow_fields(name: str) -> dict[str, str]:
    """Return the fields of the form for a new flow."""
    return {"Name": name, "Title": "Hello", "Description": "Come and see", "Wait": "2"}


async def kill_when_held(
    deployment: Deployment, step: Step, held: IsHeld, process: Process, *, ahead: float = 0.0
) -> Process:
    """Kill the process when it is held, and the next one too if the step says so; return the one after."""
    await eventually(held)
    await process.kill()
    deployment.heal()
    if step.again:
        held = step.again(deployment)
        second = await deployment.start(ahead=ahead)
        await eventually(held, second.seconds_left)
        await second.kill()
        deployment.heal()
    return await deployment.start(ahead=ahead)


async def check_reopened_form(deployment: Deployment, person: SandboxPerson, message: Message, name: str) -> None:
    """Check that the message's button opens the form again, as it was typed."""
    await person.close(everything=True)
    await person.click(message, "Open form")
    await person.wait_for_view(lambda view: view.submit is not None)
    assert person.read_field("Name") == name


async def redeliver_to_all(deployment: Deployment, processes: Iterable[Process], number: int = -1) -> None:
    """Deliver what was delivered before once more, to every process at the same moment."""
    first = deployment.slack.deliveries[number]
    envelope = Envelope(first.kind, first.label, first.payload)
    # How soon each answers on a busy machine is another test's affair.
    routes = [HttpTransport(process.url, SIGNING_SECRET, ENDED_SECONDS) for process in processes]
    try:
        answers = await asyncio.gather(*(route.send(envelope) for route in routes))
    finally:
        for route in routes:
            await route.close()
    assert {answer.status for answer in answers} == {200}, answers


# --- several at once -----------------------------------------------------------------------------------------------


async def run_all(cases: dict[str, Coroutine[Any, Any, None]]) -> None:
    """Run some at a time, since each mostly waits for a lease to run out, and name those that fail.

    Not all at once: what is promised within ten seconds is not promised for two dozen processes on two cores.
    """
    gate = asyncio.Semaphore(CONCURRENT_CASES)

    async def one(case: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await case

    results = await asyncio.gather(*map(one, cases.values()), return_exceptions=True)
    failed = {name: error for name, error in zip(cases, results, strict=True) if isinstance(error, BaseException)}
    assert not failed, "\n".join(f"{name}: {error!r}" for name, error in failed.items())


async def run_steps(
    steps: Iterable[Step],
    is_killed: Callable[[Deployment, Step], Awaitable[None]],
    new_database: NewDatabase,
    folder: Path,
) -> None:
    """Run each of the steps in a deployment of its own."""

    async def run(step: Step) -> None:
        async with new_deployment(new_database, folder / step.name) as deployment:
            await is_killed(deployment, step)

    await run_all({step.name: run(step) for step in steps})
