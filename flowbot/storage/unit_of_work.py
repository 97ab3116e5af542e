"""Read and write transactions, and where the database's errors become flowbot's."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Final

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flowbot.errors import ConfigurationError, DependencyError

FULL: Final = "fault.database_full"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the database's errors into `DependencyError("fault.database")`, with their cause; a full disk into `FULL`.

    The cause holds the statement but no values and no password. Whatever is not the database's passes unchanged.
    SQLite's driver answers a whole number of more than 64 bits with Python's own OverflowError, which counts as one.
    """
    try:
        yield
    except (SQLAlchemyError, OverflowError) as error:
        raise DependencyError(FULL if _is_full(getattr(error, "orig", None)) else "fault.database") from error


@contextmanager
def require_database(setting: str, file: str | None) -> Iterator[None]:
    """Refuse an SQLite `file` that is something else by the name of its setting: another start would not help.

    It goes inside `translate_errors`, where the database is opened for the first time.
    """
    try:
        yield
    except DatabaseError as error:
        if not _is(error.orig, sqlite3.SQLITE_NOTADB):
            raise
        raise ConfigurationError(f"{setting}: {file!r} is no database") from error


def _is_full(error: object) -> bool:
    """Whether the database found no room, and therefore wrote nothing.

    A PostgreSQL that has no room for its log goes down with the same error, and may have committed before.
    """
    if isinstance(error, psycopg.errors.DiskFull):
        return error.diag.severity_nonlocalized == "ERROR"
    return _is(error, sqlite3.SQLITE_FULL)


def _is(error: object, kind: int) -> bool:
    """Whether it is an error of SQLite's of that kind: its lowest byte, the others are its particulars."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == kind


CLOSE_SECONDS: Final = 1.0
"""What is under way has this long to end before the connections are closed."""


class Database:
    """An open database. `storage.engine.open_database` makes one; whoever opens it closes it.

    Args:
        reader: gives read-only connections, each transaction a consistent snapshot.
        writer: gives connections that may write.
        lock: takes a named lock for the rest of a transaction.
    """

    def __init__(self, *, reader: AsyncEngine, writer: AsyncEngine, lock: Callable[[Connection, str], None]) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = lock
        self._under_way = 0
        self._idle = asyncio.Event()
        self._is_closed = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One read-only transaction: all that it reads was true at the same moment.

        Raises:
            DependencyError: the database did not answer, or not to that.
        """
        with translate_errors():
            async with self._transaction(self._reader) as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, alone: str | None = None) -> AsyncIterator[AsyncConnection]:
        """One writing transaction: committed at the end of the block, rolled back whole if an exception leaves it.

        Keep it short and wait for nothing but the database in it. An error that is expected, such as an
        `IntegrityError`, is caught inside, around `connection.begin_nested()`.

        Args:
            alone: a name; of the transactions that give the same one only one runs at a time, in all processes.

        Raises:
            DependencyError: the database did not answer, or not to that. Nothing was written, unless it was at the very
                end that it did not answer: `fault.database_unsure`. That its disk is full is an answer at the end too.
        """
        is_done = False
        try:
            with translate_errors():
                async with self._transaction(self._writer) as connection:
                    if alone is not None:
                        await connection.run_sync(self._lock, alone)
                    yield connection
                    is_done = True
        except DependencyError as fault:
            if not is_done or fault.key == FULL:
                raise
            # An answer that is lost on its way back from a commit says nothing of what was committed.
            raise DependencyError("fault.database_unsure") from fault.__cause__

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DependencyError: there is none.
        """
        async with self.read() as connection:
            await connection.execute(select(1))

    async def clock(self) -> datetime | None:
        """What time it is for a database that is a server; None where it has this machine's clock.

        Raises:
            DependencyError: the database did not answer.
        """
        if self._reader.dialect.name == "sqlite":
            return None
        async with self.read() as connection:
            return await connection.scalar(select(func.clock_timestamp()))

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        if self._is_closed:
            raise DependencyError("fault.database")
        self._under_way += 1
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def close(self) -> None:
        """Close every connection; nothing is begun any more. Closing twice does no harm.

        A connection that is given back later than that belongs to nobody, and stays open.
        """
        self._is_closed = True
        if self._under_way:
            self._idle.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._idle.wait()
        await self._reader.dispose()
        await self._writer.dispose()
