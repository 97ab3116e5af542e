"""The database, opened as this flowbot expects it. What works on it alone need not load what speaks to Slack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from flowbot.errors import ConfigurationError
from flowbot.settings import Settings
from flowbot.storage import migrations
from flowbot.storage.database import Database
from flowbot.storage.engine import DATABASE_URL, missing_file, open_database


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened_database(settings: Settings, *, only_if_there: bool = False) -> AsyncIterator[Database]:
    """The database, as this flowbot expects it: SQLite is created or upgraded on the way, PostgreSQL must be already.

    Args:
        settings: what flowbot was started with.
        only_if_there: whether a SQLite file that does not exist is refused: a slip in its path must not read as empty.

    Raises:
        ConfigurationError: the database is not there, or `flowbot migrate` has not been run on it.
    """
    url = settings.database_url.get_secret_value()
    if only_if_there and (file := missing_file(url)) is not None:
        raise ConfigurationError(
            f"{DATABASE_URL}: there is no file {file}; flowbot migrate or the first start makes it"
        )
    if url.startswith("sqlite:"):
        await asyncio.to_thread(migrations.upgrade, url)
    database = open_database(url)
    try:
        state = await database.revision_state()
        if not state.is_current:
            raise ConfigurationError(f"{DATABASE_URL}: the database {state.lack}; run flowbot migrate")
        yield database
    finally:
        await database.close()
