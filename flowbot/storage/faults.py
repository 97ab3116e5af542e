"""How the database's errors leave this room."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from flowbot.errors import Fault

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


def _is_full(error: object) -> bool:
    """Whether the database found no room, and therefore wrote nothing.

    A PostgreSQL that has no room for its log goes down with the same error, and may have committed before.
    """
    if isinstance(error, psycopg.errors.DiskFull):
        return error.diag.severity_nonlocalized == "ERROR"
    # The lowest byte is the kind of error; the others are its particulars.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
