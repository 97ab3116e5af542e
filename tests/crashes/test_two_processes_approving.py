"""Requests without end for two processes on one database, of which now the one and now the other is killed."""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.slack import SIGNING_SECRET, SandboxPerson
from flowbot.sandbox.slack.delivery.http import HttpTransport
from flowbot.sandbox.slack.delivery.parcel import Delivery, Parcel
from flowbot.sandbox.slack.driver.person import ClientError
from flowbot.sandbox.slack.model import Message
from flowbot.sandbox.slack.texts import text_of
from tests.crashes.helpers import Arena, NewDatabase, Process, arena, eventually
from tests.journeys.world import MARKETING

REQUESTS: Final = int(os.environ.get("FLOWBOT_CRASH_REQUESTS", "30"))
KILLS: Final = int(os.environ.get("FLOWBOT_CRASH_KILLS", "3"))
AT_A_TIME: Final = 8
PATIENCE_SECONDS: Final = 4.0
"""Who sees nothing happen for this long presses again."""
TWO_APPROVERS: Final = """
[[channels]]
id = "C0MARKETING"
websites = [1]
viewers = ["*"]
editors = ["*"]
approvers = ["U0BURAK", "U0DENIZ"]

[channels.approval]
quorum = 2
"""


class Balancer(HttpTransport):
    """Delivers to one process after the other, every third time to both; where one is dead, to the other."""

    def __init__(self) -> None:
        super().__init__("", SIGNING_SECRET, 3.0)
        self.routes: dict[int, HttpTransport] = {}
        self._made: list[HttpTransport] = []
        self._count = 0

    def leads_to(self, number: int, process: Process) -> None:
        self.routes[number] = HttpTransport(process.url, SIGNING_SECRET, 3.0)
        self._made.append(self.routes[number])

    async def send(self, parcel: Parcel, extra_headers: dict[str, str] | None = None) -> Delivery:
        self._count += 1
        first, second = self.routes[self._count % 2], self.routes[1 - self._count % 2]
        if self._count % 3 == 0:
            one, other = await asyncio.gather(first.send(parcel, extra_headers), second.send(parcel, extra_headers))
            return one if one.ok else other
        delivery = await first.send(parcel, extra_headers)
        return delivery if delivery.ok else await second.send(parcel, extra_headers)

    async def close(self) -> None:
        for route in self._made:
            await route.close()


@dataclass
class Office:
    """Everybody at work: two processes, and people who ask and approve."""

    arena: Arena
    flows: dict[int, str]
    balancer: Balancer = field(default_factory=Balancer)
    processes: dict[int, Process] = field(default_factory=dict)

    async def starts(self, number: int) -> None:
        process = await self.arena.starts()
        self.processes[number] = process
        self.balancer.leads_to(number, process)
        self.arena.slack.outbox.use_http(self.balancer)

    def messages(self, name: str) -> list[Message]:
        """The public messages about a flow."""
        posted = self.arena.slack.workspace.messages[MARKETING]
        return [each for each in posted if not each.is_ephemeral and not each.thread_ts and name in text_of(each)]

    def shows(self, name: str, *words: str) -> bool:
        """Whether a message about the flow says one of these."""
        return any(word in json.dumps(message.blocks) for message in self.messages(name) for word in words)

    async def goes_its_way(self, flow: int, name: str) -> None:
        """A request, from the question to the last approval."""
        emma, burak, deniz = (self.arena.slack.person(user) for user in ("U0EMMA", "U0BURAK", "U0DENIZ"))
        await self._until(
            lambda: self.messages(name), lambda: emma.types(MARKETING, f"/flows enable {flow} please, for {name}")
        )
        await self._until(lambda: self.shows(name, burak.id, "Applied"), lambda: self._approves(burak, name))
        await self._until(lambda: self.shows(name, "Applied", "not known"), lambda: self._approves(deniz, name))

    async def _approves(self, person: SandboxPerson, name: str) -> None:
        message = self.messages(name)[-1]
        if "Approve" in person.buttons(message):
            await person.clicks(message, "Approve")

    @staticmethod
    async def _until(condition: Callable[[], object], act: Callable[[], Awaitable[object]]) -> None:
        """Do it, and again where nothing comes of it, as people do when an app does not answer."""
        errors: list[str] = []
        for _ in range(6):
            try:
                await act()
            except (ClientError, LookupError) as error:
                errors.append(repr(error))
            try:
                await eventually(condition, PATIENCE_SECONDS)
            except AssertionError:
                continue
            return
        raise AssertionError(f"nothing came of it, however often it was tried: {errors}")

    async def is_struck(self) -> None:
        """Kill a process at any moment and start another in its place, again and again."""
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.5, 3.0))
            number = random.choice([0, 1])
            await self.processes[number].killed()
            await self.starts(number)


@pytest.fixture
async def office(new_postgresql: NewDatabase, tmp_path: Path) -> AsyncIterator[Office]:
    async with arena(new_postgresql, tmp_path / "arena") as here:
        await here.world.policy(TWO_APPROVERS)
        here.world.add_flows(REQUESTS, word="Campaign")
        flows = {
            flow.id: f"{flow.name} of {flow.id}"
            for flow in here.enkapush.store.flows.values()
            if flow.name.startswith("Campaign")
        }
        for flow, name in flows.items():
            here.enkapush.store.update_flow(flow, name=name)
        made = Office(here, flows)
        await asyncio.gather(made.starts(0), made.starts(1))
        yield made


async def all_go_their_way(office: Office) -> None:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(flow: int, name: str) -> None:
        async with turns:
            await office.goes_its_way(flow, name)

    async with asyncio.TaskGroup() as work:
        work.create_task(office.is_struck())
        for flow, name in office.flows.items():
            work.create_task(in_turn(flow, name))


async def test_whoever_dies_each_request_is_applied_once_and_its_message_says_so(office: Office) -> None:
    await all_go_their_way(office)
    await office.arena.all_told(20)
    await each_was_applied_once(office)
    await each_has_the_votes_of_both(office)
    await each_message_shows_the_end(office)


async def each_was_applied_once(office: Office) -> None:
    store = office.arena.enkapush.store
    assert all(store.flow(flow).is_enabled for flow in office.flows)
    done = Counter(
        record.path.rstrip("/")
        for record in office.arena.enkapush.requests
        if record.method == "POST" and record.texts.get("is_enabled") == "1"
    )
    assert done == {f"/flows/{flow}": 1 for flow in office.flows}


async def each_has_the_votes_of_both(office: Office) -> None:
    rows = await office.arena.rows(
        "SELECT c.flow_id, c.state, count(*) FROM changes c JOIN votes v ON v.change_id = c.id GROUP BY c.id"
    )
    assert sorted(map(tuple, rows)) == [(flow, "applied", 2) for flow in sorted(office.flows)]
    told = await office.arena.rows(
        "SELECT action, count(*) FROM events WHERE action IN ('change.approved', 'change.applied') GROUP BY action"
    )
    assert dict(told) == {"change.approved": REQUESTS, "change.applied": REQUESTS}


async def each_message_shows_the_end(office: Office) -> None:
    kept = {ts for (ts,) in await office.arena.rows("SELECT message_ts FROM changes WHERE state = 'applied'")}
    shown = [message for name in office.flows.values() for message in office.messages(name)]
    assert all("Applied" in text_of(message) for message in shown if message.ts in kept)
    assert kept <= {message.ts for message in shown}
    stale = [text_of(message) for message in shown if "Applied" not in text_of(message)]
    assert not stale, stale
