"""Databases for processes that are killed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import BOTH_DATABASES, DatabasePool, PostgresqlServer
from tests.crashes.bot_processes import NewDatabase


@pytest.fixture
def new_sqlite(sqlite_template: Path, tmp_path: Path) -> NewDatabase:
    """Return a function that makes migrated SQLite files."""
    files = (tmp_path / f"flowbot-{number}.db" for number in range(1000))

    @contextmanager
    def make() -> Iterator[str]:
        yield f"sqlite:///{shutil.copy(sqlite_template, next(files))}"

    return make


@pytest.fixture
def new_postgresql(postgresql_server: PostgresqlServer, postgresql_pool: DatabasePool) -> NewDatabase:
    """Return a function that lends migrated PostgreSQL databases."""

    @contextmanager
    def make() -> Iterator[str]:
        with postgresql_pool.lend() as name:
            yield postgresql_server.url_of(name)

    return make


@pytest.fixture(params=BOTH_DATABASES)
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Return a function that makes migrated databases; the test runs once with each kind."""
    made: NewDatabase = request.getfixturevalue(f"new_{request.param}")
    return made
