"""aiosqlite with one step to the connection's thread for each statement, where its own cursors take four.

Each step costs both threads more than most statements do.
"""

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Self

import aiosqlite

_CHUNK: Final = 64
"""aiosqlite's own number of rows at a time; nothing here reads by chunks."""


class FetchingCursor(aiosqlite.Cursor):
    """A cursor that fetches all rows together with the statement, and leaves nothing open."""

    def __init__(self, connection: "SqliteConnection", make: Callable[[], sqlite3.Cursor]) -> None:
        self._make = make
        self._rows: list[Any] = []
        super().__init__(connection, None)  # type: ignore[arg-type] # made as it is entered, where errors are translated

    async def __aenter__(self) -> Self:
        self._cursor = self._make()
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Self:
        """Run a statement, and fetch its rows."""
        await self._run(self._cursor.execute, sql, () if parameters is None else parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement once for each of the parameters."""
        await self._run(self._cursor.executemany, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: a statement whose rows were all fetched is over."""

    async def _run(self, execute: Callable[..., object], sql: str, parameters: Iterable[Any]) -> None:
        def run() -> list[Any]:
            execute(sql, parameters)
            return self._cursor.fetchall()

        self._rows = await self._execute(run)  # type: ignore[no-untyped-call] # as its own methods do


class SqliteConnection(aiosqlite.Connection):
    """A connection whose cursors fetch at once; its thread keeps no process alive."""

    def __init__(self, file: str) -> None:
        super().__init__(partial(sqlite3.connect, file, check_same_thread=False), _CHUNK)
        self._thread.daemon = True

    def cursor(self) -> FetchingCursor:  # type: ignore[override] # SQLAlchemy enters either
        """Return a cursor that is still to be entered."""
        return FetchingCursor(self, self._make_cursor)

    def _make_cursor(self) -> sqlite3.Cursor:
        return self._conn.cursor()


async def connect(file: str) -> SqliteConnection:
    """Open a SQLite file, for SQLAlchemy's `async_creator`."""
    connection = SqliteConnection(file)
    await connection
    return connection
