"""The database's errors, translated."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from flowbot.errors import ConfigurationError, DatabaseFaultError, DatabaseFullError, DatabaseUnusableError

_FILE_PROBLEMS: Final = {
    sqlite3.SQLITE_NOTADB: "is no database",
    sqlite3.SQLITE_READONLY: "or its folder cannot be written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PERM: "cannot be opened",
}
"""What is wrong with a file, by SQLite's code."""
_UNUSABLE: Final = _FILE_PROBLEMS.keys() - {sqlite3.SQLITE_NOTADB}


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the database's errors into `DatabaseFaultError`, with their cause; those that last into one that says so.

    The cause holds the statement but no values and no password. Errors of others pass unchanged.
    """
    try:
        yield
    # SQLite's driver answers a whole number of more than 64 bits with an OverflowError.
    except (SQLAlchemyError, OverflowError) as error:
        cause = getattr(error, "orig", None)
        # Without room for the index of its log SQLite does not open the file at all.
        has_no_index = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_SHMSIZE
        is_full = has_no_index or has_sqlite_code(cause, sqlite3.SQLITE_FULL)
        if isinstance(cause, psycopg.errors.DiskFull):
            # A PostgreSQL without room for its log goes down with the same error, and may have committed before.
            is_full = cause.diag.severity_nonlocalized == "ERROR"
        if has_sqlite_code(cause, *_UNUSABLE):
            raise DatabaseUnusableError from error
        raise (DatabaseFullError if is_full else DatabaseFaultError) from error


@contextmanager
def name_unusable_file(setting: str, file: str | None) -> Iterator[None]:
    """Refuse an SQLite `file` that is something else or cannot be used, naming its setting: no start would help.

    It goes where the database is opened for the first time, inside `translate_errors` or outside.

    Raises:
        ConfigurationError: the file is no database, or cannot be opened or written.
    """
    try:
        yield
    except (DatabaseError, DatabaseFaultError) as error:
        cause = error.__cause__ if isinstance(error, DatabaseFaultError) else error
        code = _primary_code(getattr(cause, "orig", None))
        if code not in _FILE_PROBLEMS:
            raise
        raise ConfigurationError(f"{setting}: {file!r} {_FILE_PROBLEMS[code]}") from error


def has_sqlite_code(error: object, *codes: int) -> bool:
    """Check for an error of SQLite's with one of these primary codes: its lowest byte, the others say more."""
    return _primary_code(error) in codes


def _primary_code(error: object) -> int | None:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else None
