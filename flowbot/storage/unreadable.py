"""Rows that cannot be read, as another version, a crash or a hand left them: each is set aside by itself.

A row becomes an object in a `row_reader`, which raises `UnreadableRowError` for whatever is malformed. A query of many
rows leaves such a row out, and every later one of this process does not ask for it. The row stays as it is: another
version of flowbot, beside this one, may read it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, wraps
from typing import Any, Final, NamedTuple, TypeVar, cast

import structlog
from pydantic import ValidationError
from sqlalchemy import JSON, BigInteger, Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.errors import DatabaseFaultError, UnreadableRowError

T = TypeVar("T")

UNREADABLE: Final[Any] = type("Unreadable", (), {"__repr__": lambda _self: "UNREADABLE"})()
"""Stands in a row for what is not of its column's type."""
EXECUTION_OPTION: Final = "unreadable_rows"
"""The name under which a connection has its process' `UnreadableRows`."""
MAX_INTEGER: Final = 2**30
"""Versions and positions count on from what is stored, and PostgreSQL's integers end at 2**31."""

_MALFORMED_DATA: Final = (ValueError, TypeError, OverflowError, RecursionError, DatabaseFaultError)
"""Raised by a reader where a cell or a document holds something else; any other error is a mistake in the reader."""

log = structlog.get_logger(__name__)


class MalformedCellError(Exception):
    """A cell holds what does not belong there; the message names no value."""


class UnreadableRows:
    """The rows that this process has found and set aside.

    Attributes:
        is_quiet: Whether none of them is logged.
    """

    def __init__(self) -> None:
        self.is_quiet = False
        self._found: dict[str, dict[Any, UnreadableRowError]] = {}

    def add(self, error: UnreadableRowError) -> None:
        """Set a row aside, and log one that is new."""
        known = self._found.setdefault(error.table, {})
        if error.row not in known and not self.is_quiet:
            log.warning("database.row_set_aside", table=error.table, row=error.name, reason=error.reason)
        known[error.row] = error

    def keys(self, table: Table) -> Collection[Any]:
        """Return the keys of a table's rows, as far as a query can name them: a malformed one may be no text."""
        (column,) = table.primary_key.columns
        wanted = _wanted_types(table)[column.name]
        return [key for key in self._found.get(table.name, {}) if _is_of_type(key, wanted)]

    def count(self) -> Mapping[str, int]:
        """Count the rows by table."""
        return {table: len(rows) for table, rows in self._found.items()}

    def __iter__(self) -> Iterator[UnreadableRowError]:
        """Yield what was found, each row once."""
        return (error for rows in self._found.values() for error in rows.values())

    def clear(self) -> None:
        """Forget all of them, so that rows which were mended count again."""
        self._found.clear()


def row_reader(table: Table) -> Callable[[Callable[[Row[Any]], T]], Callable[[Row[Any]], T]]:
    """Make a function that reads an object from a row of `table` raise UnreadableRowError for whatever is malformed.

    Each column is of its type before the function sees the row.
    """

    def decorate(read: Callable[[Row[Any]], T]) -> Callable[[Row[Any]], T]:
        @wraps(read)
        def read_checked(row: Row[Any]) -> T:
            try:
                _require_types(table, row)
                return read(row)
            except (MalformedCellError, *_MALFORMED_DATA) as error:
                raise UnreadableRowError(table.name, _row_key(table, row), _explain(error)) from error

        return read_checked

    return decorate


def keep_readable(connection: AsyncConnection, rows: Iterable[Any], read: Callable[[Row[Any]], T]) -> tuple[T, ...]:
    """Read objects from rows by a row reader, and set the others aside."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except UnreadableRowError as error:
            rows_aside(connection).add(error)
    return tuple(found)


def keep_typed(connection: AsyncConnection, table: Table, rows: Iterable[Any]) -> tuple[Row[Any], ...]:
    """Keep the rows whose cells are of their columns' types, and set the others aside."""
    return keep_readable(connection, rows, row_reader(table)(lambda row: row))


async def find_readable(connection: AsyncConnection, wanted: Select[Any], read: Callable[[Row[Any]], T]) -> T | None:
    """Read the object of a query for one row; None where there is none, or it is set aside."""
    return next(iter(keep_readable(connection, (await connection.execute(wanted)).all(), read)), None)


async def fetch_readable(
    connection: AsyncConnection, table: Table, wanted: Select[Any], read: Callable[[Row[Any]], T]
) -> tuple[T, ...]:
    """Read the objects of a query for rows of `table`, in its order; limit and offset count rows not set aside.

    The table has one key column.
    """
    (key,) = table.primary_key.columns
    aside = rows_aside(connection)
    while True:
        known = aside.keys(table)
        rows = (await connection.execute(wanted.where(key.not_in(known)) if known else wanted)).all()
        found = keep_readable(connection, rows, read)
        if len(found) == len(rows) or len(aside.keys(table)) == len(known):
            return found


def rows_aside(connection: AsyncConnection) -> UnreadableRows:
    """Return the rows that the process of this connection has set aside."""
    return cast(UnreadableRows, connection.sync_engine.get_execution_options()[EXECUTION_OPTION])


def _require_types(table: Table, row: Row[Any]) -> None:
    names = row._fields
    for name, wanted, value in zip(names, _list_wanted_types(table, names), row, strict=True):
        # Others are of a table that is joined to this one.
        if wanted is not None and (value is UNREADABLE or not _is_of_type(value, wanted)):
            raise MalformedCellError(f"{name} holds {'nothing' if value is None else 'what does not belong there'}")


class _ColumnType(NamedTuple):
    """What a column holds; None for any document. A text that is the key is neither empty nor too long."""

    kind: type | None
    is_nullable: bool
    is_key: bool
    length: int | None
    is_wide: bool


@cache
def _wanted_types(table: Table) -> Mapping[str, _ColumnType]:
    return {
        column.name: _ColumnType(
            None if isinstance(column.type, JSON) else column.type.python_type,
            bool(column.nullable),
            list(table.primary_key) == [column],
            getattr(column.type, "length", None),
            isinstance(column.type, BigInteger) or column.primary_key,
        )
        for column in table.columns
    }


@cache
def _list_wanted_types(table: Table, names: tuple[str, ...]) -> tuple[_ColumnType | None, ...]:
    """List the types of a row's columns; None for those of another table."""
    return tuple(map(_wanted_types(table).get, names))


def _is_of_type(value: Any, wanted: _ColumnType) -> bool:
    if wanted.kind is None:
        return True
    if value is None:
        return wanted.is_nullable
    if wanted.kind is str:
        fits = isinstance(value, str) and (not wanted.is_key or 0 < len(value) <= (wanted.length or len(value)))
        return fits and (value.isascii() or _is_text(value))
    if wanted.kind is int:
        return type(value) is int and (wanted.is_wide or abs(value) < MAX_INTEGER)
    return isinstance(value, wanted.kind)


def _is_text(value: str) -> bool:
    """Check that a text has no lone half of a surrogate pair: no database takes one."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _row_key(table: Table, row: Row[Any]) -> Any:
    keys = tuple(row._mapping[column.name] for column in table.primary_key.columns)  # noqa: SLF001 - as above
    return keys[0] if len(keys) == 1 else keys


def _explain(error: Exception) -> str:
    """Say what is malformed, without its value: it may be anybody's text."""
    cause = error.__cause__ if isinstance(error.__cause__, ValidationError) else error
    if isinstance(cause, ValidationError):
        first = cause.errors(include_input=False, include_context=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'document'}: {first['type']}"
    return str(error) if isinstance(error, MalformedCellError) else type(error).__name__
