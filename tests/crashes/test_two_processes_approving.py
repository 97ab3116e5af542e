"""Requests without end for two processes on one database, of which now the one and now the other is killed."""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from flowbot.sandbox.slack import SIGNING_SECRET, ClientError, SandboxPerson
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from flowbot.sandbox.slack.delivery.http import HttpTransport
from flowbot.sandbox.slack.models import Message
from flowbot.sandbox.slack.visible_text import text_of
from tests.crashes.bot_processes import Arena, NewDatabase, Process, arena, eventually
from tests.journeys.world import MARKETING

REQUESTS: Final = int(os.environ.get("FLOWBOT_CRASH_REQUESTS", "30"))
KILLS: Final = int(os.environ.get("FLOWBOT_CRASH_KILLS", "3"))
SEED: Final = os.environ.get("FLOWBOT_CRASH_SEED") or str(random.randrange(10**6))
"""Of the moments of the kills, and of who is killed; what happens at that moment is the machine's affair."""
SECONDS_A_REQUEST: Final = 4
pytestmark = pytest.mark.timeout(120 + SECONDS_A_REQUEST * REQUESTS + 10 * KILLS)

MOST_BETWEEN_KILLS: Final = 3 * REQUESTS // (KILLS + 1)
"""Deliveries; a request takes three of them at least, so there is work left at the last kill."""
AT_A_TIME: Final = 8
PATIENCE_SECONDS: Final = 4.0
"""Who sees nothing happen for this long presses again."""
TRIES: Final = 20
"""On a machine that is busy with others a process takes long to start, and nobody gives up before it has."""
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

    async def send(self, envelope: Envelope, extra_headers: dict[str, str] | None = None) -> Delivery:
        self._count += 1
        first, second = self.routes[self._count % 2], self.routes[1 - self._count % 2]
        if self._count % 3 == 0:
            one, other = await asyncio.gather(first.send(envelope, extra_headers), second.send(envelope, extra_headers))
            return one if one.ok else other
        delivery = await first.send(envelope, extra_headers)
        return delivery if delivery.ok else await second.send(envelope, extra_headers)

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
        self.arena.slack.dispatcher.use_http(self.balancer)

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
        try:
            await self._until(
                lambda: self.messages(name), lambda: emma.send(MARKETING, f"/flows enable {flow} please, for {name}")
            )
            await self._until(lambda: self.shows(name, burak.id, "Applied"), lambda: self._approves(burak, name))
            await self._until(lambda: self.shows(name, "Applied", "not known"), lambda: self._approves(deniz, name))
        except AssertionError as error:
            kept = await self.arena.rows(f"SELECT * FROM changes WHERE flow_id = {flow}")
            shown = [text_of(message) for message in self.messages(name)]
            raise AssertionError(f"{name}: {error}; shown: {shown}; kept: {kept}") from error

    async def _approves(self, person: SandboxPerson, name: str) -> None:
        message = self.messages(name)[-1]
        if "Approve" in person.list_buttons(message):
            await person.click(message, "Approve")

    @staticmethod
    async def _until(condition: Callable[[], object], act: Callable[[], Awaitable[object]]) -> None:
        """Do it, and again where nothing comes of it, as people do when an app does not answer."""
        errors: list[str] = []
        for _ in range(TRIES):
            try:
                await act()
            except (ClientError, LookupError) as error:
                errors.append(repr(error))
            try:
                await eventually(condition, PATIENCE_SECONDS, every=0.1)
            except AssertionError:
                continue
            return
        raise AssertionError(f"nothing came of it, however often it was tried: {errors}")

    async def is_struck(self) -> None:
        """Kill a process at any moment and start another in its place, again and again."""
        chance = random.Random(SEED)
        for _ in range(KILLS):
            moment = len(self.arena.slack.deliveries) + chance.randint(1, MOST_BETWEEN_KILLS)
            await eventually(lambda: len(self.arena.slack.deliveries) >= moment, 60)  # noqa: B023 - awaited right here
            number = chance.choice([0, 1])
            await self.processes[number].killed()
            await self.starts(number)


