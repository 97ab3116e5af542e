"""The whole bot between its stand-ins: real HTTP and WebSocket, a real database, people who type and press."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import make_url

from flowbot.bootstrap import Flowbot, run_flowbot
from flowbot.config import Settings
from flowbot.enkapush.client import Timeouts
from flowbot.sandbox.enkapush import EnkapushSandbox
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SandboxPerson, SlackSandbox
from flowbot.server.http import listen
from flowbot.server.socket_mode import ReconnectPolicy, serve_socket_mode
from flowbot.services.policy_files import import_book, parse_book
from flowbot.services.ports import Clock, Sleep
from flowbot.services.setup_findings import FindingsReader
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.unit_of_work import Database
from tests.plain_opens import refuse_plain_opens

MARKETING, APPROVALS, AGENCY, RANDOM = "C0MARKETING", "C0APPROVALS", "C0AGENCY", "C0RANDOM"
API_KEY = "enkapush-key-of-the-tests"

POLICY = """
[websites]
1 = "Lale Moda"
2 = "Northbound Outdoor"
3 = "Kitap Durağı"

[[channels]]
id = "C0MARKETING"
websites = [1, 2]
viewers = ["*"]
editors = ["S0EDITORS"]
approvers = ["S0LEADS"]

[[channels]]
id = "C0AGENCY"
websites = [3]
viewers = ["S0LEADS"]
"""


on_both_databases = pytest.mark.parametrize(
    "journey_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
"""Runs a journey once with each kind of database."""


def first_on_both_databases(names: str, cases: Iterable[object]) -> pytest.MarkDecorator:
    """Run each case with SQLite, and the first with PostgreSQL too, where the cases are one to the database."""
    several = "," in names
    rows = [(*case,) if several and isinstance(case, tuple) else (case,) for case in cases]
    first = pytest.param("postgresql", *rows[0], marks=pytest.mark.postgresql)
    return pytest.mark.parametrize(
        f"journey_database,{names}", [*(("sqlite", *row) for row in rows), first], indirect=["journey_database"]
    )


in_both_modes = pytest.mark.parametrize(
    ("journey_database", "running"),
    [("sqlite", "http"), pytest.param("postgresql", "socket", marks=pytest.mark.postgresql)],
    indirect=True,
)
"""Runs a journey over HTTP with SQLite and in Socket Mode with PostgreSQL: nothing knows of both mode and database."""


@dataclass
class Time:
    """The clocks of the bot and of Enkapush, which a test may move.

    Attributes:
        ahead: Seconds that have gone by.
        jumped: Seconds by which the bot's own clock is wrong.
    """

    ahead: float = 0.0
    jumped: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def wall(self) -> datetime:
        return self.now() + timedelta(seconds=self.jumped)

    def monotonic(self) -> float:
        return monotonic() + self.ahead


@dataclass
class World:
    """The stand-ins, and the bots that run between them."""

    slack: SlackSandbox
    enkapush: EnkapushSandbox
    settings: Settings
    time: Time
    stack: AsyncExitStack
    timeouts: Timeouts | None = None
    sleep: Sleep = asyncio.sleep
    read_findings: FindingsReader | None = None
    drain_seconds: float = 0.2
    stops: list[asyncio.Event] = field(default_factory=list)

    @property
    def ayse(self) -> SandboxPerson:
        """A marketer and editor who reads Turkish."""
        return self.slack.person("U0AYSE")

    @property
    def emma(self) -> SandboxPerson:
        """A marketer and editor who reads English."""
        return self.slack.person("U0EMMA")

    @property
    def burak(self) -> SandboxPerson:
        """An approver."""
        return self.slack.person("U0BURAK")

    @property
    def deniz(self) -> SandboxPerson:
        """An admin of the workspace."""
        return self.slack.person("U0DENIZ")

    @property
    def jonas(self) -> SandboxPerson:
        """Somebody of another company."""
        return self.slack.person("U0JONAS")

    def open_database(self) -> AbstractAsyncContextManager[Database]:
        """Open the database of the bots, beside them."""
        return open_migrated(self.settings.database_url.get_secret_value())

    def add_flows(self, count: int, *, website: int = 1, word: str = "Flow") -> None:
        """Add flows named `Flow 1` … to one website, each a day newer than the one before."""
        for number in range(1, count + 1):
            self.enkapush.store.add_flow(
                website_id=website,
                name=f"{word} {number}",
                title=f"Title {number}",
                description="Text",
                wait_time=number,
                wait_time_type="days",
                datetime=datetime(2025, 1, 1) + timedelta(days=number),  # noqa: DTZ001 - Enkapush's times are naive
            )

    async def import_policy(self, text: str) -> None:
        """Put another policy in force."""
        await import_policy(self.settings, text, self.time.now)

    async def _bot(self) -> Flowbot:
        time = self.time
        bot = run_flowbot(
            self.settings,
            clock=time.wall,
            monotonic=time.monotonic,
            drain_seconds=self.drain_seconds,
            timeouts=self.timeouts,
            sleep=self.sleep,
            read_findings=self.read_findings,
        )
        return await self.stack.enter_async_context(bot)

    async def start_http(self) -> tuple[Flowbot, str]:
        """Start a bot in HTTP mode that Slack delivers to, and return it with its origin."""
        bot = await self._bot()
        port = await self.stack.enter_async_context(listen(bot, "127.0.0.1", 0))
        origin = f"http://127.0.0.1:{port}"
        self.slack.deliver_to(f"{origin}/slack/events")
        return bot, origin

    async def start_socket(self, reconnect: ReconnectPolicy | None = None) -> Flowbot:
        """Start a bot in Socket Mode, and wait until it is connected."""
        bot = await self._bot()
        stop = asyncio.Event()
        running = asyncio.create_task(serve_socket_mode(bot, stop, reconnect=reconnect))

        async def end() -> None:
            stop.set()
            await running

        self.stack.push_async_callback(end)
        await self.deniz.wait_until(lambda: self.slack.sockets.connection_count)
        return bot


async def import_policy(settings: Settings, text: str, now: Clock) -> None:
    """Import a policy into the settings' database."""
    async with open_migrated(settings.database_url.get_secret_value()) as database:
        await import_book(PolicyRepository(database, now), parse_book(text), now())


