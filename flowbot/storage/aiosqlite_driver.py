"""SQLite under asyncio, with one trip to the connection's thread for a statement and all that comes of it.

aiosqlite makes four: for a cursor, the statement, the rows, the cursor's end. At each of them two threads take turns,
which lasts longer than most statements do.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class _Outcome(NamedTuple):
    rows: list[Row]
    description: tuple[Any, ...] | None
    rowcount: int
    lastrowid: int | None


class Connection(aiosqlite.Connection):
    """A connection for SQLAlchemy, which needs nothing else of aiosqlite's.

    Args:
        opens: makes SQLite's own connection, in the thread that it belongs to.
    """

    def __init__(self, opens: Callable[[], sqlite3.Connection]) -> None:
        self._opened: list[sqlite3.Connection] = []
        super().__init__(partial(_opened, opens, self._opened), iter_chunk_size=1)
        # A process does not wait at its end for the thread of a connection that nobody closed.
        self._thread.daemon = True

    def __del__(self) -> None:
        # SQLAlchemy forgets a connection that it was cancelled while preparing; then nobody else can close it.
        if self._running:
            self.stop()

    def stop(self) -> None:
        """Close what is open, and end the thread. Nobody is told: there may be no loop any more that could be."""
        self._running = False
        self._tx.put_nowait((None, partial(_ended, self._opened)))

    def cursor(self) -> "Cursor":  # type: ignore[override] # SQLite's own is made on the way to its statement
        """Runs a statement."""
        return Cursor(self)

    async def carries_out(self, statement: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> _Outcome:
        """Run a statement, and bring everything back that came of it."""
        outcome: _Outcome = await self._execute(_carried_out, self._conn, statement)  # type: ignore[no-untyped-call]
        return outcome


def _opened(opens: Callable[[], sqlite3.Connection], kept: list[sqlite3.Connection]) -> sqlite3.Connection:
    """Kept here as well: who waited for it may have been cancelled."""
    kept.append(opens())
    return kept[0]


def _ended(kept: list[sqlite3.Connection]) -> object:
    for connection in kept:
        connection.close()
    return _STOP_RUNNING_SENTINEL


def _carried_out(connection: sqlite3.Connection, statement: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> _Outcome:
    cursor = statement(connection)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return _Outcome(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()


class Cursor:
    """A statement, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._outcome = _Outcome([], None, -1, None)
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> tuple[Any, ...] | None:
        """The columns, or None where there can be no rows."""
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number that SQLite gave to the row that was inserted last."""
        return self._outcome.lastrowid

    async def execute(self, statement: str, parameters: Parameters = ()) -> Self:
        """Run a statement."""
        self._outcome = await self._connection.carries_out(lambda sqlite: sqlite.execute(statement, parameters))
        return self

    async def executemany(self, statement: str, parameters: Iterable[Parameters]) -> Self:
        """Run a statement once for each set of parameters."""
        self._outcome = await self._connection.carries_out(lambda sqlite: sqlite.executemany(statement, parameters))
        return self

    async def fetchall(self) -> list[Row]:
        """The rows; SQLAlchemy asks once."""
        return self._outcome.rows

    async def close(self) -> None:
        """Nothing is left to do: SQLite's own cursor was closed with its statement."""


async def connect(file: str, *statements: str) -> Connection:
    """A connection that begins no transaction by itself, after it has run `statements`."""

    def opens() -> sqlite3.Connection:
        # Whatever the garbage collector has to close it closes from its own thread.
        made = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            for statement in statements:
                made.execute(statement).close()
        except BaseException:
            made.close()
            raise
        return made

    opened = Connection(opens)
    await opened
    return opened
