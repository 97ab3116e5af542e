"""Databases with the recorded rows, made once and copied for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compatibility.moments import Moment
from tests.compatibility.restored_world import copy_database, fill_database


@pytest.fixture(scope="session")
def old_databases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Moment], Path]:
    """Return a function that gives the SQLite file with a moment's rows."""
    folder = tmp_path_factory.mktemp("first_version")
    made: dict[str, Path] = {}

    def database(moment: Moment) -> Path:
        if moment.name not in made:
            made[moment.name] = folder / f"{moment.name}.db"
            fill_database(f"sqlite:///{made[moment.name]}", moment)
        return made[moment.name]

    return database


@pytest.fixture
def database_of(old_databases: Callable[[Moment], Path], tmp_path: Path) -> Callable[[Moment], str]:
    """Return a function that copies it for this test and gives the copy's address."""
    return lambda moment: copy_database(old_databases(moment), tmp_path)
