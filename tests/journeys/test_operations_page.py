"""The commands of docs/operations.md, run as they stand there: backup, restore, upgrade, and the move to PostgreSQL."""

import asyncio
import re
import shlex
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from flowbot.storage.migrations import known_revisions
from tests.conftest import skip_without
from tests.journeys.test_cli import Environment, run_in_thread
from tests.journeys.test_cli import environment as environment  # noqa: PLC0414 - a fixture
from tests.journeys.test_database_move import run_bot
from tests.journeys.world import POLICY, World
from tests.storage.older_databases import upgrade_to
from tests.test_docs_operations import section

pytestmark = pytest.mark.long

NOT_FLOWBOTS: Final = ("systemctl", "git", ".venv/bin/pip")
"""Programs that no test runs: only that they are called is noted."""


class Machine:
    """A folder with flowbot's `.env`, and a path where `flowbot` is the one that is tested."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.folder = folder
        programs = folder / "programs"
        self._environment = environment | {"PATH": f"{programs}:{environment['PATH']}"}
        (folder / ".venv/bin").mkdir(parents=True)
        programs.mkdir()
        _write_program(programs / "flowbot", f'exec {shlex.quote(sys.executable)} -m flowbot "$@"')
        for name in NOT_FLOWBOTS:
            file = folder / name if "/" in name else programs / name
            _write_program(file, f'echo {name} "$@" >> {shlex.quote(str(folder / "called"))}')

    def set_database(self, url: str) -> None:
        """Let `.env` name the database, and the environment, where PostgreSQL's own programs are told."""
        (self.folder / ".env").write_text(f"DATABASE_URL={url}\n")
        self._environment.pop("DATABASE_URL", None)
        if url.startswith("postgresql"):
            self._environment["DATABASE_URL"] = url

    async def run(self, commands: str) -> str:
        """Run commands until one fails, and return what they print."""
        process = await asyncio.create_subprocess_exec(
            "bash", "-euc", commands, env=self._environment, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        assert process.returncode == 0, f"{out.decode()}\n{err.decode()}"
        return out.decode()

    async def run_flowbot(self, *arguments: str) -> str:
        """Run a command of flowbot's beside those of the page, and return what it prints."""
        status, out, err = await run_in_thread(self._environment, self.folder, *arguments)
        assert status == 0, err
        return out

    @property
    def called(self) -> list[str]:
        """Return the calls of programs that are not flowbot's."""
        return (self.folder / "called").read_text().splitlines()


def _write_program(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


def read_blocks(heading: str, count: int) -> list[str]:
    """Return the commands under a heading of the page, a text for each block."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)
    assert len(blocks) == count
    return blocks


@pytest.fixture
def machine(environment: Environment, tmp_path: Path) -> Machine:
    return Machine(tmp_path, environment)


async def test_a_backup_of_sqlite_is_restored(world: World, machine: Machine) -> None:
    if shutil.which("sqlite3") is None:
        skip_without("sqlite3", "it is not on the path")
    back_up, restore, _, _ = read_blocks("Back up and restore", 4)
    file = machine.folder / "journey.db"
    file.rename(machine.folder / "flowbot.db")
    file.symlink_to(machine.folder / "flowbot.db")
    machine.set_database("sqlite:///flowbot.db")
    async with run_bot(world):
        await machine.run(back_up)
        await world.import_policy(POLICY.replace("Lale Moda", "Renamed"))
    assert "Renamed" in await machine.run_flowbot("policy", "export")
    await machine.run(restore)
    assert "Lale Moda" in await machine.run_flowbot("policy", "export")
    assert machine.called == ["systemctl stop flowbot", "systemctl start flowbot"]


@pytest.mark.postgresql
async def test_a_backup_of_postgresql_is_restored_from_an_older_version_too(
    machine: Machine, empty_postgresql_url: str
) -> None:
    if shutil.which("pg_dump") is None:
        skip_without("PostgreSQL", "pg_dump is not on the path")
    _, _, back_up, restore = read_blocks("Back up and restore", 4)
    older = known_revisions()[1]
    upgrade_to(empty_postgresql_url, older)
    machine.set_database(empty_postgresql_url)
    (machine.folder / "policy.toml").write_text(POLICY)
    await machine.run(back_up)
    await machine.run_flowbot("migrate")
    await machine.run_flowbot("policy", "import", "policy.toml")
    assert await machine.run(restore) == "The database is up to date.\n"
    assert "Lale Moda" not in await machine.run_flowbot("policy", "export")
    # Once more, from what was restored: the emptied schema must not be part of the backup.
    await machine.run_flowbot("policy", "import", "policy.toml")
    await machine.run(back_up)
    await machine.run_flowbot("policy", "import", "--empty", "/dev/null")
    await machine.run(restore)
    assert "Lale Moda" in await machine.run_flowbot("policy", "export")
    backup = machine.folder / "backup.dump"
    backup.write_bytes(backup.read_bytes()[:-3000])
    with pytest.raises(AssertionError, match="pg_restore: error"):
        await machine.run(restore)
    assert "Lale Moda" in await machine.run_flowbot("policy", "export")


async def test_an_older_database_is_upgraded(machine: Machine, empty_sqlite_url: str) -> None:
    (upgrade,) = read_blocks("Upgrade", 1)
    newest, older, *_ = known_revisions()
    upgrade_to(empty_sqlite_url, older)
    machine.set_database(empty_sqlite_url)
    (machine.folder / "policy.toml").write_text(POLICY)
    await machine.run(upgrade.replace("flowbot check", "flowbot policy import policy.toml\nflowbot check"))
    with closing(sqlite3.connect(empty_sqlite_url.removeprefix("sqlite:///"))) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest,)]
    assert machine.called == ["git pull", ".venv/bin/pip install -r requirements.txt", "systemctl restart flowbot"]


@pytest.mark.postgresql
async def test_everything_moves_to_postgresql(world: World, machine: Machine, empty_postgresql_url: str) -> None:
    (move,) = read_blocks("From SQLite to PostgreSQL", 1)
    (machine.folder / "journey.db").rename(machine.folder / "flowbot.db")
    machine.set_database(empty_postgresql_url)
    assert "Everything was copied and compared." in await machine.run(move)
    assert "Lale Moda" in await machine.run_flowbot("policy", "export")
    assert not (machine.folder / "flowbot.db").exists()
    assert machine.called == ["systemctl stop flowbot", "systemctl start flowbot"]
