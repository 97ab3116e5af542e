"""How the database's errors leave this room."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from flowbot.errors import Fault


@contextmanager
def database_faults() -> Iterator[None]:
    """Let the database's errors out as `Fault("fault.database")`, with the error as its cause.

    The cause holds the statement but no values and no password. Whatever is not the database's passes unchanged.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise Fault("fault.database") from error
