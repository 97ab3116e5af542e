"""How the database's errors leave this room."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from flowbot.errors import ConfigurationError, Fault

FULL: Final = "fault.database_full"


@contextmanager
def database_faults() -> Iterator[None]:
    """Let the database's errors out as `Fault("fault.database")`, with the error as its cause; a full disk as `FULL`.

    The cause holds the statement but no values and no password. Whatever is not the database's passes unchanged.
    SQLite's driver answers a whole number of more than 64 bits with Python's own OverflowError, which counts as one.
    """
    try:
        yield
    except (SQLAlchemyError, OverflowError) as error:
        raise Fault(FULL if _is_full(getattr(error, "orig", None)) else "fault.database") from error


@contextmanager
def only_databases(setting: str, file: str | None) -> Iterator[None]:
    """Refuse an SQLite `file` that is something else by the name of its setting: another start would not help.

    It goes inside `database_faults`, where the database is opened for the first time.
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