@cache
def _read_settings() -> Settings:
    """Return settings that lack the addresses, for all worlds: reading them takes a tenth of a bot's start."""
    return Settings(
        _env_file=None,
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_app_token=SecretStr(APP_TOKEN),
        slack_signing_secret=SecretStr(SIGNING_SECRET),
        enkapush_api_key=SecretStr(API_KEY),
        flowbot_watch_seconds=0,
    )


@asynccontextmanager
async def new_world(database_url: str) -> AsyncIterator[World]:
    """Start the stand-ins around a database, without a bot; its file, if it is one, is SQLite's alone."""
    time = Time()
    slack, enkapush = SlackSandbox(), EnkapushSandbox(api_key=API_KEY, clock=time.now)
    async with AsyncExitStack() as stack:
        stack.enter_context(refuse_plain_opens(make_url(database_url).database or ""))
        origin = await stack.enter_async_context(slack.serve())
        api = await stack.enter_async_context(enkapush.serve())
        addresses = {
            "slack_api_url": f"{origin}/api",
            "enkapush_api_url": api,
            "database_url": SecretStr(database_url),
        }
        settings = _read_settings().model_copy(update=addresses)
        yield World(slack, enkapush, settings, time, stack)
    assert not slack.reading_faults, slack.reading_faults


def block_database(database: str) -> None:
    """Refuse every connection to a PostgreSQL database, and end those that are open."""
    address = make_url(database)
    server = address.set(database="postgres", drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(address.database or ""))
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [address.database]
        )
