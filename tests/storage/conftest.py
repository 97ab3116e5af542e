"""Databases as several processes have them, and a repository of changes."""

from collections.abc import AsyncIterator

import pytest

from flowbot.storage.engine import open_database
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import open_stores


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    """Open the same database as another process does."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> ChangeRepository:
    """Return a store of changes."""
    return open_stores(database)[0]


@pytest.fixture
def other_store(elsewhere: Database) -> ChangeRepository:
    """Return the store as another process has it."""
    return open_stores(elsewhere)[0]
