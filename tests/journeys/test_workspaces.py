"""Two workspaces, two processes each, on one PostgreSQL server: no word of one reaches the other."""

import asyncio
import os
import secrets
import string
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

import aiohttp
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from flowbot.config import Settings
from flowbot.sandbox.enkapush import EnkapushSandbox, Fault
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackSandbox
from tests.conftest import PostgresqlServer
from tests.journeys.request_steps import approval_policy, request_change, wait_for_status
from tests.journeys.test_cli import Environment, Server, run_in_thread, serve_http
from tests.journeys.world import MARKETING, Time, World
from tests.test_deploy import COMPOSE, WORKSPACES

pytestmark = pytest.mark.postgresql

ROUNDS: Final = 9
"""Of eleven commands each, in both workspaces: 200 requests with those of the approval."""


@pytest.fixture
def databases(postgresql_server: PostgresqlServer) -> Iterator[dict[str, str]]:
    """Make databases and users as `deploy/compose.yml` does, and yield each workspace's address."""
    ending = secrets.token_hex(6)
    statements = COMPOSE["configs"]["databases"]["content"]
    for name in WORKSPACES:
        statements = statements.replace(f"${{{name.upper()}_DATABASE_PASSWORD:?}}", f"password-{name}")
        statements = statements.replace(f" {name}", f" {name}_{ending}")
    names = [f"{name}_{ending}" for name in WORKSPACES]
    try:
        for statement in filter(None, map(str.strip, statements.split(";"))):
            postgresql_server.run(statement)
        server = make_url(postgresql_server.url)
        yield {
            name: server.set(
                username=f"{name}_{ending}", password=f"password-{name}", database=f"{name}_{ending}"
            ).render_as_string(hide_password=False)
            for name in WORKSPACES
        }
    finally:
        for name in names:
            postgresql_server.run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            postgresql_server.run("DROP ROLE IF EXISTS {}", name)


@dataclass
class Workspace:
    """A workspace with its processes, and a word that stands in all that is its own."""

    word: str
    world: World
    environment: Environment
    folder: Path
    processes: list[tuple[Server, int]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    async def run(self, *arguments: str) -> None:
        """Run a command, and keep what it prints."""
        status, out, err = await run_in_thread(self.environment, self.folder, *arguments)
        assert status == 0, err
        self.printed += [out, err]

    async def use(self) -> None:
        """Send commands that end well, are refused and fail, to both processes in turn."""
        world, ports = self.world, cycle(port for _, port in self.processes)
        numbers = [
            world.enkapush.store.add_flow(
                website_id=1, name=f"{self.word} {number}", title=f"{self.word} açıldı", description=self.word
            ).id
            for number in range(ROUNDS)
        ]
        request = await request_change(world, f"enable {numbers[0]} {self.word} çünkü")
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Applied")
        for number in numbers:
            world.slack.deliver_to(f"http://127.0.0.1:{next(ports)}/slack/events")
            if number == numbers[-1]:
                world.enkapush.faults.add(Fault.status(500, method="GET", times=4))
            texts = ("list", f"list {self.word}", f"show {number}", "history", f"{self.word} {number}")
            await asyncio.gather(
                *(person.send(MARKETING, f"/flows {text}") for person in (world.emma, world.ayse) for text in texts),
                world.deniz.open_home(),
            )
        await asyncio.gather(
            *(self._scrape(port, path) for _, port in self.processes for path in ("metrics", "readyz"))
        )

    async def _scrape(self, port: int, path: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/{path}") as answer:
            self.printed.append(await answer.text())

    def collect_output(self) -> dict[str, str]:
        """Return all that came out: in Slack, at Enkapush, in logs, metrics and on the command line."""
        return {
            "slack": repr(self.world.slack.workspace),
            "enkapush": repr(self.world.enkapush.requests),
            "logs": "".join(process.log for process, _ in self.processes),
            "printed": "".join(self.printed),
        }


@asynccontextmanager
async def open_workspace(name: str, database: str, folder: Path) -> AsyncIterator[Workspace]:
    """Start the stand-ins of a workspace, and two processes between them."""
    word = name + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
    time = Time()
    slack = SlackSandbox(
        bot_token=f"{BOT_TOKEN}-{word}", app_token=f"{APP_TOKEN}-{word}", signing_secret=f"{SIGNING_SECRET}{word}"
    )
    slack.workspace.channels[MARKETING].name = f"kanal-{word}"
    for person in slack.workspace.people.values():
        person.real_name = f"{person.real_name} {word}"
    enkapush = EnkapushSandbox(api_key=f"key-{word}", clock=time.now)
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(slack.serve())
        environment = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": f"{BOT_TOKEN}-{word}",
            "SLACK_SIGNING_SECRET": f"{SIGNING_SECRET}{word}",
            "SLACK_API_URL": f"{origin}/api/",
            "ENKAPUSH_API_KEY": f"key-{word}",
            "ENKAPUSH_API_URL": await stack.enter_async_context(enkapush.serve()),
            "DATABASE_URL": database,
            "FLOWBOT_LANGUAGE": "en",
            "FLOWBOT_WATCH_SECONDS": "0",
            "LOG_LEVEL": "debug",
        }
        settings = Settings(_env_file=None, database_url=SecretStr(database))
        workspace = Workspace(word, World(slack, enkapush, settings, time, stack), environment, folder)
        await workspace.run("migrate")
        await workspace.world.import_policy(approval_policy().replace("Lale Moda", f"Site {word}"))
        for _ in range(2):
            workspace.processes.append(
                await stack.enter_async_context(serve_http(workspace.world, environment, folder))
            )
        yield workspace


async def test_no_word_of_one_workspace_reaches_the_other(databases: dict[str, str], tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(open_workspace(name, url, tmp_path)) for name, url in databases.items()
        ]
        await asyncio.gather(one.use(), other.use())
        for workspace in (one, other):
            for command in (("policy", "export"), ("audit", "export"), ("check",)):
                await workspace.run(*command)
        assert sum(len(workspace.world.slack.deliveries) for workspace in (one, other)) >= 200
        for workspace, stranger in ((one, other), (other, one)):
            for where, text in workspace.collect_output().items():
                assert workspace.word in text or where not in {"slack", "printed"}, where
                assert stranger.word not in text, where
                assert stranger.environment["DATABASE_URL"].rpartition("/")[2] not in text, where


def test_the_user_of_one_database_is_let_into_no_other(databases: dict[str, str]) -> None:
    one, other = (make_url(url) for url in databases.values())
    stranger = one.set(database=other.database, drivername="postgresql").render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError, match="permission denied"), closing(psycopg.connect(stranger)):
        pass
