"""Migrations: run once, whoever comes first, to the shape of the tables in the code."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from flowbot.domain.ids import ChangeId
from flowbot.domain.progress import Progress
from flowbot.errors import ConfigurationError
from flowbot.storage.engine import open_database
from flowbot.storage.migrations import SCRIPTS, known_revisions, read_revision_state, upgrade
from flowbot.storage.tables import metadata
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import open_stores
from tests.storage.older_databases import upgrade_to

UPGRADE = """
import sys
from multiprocessing import get_context
import alembic.command
from flowbot.storage.migrations import upgrade

def upgrade_with_the_others():
    start.wait()
    upgrade(sys.argv[1])

forks = get_context("fork")
start = forks.Barrier(5)
processes = [forks.Process(target=upgrade_with_the_others) for _ in range(5)]
for process in processes:
    process.start()
for process in processes:
    process.join()
print([process.exitcode for process in processes])
"""
"""All is loaded before the fork, so that they are at it in the same instant."""


ALREADY = """
import sys
from flowbot.storage.migrations import upgrade
upgrade(sys.argv[1])
print("alembic loaded" if "alembic" in sys.modules else "alembic not loaded")
"""


def find_differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(find_differences) == []


async def test_a_new_database_has_no_revision_until_it_is_upgraded(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    try:
        before = await read_revision_state(database)
        await asyncio.to_thread(upgrade, empty_database_url)
        after = await read_revision_state(database)
    finally:
        await database.close()
    assert (before.current, before.is_current) == (None, False)
    assert (after.current, after.is_current) == (after.head, True)


def test_the_files_of_the_revisions_are_named_as_alembic_orders_them() -> None:
    scripts = ScriptDirectory(str(SCRIPTS)).walk_revisions()
    assert known_revisions() == tuple(script.revision for script in scripts)


def test_a_database_that_is_as_it_should_be_needs_no_alembic(sqlite_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", ALREADY, sqlite_url], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alembic not loaded\n", "")


async def test_upgrading_again_changes_nothing(database_url: str, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO websites (website_id, position, name) VALUES (1, 0, 'Shop')"))
    await asyncio.to_thread(upgrade, database_url)
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT name FROM websites")) == "Shop"


CHANGE_OF_OLD = """
INSERT INTO changes (id, token, kind, state, version, website_id, requester, channel_id, asked, shown_version,
                     created_at, changed_at)
VALUES ('old', 't', 'enable', 'applied', 2, 1, 'U0AYSE', 'C1', :asked, 0,
        '2026-03-01 09:30:15.000000', '2026-03-01 09:30:15.000000')
"""
ASKED_OF_OLD = '{"token": "t", "kind": "enable", "requester": "U0AYSE", "channel": "C1", "website": 1}'


async def test_a_change_from_before_approvals_has_made_no_progress(empty_database_url: str) -> None:
    await asyncio.to_thread(upgrade_to, empty_database_url, "0002")
    database = open_database(empty_database_url)
    async with database.write() as connection:
        await connection.execute(text(CHANGE_OF_OLD), {"asked": ASKED_OF_OLD})
    await asyncio.to_thread(upgrade, empty_database_url)
    kept = await open_stores(database)[0].get(ChangeId("old"))
    await database.close()
    assert kept is not None
    assert (kept.version, kept.progress, kept.rule) == (2, Progress(), None)


@pytest.mark.long
def test_many_processes_may_upgrade_a_new_database_in_the_same_instant(empty_database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", UPGRADE, empty_database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 0]\n", "")


async def test_many_threads_may_upgrade_in_the_same_instant(empty_database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_database_url) for _ in range(4)))
    database = open_database(empty_database_url)
    assert (await read_revision_state(database)).is_current
    await database.close()


def test_an_upgrade_reports_its_progress_and_leaves_all_as_it_was_when_it_is_interrupted(
    empty_database_url: str,
) -> None:
    revisions, reports = len(known_revisions()), list[tuple[int, int | None]]()

    def interrupt(done: int, of: int | None) -> None:
        reports.append((done, of))
        if done == revisions - 1:
            raise KeyboardInterrupt

    upgrade_to(empty_database_url, known_revisions()[-1])
    with pytest.raises(KeyboardInterrupt):
        upgrade(empty_database_url, interrupt)
    assert reports == [(number, revisions - 1) for number in range(1, revisions)]
    reports.clear()
    upgrade(empty_database_url, lambda done, of: reports.append((done, of)))
    assert reports[0] == (1, revisions - 1), "the first upgrade was undone"


async def test_a_database_of_a_newer_flowbot_is_refused_and_left_alone(database_url: str, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"revision 9999.*newer flowbot"):
        await asyncio.to_thread(upgrade, database_url)
    state = await read_revision_state(database)
    assert (state.current, state.is_current) == ("9999", False)


async def test_an_upgrade_says_nothing_in_the_log(empty_sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await asyncio.to_thread(upgrade, empty_sqlite_url)
    assert caplog.records == []


@pytest.mark.parametrize("text", ["dear diary, " * 400, "a = 1\n"], ids=["long", "short"])
async def test_a_file_that_is_no_database_is_named_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.db"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*notes\.db' is no database$"):
        await asyncio.to_thread(upgrade, f"sqlite:///{file}")
    assert file.read_text() == text
