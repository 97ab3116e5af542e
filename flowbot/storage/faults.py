"""How the database's errors leave this room."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from flowbot.errors import Fault


@contextmanager
def database_faults() -> Iterator[None]:
    """Let the database's errors out as `Fault("fault.database")`, with the error as its cause.

    The cause holds the statement but no values and no password. Whatever is not the database's passes unchanged.
    SQLite's driver answers a whole number of more than 64 bits with Python's own OverflowError, which counts as one.
    """
    try:
        yield
    except (SQLAlchemyError, OverflowError) as error:
        raise Fault("fault.database") from error
