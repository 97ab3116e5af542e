"""The testbed: fake servers, a database, and flowbots in processes of their own."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from pydantic import BaseModel

from benchmarks.load import HttpTarget
from benchmarks.processes import Process, start_module
from benchmarks.protocol import (
    API_KEY,
    CHANNEL,
    CONTROL_PATH,
    Activity,
    Addresses,
    MovingOrder,
    RecordingOrder,
    RequestKind,
    RequestOrder,
    SlackRequest,
    SlackRequests,
    SocketUrl,
)
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from flowbot.services.policy_files import import_book, parse_book
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_migrated, upgrade
from flowbot.storage.repositories.policies import PolicyRepository

QUIET_SECONDS: Final = 0.1
TIMEOUT_SECONDS: Final = 120.0
POLICY: Final = f"""
[websites]
1 = "Lale Moda"
2 = "Northbound Outdoor"
3 = "Kitap Durağı"

[[channels]]
id = "{CHANNEL}"
websites = [1, 2]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]
"""
"""One of the three websites is not for this channel."""


@dataclass(frozen=True)
class FakeServers:
    """A client of the fake servers' control API."""

    process: Process
    addresses: Addresses
    session: aiohttp.ClientSession

    async def record(self, bot: HttpTarget, *, with_form: bool = True) -> None:
        """Record from this bot what is repeated later."""
        order = RecordingOrder(url=f"http://127.0.0.1:{bot.port}/slack/events", with_form=with_form)
        await self._post("record", order)

    async def requests(self, kind: RequestKind, count: int) -> tuple[SlackRequest, ...]:
        """Return new requests of this kind."""
        text = await self._post("requests", RequestOrder(kind=kind, count=count))
        return SlackRequests.model_validate_json(text).requests

    async def set_socket_url(self, url: str) -> None:
        """Send those who connect by Socket Mode to another address."""
        await self._post("sockets", SocketUrl(url=url))

    async def move_totals(self, share: float) -> None:
        """Let the totals of this share of all flows grow, each time of others."""
        await self._post("move", MovingOrder(share=share))

    async def clear(self) -> None:
        """Delete messages and logs, so that the fake servers stay fast."""
        await self._post("clear")

    async def wait_until_quiet(self, seconds: float = QUIET_SECONDS, *, since: float = 0.0) -> None:
        """Wait until the bot has sent something since then, and nothing for some seconds: its work is done."""
        last = since
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while last <= since or time.monotonic() - last <= seconds:
                await asyncio.sleep(QUIET_SECONDS / 4)
                last = (await self.take_activity()).last

    async def wait_for_answers(self, requests: Sequence[SlackRequest]) -> dict[str, float]:
        """Wait for the finished answers, and return their times by path of the response URL."""
        answered_at: dict[str, float] = {}
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while any(request.answer_path not in answered_at for request in requests):
                answered_at |= (await self.take_activity()).answered_at
                await asyncio.sleep(QUIET_SECONDS / 10)
        return answered_at

    async def take_activity(self) -> Activity:
        """Return what the bot has done since the last time."""
        async with self.session.get(f"{self.addresses.slack}{CONTROL_PATH}/activity") as response:
            return Activity.model_validate_json(await response.read())

    async def _post(self, path: str, body: BaseModel | None = None) -> bytes:
        url = f"{self.addresses.slack}{CONTROL_PATH}/{path}"
        async with self.session.post(url, data=body.model_dump_json() if body else None) as response:
            answer = await response.read()
            if not response.ok:
                raise RuntimeError(f"the fake servers failed:\n{self.process.log.read_text()[-3000:]}")
            return answer


@dataclass(frozen=True)
class Testbed:
    """Fake servers and a database for flowbots."""

    servers: FakeServers
    folder: Path
    database: str

    @asynccontextmanager
    async def serve(self, *, watch_seconds: int = 0) -> AsyncIterator[tuple[Process, HttpTarget]]:
        """Run `flowbot serve` until the block ends."""
        arguments = ("serve", "--host", "127.0.0.1", "--port", "0")
        env = {**self._environment, "FLOWBOT_WATCH_SECONDS": str(watch_seconds)}
        async with start_module("flowbot", *arguments, folder=self.folder, env=env) as process:
            found = await process.wait_for_output(r"serving .*\bport=(\d+)")
            yield process, HttpTarget("flowbot", int(found[1]))

    def run(self, *command: str) -> AbstractAsyncContextManager[Process]:
        """Run a command of flowbot's until the block ends."""
        return start_module("flowbot", *command, folder=self.folder, env=self._environment)

    @asynccontextmanager
    async def connect_socket(self) -> AsyncIterator[Process]:
        """Run `flowbot socket` until the block ends."""
        async with start_module("flowbot", "socket", folder=self.folder, env=self._environment) as process:
            await process.wait_for_output("connected")
            yield process

    @asynccontextmanager
    async def start_naive(self, mode: str) -> AsyncIterator[Process]:
        """Run the naive bot in this mode, `http` or `socket`, until the block ends."""
        addresses = self.servers.addresses
        arguments = (mode, addresses.enkapush, addresses.slack)
        async with start_module("benchmarks.naive_bot", *arguments, folder=self.folder) as process:
            yield process

    @property
    def _environment(self) -> Mapping[str, str]:
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{self.servers.addresses.slack}/api/",
            "ENKAPUSH_API_KEY": API_KEY,
            "ENKAPUSH_API_URL": self.servers.addresses.enkapush,
            "DATABASE_URL": self.database,
            "FLOWBOT_LANGUAGE": "en",
            "FLOWBOT_WATCH_SECONDS": "0",
        }


@asynccontextmanager
async def open_testbed(flows: int) -> AsyncIterator[Testbed]:
    """Start the fake servers with that many flows, and make a database with a policy."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="flowbot-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        process = await stack.enter_async_context(start_module("benchmarks.fake_servers", str(flows), folder=folder))
        found = await process.wait_for_output(r"\{.*\}")
        session = await stack.enter_async_context(aiohttp.ClientSession())
        database = f"sqlite:///{folder / 'flowbot.db'}"
        await asyncio.to_thread(upgrade, database)
        async with open_migrated(database) as opened:
            await import_book(PolicyRepository(opened, utc_now), parse_book(POLICY), utc_now())
        yield Testbed(FakeServers(process, Addresses.model_validate_json(found[0]), session), folder, database)
