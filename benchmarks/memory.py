"""Growth of memory: an hour's requests of all kinds in a minute or less."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from benchmarks.protocol import RequestKind
from benchmarks.report import Findings, Goal, Table, format_number, log_progress
from benchmarks.testbed import open_testbed

MIX: Final = (
    RequestKind.LIST,
    RequestKind.NEXT,
    RequestKind.SEARCH,
    RequestKind.NEXT_FOUND,
    RequestKind.EVENT,
    RequestKind.LIST,
    RequestKind.NEXT,
    RequestKind.SUBMIT,
)
"""The requests, in this order."""
GROWTH_MB: Final = 8.0


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        parts: Parts after which memory is read; the first is a warm-up that does not count.
        requests: Requests of each part.
        concurrency: Requests under way at once.
        flows: Flows of the account.
    """

    parts: int = 7
    requests: int = 400
    concurrency: int = 4
    flows: int = 1000


QUICK: Final = Plan(parts=2, requests=8, concurrency=2, flows=300)


async def run(plan: Plan) -> Findings:
    """Send the requests part by part, and read the memory after each."""
    log_progress("memory")
    kinds = list(islice(cycle(MIX), plan.requests))
    async with open_testbed(plan.flows) as testbed, testbed.serve() as (process, bot):
        servers = testbed.servers
        await servers.record(bot)
        memory = [process.memory()]
        for _ in range(plan.parts):
            requests = {kind: list(await servers.requests(kind, kinds.count(kind))) for kind in dict.fromkeys(kinds)}
            await bot.send_concurrently([requests[kind].pop() for kind in kinds], plan.concurrency)
            await servers.wait_until_quiet()
            await servers.clear()
            memory.append(process.memory())
    return build_findings(memory, plan)


def build_findings(memory: Sequence[float], plan: Plan) -> Findings:
    """Return the table and the goal."""
    counted = plan.requests * (len(memory) - 2)
    table = Table(
        "Resident memory after so many requests",
        f"Megabytes. {counted:,} requests after a warm-up of {plan.requests} are an hour of a hundred people who each "
        f"do something every two or three minutes; here without the pauses, {plan.concurrency} at a time, lists, page "
        "turns, searches, and forms that create a flow in turns. What grows with requests shows here as in an hour; "
        "what would grow with time alone does not.",
        ("Requests", *(f"{plan.requests * part:,}" for part in range(len(memory)))),
        (("MB", *(format_number(value) for value in memory)),),
    )
    grown = memory[-1] - memory[1]
    goal = Goal(f"growth over {counted:,} requests after the warm-up", grown, GROWTH_MB, " MB")
    return Findings("An hour's traffic", (table,), (goal,))
