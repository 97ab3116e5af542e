"""Fixtures: a client that never sleeps, and a server that follows a script."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from flowbot.enkapush.client import EnkapushClient
from tests.enkapush.scripted_server import KEY, FakeTiming, MakeClient, ScriptedServer, run_scripted_server


@pytest.fixture
def clock() -> FakeTiming:
    return FakeTiming()


@pytest.fixture
async def make_client(clock: FakeTiming) -> AsyncIterator[MakeClient]:
    async with AsyncExitStack() as stack:

        def make(base_url: str, key: str = KEY, **options: Any) -> EnkapushClient:
            options.setdefault("timing", clock.timing())
            client = EnkapushClient(base_url, key, **options)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with run_scripted_server() as server:
        yield server
