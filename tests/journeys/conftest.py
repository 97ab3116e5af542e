"""The whole bot between its stand-ins, in each mode."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.world import World, new_world


@pytest.fixture
def journey_database(request: pytest.FixtureRequest) -> str:
    """SQLite, or the kind that `on_both_databases` asks for."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


@pytest.fixture
async def world(journey_database: str) -> AsyncIterator[World]:
    """The stand-ins, a policy and a database; no bot yet."""
    async with new_world(journey_database) as world:
        yield world


@pytest.fixture(params=["http", "socket"])
async def running(world: World, request: pytest.FixtureRequest) -> World:
    """A bot at work, once in each mode."""
    if request.param == "http":
        await world.start_http()
    else:
        await world.start_socket()
    return world


@pytest.fixture
async def http(world: World) -> World:
    """A bot at work in HTTP mode."""
    await world.start_http()
    return world
