"""A database's file that cannot be written, or is not where it was, is told from one that does not answer just now."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flowbot.errors import ConfigurationError, DatabaseFaultError, DatabaseUnusableError
from flowbot.storage.engine import open_database
from flowbot.storage.errors import name_unusable_file, translate_errors
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
        with refusal, name_unusable_file("DATABASE_URL", str(file)), engine.begin() as connection:
            probe_write(connection)
    finally:
        engine.dispose()
