"""Lists of large accounts: the time to finished answers, memory, and the longest block of the event loop."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.load import HttpTarget, connect, exchange, sign
from benchmarks.processes import Process, median
from benchmarks.protocol import RequestKind, SlackRequest
from benchmarks.report import Findings, Goal, Table, format_ms, format_number, log_progress
from benchmarks.testbed import FakeServers, open_testbed

PROBE_GAP_SECONDS: Final = 0.005
PROBE: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        sizes: Flows of the account; the goals are about the last.
        repeats: Repeats of each request.
        stale_seconds: The least age at which a list is fetched anew.
        rest_factor: The rest before the next fetch, in lengths of the first one.
        quiet_seconds: The silence towards Enkapush after which a fetch is over.
    """

    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    repeats: int = 12
    stale_seconds: float = 6.0
    rest_factor: float = 3.2
    quiet_seconds: float = 3.0


QUICK: Final = Plan(sizes=(300,), repeats=2, stale_seconds=0.0, rest_factor=0.0, quiet_seconds=0.1)


@dataclass(frozen=True)
class Cost:
    """Seconds to the finished answer, and flowbot's processor time in them."""

    wall: float
    cpu: float


@dataclass
class LongestBlock:
    """The longest time that the event loop did not answer, seen by a probe every few milliseconds.

    Attributes:
        cpu: In seconds of flowbot's own processor time, without what others do to the machine.
        wall: In seconds of the clock.
    """

    cpu: float = 0.0
    wall: float = 0.0


@dataclass(frozen=True)
class SizeResult:
    """The measurements with one size of the account. Memory is in MB, `refetch` in seconds of processor time."""

    flows: int
    cold: Cost
    cold_block: LongestBlock
    warm: Cost
    turn: Cost
    search: Cost
    refetch: float
    refetch_block: LongestBlock
    memory_before: float
    memory_after: float
    memory_peak: float


async def run(plan: Plan) -> Findings:
    """Measure each size."""
    return build_findings([await measure_size(flows, plan) for flows in plan.sizes])


async def measure_size(flows: int, plan: Plan) -> SizeResult:
    """Measure one flowbot, from its first list on."""
    log_progress(f"catalog: {flows:,} flows")
    async with open_testbed(flows) as testbed, testbed.serve() as (process, bot):
        servers = testbed.servers
        memory_before = process.memory()
        async with probe_block(process, bot) as cold_block:
            (cold,) = await measure_costs(servers, process, bot, await servers.requests(RequestKind.LIST, 1))

        async def typical_cost(kind: RequestKind) -> Cost:
            costs = await measure_costs(servers, process, bot, await servers.requests(kind, plan.repeats))
            return Cost(median([cost.wall for cost in costs]), median([cost.cpu for cost in costs]))

        warm = await typical_cost(RequestKind.LIST)
        await servers.record(bot, with_form=False)
        await servers.wait_until_quiet()
        turn = await typical_cost(RequestKind.NEXT)
        search = await typical_cost(RequestKind.NEXT_FOUND)

        await asyncio.sleep(max(plan.stale_seconds, plan.rest_factor * cold.wall))
        async with probe_block(process, bot) as refetch_block:
            began = process.cpu()
            await measure_costs(servers, process, bot, await servers.requests(RequestKind.LIST, 1))
            await servers.wait_until_quiet(plan.quiet_seconds)
            refetch = process.cpu() - began
        return SizeResult(
            flows=flows,
            cold=cold,
            cold_block=cold_block,
            warm=warm,
            turn=turn,
            search=search,
            refetch=refetch,
            refetch_block=refetch_block,
            memory_before=memory_before,
            memory_after=process.memory(),
            memory_peak=process.peak_memory(),
        )


async def measure_costs(
    servers: FakeServers, process: Process, bot: HttpTarget, requests: Sequence[SlackRequest]
) -> list[Cost]:
    """Send the requests one after the other, and return the cost of each."""
    costs = []
    with connect(bot.port) as connection:
        for request in requests:
            began, cpu_began = time.monotonic(), process.cpu()
            await asyncio.to_thread(exchange, connection, sign(request))
            answered_at = await servers.wait_for_answers([request])
            costs.append(Cost(answered_at[request.answer_path] - began, process.cpu() - cpu_began))
    return costs


@asynccontextmanager
async def probe_block(process: Process, bot: HttpTarget) -> AsyncIterator[LongestBlock]:
    """Probe `/healthz` until the block ends."""
    block, stop = LongestBlock(), threading.Event()

    def probe() -> None:
        with connect(bot.port) as connection:
            while not stop.wait(PROBE_GAP_SECONDS):
                began, cpu_began = time.monotonic(), process.cpu()
                exchange(connection, PROBE)
                block.cpu = max(block.cpu, process.cpu() - cpu_began)
                block.wall = max(block.wall, time.monotonic() - began)

    probing = asyncio.create_task(asyncio.to_thread(probe))
    try:
        yield block
    finally:
        stop.set()
        await probing


def build_findings(sizes: Sequence[SizeResult]) -> Findings:
    """Return the tables, and the goals of the largest account."""
    costs = Table(
        "From a command to its finished answer",
        "Milliseconds from sending the request to the answer at its response URL / of flowbot's processor time in it. "
        "*Cold* is the first list after a start: all pages are fetched, and the stand-in makes them. *Anew* is the "
        "processor time of a later fetch, in the background. Medians, but for these two.",
        ("Flows", "cold", "warm list", "page turn", "search", "anew"),
        tuple(
            (
                f"{size.flows:,}",
                *(
                    f"{format_ms(cost.wall)} / {format_ms(cost.cpu)}"
                    for cost in (size.cold, size.warm, size.turn, size.search)
                ),
                format_ms(size.refetch),
            )
            for size in sizes
        ),
    )
    memory = Table(
        "Memory, and how long nobody is heard",
        "Megabytes resident: after the start, with the catalog fetched twice, and the most there ever was. The longest "
        "that the event loop did nothing else, in ms of flowbot's own processor time (in brackets as the clock on the "
        f"wall has it, with all that the machine did besides), seen by knocking every {PROBE_GAP_SECONDS * 1000:.0f} "
        "ms.",
        ("Flows", "at the start", "with the catalog", "the most", "longest block, cold", "longest block, anew"),
        tuple(
            (
                f"{size.flows:,}",
                *(format_number(value) for value in (size.memory_before, size.memory_after, size.memory_peak)),
                *(
                    f"{format_ms(block.cpu)} ({format_ms(block.wall)})"
                    for block in (size.cold_block, size.refetch_block)
                ),
            )
            for size in sizes
        ),
    )
    largest = sizes[-1]
    account = f"{largest.flows:,} flows"
    longest_block = max(largest.cold_block.cpu, largest.refetch_block.cpu)
    goals = (
        Goal(f"{account}: page turn, processor time", largest.turn.cpu * 1000, 50, " ms"),
        Goal(f"{account}: search, processor time", largest.search.cpu * 1000, 50, " ms"),
        Goal(f"{account}: memory with the catalog", largest.memory_after, 300, " MB"),
        Goal(f"{account}: the most memory", largest.memory_peak, 300, " MB"),
        Goal(f"{account}: longest block of the event loop", longest_block * 1000, 50, " ms"),
    )
    return Findings("Catalogs", (costs, memory), goals)
