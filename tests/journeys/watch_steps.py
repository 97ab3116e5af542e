"""Steps around the watch: rounds by a moved clock, and what they tell."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.worker import watcher
from tests.journeys.world import APPROVALS, World

INTERVAL: Final = 300
SLACK: Final = 5
"""So much longer another process waits before it takes the watch over, and a little more."""
OUTSIDE: Final = "outside flowbot"


@dataclass(frozen=True, slots=True)
class Watch:
    """The watch of a world's bots."""

    world: World
    store: ObservedFlowRepository

    async def wait_for_round(self, number: int) -> None:
        """Wait until so many rounds are stored."""
        async with asyncio.timeout(15):
            while (await self.store.get_state()).version < number:  # noqa: ASYNC110 - see `wait_until`
                await asyncio.sleep(0.02)
        # The lease is released after it.
        async with asyncio.timeout(15):
            while (await self.store.get_state()).lease is not None:  # noqa: ASYNC110 - see `wait_until`
                await asyncio.sleep(0.02)

    async def make_round(self, rounds: int = 1) -> None:
        """Move the clocks to the next rounds, and wait until they are stored."""
        for _ in range(rounds):
            number = (await self.store.get_state()).version
            self.world.time.ahead += INTERVAL + SLACK
            await self.wait_for_round(number + 1)


def list_findings(world: World, where: str = APPROVALS) -> list[str]:
    """List what a channel was told of changes made outside, each message as it is now."""
    messages = world.slack.workspace.list_visible_messages(where, world.deniz.id)
    return [text_of(each) for each in messages if OUTSIDE in text_of(each) and not each.is_ephemeral]


async def wait_for_finding(world: World, sentence: str, where: str = APPROVALS) -> Message:
    """Wait for the message of a finding."""
    return await world.deniz.wait_for_message(
        where, lambda message: sentence in text_of(message) and not message.is_ephemeral
    )


@asynccontextmanager
async def watch_flows(world: World, patch: pytest.MonkeyPatch, processes: int = 1) -> AsyncIterator[Watch]:
    """Start bots that watch, and wait for their first reading."""
    patch.setattr(watcher, "TICK_SECONDS", 0.1)
    patch.setattr(watcher, "LOOK_SECONDS", 0.3)
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": INTERVAL})
    for _ in range(processes):
        await world.start_http()
    async with world.open_database() as database:
        watch = Watch(world, ObservedFlowRepository(database, world.settings.zone))
        await watch.wait_for_round(1)
        yield watch
