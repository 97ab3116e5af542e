"""Bots that go through faults: one for all the scenes of a file, so that each scene finds what the last one left."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.fault_checks import Scene, new_scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_scene(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Run a bot in HTTP mode for a whole file."""
    file = tmp_path_factory.mktemp("faults") / "flowbot.db"
    shutil.copy(sqlite_template, file)
    async with new_scene(f"sqlite:///{file}") as scene:
        yield scene


@pytest_asyncio.fixture(loop_scope="module")
async def scene(shared_scene: Scene) -> Scene:
    """Begin another scene with the file's bot."""
    await shared_scene.begin()
    return shared_scene
