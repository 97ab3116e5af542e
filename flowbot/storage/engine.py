"""Engines for SQLite and PostgreSQL, where the two differ.

A database has two engines. The reader's transactions are consistent snapshots that cannot write. The writer's can: on
SQLite they take the file's write lock as they begin (`BEGIN IMMEDIATE`), so that what they checked still holds when
they write; on PostgreSQL rows are guarded by versions (`UPDATE … WHERE version = ?`), and what has no row to guard by
a named lock (`Database.write(alone=…)`).
"""

import json
import re
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from flowbot.errors import ConfigurationError
from flowbot.storage.errors import has_sqlite_code
from flowbot.storage.unit_of_work import WITHOUT_BEGIN, Database
from flowbot.storage.unreadable import UNREADABLE

DATABASE_URL: Final = "DATABASE_URL"
"""The setting that names the database."""

_POOL_WAIT_S: Final = 10
_SQLITE_READERS: Final = 4
_POSTGRESQL_CONNECTIONS: Final = 5

_SQLITE_BUSY_MS: Final = 5_000
_STATEMENT_MS: Final = 10_000
_LOCK_MS: Final = 5_000
_IDLE_IN_TRANSACTION_MS: Final = 60_000
_MIGRATION_WAIT_MS: Final = 60_000
_EXCLUSIVE_WAIT_MS: Final = 2_000
_WAL_RETRY_S: Final = 0.05

_POSTGRESQL_DEFAULTS: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "tcp_user_timeout": "15000",
    "application_name": "flowbot",
}


class DatabaseUrlError(ConfigurationError, ValueError):
    """The database's address cannot be used. One line, without what may be a password."""


def open_database(url: str) -> Database:
    """Open a database; nothing is connected yet.

    Args:
        url: `sqlite:///path`, relative or absolute, or `postgres://…`, `postgresql://…`.

    Raises:
        DatabaseUrlError: the address is of another kind or malformed, or the SQLite file's folder does not exist.
    """
    address = parse_address(url)
    if _is_sqlite(address):
        reader, writer = _sqlite_engines(address)
        return Database(reader=reader, writer=writer, lock=take_lock, file=Path(address.database or ""))
    reader, writer = _postgresql_engines(address)
    return Database(reader=reader, writer=writer, lock=take_lock)


def migration_engine(url: str) -> Engine:
    """Create a blocking engine with one connection that waits patiently, for `migrations.upgrade`.

    Raises:
        DatabaseUrlError: as `open_database`.
    """
    address = parse_address(url)
    sqlite = _is_sqlite(address)
    args = {} if sqlite else _postgresql_args(address)
    engine = create_engine(
        address, poolclass=NullPool, hide_parameters=True, json_deserializer=read_json, connect_args=args
    )
    if sqlite:
        _prepare_sqlite(engine, busy_ms=_MIGRATION_WAIT_MS)
        event.listen(engine, "connect", _switch_to_wal)
    else:
        _prepare_postgresql(engine, statement_ms=0, lock_ms=_MIGRATION_WAIT_MS)
    return engine


def exclusive_engine(url: str) -> Engine:
    """Create a blocking engine with one connection that, on SQLite, has the file to itself or is soon refused as busy.

    Raises:
        DatabaseUrlError: as `open_database`.
    """
    address = parse_address(url)
    if not _is_sqlite(address):
        return migration_engine(url)
    engine = create_engine(address, poolclass=NullPool, hide_parameters=True, json_deserializer=read_json)
    _prepare_sqlite(engine, busy_ms=_EXCLUSIVE_WAIT_MS)
    # Before the first look at the file: then every other connection to it is in the way.
    event.listen(engine, "connect", lambda connection, _entry: _run(connection, "PRAGMA locking_mode = EXCLUSIVE"))
    return engine


def take_lock(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds the lock `name`, and hold it until this one ends.

    On SQLite there is nothing to do: a writing transaction is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"flowbot.{name}", 0))))


def parse_address(url: str, *, setting: str = DATABASE_URL) -> URL:
    """Parse a database's address into SQLAlchemy's, without an asynchronous driver.

    Args:
        url: as for `open_database`.
        setting: the setting that a refusal names.

    Raises:
        DatabaseUrlError: as `open_database`.
    """
    if url.startswith("sqlite:///"):
        return _sqlite_address(url.removeprefix("sqlite:///"), setting)
    if re.match(r"postgres(ql)?://", url):
        return _postgresql_address(url, setting)
    raise DatabaseUrlError(f"{setting}: must begin with sqlite:/// or postgresql://")


def require_file(url: str) -> None:
    """Check that the SQLite file that `url` names, if it names one, is there.

    It is not opened: SQLite's locks belong to the process, which loses all of them when it closes the file in any other
    way (https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks").

    Raises:
        ConfigurationError: it is not.
        DatabaseUrlError: as `open_database`.
    """
    address = parse_address(url)
    file = Path(address.database or "")
    if _is_sqlite(address) and not file.exists():
        raise ConfigurationError(
            f"{DATABASE_URL}: there is no file {file}; flowbot migrate or the first start makes it"
        )


