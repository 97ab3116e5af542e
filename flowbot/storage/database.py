"""The unit of work: every read and write of the database goes through here, and every failure leaves as a `Fault`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flowbot.errors import Fault
from flowbot.storage.faults import FULL, database_faults
from flowbot.storage.revisions import RevisionState, revision_state

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
            Fault: the database did not answer, or not to that.
        """
        with database_faults():
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
            Fault: the database did not answer, or not to that. Nothing was written, unless it was at the very end that
                it did not answer: `fault.database_unsure`. That its disk is full is an answer at the end too.
        """
        is_done = False
        try:
            with database_faults():
                async with self._transaction(self._writer) as connection:
                    if alone is not None:
                        await connection.run_sync(self._lock, alone)
                    yield connection
                    is_done = True
        except Fault as fault:
            if not is_done or fault.key == FULL:
                raise
            # An answer that is lost on its way back from a commit says nothing of what was committed.
            raise Fault("fault.database_unsure") from fault.__cause__

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Fault: there is none.
        """
        async with self.read() as connection:
            await connection.execute(select(1))

    async def clock(self) -> datetime | None:
        """What time it is for a database that is a server; None where it has this machine's clock.

        Raises:
            Fault: the database did not answer.
        """
        if self._reader.dialect.name == "sqlite":
            return None
        async with self.read() as connection:
            return await connection.scalar(select(func.clock_timestamp()))

    async def revision_state(self) -> RevisionState:
        """Which shape the database has, and which it should have.

        Raises:
            Fault: the database did not answer.
        """
        async with self.read() as connection:
            return await connection.run_sync(revision_state)

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        if self._is_closed:
            raise Fault("fault.database")
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
