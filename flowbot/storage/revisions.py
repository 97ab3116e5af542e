"""Which shape a database has, and which it should have."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_SCRIPTS: Final = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class RevisionState:
    """The shape that the database has, None where it has none yet, and the shape that this flowbot expects."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to migrate."""
        return self.current == self.head


def alembic_config() -> Config:
    """Alembic's settings, from this package alone: there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions that this flowbot knows, newest first; they come with the code and cannot change while it runs."""
    return tuple(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def revision_state(connection: Connection) -> RevisionState:
    """Compare the database with the code; reads only."""
    current = MigrationContext.configure(connection).get_current_revision()
    return RevisionState(current=current, head=known_revisions()[0])
