"""Read and write transactions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, event, false, func, insert, select
from sqlalchemy.dialects import registry
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flowbot.errors import (
    CommitUnsureError,
    DatabaseDamagedError,
    DatabaseFaultError,
    DatabaseFullError,
    DatabaseUnusableError,
    UnreadableRowError,
)
from flowbot.storage.errors import DAMAGED, has_sqlite_code, translate_errors
from flowbot.storage.tables import metadata
from flowbot.storage.unreadable import EXECUTION_OPTION, UnreadableRows

CLOSE_SECONDS: Final = 1.0
"""Transactions under way have this long to end before the connections are closed."""
WITHOUT_BEGIN: Final = "without_begin"
"""The execution option of connections that run a single query: on SQLite it is a transaction by itself."""
_snapshot: Final[ContextVar[tuple["Database", AsyncConnection] | None]] = ContextVar("snapshot", default=None)
"""The database of this task's snapshot, and the connection whose transaction its reads join."""


def probe_write(connection: Connection) -> None:
    """Find out whether every table can be read and written, by statements that change nothing."""
    for statement in _list_probes(connection.dialect.name):
        connection.exec_driver_sql(statement)


@cache
def _list_probes(dialect: str) -> tuple[str, ...]:
    """List the statements that probe every table, compiled once: each engine would compile them anew."""
    # A server checks rights and whether it is read-only also where no row is written.
    writes = (
        insert(table).from_select(table.columns.keys(), select(table).where(false()), include_defaults=False)
        for table in metadata.sorted_tables
    )
    compiler = registry.load(dialect)()
    probes = tuple(str(write.compile(dialect=compiler)) for write in writes)
    if dialect != "sqlite":
        return probes
    # A table's own pages, not those of an index.
    reads = (f"SELECT 1 FROM {name} NOT INDEXED LIMIT 1" for name in metadata.tables)  # noqa: S608 - our own tables
    return ("PRAGMA user_version = 0", *probes, *reads)


def _identify(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of its name; None where there is none, or it cannot be reached."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@asynccontextmanager
async def _join(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    with translate_errors():
        yield connection


class Database:
    """An open database. `storage.engine.open_database` makes one; whoever opens it closes it.

    Args:
        reader: gives read-only connections, each transaction a consistent snapshot.
        writer: gives connections that may write.
        lock: takes a named lock for the rest of a transaction.
        file: of SQLite; None for a server.

    Attributes:
        unreadable: The rows that were set aside.
    """

    def __init__(
        self,
        *,
        reader: AsyncEngine,
        writer: AsyncEngine,
        lock: Callable[[Connection, str], None],
        file: Path | None = None,
    ) -> None:
        self.unreadable = UnreadableRows()
        self._reader = reader.execution_options(**{EXECUTION_OPTION: self.unreadable})
        self._querier = self._reader.execution_options(**{WITHOUT_BEGIN: True})
        self._writer = writer.execution_options(**{EXECUTION_OPTION: self.unreadable})
        self._lock = lock
        self._file = file
        self._files = () if file is None else (file, Path(f"{file}-wal"), Path(f"{file}-shm"))
        self._opened: dict[Path, tuple[int, int]] = {}
        self._connections = 0
        self._damage: BaseException | None = None
        for engine in (reader, writer) if file is not None else ():
            event.listen(engine.sync_engine, "connect", self._count_connection)
            for end in ("close", "close_detached"):
                event.listen(engine.sync_engine, end, self._forget_connection)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._is_closed = False

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a read-only transaction, or join the task's snapshot: all that it reads was true at the same moment.

        Raises:
            DependencyError: the database did not answer, or not to that.
        """
        return self._join_snapshot(self._reader)

    def query(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a connection for one query alone, for which SQLite needs no transaction; or join the task's snapshot.

        Raises:
            DependencyError: the database did not answer, or not to that.
        """
        return self._join_snapshot(self._querier)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """Let all reads of the block be of one moment, in one transaction.

        The block waits for nothing but the database, and starts no tasks.

        Raises:
            DependencyError: the database did not answer, or not to that.
        """
        async with self.read() as connection:
            token = _snapshot.set((self, connection))
            try:
                yield
            finally:
                _snapshot.reset(token)

    @asynccontextmanager
    async def write(self, *, alone: str | None = None) -> AsyncIterator[AsyncConnection]:
        """Open a writing transaction: committed at the end of the block, rolled back if an exception leaves it.

        Keep it short and wait for nothing but the database in it.

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
            if not is_done or isinstance(fault, DatabaseFullError | DatabaseUnusableError):
                raise
            # An answer that is lost on its way back from a commit says nothing of what was committed.
            raise CommitUnsureError from fault.__cause__

    async def ping(self) -> None:
        """Find out whether the database can be read and written. A damaged file counts as one until the next start.

        Raises:
            DependencyError: it cannot.
        """
        if self._damage is not None:
            raise DatabaseDamagedError from self._damage
        async with self.write() as connection:
            await connection.run_sync(probe_write)

    async def clock(self) -> datetime | None:
        """Read the clock of a database that is a server; None where it is this machine's.

        Raises:
            DependencyError: the database did not answer.
        """
        if self._file is not None:
            return None
        async with self.read() as connection:
            return await connection.scalar(select(func.clock_timestamp()))

    def _join_snapshot(self, engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
        current = _snapshot.get()
        return _join(current[1]) if current is not None and current[0] is self else self._transaction(engine)

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        if self._is_closed:
            raise DatabaseFaultError
        self._require_same_files()
        self._under_way += 1
        try:
            with translate_errors():
                async with engine.begin() as connection:
                    yield connection
                    self._note_files()
        except UnreadableRowError as error:
            self.unreadable.add(error)
            raise
        except DatabaseDamagedError as error:
            if has_sqlite_code(getattr(error.__cause__, "orig", None), *DAMAGED):
                self._damage = error.__cause__
            raise
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _require_same_files(self) -> None:
        """Make sure that SQLite's file, its log and the log's index are still those that were opened.

        Connections would go on in one that was moved away, or begin an empty one in its place; and of what is committed
        by others, who have another log or index, they would know nothing.
        """
        for file, identity in self._opened.items():
            if _identify(file) != identity:
                raise DatabaseUnusableError from FileNotFoundError(
                    f"{file} was moved, replaced or deleted while in use"
                )

    def _note_files(self) -> None:
        """Remember which files a transaction has opened, of those that are not known yet."""
        if not self._connections:
            return
        for file in self._files:
            if file not in self._opened and (identity := _identify(file)) is not None:
                self._opened[file] = identity

    def _count_connection(self, *_: object) -> None:
        self._connections += 1

    def _forget_connection(self, *_: object) -> None:
        """Forget the log and its index with the last connection, with which SQLite deletes them."""
        self._connections -= 1
        if not self._connections:
            self._opened = {file: identity for file, identity in self._opened.items() if file == self._file}

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
