"""Growth with the history: Home, approvals, history and the audit trail by the number of changes."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import history
from benchmarks.load import HttpTarget, connect, exchange, sign
from benchmarks.processes import Process, median
from benchmarks.protocol import RequestKind, SlackRequest
from benchmarks.report import Findings, Goal, Table, format_ms, format_number, log_progress
from benchmarks.testbed import FakeServers, Testbed, open_testbed

KINDS: Final = (RequestKind.HOME, RequestKind.APPROVALS, RequestKind.HISTORY)
MOST_MS: Final = 50
LEAST_CREATES: Final = 60
"""Creates that are finished a second."""
LOOK_SECONDS: Final = 0.02
REFUSED_SECONDS: Final = 5
"""Forms without a flow are refused where no flow has come for that long."""


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        sizes: Changes in the database; the goals are about the last.
        repeats: Repeats of each request.
        flows: Flows of the account.
    """

    sizes: tuple[int, ...] = (100, 1_000, 20_000)
    repeats: int = 7
    flows: int = 1000
    creates: int = 300
    concurrency: int = 50


QUICK: Final = Plan(sizes=(40,), repeats=1, flows=300, creates=2, concurrency=2)


@dataclass(frozen=True)
class SizeResult:
    """The measurements with one number of changes: seconds of processor time, and MB."""

    changes: int
    answers: dict[RequestKind, float]
    memory_before: float
    memory_after: float
    export: float
    export_memory: float


@dataclass(frozen=True)
class Creates:
    """Flows that were created together: how many a second, the seconds of processor time of each, and the refused."""

    rate: float
    cost: float
    refused: int


async def run(plan: Plan) -> Findings:
    """Measure each size, and flows that are created together."""
    sizes = [await measure_size(changes, plan) for changes in plan.sizes]
    return build_findings(sizes, await measure_creates(plan), plan)


async def measure_creates(plan: Plan) -> Creates:
    """Measure forms that create a flow, until all of them are finished: some may be refused, as they came too fast."""
    log_progress("growth: creates")
    async with open_testbed(plan.flows) as testbed, testbed.serve() as (process, bot):
        await testbed.servers.record(bot)
        requests = await testbed.servers.requests(RequestKind.SUBMIT, plan.creates)
        began, sent_at = process.cpu(), time.monotonic()
        created, last_at = await create_flows(testbed.servers, bot, requests, plan.concurrency)
        return Creates(created / (last_at - sent_at), (process.cpu() - began) / created, len(requests) - created)


async def create_flows(
    servers: FakeServers, bot: HttpTarget, requests: Sequence[SlackRequest], concurrency: int
) -> tuple[int, float]:
    """Send the forms, so many under way until their flows are there; return how many are, and since when."""
    before, last_at = (await servers.take_activity()).flows, time.monotonic()
    sent = created = refused = 0
    while True:
        flows = (await servers.take_activity()).flows
        if flows - before > created:
            created, last_at = flows - before, time.monotonic()
        if created == len(requests):
            return created, last_at
        if time.monotonic() - last_at > REFUSED_SECONDS:
            refused, is_over = sent - created, sent == len(requests)
            if is_over:
                return created, last_at
            last_at = time.monotonic()
        batch = requests[sent : sent + concurrency - (sent - created - refused)]
        sent += len(batch)
        if batch:
            await bot.send_concurrently(batch, len(batch))
        await asyncio.sleep(LOOK_SECONDS)


async def measure_size(changes: int, plan: Plan) -> SizeResult:
    """Measure the answers of one flowbot, then an export."""
    log_progress(f"growth: {changes:,} changes")
    async with open_testbed(plan.flows) as testbed:
        await history.fill(testbed.database, changes)
        async with testbed.serve() as (process, bot):
            # What Slack and Enkapush say of people and flows is there, as it is for all but the first.
            for kind in KINDS:
                await measure_cost(testbed.servers, process, bot, kind)
            memory_before = process.memory()
            costs = {
                kind: median([await measure_cost(testbed.servers, process, bot, kind) for _ in range(plan.repeats)])
                for kind in KINDS
            }
            memory_after = process.memory()
        export, export_memory = await measure_export(testbed)
        return SizeResult(changes, costs, memory_before, memory_after, export, export_memory)


async def measure_cost(servers: FakeServers, process: Process, bot: HttpTarget, kind: RequestKind) -> float:
    """Return the seconds of processor time of an answer, and of all that follows it."""
    (request,) = await servers.requests(kind, 1)
    began, sent_at = process.cpu(), time.monotonic()
    with connect(bot.port) as connection:
        await asyncio.to_thread(exchange, connection, sign(request))
    await servers.wait_until_quiet(since=sent_at)
    return process.cpu() - began


async def measure_export(testbed: Testbed) -> tuple[float, float]:
    """Return the seconds of processor time and the most memory of `flowbot audit export`."""
    cpu, memory = 0.0, 0.0
    async with testbed.run("audit", "export") as process:
        while process.child.returncode is None:
            cpu, memory = max(cpu, process.cpu()), max(memory, process.peak_memory())
            await asyncio.sleep(LOOK_SECONDS)
    return cpu, memory


def build_findings(sizes: Sequence[SizeResult], creates: Creates, plan: Plan) -> Findings:
    """Return the tables, and the goals of the longest history."""
    answers = Table(
        "Answers by the length of the history",
        "Milliseconds of processor time of an answer and all that follows it within a tenth of a second, medians. "
        f"One of {history.CHANGES_AN_OPEN_ONE} changes is open, and each has {history.EVENTS_A_CHANGE} events.",
        ("Changes", *KINDS, "memory before, MB", "after"),
        tuple(
            (
                f"{size.changes:,}",
                *(format_ms(size.answers[kind]) for kind in KINDS),
                format_number(size.memory_before),
                format_number(size.memory_after),
            )
            for size in sizes
        ),
    )
    export = Table(
        "flowbot audit export",
        "The whole process with its start: seconds of processor time, and the most memory in MB.",
        ("Events", "seconds", "the most memory"),
        tuple(
            (
                f"{size.changes * history.EVENTS_A_CHANGE:,}",
                format_number(size.export),
                format_number(size.export_memory),
            )
            for size in sizes
        ),
    )
    created = Table(
        f"Creates, {plan.concurrency} at a time",
        "On SQLite. The stand-ins and the load share the machine with flowbot, so the rate is theirs, too. The "
        "processor time is flowbot's, in ms.",
        ("", "finished a second", "processor time of each", "refused as flowbot was busy"),
        (("creates", format_number(creates.rate), format_ms(creates.cost), str(creates.refused)),),
    )
    longest = sizes[-1]
    goals = tuple(
        Goal(f"{longest.changes:,} changes: {kind}, processor time", longest.answers[kind] * 1000, MOST_MS, " ms")
        for kind in KINDS
    )
    finished = Goal("creates finished a second", creates.rate, LEAST_CREATES, at_least=True)
    return Findings("Growth with the history", (answers, export, created), (*goals, finished))
