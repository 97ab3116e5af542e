"""A database's file that cannot be written, or is not where it was, is told from one that does not answer just now."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flowbot.errors import ConfigurationError, DatabaseUnusableError
from flowbot.storage.engine import open_database
from flowbot.storage.unit_of_work import require_database, rewrite_header, translate_errors


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


async def test_a_log_that_was_deleted_is_not_written_into(file: Path) -> None:
    database = open_database(f"sqlite:///{file}")
    try:
        await database.ping()
        file.with_name("flowbot.db-wal").unlink()
        with pytest.raises(DatabaseUnusableError):
            await database.ping()
    finally:
        await database.close()


def test_a_file_that_cannot_be_written_is_told_by_kind_and_by_its_setting(file: Path) -> None:
    engine = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    try:
        with pytest.raises(DatabaseUnusableError), translate_errors(), engine.begin() as connection:
            rewrite_header(connection)
        refusal = pytest.raises(ConfigurationError, match=r"^DATABASE_URL: '.+' or its folder cannot be written$")
        with refusal, require_database("DATABASE_URL", str(file)), engine.begin() as connection:
            rewrite_header(connection)
    finally:
        engine.dispose()
