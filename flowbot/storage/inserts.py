"""Inserts that leave a row alone which is there already, or write over it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_if_absent(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row, unless one of the table's unique keys is taken, and return whether it was inserted.

    Where another transaction is inserting the same key, this waits for its end.
    """
    inserted = insert_into(connection, table).values(**row).on_conflict_do_nothing().returning(literal(value=True))
    return await connection.scalar(inserted) is not None


async def insert_or_replace(
    connection: AsyncConnection, table: Table, row: Mapping[str, Any], *, newest: Column[Any] | None = None
) -> None:
    """Insert a row, or write it over the one with its primary key, unless that is newer by the column `newest`."""
    is_no_newer = None if newest is None else newest <= row[newest.name]
    insert = insert_into(connection, table).values(**row)
    replaced = insert.on_conflict_do_update(index_elements=table.primary_key, set_=dict(row), where=is_no_newer)
    await connection.execute(replaced)


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an insert that may say what becomes of a row which is there already."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
