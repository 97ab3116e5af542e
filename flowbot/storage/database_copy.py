"""The copy of a database into another one, alone on both."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Result, Table, exists, func, insert, inspect, select, text
from sqlalchemy.exc import OperationalError

from flowbot.errors import ConfigurationError
from flowbot.services.ports import ProgressReport, ignore_progress
from flowbot.storage import migrations
from flowbot.storage.column_types import Blob
from flowbot.storage.engine import DATABASE_URL, exclusive_engine, migration_engine, parse_address
from flowbot.storage.errors import has_sqlite_code, name_unusable_database, server_code, translate_errors
from flowbot.storage.tables import events, metadata
from flowbot.storage.unreadable import UNREADABLE

SOURCE: Final = "FROM"
"""The command line's name for the database that is copied."""
TABLES: Final = tuple(metadata.sorted_tables)
"""Every table, those that others refer to first."""
_ROWS: Final = 500
_HEAVY_ROWS: Final = 4
"""A row may hold an image of ten megabytes."""
_DISCONNECT_SECONDS: Final = 2.0
"""A connection that was closed is seen for a moment longer."""
_LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL's code where another session holds a table."""
_OTHER_CONNECTIONS: Final = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'flowbot' AND pid <> pg_backend_pid()"
)


class DatabaseCopyError(ConfigurationError):
    """Nothing was copied. One line that says why."""


class DatabaseInUseError(ConfigurationError):
    """A flowbot, or another program, works on the database that has to stand still."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A table's number of rows, and the sum of their hashes, in whatever order they come."""

    rows: int = 0
    digest: int = 0

    def plus(self, row: tuple[Any, ...]) -> "Sum":
        """Add one more row."""
        digest = int.from_bytes(hashlib.sha256(repr(row).encode()).digest())
        return Sum(self.rows + 1, (self.digest + digest) % (1 << 256))


def copy_database(source: str, target: str, report: ProgressReport = ignore_progress) -> Mapping[str, int]:
    """Copy every row from `source` to `target` in one transaction, and compare both before it is committed.

    It blocks. The source is read alone and stays as it is; the target is upgraded on the way. Whatever goes wrong, the
    target has no row in the end.

    Args:
        source: the address of a database that `migrate` has brought to the revision that this flowbot expects.
        target: the address of a database without a row.
        report: told how many rows are copied or compared, of how many.

    Returns:
        The number of rows of each table.

    Raises:
        ConfigurationError: an address cannot be used, a flowbot still works on the source, the source has another
            revision, the target is not empty, or what arrived is not what left.
        DependencyError: a database did not answer.
    """
    if parse_address(source, setting=SOURCE) == parse_address(target):
        raise DatabaseCopyError("DATABASE_URL names the database that is to be copied; it must name the new one")
    with translate_errors(), hold_alone(source, setting=SOURCE) as reader:
        state = migrations.revision_state(reader)
        if not state.is_current:
            raise DatabaseCopyError(f"{SOURCE}: the database to copy {state.lack}; run flowbot migrate on it first")
        # A target with rows is left alone: it is not upgraded either.
        engine = migration_engine(target)
        try:
            with name_unusable_database(DATABASE_URL, engine.url.database), engine.connect() as connection:
                _require_empty(connection)
        finally:
            engine.dispose()
        migrations.upgrade(target)
        with hold_alone(target) as writer:
            _require_empty(writer)
            return _copy_rows(reader, writer, report)


