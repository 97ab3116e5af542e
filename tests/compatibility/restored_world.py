"""A recorded workspace that is at work again, with the flowbot of today between Slack and Enkapush."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, create_engine, text

from flowbot.bootstrap import Flowbot
from flowbot.sandbox.slack import Message, SandboxPerson
from flowbot.storage.migrations import upgrade
from tests.compatibility.moments import (
    Control,
    Json,
    Moment,
    put_addresses,
    put_rows,
    put_sent_at,
    restore_stand_ins,
    sync_url,
)
from tests.journeys.request_steps import speed_up
from tests.journeys.world import World, new_world
from tests.storage.older_databases import upgrade_to

FIRST_REVISION: Final = "0005"
"""The revision of the database that the first version left."""
PATIENCE_SECONDS: Final = 60.0


@dataclass
class Restored:
    """A world in which a moment goes on."""

    world: World
    moment: Moment
    database: Engine
    bot: Flowbot = field(init=False)

    def rows(self, statement: str, **values: Any) -> list[Json]:
        """Return the rows that a query finds."""
        with self.database.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement), values)]

    def write(self, statement: str, **values: Any) -> None:
        """Run a statement that writes."""
        with self.database.begin() as connection:
            connection.execute(text(statement), values)

    def state(self, change: str) -> str:
        """Return a change's state."""
        return str(self.rows("SELECT state FROM changes WHERE id = :id", id=change)[0]["state"])

    async def wait_for_state(self, change: str, state: str) -> None:
        """Wait until a change is in a state."""
        await self.wait_until(lambda: self.state(change) == state, lambda: f"{change} is {self.state(change)}")

    async def wait_until(self, condition: Callable[[], object], told: Callable[[], object] = lambda: "") -> None:
        """Wait for a condition that nothing announces."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(told() or "it never came true") from None

    async def start(self) -> None:
        """Start the bot."""
        self.bot, _ = await self.world.start_http()

    async def wait_for_count(self, kinds: frozenset[str], name: str) -> str:
        """Wait until the bot counts a request of that name, and no other. Return its outcome."""
        await self.wait_until(lambda: self._list_requests(kinds))
        ((counted, outcome),) = self._list_requests(kinds)
        assert counted == name
        return outcome

    def _list_requests(self, kinds: frozenset[str]) -> list[tuple[str, str]]:
        """List name and outcome of the requests that the bot has counted."""
        (family,) = self.bot.metrics.requests.collect()
        counts = [sample for sample in family.samples if sample.name == "flowbot_requests_total"]
        return [
            (sample.labels["name"], sample.labels["outcome"])
            for sample in counts
            if sample.labels["kind"] in kinds
            for _ in range(int(sample.value))
        ]

    async def press(self, control: Control, person: SandboxPerson) -> None:
        """Press a button just as it was recorded."""
        holder = control.holder
        shape: Json = {"type": "message", "channel": holder.get("channel"), "ts": holder.get("ts")}
        if "owner" in holder:
            shape = {"type": holder["type"]} if holder["type"] == "home" else {"type": "view", "view_id": holder["id"]}
        client = self.world.slack.client
        where = client.find_container(person.id, shape)
        await client.trigger_action(person.id, where, (control.block_id, control.action_id), {})

    def list_answers(self, person: SandboxPerson, channel: str) -> list[Message]:
        """Return the messages that a person sees in a channel and that were posted since the recording."""
        before = {message["ts"] for message in self.moment.data["slack"]["messages"]}
        seen = self.world.slack.workspace.list_visible_messages(channel, person.id)
        return [message for message in seen if message.ts not in before]


def fill_database(url: str, moment: Moment) -> None:
    """Fill an empty database with a moment's rows, as the first version left it, and upgrade it as `migrate` does."""
    upgrade_to(url, FIRST_REVISION)
    put_rows(url, moment)
    # As after a day: an upgrade looks once more for the effect of what was sent lately, by the machine's clock.
    sent = [row for row in moment.rows("changes") if row["sent_at"]]
    put_sent_at(url, {row["id"]: row["sent_at"] - timedelta(days=365) for row in sent})
    upgrade(url)
    put_sent_at(url, {row["id"]: row["sent_at"] for row in sent})


@asynccontextmanager
async def restore_world(
    moment: Moment, url: str, patch: pytest.MonkeyPatch, *, later: float = 0
) -> AsyncIterator[Restored]:
    """Restore the world of a moment around a database with its rows. The bot does not run yet."""
    async with new_world(url) as world:
        speed_up(world, patch)
        world.timeouts = None  # nothing goes wrong here, however slow the machine is
        data = moment.read(world.slack.origin, world.settings.enkapush_api_url.removesuffix("/api"))
        restore_stand_ins(world, data, later=later)
        put_addresses(url, moment, data)
        engine = create_engine(sync_url(url))
        try:
            yield Restored(world, moment, engine)
        finally:
            world.enkapush.release()
            engine.dispose()


def run_in_thread(work: Any) -> Any:
    """Run a coroutine in a thread: pytest has a loop of its own in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def copy_database(database: Path, folder: Path) -> str:
    """Copy a SQLite file, and return the copy's address."""
    return f"sqlite:///{shutil.copy(database, folder / database.name)}"
