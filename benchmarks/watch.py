"""The watch of a large account: what its rounds cost, and how much memory they leave."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from benchmarks.protocol import API_KEY
from benchmarks.report import Findings, Goal, Table, format_number, log_progress
from benchmarks.testbed import Testbed, open_testbed

PAGE: Final = 1000
ROUND_SECONDS: Final = 600.0
"""A round ends in that time, however busy the machine is."""
MOST_ABOVE_BARE: Final = 10
"""Seconds of processor time."""
MOST_MEMORY: Final = 1.05
FLAT_FROM: Final = 3
"""Memory is flat from this round on."""


@dataclass(frozen=True)
class Plan:
    """The extent of a run.

    Attributes:
        flows: Flows of the account.
        moving: The share of them whose totals move between two rounds, each time others.
        rounds: Rounds of the watch, with its first reading.
        seconds: Seconds between the beginnings of two rounds, where they are shorter.
    """

    flows: int = 100_000
    moving: float = 0.01
    rounds: int = 8
    seconds: int = 2


QUICK: Final = Plan(flows=300, rounds=3)


@dataclass(frozen=True)
class Round:
    """A round of the watch: seconds of processor time with all that follows it, and MB of memory after it."""

    cost: float
    memory: float


async def run(plan: Plan) -> Findings:
    """Measure the rounds, and what the bare pages cost."""
    log_progress(f"watch: {plan.flows:,} flows")
    async with open_testbed(plan.flows) as testbed:
        bare = await asyncio.to_thread(read_bare, testbed.servers.addresses.enkapush)
        return build_findings(bare, await measure_rounds(testbed, plan), plan)


def read_bare(enkapush: str) -> float:
    """Return the seconds of processor time in which httpx and json read all pages."""
    number, last = 0, 1
    with httpx.Client(base_url=enkapush, headers={"Authorization": f"Bearer {API_KEY}"}) as client:
        began = time.thread_time()
        while (number := number + 1) <= last:
            answer = client.get("/flows/", params={"page": number, "results_per_page": PAGE})
            last = json.loads(answer.raise_for_status().content)["meta"]["total_pages"]
        return time.thread_time() - began


async def measure_rounds(testbed: Testbed, plan: Plan) -> Sequence[Round]:
    """Measure rounds that follow each other, from the first reading of the account on."""
    rounds: list[Round] = []
    async with testbed.serve(watch_seconds=plan.seconds) as (process, _):
        before = process.cpu()
        for number in range(1, plan.rounds + 1):
            await process.wait_for_output(rf"watch\.round .*\bnumber={number}\b", ROUND_SECONDS)
            after = process.cpu()
            rounds.append(Round(after - before, process.memory()))
            before = after
            await testbed.servers.move_totals(plan.moving)
    return rounds


def build_findings(bare: float, rounds: Sequence[Round], plan: Plan) -> Findings:
    """Return the table and the goals."""
    table = Table(
        "Rounds that follow each other",
        "Seconds of processor time of a round with all that the process did since the one before, and MB resident "
        f"after it. The first one reads and stores the account; before each other one the totals of {plan.moving:.0%} "
        f"of the flows move, each time of others. httpx and json read the bare pages in {format_number(bare)} s.",
        ("Round", *(str(number) for number in range(1, len(rounds) + 1))),
        (
            ("processor time", *(format_number(each.cost) for each in rounds)),
            ("memory", *(format_number(each.memory) for each in rounds)),
        ),
    )
    first, *others = (each.cost - bare for each in rounds)
    memory = rounds[-1].memory / rounds[FLAT_FROM - 1].memory
    goals = (
        Goal("a reading, above the bare pages", max(others), MOST_ABOVE_BARE, " s"),
        Goal("the first reading, which stores the account, above them", first, MOST_ABOVE_BARE, " s"),
        Goal("memory after the last round, against the third", memory, MOST_MEMORY, " ×"),
    )
    return Findings(f"The watch of {plan.flows:,} flows", (table,), goals)
