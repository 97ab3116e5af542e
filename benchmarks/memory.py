"""Whether flowbot grows: an hour's requests in a minute or less, of all kinds, and its memory on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from benchmarks.lab import Lab, lab
from benchmarks.load import HttpTarget
from benchmarks.report import Findings, Goal, Table, number, say
from benchmarks.wire import What

MIX: Final = (What.LIST, What.NEXT, What.SEARCH, What.NEXT_FOUND, What.EVENT, What.LIST, What.NEXT, What.SUBMIT)
"""What people do, in turns."""
GROWTH_MB: Final = 8.0


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        parts: After each the memory is read; the first is for warming up and does not count.
        requests: Of each part.
        at_once: How many are under way.
        flows: What the account has.
    """

    parts: int = 7
    requests: int = 400
    at_once: int = 4
    flows: int = 1000


QUICK: Final = Plan(parts=2, requests=8, at_once=2, flows=300)


async def run(plan: Plan) -> Findings:
    """Let them work, and watch."""
    say("memory")
    async with lab(plan.flows) as here, here.serving() as (process, bot):
        await here.stage.begin(bot)
        memory = [process.memory()]
        for _ in range(plan.parts):
            await part(here, bot, plan)
            memory.append(process.memory())
    return findings(memory, plan)


async def part(here: Lab, bot: HttpTarget, plan: Plan) -> None:
    """Some of everything."""
    done = list(islice(cycle(MIX), plan.requests))
    piles = {what: list(await here.stage.shots(what, done.count(what))) for what in dict.fromkeys(done)}
    await bot.together([piles[what].pop() for what in done], plan.at_once)
    await here.stage.quiet()
    await here.stage.forget()


def findings(memory: Sequence[float], plan: Plan) -> Findings:
    """The table, and what was wanted."""
    counted = plan.requests * (len(memory) - 2)
    grown = memory[-1] - memory[1]
    table = Table(
        "Resident memory after so many requests",
        f"Megabytes. {counted:,} requests after a warm-up of {plan.requests} are an hour of a hundred people who each "
        f"do something every two or three minutes; here without the pauses, {plan.at_once} at a time, lists, page "
        "turns, searches, and forms that create a flow in turns. What grows with requests shows here as in an hour; "
        "what would grow with time alone does not.",
        ("Requests", *(f"{plan.requests * number_:,}" for number_ in range(len(memory)))),
        (("MB", *(number(value) for value in memory)),),
    )
    goal = Goal(f"growth over {counted:,} requests after the warm-up", grown, GROWTH_MB, " MB")
    return Findings("An hour's traffic", (table,), (goal,))