@pytest.fixture
async def office(new_postgresql: NewDatabase, tmp_path: Path) -> AsyncIterator[Office]:
    async with arena(new_postgresql, tmp_path / "arena") as here:
        await here.world.import_policy(TWO_APPROVERS)
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


async def test_whoever_dies_each_request_is_applied_once_or_honestly_not_known(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    record_property("seed", SEED)
    print(f"FLOWBOT_CRASH_SEED={SEED}")  # noqa: T201 - pytest shows it where the test fails
    began = time.monotonic()
    await all_go_their_way(office)
    await office.arena.all_told(60)
    ends = await ends_by_flow(office)
    print(f"{Counter(ends.values())} in {time.monotonic() - began:.0f} s")  # noqa: T201 - same
    await each_was_applied_once(office, ends)
    await each_has_the_votes_of_both(office, ends)
    await each_message_shows_the_end(office)


async def ends_by_flow(office: Office) -> dict[int, str]:
    """How each request ended: there is one a flow, and nobody said no to it."""
    rows = await office.arena.rows("SELECT flow_id, state FROM changes")
    ends = {int(flow): str(state) for flow, state in rows}
    assert sorted(flow for flow, _ in rows) == sorted(office.flows)
    assert set(ends.values()) <= {"applied", "unknown"}, ends
    return ends


async def each_was_applied_once(office: Office, ends: dict[int, str]) -> None:
    store = office.arena.enkapush.store
    assert all(store.flow(flow).is_enabled for flow, end in ends.items() if end == "applied")
    done = Counter(
        record.path.rstrip("/")
        for record in office.arena.enkapush.requests
        if record.method == "POST" and record.texts.get("is_enabled") == "1"
    )
    assert all(done[f"/flows/{flow}"] == 1 for flow, end in ends.items() if end == "applied"), done
    assert all(done[f"/flows/{flow}"] <= 1 for flow in ends), done


async def each_has_the_votes_of_both(office: Office, ends: dict[int, str]) -> None:
    rows = await office.arena.rows(
        "SELECT c.flow_id, count(*) FROM changes c JOIN votes v ON v.change_id = c.id GROUP BY c.flow_id"
    )
    assert sorted(map(tuple, rows)) == [(flow, 2) for flow in sorted(office.flows)]
    told = await office.arena.rows(
        "SELECT action, count(*) FROM events WHERE action IN ('change.approved', 'change.applied') GROUP BY action"
    )
    assert dict(told) == {"change.approved": REQUESTS, "change.applied": list(ends.values()).count("applied")}


async def each_message_shows_the_end(office: Office) -> None:
    words = {"applied": "Applied", "unknown": "not known"}
    rows = await office.arena.rows("SELECT message_ts, state FROM changes")
    ends = {ts: words[state] for ts, state in rows}
    shown = {message.ts: message for name in office.flows.values() for message in office.messages(name)}
    wrong = [ts for ts, word in ends.items() if ts not in shown or word not in text_of(shown[ts])]
    assert not wrong, wrong
    twins = [message for ts, message in shown.items() if ts not in ends]
    print(f"{len(twins)} messages posted twice")  # noqa: T201 - pytest shows it where the test fails
    for twin in twins:
        await a_twin_shows_the_end_once_it_is_pressed(office, twin)


async def a_twin_shows_the_end_once_it_is_pressed(office: Office, twin: Message) -> None:
    """Who died between posting a message and noting where left one that nobody knows of until somebody presses it."""

    def is_over() -> bool:
        return any(word in text_of(twin) for word in ("Applied", "not known"))

    if not is_over():
        await office.arena.slack.person("U0BURAK").click(twin, "Approve")
        await eventually(is_over)
