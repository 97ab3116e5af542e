"""A database's file that cannot be written, or is not where it was, is told from one that does not answer just now."""

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flowbot.errors import ConfigurationError, DatabaseDamagedError, DatabaseFaultError, DatabaseUnusableError
from flowbot.storage import migrations
from flowbot.storage.engine import open_database
from flowbot.storage.errors import name_unusable_database, translate_errors
from flowbot.storage.unit_of_work import probe_write


@pytest.fixture
def file(tmp_path: Path, sqlite_template: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "flowbot.db"))


def exists(file: Path) -> bool:
    return file.exists()


async def test_a_file_that_was_moved_away_is_not_used_until_it_is_back(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        await database.ping()
        moved = shutil.move(file, file.with_name("moved.db"))
        for use in (database.read, database.write):
            with pytest.raises(DatabaseUnusableError):
                async with use():
                    pytest.fail("a transaction was begun")
        assert not exists(file)
        shutil.copy(moved, file)
        with pytest.raises(DatabaseUnusableError):
            await database.ping()
        shutil.move(moved, file)
        await database.ping()
    finally:
        await database.close()


@pytest.mark.parametrize("companion", ["-wal", "-shm"])
async def test_a_deleted_log_or_index_is_neither_read_nor_written_whoever_makes_another(
    file: Path, companion: str
) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        await database.ping()
        deleted = file.with_name(f"{file.name}{companion}")
        deleted.unlink()
        for _ in range(2):
            for use in (database.read, database.query, database.write):
                with pytest.raises(DatabaseUnusableError):
                    async with use():
                        pytest.fail("a transaction was begun")
            deleted.touch()
    finally:
        await database.close()


async def test_a_log_that_ended_with_its_last_connection_is_not_missed(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        with suppress(DatabaseFaultError):
            async with database.write() as connection:
                await connection.run_sync(probe_write)
                await connection.invalidate()
        await asyncio.sleep(0.1)
        await database.ping()
        async with database.read() as connection:
            await connection.exec_driver_sql("SELECT count(*) FROM deliveries")
    finally:
        await database.close()


def test_a_file_that_cannot_be_written_is_told_by_kind_and_by_its_setting(file: Path) -> None:
    engine = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    try:
        with pytest.raises(DatabaseUnusableError), translate_errors(), engine.begin() as connection:
            probe_write(connection)
        refusal = pytest.raises(ConfigurationError, match=r"^DATABASE_URL: '.+' or its folder cannot be written$")
        with refusal, name_unusable_database("DATABASE_URL", str(file)), engine.begin() as connection:
            probe_write(connection)
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    "statement", ["DROP TABLE drafts", "ALTER TABLE deliveries RENAME TO lost", "ALTER TABLE votes RENAME vote TO lost"]
)
async def test_a_table_or_column_that_is_missing_is_found_by_a_probe_and_at_the_start(
    file: Path, statement: str
) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        await database.ping()
        async with database.write() as connection:
            await connection.exec_driver_sql(statement)
        with pytest.raises(DatabaseDamagedError):
            await database.ping()
    finally:
        await database.close()
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .+ cannot be used \("):
        await start_bot(f"sqlite:///{file}")


async def test_damage_that_a_transaction_met_is_told_until_the_next_start(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        root, size = (
            connection.execute(sql).fetchone()[0]
            for sql in ("SELECT rootpage FROM sqlite_master WHERE name = 'drafts'", "PRAGMA page_size")
        )
    database = open_database(f"sqlite:///{file}")
    try:
        await database.ping()
    finally:
        await database.close()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * size)
        opened.write(b"\xff" * size)
    database = open_database(f"sqlite:///{file}")
    try:
        with pytest.raises(DatabaseDamagedError):
            async with database.read() as connection:
                await connection.exec_driver_sql("SELECT * FROM drafts")
        with pytest.raises(DatabaseDamagedError):
            await database.ping()
    finally:
        await database.close()
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: '.+' is damaged; restore a backup$"):
        await start_bot(f"sqlite:///{file}")


@pytest.mark.parametrize("rows", [0, 2])
async def test_a_database_without_one_revision_is_refused_in_one_line(file: Path, rows: int) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        async with database.write() as connection:
            await connection.exec_driver_sql("DELETE FROM alembic_version")
            for number in range(rows):
                await connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{number}')")
    finally:
        await database.close()
    with pytest.raises(ConfigurationError, match=f"alembic_version has {rows} rows instead of one"):
        await asyncio.to_thread(migrations.upgrade, f"sqlite:///{file}")


@pytest.mark.postgresql
@pytest.mark.parametrize("options", ["default_transaction_read_only=on", "role=pg_read_all_data"])
async def test_a_server_that_lets_nothing_be_written_is_found_by_a_probe_and_at_the_start(
    postgresql_url: str, options: str
) -> None:
    url = f"{postgresql_url}?options=-c%20{options.replace('=', '%3D')}"
    database = open_database(url)
    try:
        with pytest.raises(DatabaseUnusableError):
            await database.ping()
    finally:
        await database.close()
    refusal = r"^DATABASE_URL: .+ cannot be used \((cannot execute INSERT in a read-only|permission denied)"
    with pytest.raises(ConfigurationError, match=refusal):
        await start_bot(url)
    with pytest.raises(ConfigurationError, match=refusal):
        await asyncio.to_thread(migrations.upgrade, url)


@pytest.mark.postgresql
async def test_a_table_that_a_server_lacks_is_found_by_a_probe(empty_postgresql_url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, empty_postgresql_url)
    database = open_database(empty_postgresql_url)
    try:
        await database.ping()
        async with database.write() as connection:
            await connection.exec_driver_sql("DROP TABLE drafts")
        with pytest.raises(DatabaseDamagedError):
            await database.ping()
    finally:
        await database.close()


async def start_bot(url: str) -> None:
    """Open the database as a bot that starts does."""
    async with migrations.open_migrated(url):
        pytest.fail("the database was opened")
