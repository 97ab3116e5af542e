"""Databases as several processes have them, and a repository of changes."""

from collections.abc import AsyncIterator

import pytest

from flowbot.storage.engine import open_database
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import stores


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    """The same database, opened by another process."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> ChangeRepository:
    return stores(database)[0]


@pytest.fixture
def other(elsewhere: Database) -> ChangeRepository:
    """The store as another process has it."""
    return stores(elsewhere)[0]