def _sqlite_address(path: str, setting: str) -> URL:
    if not path or path == ":memory:" or path.startswith("file:") or "?" in path or "\0" in path:
        raise DatabaseUrlError(f"{setting}: after sqlite:/// comes the path of a file, without options")
    file = Path(path).absolute()
    try:
        if not file.parent.is_dir():
            raise DatabaseUrlError(f"{setting}: the folder {str(file.parent)!r} does not exist")
        if file.is_dir():
            raise DatabaseUrlError(f"{setting}: {str(file)!r} is a folder, not a file")
        if file.exists() and not file.is_file():
            raise DatabaseUrlError(f"{setting}: {str(file)!r} is a device or pipe, not a file")
    except OSError as error:
        raise DatabaseUrlError(f"{setting}: {str(file)!r} cannot be reached ({error.strerror})") from None
    return URL.create("sqlite", database=str(file))


def _postgresql_address(url: str, setting: str) -> URL:
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        # The parser's own words may quote a piece of the password.
        raise DatabaseUrlError(f"{setting}: not an address such as postgresql://user:password@host/name") from None
    if "@" in (address.host or ""):
        # Its part before the @ is the end of the password, and would be shown as the host that cannot be found.
        raise DatabaseUrlError(f"{setting}: an @ in the user or password has to be written as %40")
    if not address.database:
        raise DatabaseUrlError(f"{setting}: names no database (postgresql://user:password@host/name)")
    from flowbot.storage.postgresql import check_options  # noqa: PLC0415 - loads the driver

    try:
        check_options({name: value for name, value in address.query.items() if isinstance(value, str)})
    except ValueError as error:
        raise DatabaseUrlError(f"{setting}: {error}") from None
    return address


def _is_sqlite(address: URL) -> bool:
    return address.get_backend_name() == "sqlite"


def _sqlite_engines(address: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Create a pool of readers, and one writer for which this process queues in order: SQLite has no queue."""

    def create(size: int, *, read_only: bool) -> AsyncEngine:
        engine = create_async_engine(
            address.set(drivername="sqlite+aiosqlite"),
            hide_parameters=True,
            json_deserializer=read_json,
            pool_size=size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
        )
        _prepare_sqlite(engine.sync_engine, busy_ms=_SQLITE_BUSY_MS, read_only=read_only)
        return engine

    return create(_SQLITE_READERS, read_only=True), create(1, read_only=False)


def _postgresql_engines(address: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Create both engines on one small pool; the reader's transactions are read-only snapshots."""
    writer = create_async_engine(
        address,
        hide_parameters=True,
        json_deserializer=read_json,
        pool_size=_POSTGRESQL_CONNECTIONS,
        max_overflow=_POSTGRESQL_CONNECTIONS,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args=_postgresql_args(address),
    )
    _prepare_postgresql(writer.sync_engine, statement_ms=_STATEMENT_MS, lock_ms=_LOCK_MS)

    @event.listens_for(writer.sync_engine, "checkin")
    def _follow_server(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # After a reader SQLAlchemy asks to write, also where the server's default is that nobody does.
        if connection is not None and connection.read_only is False:
            with suppress(writer.dialect.loaded_dbapi.Error):
                connection.set_read_only(None)

    return writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), writer


def _postgresql_args(address: URL) -> dict[str, Any]:
    """Add defaults to the address, without server-side prepared statements: connection poolers mix them up."""
    defaults = {key: value for key, value in _POSTGRESQL_DEFAULTS.items() if key not in address.query}
    return {**defaults, "prepare_threshold": None}


def _prepare_sqlite(engine: Engine, *, busy_ms: int, read_only: bool = False) -> None:
    """Follow SQLAlchemy's recipe for real transactions on SQLite: the engine begins them, not the driver."""

    @event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        # A text that is no UTF-8 is one malformed cell, not the end of the query.
        getattr(connection, "driver_connection", connection).text_factory = _decode
        _run(
            connection,
            f"PRAGMA busy_timeout = {busy_ms}",
            "PRAGMA foreign_keys = ON",
            f"PRAGMA query_only = {read_only:d}",
        )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(WITHOUT_BEGIN):
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _switch_to_wal(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Switch the file to WAL, for good: readers and a writer work side by side.

    Where two processes switch a new file in the same instant, SQLite answers one of them as in a deadlock, at once and
    whatever its busy timeout is: that one has to ask again.
    """
    deadline = time.monotonic() + _MIGRATION_WAIT_MS / 1000
    while True:
        try:
            return _run(connection, "PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not has_sqlite_code(error, sqlite3.SQLITE_BUSY) or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_RETRY_S)


def _prepare_postgresql(engine: Engine, *, statement_ms: int, lock_ms: int) -> None:
    """Limit statements, waits for locks and forgotten transactions, so that none holds up the others for long."""
    from flowbot.storage.postgresql import MomentLoader  # noqa: PLC0415 - same

    @event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # This is what SQLAlchemy's asynchronous connection hides, or the driver's own.
        driver = getattr(connection, "driver_connection", connection)
        driver.adapters.register_loader("timestamptz", MomentLoader)
        _run(
            connection,
            f"SET statement_timeout = {statement_ms}",
            f"SET lock_timeout = {lock_ms}",
            f"SET idle_in_transaction_session_timeout = {_IDLE_IN_TRANSACTION_MS}",
        )
        connection.commit()


def read_json(text: Any) -> Any:
    """Read a JSON column's text; `UNREADABLE` where it is no JSON, so that one malformed cell fails no query."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return UNREADABLE


def _decode(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _run(connection: DBAPIConnection, *statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
