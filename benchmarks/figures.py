"""Figures by day: what statistics cost over two years, and how the database grows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import update

from benchmarks.growth import measure_cost
from benchmarks.processes import median
from benchmarks.protocol import RequestKind
from benchmarks.report import Findings, Goal, Table, format_ms, format_number, log_progress
from benchmarks.testbed import TIMEOUT_SECONDS, Testbed, open_testbed
from flowbot.domain.figures import DayTotals, FlowMove
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.figures import record_reading
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.storage.tables import figure_days

KINDS: Final = (RequestKind.STATS_7, RequestKind.STATS_90, RequestKind.STATS_OF_ONE)
MOST_MS: Final = 50
MOST_MB_A_DAY: Final = 1
ZONE: Final = ZoneInfo("Europe/Istanbul")
WATCH_SECONDS: Final = 3600
MOVING: Final = 100
"""Of so many flows one moves."""
WEBSITES: Final = 3


@dataclass(frozen=True)
class Plan:
    """The extent of a run: flows of the account, days of figures, and repeats of each request."""

    flows: int = 100_000
    days: int = 731
    repeats: int = 7


QUICK: Final = Plan(flows=300, days=10, repeats=1)


@dataclass(frozen=True)
class FiguresResult:
    """The measurements: seconds of processor time by request, and the bytes that a day takes."""

    answers: dict[RequestKind, float]
    day_bytes: float


async def run(plan: Plan) -> Findings:
    """Store two years of figures, and ask for statistics."""
    log_progress("figures")
    async with open_testbed(plan.flows) as testbed:
        day_bytes = await fill(testbed, plan)
        async with testbed.serve(watch_seconds=WATCH_SECONDS) as (process, bot):
            await wait_for_reading(testbed)
            await testbed.servers.record(bot, with_form=False)
            for kind in KINDS:
                await measure_cost(testbed.servers, process, bot, kind)
            answers = {
                kind: median([await measure_cost(testbed.servers, process, bot, kind) for _ in range(plan.repeats)])
                for kind in KINDS
            }
    return build_findings(FiguresResult(answers, day_bytes), plan)


async def fill(testbed: Testbed, plan: Plan) -> float:
    """Store figures of the days before today, in which the same flows move; return the bytes that a day takes."""
    today = utc_now().astimezone(ZONE).date()
    before = measure_size(testbed)
    async with open_migrated(testbed.database) as database:
        for number in range(plan.days, 0, -1):
            day = today - timedelta(days=number)
            async with database.write() as connection:
                await record_reading(connection, datetime.combine(day, time(12), ZONE), list_moves(day, plan), ZONE)
        async with database.write() as connection:
            await connection.execute(update(figure_days).values(is_whole=True))
    return (measure_size(testbed) - before) / plan.days


def measure_size(testbed: Testbed) -> int:
    """Return the bytes of the database, which nobody has open."""
    return Path(testbed.database.removeprefix("sqlite:///")).stat().st_size


def list_moves(day: date, plan: Plan) -> Sequence[FlowMove]:
    """List what moves in a day."""
    return [
        FlowMove(
            FlowId(flow),
            WebsiteId(1 + flow % WEBSITES),
            DayTotals(100 + (flow + day.day) % 400, 90 + flow % 90, 2 + flow % 30, flow % 9),
        )
        for flow in range(1, plan.flows + 1, MOVING)
    ]


async def wait_for_reading(testbed: Testbed) -> None:
    """Wait until the watch has read all flows once: it does not again within the hour."""
    async with open_migrated(testbed.database) as database, asyncio.timeout(TIMEOUT_SECONDS):
        watch = ObservedFlowRepository(database, ZONE)
        while (state := await watch.get_state()).version < 1 or state.lease is not None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(1)


def build_findings(result: FiguresResult, plan: Plan) -> Findings:
    """Return the table and the goals."""
    size = result.day_bytes / 2**20
    table = Table(
        "Statistics over two years",
        f"Of {plan.flows:,} flows one of {MOVING} moves each day, for {plan.days} days. Milliseconds of processor time "
        "of an answer and all that follows it, medians; and the MB by which figures grow the database in a day, "
        "however often the totals are read.",
        ("", *KINDS, "a day, MB"),
        (("figures", *(format_ms(result.answers[kind]) for kind in KINDS), format_number(size)),),
    )
    goals = (
        *(Goal(f"{kind}, processor time", result.answers[kind] * 1000, MOST_MS, " ms") for kind in KINDS),
        Goal("growth of the database a day", size, MOST_MB_A_DAY, " MB"),
    )
    return Findings("Figures by day", (table,), goals)
