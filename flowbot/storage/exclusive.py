"""A database to oneself, for as long as it is copied: here too SQLite and PostgreSQL differ."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.exc import OperationalError

from flowbot.errors import ConfigurationError
from flowbot.storage.engine import DATABASE_URL, exclusive_engine, parse_address
from flowbot.storage.faults import only_databases
from flowbot.storage.tables import events, metadata

_GOING_S: Final = 2.0
"""A connection that was closed is seen for a moment longer."""
_OTHERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'flowbot' AND pid <> pg_backend_pid()"
)
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class InUseError(ConfigurationError):
    """A flowbot, or another program, works on the database that has to stand still."""


@contextmanager
def alone(url: str, *, setting: str = DATABASE_URL) -> Iterator[Connection]:
    """A transaction that nobody disturbs: others can neither write meanwhile nor, on SQLite, begin at all.

    It is committed at the end of the block, and rolled back whole if an exception leaves it.

    Args:
        url: the database's address.
        setting: what a refusal of it blames.

    Raises:
        ConfigurationError: the address cannot be used, there is no such file, or it is no database.
        InUseError: another program has the database open.
        SQLAlchemyError: the database did not answer.
    """
    address = parse_address(url, setting=setting)
    is_sqlite = address.get_backend_name() == "sqlite"
    if is_sqlite and not Path(address.database or "").is_file():
        raise ConfigurationError(f"{setting}: there is no file {address.database}")
    engine, shown = exclusive_engine(url), address.set(query={}).render_as_string(hide_password=True)
    try:
        with ExitStack() as stack:
            with _in_use(shown), only_databases(setting, address.database):
                connection = stack.enter_context(engine.begin())
                if not is_sqlite:
                    _hold_still(connection)
            yield connection
    finally:
        engine.dispose()


def continue_numbers(connection: Connection) -> None:
    """Let the numbers of events go on after the highest that there is; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        last = select(func.max(events.c.number)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(events.name, events.c.number.name)
        connection.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))


def _hold_still(connection: Connection) -> None:
    """Take a lock on every table that is there, which lets others read and nothing else."""
    # While one database is read the other one waits, however long it takes.
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_GOING_S * 1000:.0f}")
    deadline = time.monotonic() + _GOING_S
    while others := connection.scalar(_OTHERS):
        if time.monotonic() > deadline:
            raise InUseError(f"{others} connections of a flowbot")
        time.sleep(0.05)
        connection.execute(select(func.pg_stat_clear_snapshot()))
    there = set(inspect(connection).get_table_names())
    names = [table.name for table in metadata.sorted_tables if table.name in there]
    if names:
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")


@contextmanager
def _in_use(name: str) -> Iterator[None]:
    """Say of which database it is that others work on it, and what to do."""
    try:
        yield
    except (InUseError, OperationalError) as error:
        if isinstance(error, InUseError) or _is_busy(error.orig):
            raise InUseError(f"{name} is in use; stop every flowbot that works on it first") from None
        raise


def _is_busy(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode & 0xFF in _BUSY
    return isinstance(error, LockNotAvailable)
