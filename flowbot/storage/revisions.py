"""Which shape a database has, and which it should have: told without Alembic, which takes long to load.

Nearly every start finds its database as it should be, and needs no more than this.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

SCRIPTS: Final = Path(__file__).parent / "migrations"
_NOTED: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))
"""Alembic's own note of the revision that it brought a database to."""


@dataclass(frozen=True, slots=True)
class RevisionState:
    """The shape that the database has, None where it has none yet, and the shape that this flowbot expects."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to migrate."""
        return self.current == self.head

    @property
    def lack(self) -> str:
        """What is wrong with the database, in words that follow its name."""
        if self.current is None:
            return "has no tables yet"
        return f"has revision {self.current}, not {self.head}"


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions that this flowbot knows, newest first: a file each, whose name begins with its number."""
    return tuple(sorted((file.name.partition("_")[0] for file in (SCRIPTS / "versions").glob("*_*.py")), reverse=True))


def revision_state(connection: Connection) -> RevisionState:
    """Compare the database with the code; reads only."""
    is_noted = inspect(connection).has_table(_NOTED.name)
    current = connection.scalar(select(_NOTED.c.version_num)) if is_noted else None
    return RevisionState(current=current, head=known_revisions()[0])
