"""Brings a database to the shape that this flowbot expects."""

import logging
from threading import Lock
from typing import Final

from sqlalchemy import Connection

from flowbot.errors import ConfigurationError
from flowbot.storage.engine import DATABASE_URL, migration_engine, take_lock
from flowbot.storage.revisions import known_revisions, revision_state
from flowbot.storage.unit_of_work import require_database, translate_errors

_ALEMBIC_IS_BUSY: Final = Lock()
"""Alembic keeps what it is working on in its modules: one upgrade at a time in a process."""


def upgrade(url: str) -> None:
    """Create or upgrade the database at `url`, or leave it alone if it is as it should be.

    It blocks: in a coroutine call `await asyncio.to_thread(upgrade, url)`. Any number of processes may call it in the
    same instant; one does the work, in one transaction, and the others wait for it.

    Raises:
        ConfigurationError: the address cannot be used, the file is no database, or a newer flowbot has been at it.
        DependencyError: the database did not answer; it is as it was.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = migration_engine(url)
    try:
        with (
            _ALEMBIC_IS_BUSY,
            translate_errors(),
            require_database(DATABASE_URL, engine.url.database),
            engine.begin() as connection,
        ):
            take_lock(connection, "migrations")
            _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    state = revision_state(connection)
    if state.current is not None and state.current not in known_revisions():
        raise ConfigurationError(
            f"DATABASE_URL: the database has revision {state.current}, this flowbot knows up to {state.head}; "
            "start the newer flowbot again"
        )
    if state.is_current:
        return
    from flowbot.storage.alembic_run import run  # noqa: PLC0415 - a database that is as it should be needs no Alembic

    run(connection)
