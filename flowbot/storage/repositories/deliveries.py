"""The repository of deliveries."""

from datetime import datetime

from sqlalchemy import delete, select

from flowbot.services.ports.deliveries import DeliveryKey, DeliveryStore
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.tables import deliveries
from flowbot.storage.unit_of_work import Database


class DeliveryRepository(DeliveryStore):
    """The deliveries in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_once(self, key: DeliveryKey, at: datetime) -> bool:
        async with self._database.write() as connection:
            return await insert_if_absent(connection, deliveries, {"key": key, "at": at})

    async def was_recorded(self, key: DeliveryKey) -> bool:
        async with self._database.query() as connection:
            return await connection.scalar(select(deliveries.c.key).where(deliveries.c.key == key)) is not None

    async def delete_older_than(self, before: datetime) -> int:
        async with self._database.write() as connection:
            return (await connection.execute(delete(deliveries).where(deliveries.c.at < before))).rowcount
