"""The database's errors, translated."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from flowbot.errors import (
    ConfigurationError,
    DatabaseDamagedError,
    DatabaseFaultError,
    DatabaseFullError,
    DatabaseUnusableError,
)

_FILE_PROBLEMS: Final = {
    sqlite3.SQLITE_NOTADB: "is no database",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a backup",
    sqlite3.SQLITE_READONLY: "or its folder cannot be written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PERM: "cannot be opened",
}
"""What is wrong with a file, by SQLite's code."""
DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""SQLite's codes of a file that is broken."""
_UNUSABLE: Final = _FILE_PROBLEMS.keys() - DAMAGED
_LACKS: Final = re.compile(r"no such (table|column)|has no column named")
"""SQLite's words for what has no code of its own."""
_SERVER_FULL: Final = "53100"
_SERVER_DAMAGED: Final = frozenset({"42P01", "42703", "XX001", "XX002"})
"""PostgreSQL's codes for a table or column that is not there, and for damaged data or indexes."""
_SERVER_UNUSABLE: Final = frozenset({"42501", "25006"})
"""PostgreSQL's codes for a lack of rights, and for a server that takes no writes."""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the database's errors into `DatabaseFaultError`, with their cause; those that last into one that says so.

    The cause holds the statement but no values and no password. Errors of others pass unchanged.
    """
    try:
        yield
    # SQLite's driver answers a whole number of more than 64 bits with an OverflowError.
    except (SQLAlchemyError, OverflowError) as error:
        raise _classify(getattr(error, "orig", None)) from error


def _classify(error: Any) -> type[DatabaseFaultError]:
    """Choose the kind of fault that a driver's error is."""
    # Without room for the index of its log SQLite does not open the file at all.
    has_no_index = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_SHMSIZE
    is_full = has_no_index or has_sqlite_code(error, sqlite3.SQLITE_FULL)
    state = server_code(error)
    if state == _SERVER_FULL:
        # A PostgreSQL without room for its log goes down with the same error, and may have committed before.
        is_full = error.diag.severity_nonlocalized == "ERROR"
    if is_full:
        return DatabaseFullError
    lacks_table = isinstance(error, sqlite3.Error) and _LACKS.search(str(error))
    if lacks_table or has_sqlite_code(error, *DAMAGED) or state in _SERVER_DAMAGED:
        return DatabaseDamagedError
    if has_sqlite_code(error, *_UNUSABLE) or state in _SERVER_UNUSABLE:
        return DatabaseUnusableError
    return DatabaseFaultError


@contextmanager
def name_unusable_database(setting: str, name: str | None) -> Iterator[None]:
    """Refuse a database that is something else, damaged or cannot be used, naming its setting: no start would help.

    It goes where the database is opened for the first time, inside `translate_errors` or outside.

    Args:
        setting: the setting that names the database.
        name: SQLite's file, or the database's name on a server.

    Raises:
        ConfigurationError: it is no database, lacks a table, or cannot be opened or written.
    """
    try:
        yield
    except (DatabaseError, DatabaseFaultError) as error:
        cause = error.__cause__ if isinstance(error, DatabaseFaultError) else error
        driver_error = getattr(cause, "orig", None)
        problem = _FILE_PROBLEMS.get(_primary_code(driver_error) or 0)
        if problem is None and issubclass(_classify(driver_error), DatabaseUnusableError):
            problem = f"cannot be used ({str(driver_error).splitlines()[0]})"
        if problem is None:
            raise
        raise ConfigurationError(f"{setting}: {name!r} {problem}") from error


def has_sqlite_code(error: object, *codes: int) -> bool:
    """Check for an error of SQLite's with one of these primary codes: its lowest byte, the others say more."""
    return _primary_code(error) in codes


def server_code(error: object) -> str | None:
    """Return PostgreSQL's code of an error (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    return getattr(error, "sqlstate", None)


def _primary_code(error: object) -> int | None:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else None
