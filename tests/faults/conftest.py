"""Bots that go through storms: one for all the scenes of a file, so that each scene finds what the last one left."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.fault_checks import Scene, a_scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at_sea(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A bot in HTTP mode for a whole file."""
    file = tmp_path_factory.mktemp("storms") / "flowbot.db"
    shutil.copy(sqlite_template, file)
    async with a_scene(f"sqlite:///{file}") as scene:
        yield scene


@pytest_asyncio.fixture(loop_scope="module")
async def scene(at_sea: Scene) -> Scene:
    """The file's bot, with its books opened for another scene."""
    await at_sea.begins()
    return at_sea
