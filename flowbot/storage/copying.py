"""Everything of one database into another that is empty: SQLite to PostgreSQL, back, or from one server to another."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Result, Table, func, insert, inspect, select

from flowbot.errors import ConfigurationError
from flowbot.storage import migrations
from flowbot.storage.engine import DATABASE_URL, migration_engine, parse_address
from flowbot.storage.exclusive import alone, continue_numbers
from flowbot.storage.faults import database_faults, only_databases
from flowbot.storage.revisions import revision_state
from flowbot.storage.tables import metadata

SOURCE: Final = "FROM"
"""What the command line calls the database that is copied."""

_ROWS: Final = 500
_HEAVY_ROWS: Final = 4
"""A row may hold a picture of ten megabytes."""

TABLES: Final = tuple(metadata.sorted_tables)
"""Those that others refer to come first."""


class CopyError(ConfigurationError):
    """Nothing was copied. One line that says why."""


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table has, and what they add up to, in whatever order they come."""

    rows: int = 0
    digest: int = 0

    def plus(self, row: tuple[Any, ...]) -> "Sum":
        """With one more row."""
        digest = int.from_bytes(hashlib.sha256(repr(row).encode()).digest())
        return Sum(self.rows + 1, (self.digest + digest) % (1 << 256))


def copy(source: str, target: str) -> Mapping[str, int]:
    """Copy every row from `source` to `target` in one transaction, and compare both before it counts.

    It blocks. The source is read alone and stays as it is; the target is brought to its shape on the way. Whatever
    goes wrong, the target has no row in the end.

    Args:
        source: the address of a database that `migrate` has brought to the shape that this flowbot expects.
        target: the address of a database without a row.

    Returns:
        How many rows each table has.

    Raises:
        ConfigurationError: an address cannot be used, a flowbot still works on the source, the source has another
            shape, the target is not empty, or what arrived is not what left.
        Fault: a database did not answer.
    """
    if parse_address(source, setting=SOURCE) == parse_address(target):
        raise CopyError("DATABASE_URL names the database that is to be copied; it must name the new one")
    with database_faults(), alone(source, setting=SOURCE) as reader:
        _must_be_current(reader)
        _prepare(target)
        with alone(target) as writer:
            _must_be_empty(writer)
            return _copied(reader, writer)


def _copied(reader: Connection, writer: Connection) -> Mapping[str, int]:
    for table in TABLES:
        for rows in _rows(reader, table).partitions():
            writer.execute(insert(table), [row._asdict() for row in rows])
    continue_numbers(writer)
    return {table.name: _compared(reader, writer, table) for table in TABLES}


def _compared(reader: Connection, writer: Connection, table: Table) -> int:
    left, arrived = _sum(reader, table), _sum(writer, table)
    if left != arrived:
        raise CopyError(f"{table.name}: {arrived.rows} rows arrived of {left.rows}, or not as they were")
    return left.rows


def _sum(connection: Connection, table: Table) -> Sum:
    total = Sum()
    for row in _rows(connection, table):
        total = total.plus(tuple(row))
    return total


def _rows(connection: Connection, table: Table) -> Result[Any]:
    """Every row, a few at a time in memory."""
    return connection.execute(select(table).execution_options(yield_per=_batch(table)))


def _batch(table: Table) -> int:
    return _HEAVY_ROWS if any(isinstance(column.type, LargeBinary) for column in table.columns) else _ROWS


def _must_be_current(source: Connection) -> None:
    state = revision_state(source)
    if not state.is_current:
        raise CopyError(f"{SOURCE}: the database to copy {state.lack}; run flowbot migrate on it first")


def _prepare(target: str) -> None:
    """Bring the target to its shape, unless it has rows: then it is left alone."""
    engine = migration_engine(target)
    try:
        with only_databases(DATABASE_URL, engine.url.database), engine.connect() as connection:
            _must_be_empty(connection)
    finally:
        engine.dispose()
    migrations.upgrade(target)


def _must_be_empty(target: Connection) -> None:
    there = set(inspect(target).get_table_names())
    for table in TABLES:
        if table.name in there and (rows := target.scalar(select(func.count()).select_from(table))):
            raise CopyError(
                f"DATABASE_URL: the database is not empty ({table.name} has {rows} rows); nothing was copied"
            )