@contextmanager
def hold_alone(url: str, *, setting: str = DATABASE_URL) -> Iterator[Connection]:
    """Open a transaction that nobody disturbs: others cannot write meanwhile nor, on SQLite, begin at all.

    It is committed at the end of the block, and rolled back whole if an exception leaves it.

    Args:
        url: the database's address.
        setting: the setting that a refusal names.

    Raises:
        ConfigurationError: the address cannot be used, there is no such file, or it is no database.
        DatabaseInUseError: another program has the database open.
        SQLAlchemyError: the database did not answer.
    """
    address = parse_address(url, setting=setting)
    is_sqlite = address.get_backend_name() == "sqlite"
    if is_sqlite and not Path(address.database or "").is_file():
        raise ConfigurationError(f"{setting}: there is no file {address.database}")
    engine, shown = exclusive_engine(url), address.set(query={}).render_as_string(hide_password=True)
    try:
        with ExitStack() as stack:
            with _name_database_in_use(shown), name_unusable_database(setting, address.database):
                connection = stack.enter_context(engine.begin())
                if not is_sqlite:
                    _lock_tables(connection)
            yield connection
    finally:
        engine.dispose()


def continue_numbers(connection: Connection) -> None:
    """Let the numbers of events go on after the highest that there is; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        last = select(func.max(events.c.number)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(events.name, events.c.number.name)
        connection.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))


@contextmanager
def _name_database_in_use(name: str) -> Iterator[None]:
    """Say which database is in use by others, and what to do."""
    try:
        yield
    except (DatabaseInUseError, OperationalError) as error:
        is_locked = isinstance(error, OperationalError) and (
            server_code(error.orig) == _LOCK_NOT_AVAILABLE
            or has_sqlite_code(error.orig, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        )
        if not is_locked and not isinstance(error, DatabaseInUseError):
            raise
        raise DatabaseInUseError(f"{name} is in use; stop every flowbot that works on it first") from None


def _lock_tables(connection: Connection) -> None:
    """Wait for PostgreSQL's other connections to end, and lock every table that is there against writers."""
    # While one database is read the other one waits, however long it takes.
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_DISCONNECT_SECONDS * 1000:.0f}")
    deadline = time.monotonic() + _DISCONNECT_SECONDS
    while others := connection.scalar(_OTHER_CONNECTIONS):
        if time.monotonic() > deadline:
            raise DatabaseInUseError(f"{others} connections of a flowbot")
        time.sleep(0.05)
        connection.execute(select(func.pg_stat_clear_snapshot()))
    there = set(inspect(connection).get_table_names())
    names = [table.name for table in TABLES if table.name in there]
    if names:
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")


def _copy_rows(reader: Connection, writer: Connection, report: ProgressReport) -> Mapping[str, int]:
    sizes = {table: reader.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}
    done, total = 0, 2 * sum(sizes.values())
    for table in TABLES:
        for rows in _fetch_rows(reader, table).partitions():
            for row in rows:
                if any(value is UNREADABLE for value in row):
                    raise DatabaseCopyError(f"{table.name}: row {row[0]!a} cannot be read; nothing was copied")
            writer.execute(insert(table), [row._asdict() for row in rows])
            done += len(rows)
            report(done, total)
    continue_numbers(writer)
    counts = {}
    for table in TABLES:
        left, arrived = _sum(reader, table), _sum(writer, table)
        if left != arrived:
            raise DatabaseCopyError(f"{table.name}: {arrived.rows} rows arrived of {left.rows}, or not as they were")
        counts[table.name] = left.rows
        done += left.rows
        report(done, total)
    return counts


def _sum(connection: Connection, table: Table) -> Sum:
    total = Sum()
    for row in _fetch_rows(connection, table):
        total = total.plus(tuple(row))
    return total


def _fetch_rows(connection: Connection, table: Table) -> Result[Any]:
    """Select every row, a few at a time in memory."""
    is_heavy = any(isinstance(column.type, Blob) for column in table.columns)
    return connection.execute(select(table).execution_options(yield_per=_HEAVY_ROWS if is_heavy else _ROWS))


def _require_empty(target: Connection) -> None:
    there = set(inspect(target).get_table_names())
    for table in TABLES:
        if table.name in there and target.scalar(select(exists().select_from(table))):
            raise DatabaseCopyError(
                f"DATABASE_URL: the database is not empty ({table.name} has rows); nothing was copied"
            )
