"""The database's revision: which one it has, the upgrade to the newest, and opening at the newest.

Alembic takes long to load and is imported inside: nearly every start finds its database at the newest revision.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from flowbot.errors import ConfigurationError
from flowbot.services.ports import ProgressReport, ignore_progress
from flowbot.storage.engine import DATABASE_URL, migration_engine, open_database, parse_address, require_file, take_lock
from flowbot.storage.errors import name_unusable_database, translate_errors
from flowbot.storage.unit_of_work import Database, probe_write

SCRIPTS: Final = Path(__file__).parent
"""The folder of Alembic's scripts."""
_ALEMBIC_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))
"""Alembic's own table, with the revision that it brought the database to."""
_ALEMBIC_LOCK: Final = Lock()
"""Alembic keeps its state in its modules: one upgrade at a time in a process."""


@dataclass(frozen=True, slots=True)
class RevisionState:
    """The revision that the database has, None where it has no tables yet, and the one that this flowbot expects."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Check whether there is nothing to migrate."""
        return self.current == self.head

    @property
    def lack(self) -> str:
        """Say what is wrong with the database, in words that follow its name."""
        if self.current is None:
            return "has no tables yet"
        return f"has revision {self.current}, not {self.head}"


@cache
def known_revisions() -> tuple[str, ...]:
    """List the revisions that this flowbot knows, newest first: a file each, whose name begins with its number."""
    return tuple(sorted((file.name.partition("_")[0] for file in (SCRIPTS / "versions").glob("*_*.py")), reverse=True))


def revision_state(connection: Connection) -> RevisionState:
    """Compare the database's revision with the code's; reads only.

    Raises:
        ConfigurationError: a hand has left none in the table that names it, or several.
    """
    if not inspect(connection).has_table(_ALEMBIC_VERSION.name):
        return RevisionState(current=None, head=known_revisions()[0])
    found = connection.scalars(select(_ALEMBIC_VERSION.c.version_num)).all()
    if len(found) != 1:
        raise ConfigurationError(
            f"{DATABASE_URL}: alembic_version has {len(found)} rows instead of one; restore a backup"
        )
    return RevisionState(current=found[0], head=known_revisions()[0])


async def read_revision_state(database: Database) -> RevisionState:
    """Read which revision an open database has, and which it should have.

    Raises:
        DependencyError: the database did not answer.
    """
    async with database.read() as connection:
        return await connection.run_sync(revision_state)


def run_alembic(connection: Connection, revision: str = "head", after_each: Callable[..., None] | None = None) -> None:
    """Bring a database to a revision, in the transaction that is open; `after_each` revision is called."""
    from alembic import command  # noqa: PLC0415 - slow to load, and seldom needed
    from alembic.config import Config  # noqa: PLC0415 - same

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes.update(connection=connection, on_version_apply=after_each)
    command.upgrade(config, revision)


def upgrade(url: str, report: ProgressReport = ignore_progress) -> None:
    """Create or upgrade the database at `url`; leave one at the newest revision alone.

    It blocks: in a coroutine call `await asyncio.to_thread(upgrade, url)`. Any number of processes may call it in the
    same instant; one does the work, in one transaction, and the others wait for it.

    Args:
        url: the database's address.
        report: told how many revisions are applied, of how many.

    Raises:
        ConfigurationError: the address cannot be used, the file is no database or cannot be written, or a newer flowbot
            has been at it.
        DependencyError: the database did not answer; it is as it was.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = migration_engine(url)
    try:
        with (
            _ALEMBIC_LOCK,
            translate_errors(),
            name_unusable_database(DATABASE_URL, engine.url.database),
            engine.begin() as connection,
        ):
            take_lock(connection, "migrations")
            state = revision_state(connection)
            if state.current is not None and state.current not in known_revisions():
                raise ConfigurationError(
                    f"DATABASE_URL: the database has revision {state.current}, this flowbot knows up to {state.head}; "
                    "start the newer flowbot again"
                )
            if not state.is_current:
                missing = [each for each in known_revisions() if each > (state.current or "")]
                applied = count(1)

                def report_revision(**_step: Any) -> None:
                    report(next(applied), len(missing))

                run_alembic(connection, after_each=report_revision)
            probe_write(connection)
    finally:
        engine.dispose()


@asynccontextmanager
async def open_migrated(url: str) -> AsyncIterator[Database]:
    """Open the database at the newest revision. SQLite is created or upgraded on the way, PostgreSQL must be there.

    Args:
        url: as for `open_database`.

    Raises:
        ConfigurationError: the database is not there, cannot be used, or `flowbot migrate` has not been run on it.
        DependencyError: the database did not answer.
    """
    if url.startswith("sqlite:"):
        await asyncio.to_thread(upgrade, url)
    async with _open_current(url) as database:
        with name_unusable_database(DATABASE_URL, parse_address(url).database):
            await database.ping()
        yield database


@asynccontextmanager
async def open_for_reading(url: str, *, log_unreadable: bool = True) -> AsyncIterator[Database]:
    """Open the database as it is, at the newest revision: nothing is created or upgraded.

    An SQLite file that does not exist is refused: a slip in its path must not read as empty.

    Args:
        url: as for `open_database`.
        log_unreadable: whether rows that cannot be read are logged.

    Raises:
        ConfigurationError: as `open_migrated`.
        DependencyError: the database did not answer.
    """
    require_file(url)
    async with _open_current(url) as database:
        database.unreadable.is_quiet = not log_unreadable
        yield database


@asynccontextmanager
async def _open_current(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    try:
        with name_unusable_database(DATABASE_URL, parse_address(url).database):
            state = await read_revision_state(database)
        if not state.is_current:
            raise ConfigurationError(f"{DATABASE_URL}: the database {state.lack}; run flowbot migrate")
        yield database
    finally:
        await database.close()
