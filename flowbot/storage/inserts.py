"""Inserts that leave a row alone which is there already."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_if_absent(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row, unless one of the table's unique keys is taken, and return whether it was inserted.

    Where another transaction is inserting the same key, this waits for its end.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    inserted = insert(table).values(**row).on_conflict_do_nothing().returning(literal(value=True))
    return await connection.scalar(inserted) is not None
