"""SQLite's thread is asked once for a statement, and nothing of a connection outlasts it."""

import asyncio
import gc
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from flowbot.storage.aiosqlite_driver import Connection, Cursor, connect


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that the threads of connections were asked for."""
    made: list[Any] = []
    real = Connection._execute

    async def counted(self: Connection, errand: Any, *args: Any) -> Any:
        made.append(errand)
        return await real(self, errand, *args)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Connection, "_execute", counted)
    return made


async def run(cursor: Cursor, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """As SQLAlchemy does it."""
    entered = await cursor.__aenter__()
    await entered.execute(statement, parameters)
    rows = await entered.fetchall()
    await entered.close()
    return rows


async def test_a_statement_and_its_rows_take_one_trip(tmp_path: Path, trips: list[Any]) -> None:
    connection = await connect(str(tmp_path / "new.db"), "CREATE TABLE flows (id INTEGER PRIMARY KEY)")
    assert trips == []
    writing, reading = connection.cursor(), connection.cursor()
    assert await run(writing, "INSERT INTO flows VALUES (?), (?) RETURNING id", 4, 7) == [(4,), (7,)]
    assert (writing.rowcount, writing.lastrowid) == (2, 7)
    assert await run(reading, "SELECT id FROM flows WHERE id > ?", 4) == [(7,)]
    assert reading.description is not None
    assert len(trips) == 2
    await connection.close()


async def test_parameters_may_have_names(tmp_path: Path) -> None:
    connection = await connect(str(tmp_path / "new.db"))
    cursor = await connection.cursor().execute("SELECT :one, :two", {"two": 2, "one": 1})
    assert await cursor.fetchall() == [(1, 2)]
    await connection.close()


async def test_many_sets_of_parameters_take_one_trip(tmp_path: Path, trips: list[Any]) -> None:
    connection = await connect(str(tmp_path / "new.db"), "CREATE TABLE flows (id INTEGER PRIMARY KEY)")
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO flows VALUES (?)", [(number,) for number in range(9)])
    assert (cursor.rowcount, cursor.description, len(trips)) == (9, None, 1)
    await connection.close()


async def test_a_connection_that_cannot_be_prepared_is_an_error_of_sqlite(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        await connect(str(tmp_path / "new.db"), "NONSENSE")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


async def all_end() -> bool:
    """Whether no thread of a connection is left after a moment."""
    for thread in threads():
        await asyncio.to_thread(thread.join, 5)
    return not threads()


async def test_a_connection_that_everybody_forgot_is_closed(tmp_path: Path) -> None:
    connection = await connect(str(tmp_path / "new.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE flows (id)")
    assert (tmp_path / "new.db-wal").exists()
    del connection
    gc.collect()
    assert await all_end()
    assert not (tmp_path / "new.db-wal").exists()


async def test_a_connection_that_nobody_waits_for_any_more_is_closed_once_it_is_open(tmp_path: Path) -> None:
    many = (f"CREATE TABLE flows_{number} (id)" for number in range(300))
    connecting = asyncio.create_task(connect(str(tmp_path / "new.db"), "PRAGMA journal_mode = WAL", *many))
    await asyncio.sleep(0)
    assert threads()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert await all_end()
    assert os.listdir(tmp_path) == ["new.db"]  # noqa: PTH208 - the loop has nothing else to do by now
