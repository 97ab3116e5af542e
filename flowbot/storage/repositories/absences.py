"""The repository of absences."""

from datetime import datetime

from sqlalchemy import delete

from flowbot.domain.absences import Absence
from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import UserId
from flowbot.services.ports.absences import AbsenceStore
from flowbot.storage.inserts import insert_or_replace
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.repositories.scopes import absence_row, fetch_absences
from flowbot.storage.tables import absences
from flowbot.storage.unit_of_work import Database


class AbsenceRepository(AbsenceStore):
    """The absences in the database.

    Args:
        database: migrated and open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_all(self) -> tuple[Absence, ...]:
        async with self._database.query() as connection:
            return await fetch_absences(connection)

    async def save(self, absence: Absence, event: AuditEvent) -> None:
        async with self._database.write() as connection:
            await insert_or_replace(connection, absences, absence_row(absence))
            await append_events(connection, [event])

    async def delete(self, person: UserId, event: AuditEvent) -> bool:
        async with self._database.write() as connection:
            deleted = await connection.execute(delete(absences).where(absences.c.person == str(person)))
            if not deleted.rowcount:
                return False
            await append_events(connection, [event])
        return True

    async def delete_ended(self, now: datetime) -> None:
        async with self._database.write() as connection:
            for absence in await fetch_absences(connection):
                if absence.until <= now:
                    # Where the person names another one at this moment, that stays.
                    until = absences.c.document["until"].as_string() == absence.until.isoformat()
                    await connection.execute(delete(absences).where(absences.c.person == str(absence.person), until))
