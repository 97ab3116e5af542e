"""What large accounts cost: the first list, later ones, turning pages, searching, fetching anew, memory."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.lab import Lab, Stage, lab
from benchmarks.load import HttpTarget, exchange, line_to, signed
from benchmarks.processes import Process, middle
from benchmarks.report import Findings, Goal, Table, ms, number, say
from benchmarks.wire import Shot, What

KNOCK_GAP: Final = 0.005
KNOCK: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        sizes: Flows of the account; the goals are about the last.
        repeats: How often each thing is done.
        rest: Seconds at least after which a list is old enough to be fetched anew.
        rests: How many times as long as the first reading took it must have rested, too.
        calm: Seconds without a word to Enkapush after which it has been fetched.
    """

    sizes: tuple[int, ...] = (100, 5_000, 100_000)
    repeats: int = 12
    rest: float = 6.0
    rests: float = 3.2
    calm: float = 3.0


QUICK: Final = Plan(sizes=(300,), repeats=2, rest=0.0, rests=0.0, calm=0.1)


@dataclass(frozen=True)
class Cost:
    """What something took: seconds until the finished answer, and seconds of flowbot's processor time."""

    wall: float
    cpu: float


@dataclass
class Stalls:
    """How long flowbot had no ear for anybody, seen by somebody who knocks every few milliseconds.

    Attributes:
        cpu: The longest, in seconds of flowbot's own processor time: what others do to the machine does not count.
        wall: The longest that somebody waited.
    """

    cpu: float = 0.0
    wall: float = 0.0


@dataclass(frozen=True)
class Sized:
    """What was measured with one size of the account."""

    flows: int
    cold: Cost
    cold_stalls: Stalls
    warm: Cost
    turn: Cost
    search: Cost
    anew: float
    anew_stalls: Stalls
    before: float
    after: float
    peak: float


async def run(plan: Plan) -> Findings:
    """Measure each size."""
    return findings([await sized(flows, plan) for flows in plan.sizes])


async def sized(flows: int, plan: Plan) -> Sized:
    """One flowbot, from its first list on."""
    say(f"catalog: {flows:,} flows")
    async with lab(flows) as here, here.serving() as (process, bot):
        before = process.memory()
        async with knocking(process, bot) as cold_stalls:
            (cold,) = await costs(here.stage, process, bot, await here.stage.shots(What.LIST, 1))
        warm = typical(await costs(here.stage, process, bot, await here.stage.shots(What.LIST, plan.repeats)))
        await here.stage.begin(bot, forms=False)
        await here.stage.quiet()
        turn = typical(await costs(here.stage, process, bot, await here.stage.shots(What.NEXT, plan.repeats)))
        search = typical(await costs(here.stage, process, bot, await here.stage.shots(What.NEXT_FOUND, plan.repeats)))
        anew, anew_stalls = await fetched_anew(here, process, bot, plan, cold.wall)
        return Sized(
            flows=flows,
            cold=cold,
            cold_stalls=cold_stalls,
            warm=warm,
            turn=turn,
            search=search,
            anew=anew,
            anew_stalls=anew_stalls,
            before=before,
            after=process.memory(),
            peak=process.peak(),
        )


async def costs(stage: Stage, process: Process, bot: HttpTarget, shots: Sequence[Shot]) -> list[Cost]:
    """What each of these took, one after the other."""
    found = []
    with line_to(bot.port) as line:
        for shot in shots:
            began, spent = time.monotonic(), process.cpu()
            await asyncio.to_thread(exchange, line, signed(shot))
            at = await stage.finished([shot])
            found.append(Cost(at[shot.answer_at] - began, process.cpu() - spent))
    return found


async def fetched_anew(here: Lab, process: Process, bot: HttpTarget, plan: Plan, took: float) -> tuple[float, Stalls]:
    """Processor time of a fetch while an older list is served, and how long nobody was heard meanwhile."""
    await asyncio.sleep(max(plan.rest, plan.rests * took))
    async with knocking(process, bot) as stalls:
        spent = process.cpu()
        await costs(here.stage, process, bot, await here.stage.shots(What.LIST, 1))
        await here.stage.quiet(plan.calm)
        return process.cpu() - spent, stalls


@asynccontextmanager
async def knocking(process: Process, bot: HttpTarget) -> AsyncIterator[Stalls]:
    """Knock at `/healthz` until the block ends."""
    stalls, over = Stalls(), threading.Event()
    running = asyncio.create_task(asyncio.to_thread(knock, process, bot.port, stalls, over))
    try:
        yield stalls
    finally:
        over.set()
        await running


def knock(process: Process, port: int, stalls: Stalls, over: threading.Event) -> None:
    """Knock, and note the longest wait."""
    with line_to(port) as line:
        while not over.wait(KNOCK_GAP):
            began, spent = time.monotonic(), process.cpu()
            exchange(line, KNOCK)
            stalls.cpu = max(stalls.cpu, process.cpu() - spent)
            stalls.wall = max(stalls.wall, time.monotonic() - began)


def typical(found: Sequence[Cost]) -> Cost:
    """The medians."""
    return Cost(middle([cost.wall for cost in found]), middle([cost.cpu for cost in found]))


def findings(sizes: Sequence[Sized]) -> Findings:
    """The tables, and what was wanted of the largest account."""
    times = Table(
        "From a command to its finished answer",
        "Milliseconds from sending the request to the answer at its response URL / of flowbot's processor time in it. "
        "*Cold* is the first list after a start: all pages are fetched, and the stand-in makes them. *Anew* is the "
        "processor time of a later fetch, in the background. Medians, but for these two.",
        ("Flows", "cold", "warm list", "page turn", "search", "anew"),
        tuple(
            (f"{size.flows:,}", *(both(cost) for cost in (size.cold, size.warm, size.turn, size.search)), ms(size.anew))
            for size in sizes
        ),
    )
    room = Table(
        "Memory, and how long nobody is heard",
        "Megabytes resident: after the start, with the catalog fetched twice, and the most there ever was. The longest "
        "that the event loop did nothing else, in ms of flowbot's own processor time (in brackets as the clock on the "
        f"wall has it, with all that the machine did besides), seen by knocking every {KNOCK_GAP * 1000:.0f} ms.",
        ("Flows", "at the start", "with the catalog", "the most", "longest block, cold", "longest block, anew"),
        tuple(
            (
                f"{size.flows:,}",
                *(number(value) for value in (size.before, size.after, size.peak)),
                blocked(size.cold_stalls),
                blocked(size.anew_stalls),
            )
            for size in sizes
        ),
    )
    return Findings("Catalogs", (times, room), wanted(sizes[-1]))


def wanted(size: Sized) -> tuple[Goal, ...]:
    """The goals of the largest account."""
    of = f"{size.flows:,} flows"
    block = max(size.cold_stalls.cpu, size.anew_stalls.cpu)
    return (
        Goal(f"{of}: page turn, processor time", size.turn.cpu * 1000, 50, " ms"),
        Goal(f"{of}: search, processor time", size.search.cpu * 1000, 50, " ms"),
        Goal(f"{of}: memory with the catalog", size.after, 300, " MB"),
        Goal(f"{of}: the most memory", size.peak, 300, " MB"),
        Goal(f"{of}: longest block of the event loop", block * 1000, 50, " ms"),
    )


def both(cost: Cost) -> str:
    """The two sides of a cost."""
    return f"{ms(cost.wall)} / {ms(cost.cpu)}"


def blocked(stalls: Stalls) -> str:
    """The longest block."""
    return f"{ms(stalls.cpu)} ({ms(stalls.wall)})"
