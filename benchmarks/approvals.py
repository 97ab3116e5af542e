"""What approvals cost: many people approve many requests at once, on both databases, with one and two processes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import pytest

from benchmarks.lab import Lab, lab
from benchmarks.load import HttpTarget
from benchmarks.processes import Process, middle
from benchmarks.report import Findings, Table, ms, number, say
from benchmarks.wire import VOTERS, Shot, What
from tests.conftest import PostgresqlServer, new_cluster

SETTLED_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 120.0
COUNTED: Final = "SELECT count(*) FROM votes"


@dataclass(frozen=True)
class Plan:
    """How much is voted.

    Attributes:
        requests: How many wait for approval.
        turns: How often one process and two have their turn; in each so many people vote on every request.
        at_once: Votes under way.
    """

    requests: int = 24
    turns: int = 2
    at_once: int = 16

    @property
    def votes(self) -> int:
        """Of one turn."""
        return self.requests * (VOTERS // (2 * self.turns))


QUICK: Final = Plan(requests=1, turns=1, at_once=2)


@dataclass
class Voted:
    """Votes a second by turns, and seconds of processor time a vote."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Bot:
    """A flowbot."""

    process: Process
    target: HttpTarget


async def run(plan: Plan) -> Findings:
    """Vote on each database that there is."""
    rows: list[tuple[str, ...]] = []
    async for name, here in labs(plan):
        say(f"approvals: {name}")
        rows += described(name, await voted(here, plan))
    table = Table(
        "Votes on requests for approval",
        f"{plan.requests} requests of which each gets {plan.votes // plan.requests} votes a turn, {plan.at_once} at "
        "once; counted until every request's message shows its votes. SQLite waits for the disk, "
        "PostgreSQL is told not to. "
        "One and two processes vote by turns on the same database; the last column compares them.",
        ("Database", "processes", "votes a second", "ms of processor time a vote", "two : one"),
        tuple(rows),
    )
    return Findings("Approvals", (table,))


async def labs(plan: Plan) -> AsyncIterator[tuple[str, Lab]]:
    """One with SQLite and, where it is installed, one with PostgreSQL."""
    flows = 20 * plan.requests
    async with lab(flows) as here:
        yield "SQLite", here
    with suppress(pytest.skip.Exception), new_cluster() as cluster:
        server = PostgresqlServer(cluster.url)
        with server.new_database() as name:
            async with lab(flows, server.url_of(name)) as here:
                yield "PostgreSQL", here


async def voted(here: Lab, plan: Plan) -> tuple[Voted, Voted]:
    """What one process makes of it, and what two do."""
    async with AsyncExitStack() as stack:
        bots = [Bot(*await stack.enter_async_context(here.serving())) for _ in range(2)]
        await here.stage.ask_for_approvals(bots[0].target, plan.requests)
        shots = list(await here.stage.shots(What.VOTE, 2 * plan.turns * plan.votes))
        one, two = Voted(), Voted()
        for turn in range(2 * plan.turns):
            mine = shots[turn * plan.votes : (turn + 1) * plan.votes]
            await vote(here, bots[: 1 + turn % 2], mine, plan, two if turn % 2 else one)
        return one, two


async def vote(here: Lab, bots: Sequence[Bot], shots: Sequence[Shot], plan: Plan, voted: Voted) -> None:
    """One turn."""
    wanted = await here.number(COUNTED) + len(shots)
    spent, began = [bot.process.cpu() for bot in bots], here.stage.now()
    piles = (shots[number_ :: len(bots)] for number_ in range(len(bots)))
    await asyncio.gather(
        *(bot.target.together(pile, plan.at_once // len(bots)) for bot, pile in zip(bots, piles, strict=True))
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await here.number(COUNTED) < wanted:  # noqa: ASYNC110 - another process writes there
            await asyncio.sleep(LOOK_SECONDS)
    done = await here.stage.quiet(SETTLED_SECONDS)
    voted.rates.append(len(shots) / (done.last - began))
    used = sum(bot.process.cpu() - before for bot, before in zip(bots, spent, strict=True))
    voted.cpu.append(used / len(shots))


def described(name: str, voted: tuple[Voted, Voted]) -> list[tuple[str, ...]]:
    """The rows of one database."""
    one, two = voted
    more = middle([both / single for single, both in zip(one.rates, two.rates, strict=True)])
    return [row(name, "1", one, "–"), row(name, "2", two, f"{more:.2f}")]


def row(name: str, processes: str, voted: Voted, more: str) -> tuple[str, ...]:
    """One row."""
    return name, processes, number(middle(voted.rates)), ms(middle(voted.cpu)), more
