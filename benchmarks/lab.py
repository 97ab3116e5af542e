"""A place to measure in: the stand-ins, a database, and flowbots in processes of their own."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, SecretStr
from sqlalchemy import text

from benchmarks.load import HttpTarget
from benchmarks.processes import Process, running
from benchmarks.wire import (
    API_KEY,
    BACK_DOOR,
    CHANNEL,
    VOTERS,
    Addresses,
    Answers,
    Bot,
    Order,
    Shot,
    Shots,
    Sockets,
    What,
)
from flowbot.opening import now, opened_database
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from flowbot.services.policy_files import import_policies
from flowbot.settings import Settings
from flowbot.storage.migrations import upgrade
from flowbot.storage.repositories.policies import PolicyRepository

M = TypeVar("M", bound=BaseModel)

QUIET_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 120.0
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

[channels.approval]
quorum = {VOTERS + 1}
"""
"""One of the three websites is not for this channel, and no request ever gets all of its approvals."""


@dataclass(frozen=True)
class Stage:
    """The stand-ins' process, seen from here."""

    process: Process
    addresses: Addresses
    session: aiohttp.ClientSession

    async def begin(self, bot: HttpTarget, *, forms: bool = True) -> None:
        """Let people do by hand, with this bot, what is repeated afterwards; without `forms` lists alone."""
        await self._post("begin", Bot(url=address(bot), forms=forms))

    async def ask_for_approvals(self, bot: HttpTarget, requests: int) -> None:
        """Let somebody ask for that many flows to be enabled."""
        await self._post("begin", Bot(url=address(bot), requests=requests))

    async def shots(self, what: What, count: int) -> tuple[Shot, ...]:
        """So many requests of Slack's."""
        return Shots.model_validate_json(await self._post("shots", Order(what=what, count=count))).shots

    async def lead_sockets(self, url: str) -> None:
        """Send who connects by Socket Mode to another address."""
        await self._post("sockets", Sockets(url=url))

    async def forget(self) -> None:
        """Clear away what was said."""
        await self._post("forget", Sockets(url=""))

    async def answers(self) -> Answers:
        """What the bot said since this was last asked."""
        async with self.session.get(f"{self.addresses.slack}{BACK_DOOR}/answers") as answer:
            return Answers.model_validate_json(await answer.read())

    @staticmethod
    def now() -> float:
        """The moment, by the clock that all processes of a machine share."""
        return time.monotonic()

    async def quiet(self, seconds: float = QUIET_SECONDS) -> Answers:
        """Wait until the bot has said nothing for some seconds: its work is done."""
        at: dict[str, float] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                told = await self.answers()
                at |= told.at
                if time.monotonic() - told.last > seconds:
                    return told.model_copy(update={"at": at})
                await asyncio.sleep(QUIET_SECONDS / 4)

    async def finished(self, shots: Sequence[Shot]) -> dict[str, float]:
        """Wait until each of these has its finished answer; when it came, by the path of its response URL."""
        at: dict[str, float] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(shot.answer_at not in at for shot in shots):
                at |= (await self.answers()).at
                await asyncio.sleep(QUIET_SECONDS / 10)
        return at

    async def _post(self, path: str, body: BaseModel) -> bytes:
        async with self.session.post(
            f"{self.addresses.slack}{BACK_DOOR}/{path}", data=body.model_dump_json()
        ) as answer:
            told = await answer.read()
            if not answer.ok:
                raise RuntimeError(f"the stand-ins failed:\n{self.process.log.read_text()[-3000:]}")
            return told


@dataclass(frozen=True)
class Lab:
    """Stand-ins and a database; flowbots come and go."""

    stage: Stage
    folder: Path
    database: str

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[Process, HttpTarget]]:
        """`flowbot serve`, ready."""
        arguments = ("serve", "--host", "127.0.0.1", "--port", "0")
        async with running("flowbot", *arguments, folder=self.folder, env=self.environment) as process:
            found = await process.says(r"serving .*\bport=(\d+)")
            yield process, HttpTarget("flowbot", int(found[1]))

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Process]:
        """`flowbot socket`, connected."""
        async with running("flowbot", "socket", folder=self.folder, env=self.environment) as process:
            await process.says("connected")
            yield process

    @property
    def environment(self) -> Mapping[str, str]:
        """What flowbot is started with; everything else has its default."""
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{self.stage.addresses.slack}/api/",
            "ENKAPUSH_API_KEY": API_KEY,
            "ENKAPUSH_API_URL": self.stage.addresses.enkapush,
            "DATABASE_URL": self.database,
            "FLOWBOT_LANGUAGE": "en",
        }

    async def number(self, sql: str) -> int:
        """What the database says."""
        async with opened_database(self._settings) as database, database.read() as connection:
            return int(await connection.scalar(text(sql)))

    async def prepare(self) -> None:
        """Make the database and put the policy in force."""
        await asyncio.to_thread(upgrade, self.database)
        async with opened_database(self._settings) as database:
            await import_policies(PolicyRepository(database, now), POLICY, now())

    @property
    def _settings(self) -> Settings:
        return Settings(_env_file=None, database_url=SecretStr(self.database))


@asynccontextmanager
async def lab(flows: int, database: str | None = None) -> AsyncIterator[Lab]:
    """Stand-ins with that many flows, and a database: a new SQLite file unless another is named."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch())
        process = await stack.enter_async_context(running("benchmarks.stage", str(flows), folder=folder))
        found = await process.says(r"\{.*\}")
        session = await stack.enter_async_context(aiohttp.ClientSession())
        stage = Stage(process, Addresses.model_validate_json(found[0]), session)
        made = Lab(stage, folder, database or f"sqlite:///{folder / 'flowbot.db'}")
        await made.prepare()
        yield made


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="flowbot-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def address(bot: HttpTarget) -> str:
    """A bot's request URL."""
    return f"http://127.0.0.1:{bot.port}/slack/events"
