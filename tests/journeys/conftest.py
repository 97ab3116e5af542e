"""The whole bot between its stand-ins, in each mode."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from flowbot.config import Settings
from flowbot.enkapush.client import Timeouts
from tests.conftest import DatabasePool, PostgresqlServer, database_pool
from tests.journeys.request_steps import approval_policy, speed_up
from tests.journeys.world import POLICY, Time, World, import_policy, new_world

pytest.register_assert_rewrite(
    "tests.journeys.team_cell", "tests.journeys.team_conditions", "tests.journeys.team_features"
)


def _with_policy(url: str) -> None:
    """Put the usual policy in force; in a thread, since pytest has a loop of its own in this one."""
    with ThreadPoolExecutor(1) as thread:
        settings = Settings(_env_file=None, database_url=SecretStr(url))
        thread.submit(asyncio.run, import_policy(settings, POLICY, Time().now)).result()


@pytest.fixture(scope="session")
def sqlite_with_policy(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the usual policy, to copy: importing it for each test would take as long as many a test."""
    file = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("template") / "journey.db"))
    _with_policy(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_with_policy(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[DatabasePool]:
    """Yield a pool of databases with the usual policy."""
    with postgresql_server.new_database(postgresql_template) as name:
        _with_policy(postgresql_server.url_of(name))
        with database_pool(postgresql_server, name) as pool:
            yield pool


@pytest.fixture
def sqlite_journey(sqlite_with_policy: Path, tmp_path: Path) -> str:
    """Return the address of a SQLite file of this test's own, with the usual policy."""
    return f"sqlite:///{shutil.copy(sqlite_with_policy, tmp_path / 'journey.db')}"


@pytest.fixture
def postgresql_journey(postgresql_server: PostgresqlServer, postgresql_with_policy: DatabasePool) -> Iterator[str]:
    """Yield the address of a PostgreSQL database of this test's own, with the usual policy."""
    with postgresql_with_policy.lend() as name:
        yield postgresql_server.url_of(name)


@pytest.fixture
def journey_database(request: pytest.FixtureRequest) -> str:
    """Return the address of a SQLite database, or of the kind that `on_both_databases` asks for."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_journey"))


@pytest.fixture
async def world(journey_database: str) -> AsyncIterator[World]:
    """Yield the stand-ins, a policy and a database, without a bot."""
    async with new_world(journey_database) as world:
        yield world


@pytest.fixture(params=["http", "socket"])
async def running(world: World, request: pytest.FixtureRequest) -> World:
    """Start a bot, once in each mode."""
    if request.param == "http":
        await world.start_http()
    else:
        await world.start_socket()
    return world


@pytest.fixture
async def http(world: World) -> World:
    """Start a bot in HTTP mode."""
    await world.start_http()
    return world


@pytest.fixture
async def bots(world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Start bots that look for due work many times a second, with approvals elsewhere: two where PostgreSQL is used.

    A file without writes that hang may give them more time in WRITE_SECONDS: a busy machine makes them slow.
    """
    speed_up(world, monkeypatch)
    # A reading that is given up on a busy machine would put off what is looked for to a look that never comes.
    world.timeouts = Timeouts(write_deadline=getattr(request.module, "WRITE_SECONDS", 1))
    await world.import_policy(approval_policy())
    await world.start_http()
    if world.settings.database_url.get_secret_value().startswith("postgresql"):
        await world.start_http()
    yield world
    world.enkapush.release()
