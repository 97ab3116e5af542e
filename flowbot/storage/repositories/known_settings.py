"""The repository of known settings."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.ids import FlowId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, SettingsWrite
from flowbot.services.ports.known_settings import KnownSettingsStore
from flowbot.storage.documents import Document
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.tables import known_settings
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import find_readable, keep_readable, row_reader

_SETTINGS: Final = Document(KnownSettings)


class KnownSettingsRepository(KnownSettingsStore):
    """The known settings in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, flow: FlowId) -> KnownSettings:
        wanted = select(known_settings).where(known_settings.c.flow_id == flow)
        async with self._database.query() as connection:
            return await find_readable(connection, wanted, read_settings) or NOTHING_KNOWN

    async def get_many(self, flows: Collection[FlowId]) -> Mapping[FlowId, KnownSettings]:
        wanted = select(known_settings).where(known_settings.c.flow_id.in_(flows))
        async with self._database.query() as connection:
            rows = await connection.execute(wanted)
            return dict(keep_readable(connection, rows, lambda row: (FlowId(row.flow_id), read_settings(row))))


async def record_settings(connection: AsyncConnection, write: SettingsWrite) -> None:
    """Add what a change has set to what is known of its flow, in the transaction of `connection`.

    Where that cannot be read it stays as it is.
    """
    is_own = known_settings.c.flow_id == write.flow
    stored = select(known_settings).where(is_own).with_for_update()
    rows = (await connection.execute(stored)).all()
    if not rows:
        first = NOTHING_KNOWN.after(write)
        if first == NOTHING_KNOWN:
            return
        row = {"flow_id": write.flow, "document": _SETTINGS.write(first)}
        if await insert_if_absent(connection, known_settings, row):
            return
        # Another change of the flow was settled in the same instant.
        rows = (await connection.execute(stored)).all()
    for known in keep_readable(connection, rows, read_settings):
        if (revised := known.after(write)) != known:
            await connection.execute(update(known_settings).where(is_own).values(document=_SETTINGS.write(revised)))


@row_reader(known_settings)
def read_settings(row: Row[Any]) -> KnownSettings:
    """Read the settings from their row."""
    return _SETTINGS.read(row.document)
