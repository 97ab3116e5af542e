"""Read and write transactions, and the translation of the database's errors."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Final

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flowbot.errors import CommitUnsureError, ConfigurationError, DatabaseFaultError, DatabaseFullError

CLOSE_SECONDS: Final = 1.0
"""Transactions under way have this long to end before the connections are closed."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the database's errors into `DatabaseFaultError`, with their cause; a full disk into `DatabaseFullError`.

    The cause holds the statement but no values and no password. Errors of others pass unchanged.
    """
    try:
        yield
    # SQLite's driver answers a whole number of more than 64 bits with an OverflowError.
    except (SQLAlchemyError, OverflowError) as error:
        cause = getattr(error, "orig", None)
        is_full = has_sqlite_code(cause, sqlite3.SQLITE_FULL)
        if isinstance(cause, psycopg.errors.DiskFull):
            # A PostgreSQL without room for its log goes down with the same error, and may have committed before.
            is_full = cause.diag.severity_nonlocalized == "ERROR"
        raise (DatabaseFullError if is_full else DatabaseFaultError) from error


@contextmanager
def require_database(setting: str, file: str | None) -> Iterator[None]:
    """Refuse an SQLite `file` that is something else, naming its setting: another start would not help.

    It goes inside `translate_errors`, where the database is opened for the first time.

    Raises:
        ConfigurationError: the file is no database.
    """
    try:
        yield
    except DatabaseError as error:
        if not has_sqlite_code(error.orig, sqlite3.SQLITE_NOTADB):
            raise
        raise ConfigurationError(f"{setting}: {file!r} is no database") from error


def has_sqlite_code(error: object, *codes: int) -> bool:
    """Check for an error of SQLite's with one of these primary codes: its lowest byte, the others say more."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


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

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a read-only transaction: all that it reads was true at the same moment.

        Raises:
            DependencyError: the database did not answer, or not to that.
        """
        return self._transaction(self._reader)

    @asynccontextmanager
    async def write(self, *, alone: str | None = None) -> AsyncIterator[AsyncConnection]:
        """Open a writing transaction: committed at the end of the block, rolled back if an exception leaves it.

        Keep it short and wait for nothing but the database in it. An error that is expected, such as an
        `IntegrityError`, is caught inside, around `connection.begin_nested()`.

        Args:
            alone: a name; of the transactions that give the same one only one runs at a time, in all processes.

        Raises:
            DependencyError: the database did not answer, or not to that. Nothing was written, unless it was at the very
                end that it did not answer: CommitUnsureError. That its disk is full is an answer at the end too.
        """
        is_done = False
        try:
            async with self._transaction(self._writer) as connection:
                if alone is not None:
                    await connection.run_sync(self._lock, alone)
                yield connection
                is_done = True
        except DatabaseFaultError as fault:
            if not is_done or isinstance(fault, DatabaseFullError):
                raise
            # An answer that is lost on its way back from a commit says nothing of what was committed.
            raise CommitUnsureError from fault.__cause__

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DependencyError: there is none.
        """
        async with self.read() as connection:
            await connection.execute(select(1))

    async def clock(self) -> datetime | None:
        """Read the clock of a database that is a server; None where it is this machine's.

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
            raise DatabaseFaultError
        self._under_way += 1
        try:
            with translate_errors():
                async with engine.begin() as connection:
                    yield connection
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def close(self) -> None:
        """Close every connection and refuse new transactions. Closing twice does no harm.

        A transaction that ends later than `CLOSE_SECONDS` leaves its connection open.
        """
        self._is_closed = True
        if self._under_way:
            self._idle.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._idle.wait()
        await self._reader.dispose()
        await self._writer.dispose()
