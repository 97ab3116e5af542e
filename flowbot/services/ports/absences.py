"""The database's port for absences."""

from datetime import datetime
from typing import Protocol

from flowbot.domain.absences import Absence
from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import UserId


class AbsenceStore(Protocol):
    """The store of absences, one a person. Every method raises DependencyError where the database fails."""

    async def get_all(self) -> tuple[Absence, ...]:
        """Return all absences, also past ones."""

    async def save(self, absence: Absence, event: AuditEvent) -> None:
        """Put an absence in the place of the person's earlier one, and write `event`, in one transaction."""

    async def delete(self, person: UserId, event: AuditEvent) -> bool:
        """Delete a person's absence, and write `event`; return whether there was one, else nothing is written."""

    async def delete_ended(self, now: datetime) -> None:
        """Delete the absences that are over."""
