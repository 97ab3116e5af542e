"""The database, opened as this flowbot expects it. What works on it alone need not load what speaks to Slack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from flowbot.errors import ConfigurationError
from flowbot.settings import Settings
from flowbot.storage import migrations
from flowbot.storage.engine import DATABASE_URL, open_database, require_file
from flowbot.storage.unit_of_work import Database


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened_database(settings: Settings, *, only_to_read: bool = False) -> AsyncIterator[Database]:
    """The database, as this flowbot expects it: SQLite is created or upgraded on the way, PostgreSQL must be already.

    Args:
        settings: what flowbot was started with.
        only_to_read: whether it is left as it is. A SQLite file that does not exist is refused then: a slip in its path
            must not read as empty; and so is one that this flowbot would have to upgrade first.

    Raises:
        ConfigurationError: the database is not there, or `flowbot migrate` has not been run on it.
    """
    url = settings.database_url.get_secret_value()
    if only_to_read:
        require_file(url)
    elif url.startswith("sqlite:"):
        await asyncio.to_thread(migrations.upgrade, url)
    database = open_database(url)
    try:
        state = await database.revision_state()
        if not state.is_current:
            raise ConfigurationError(f"{DATABASE_URL}: the database {state.lack}; run flowbot migrate")
        yield database
    finally:
        await database.close()
