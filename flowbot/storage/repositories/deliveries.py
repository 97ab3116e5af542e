"""The repository of deliveries."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.services.ports.storage import DeliveryKey
from flowbot.storage.tables import deliveries
from flowbot.storage.unit_of_work import Database


class DeliveryRepository:
    """The deliveries in the database. Every method is one transaction; DependencyError where the database fails.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_once(self, key: DeliveryKey, at: datetime) -> bool:
        """Note that it is taken; whether it is the first time."""
        async with self._database.write() as connection:
            return await _is_new(connection, key, at)

    async def was_recorded(self, key: DeliveryKey) -> bool:
        """Whether it is noted."""
        async with self._database.read() as connection:
            return await connection.scalar(select(deliveries.c.key).where(deliveries.c.key == key)) is not None

    async def delete_older_than(self, before: datetime) -> int:
        """Forget those that were taken before that; how many."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(deliveries).where(deliveries.c.at < before))).rowcount


async def _is_new(connection: AsyncConnection, key: DeliveryKey, at: datetime) -> bool:
    try:
        async with connection.begin_nested():
            await connection.execute(insert(deliveries).values(key=key, at=at))
    except IntegrityError:
        return False
    return True
