"""The whole bot between its stand-ins, in each mode."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from flowbot.sandbox.enkapush import EnkapushSandbox
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackSandbox
from flowbot.settings import Settings
from tests.journeys.world import API_KEY, POLICY, Time, World


@pytest.fixture
def journey_database(request: pytest.FixtureRequest) -> str:
    """SQLite, or the kind that `on_both_databases` asks for."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


@pytest.fixture
async def world(journey_database: str) -> AsyncIterator[World]:
    """The stand-ins, a policy and a database; no bot yet."""
    slack, enkapush = SlackSandbox(), EnkapushSandbox(api_key=API_KEY)
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(slack.serve())
        api = await stack.enter_async_context(enkapush.serve())
        settings = Settings(
            _env_file=None,
            slack_bot_token=SecretStr(BOT_TOKEN),
            slack_app_token=SecretStr(APP_TOKEN),
            slack_signing_secret=SecretStr(SIGNING_SECRET),
            slack_api_url=f"{origin}/api/",
            enkapush_api_key=SecretStr(API_KEY),
            enkapush_api_url=api,
            database_url=SecretStr(journey_database),
        )
        world = World(slack, enkapush, settings, Time(), stack)
        await world.policy(POLICY)
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
