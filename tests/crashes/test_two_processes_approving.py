"""Many requests to two processes on one database, of which one or the other is killed again and again."""

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
from tests.crashes.bot_processes import Deployment, NewDatabase, Process, eventually, new_deployment
from tests.journeys.world import MARKETING

REQUESTS: Final = int(os.environ.get("FLOWBOT_CRASH_REQUESTS", "20"))
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
notify = "none"
"""


class Balancer(HttpTransport):
    """Delivers to one process after the other, every third time to both; where one is dead, to the other."""

    def __init__(self) -> None:
        super().__init__("", SIGNING_SECRET, 3.0)
        self.routes: dict[int, HttpTransport] = {}
        self._made: list[HttpTransport] = []
        self._count = 0

    def route_to(self, number: int, process: Process) -> None:
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
class Workplace:
    """Two processes, and people who request and approve."""

    deployment: Deployment
    flows: dict[int, str]
    balancer: Balancer = field(default_factory=Balancer)
    processes: dict[int, Process] = field(default_factory=dict)

    async def start(self, number: int) -> None:
        process = await self.deployment.start()
        self.processes[number] = process
        self.balancer.route_to(number, process)
        self.deployment.slack.dispatcher.use_http(self.balancer)

    def list_messages(self, name: str) -> list[Message]:
        """List the public messages about a flow."""
        posted = self.deployment.slack.workspace.messages[MARKETING]
        return [each for each in posted if not each.is_ephemeral and not each.thread_ts and name in text_of(each)]

    def is_shown(self, name: str, *words: str) -> bool:
        """Check whether a message about the flow says one of these."""
        return any(word in json.dumps(message.blocks) for message in self.list_messages(name) for word in words)

    async def run_request(self, flow: int, name: str) -> None:
        """Run a request, from the command to the last approval."""
        emma, burak, deniz = (self.deployment.slack.person(user) for user in ("U0EMMA", "U0BURAK", "U0DENIZ"))
        try:
            await self._retry_until(
                lambda: self.list_messages(name),
                lambda: emma.send(MARKETING, f"/flows enable {flow} please, for {name}"),
            )
            # Nobody is mentioned, so that the message names an approver once they have approved.
            await self._retry_until(
                lambda: self.is_shown(name, "1/2 approvals", "Applied"), lambda: self._approve(burak, name)
            )
            await self._retry_until(
                lambda: self.is_shown(name, "Applied", "not known"), lambda: self._approve(deniz, name)
            )
        except AssertionError as error:
            kept = await self.deployment.query(f"SELECT * FROM changes WHERE flow_id = {flow}")
            shown = [text_of(message) for message in self.list_messages(name)]
            raise AssertionError(f"{name}: {error}; shown: {shown}; kept: {kept}") from error

    async def _approve(self, person: SandboxPerson, name: str) -> None:
        message = self.list_messages(name)[-1]
        if "Approve" in person.list_buttons(message):
            await person.click(message, "Approve")

    @staticmethod
    async def _retry_until(condition: Callable[[], object], act: Callable[[], Awaitable[object]]) -> None:
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

    async def kill_repeatedly(self) -> None:
        """Kill a process at any moment and start another in its place, again and again."""
        chance = random.Random(SEED)
        for _ in range(KILLS):
            moment = len(self.deployment.slack.deliveries) + chance.randint(1, MOST_BETWEEN_KILLS)
            await eventually(lambda: len(self.deployment.slack.deliveries) >= moment, 60)  # noqa: B023 - awaited right here
            number = chance.choice([0, 1])
            await self.processes[number].kill()
            await self.start(number)


@pytest.fixture
async def workplace(new_postgresql: NewDatabase, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with new_deployment(new_postgresql, tmp_path / "deployment") as deployment:
        await deployment.world.import_policy(TWO_APPROVERS)
        deployment.world.add_flows(REQUESTS, word="Campaign")
        flows = {
            flow.id: f"{flow.name} of {flow.id}"
            for flow in deployment.enkapush.store.flows.values()
            if flow.name.startswith("Campaign")
        }
        for flow, name in flows.items():
            deployment.enkapush.store.update_flow(flow, name=name)
        made = Workplace(deployment, flows)
        await asyncio.gather(made.start(0), made.start(1))
        yield made


async def run_all_requests(workplace: Workplace) -> None:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(flow: int, name: str) -> None:
        async with turns:
            await workplace.run_request(flow, name)

    async with asyncio.TaskGroup() as work:
        work.create_task(workplace.kill_repeatedly())
        for flow, name in workplace.flows.items():
            work.create_task(in_turn(flow, name))


async def test_whoever_dies_each_request_is_applied_once_or_honestly_not_known(
    workplace: Workplace, record_property: Callable[[str, object], None]
) -> None:
    record_property("seed", SEED)
    print(f"FLOWBOT_CRASH_SEED={SEED}")  # noqa: T201 - pytest shows it where the test fails
    began = time.monotonic()
    await run_all_requests(workplace)
    await workplace.deployment.wait_until_shown(60)
    ends = await read_ends(workplace)
    print(f"{Counter(ends.values())} in {time.monotonic() - began:.0f} s")  # noqa: T201 - same
    await check_applied_once(workplace, ends)
    await check_votes(workplace, ends)
    await check_messages(workplace)
    await check_notices(workplace)


async def read_ends(workplace: Workplace) -> dict[int, str]:
    """Return how each request ended; check that there is one a flow, and that nobody rejected it."""
    rows = await workplace.deployment.query("SELECT flow_id, state FROM changes")
    ends = {int(flow): str(state) for flow, state in rows}
    assert sorted(flow for flow, _ in rows) == sorted(workplace.flows)
    assert set(ends.values()) <= {"applied", "unknown"}, ends
    return ends


async def check_applied_once(workplace: Workplace, ends: dict[int, str]) -> None:
    store = workplace.deployment.enkapush.store
    assert all(store.flow(flow).is_enabled for flow, end in ends.items() if end == "applied")
    done = Counter(
        record.path.rstrip("/")
        for record in workplace.deployment.enkapush.requests
        if record.method == "POST" and record.texts.get("is_enabled") == "1"
    )
    assert all(done[f"/flows/{flow}"] == 1 for flow, end in ends.items() if end == "applied"), done
    assert all(done[f"/flows/{flow}"] <= 1 for flow in ends), done


async def check_votes(workplace: Workplace, ends: dict[int, str]) -> None:
    rows = await workplace.deployment.query(
        "SELECT c.flow_id, count(*) FROM changes c JOIN votes v ON v.change_id = c.id GROUP BY c.flow_id"
    )
    assert sorted(map(tuple, rows)) == [(flow, 2) for flow in sorted(workplace.flows)]
    told = await workplace.deployment.query(
        "SELECT action, count(*) FROM events WHERE action IN ('change.approved', 'change.applied') GROUP BY action"
    )
    assert dict(told) == {"change.approved": REQUESTS, "change.applied": list(ends.values()).count("applied")}


async def check_messages(workplace: Workplace) -> None:
    words = {"applied": "Applied", "unknown": "not known"}
    rows = await workplace.deployment.query("SELECT message_ts, state FROM changes")
    ends = {ts: words[state] for ts, state in rows}
    shown = {message.ts: message for name in workplace.flows.values() for message in workplace.list_messages(name)}
    wrong = [ts for ts, word in ends.items() if ts not in shown or word not in text_of(shown[ts])]
    assert not wrong, wrong
    twins = [message for ts, message in shown.items() if ts not in ends]
    print(f"{len(twins)} messages posted twice")  # noqa: T201 - pytest shows it where the test fails
    for twin in twins:
        await check_duplicate_message(workplace, twin)


async def check_notices(workplace: Workplace) -> None:
    """Check that who asked was told of every end, and mentioned once at most."""
    posted = workplace.deployment.slack.workspace.messages[MARKETING]
    for (ts,) in await workplace.deployment.query("SELECT message_ts FROM changes"):
        told = [message for message in posted if message.thread_ts == ts]
        mentions = [each for message in told for each in workplace.deployment.slack.find_mentions(message)]
        assert told
        assert [each.value for each in mentions] in ([], ["U0EMMA"])


async def check_duplicate_message(workplace: Workplace, twin: Message) -> None:
    """Check that a message posted just before a kill, which nothing knows of, shows the end once it is pressed."""

    def is_over() -> bool:
        return any(word in text_of(twin) for word in ("Applied", "not known"))

    if not is_over():
        await workplace.deployment.slack.person("U0BURAK").click(twin, "Approve")
        await eventually(is_over)
