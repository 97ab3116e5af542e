"""How soon flowbot is ready: from the start of its process to `/readyz`."""

import asyncio
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.lab import Lab, lab
from benchmarks.load import exchange, line_to
from benchmarks.processes import Process, middle, running
from benchmarks.report import Findings, Table, ms, number, say

READY: Final = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LOOK_SECONDS: Final = 0.002


@dataclass(frozen=True)
class Plan:
    """How often each is started."""

    rounds: int = 5


QUICK: Final = Plan(rounds=1)


@dataclass(frozen=True)
class Start:
    """Seconds until it was ready, seconds of processor time, and megabytes resident then."""

    wall: float
    cpu: float
    memory: float


async def run(plan: Plan) -> Findings:
    """Start each by turns."""
    say("startup")
    found: dict[str, list[Start]] = {}
    async with lab(100) as here:
        for number_ in range(plan.rounds):
            for name, start in (
                ("bare aiohttp", control(here.folder, "aiohttp-http")),
                ("Bolt's defaults", control(here.folder, "bolt-http")),
                ("flowbot", flowbot(here, here.database)),
                ("flowbot, new database", flowbot(here, f"sqlite:///{here.folder / f'new-{number_}.db'}")),
            ):
                found.setdefault(name, []).append(await start)
    rows = ((name, *row(starts), f"{factor(starts, found['bare aiohttp']):.1f}") for name, starts in found.items())
    table = Table(
        "From the start of the process to the first 200 of `/readyz`",
        "Medians. flowbot's means that database and Enkapush answer; the controls' only that they listen. The last "
        "column compares the times by turns.",
        ("What", "ms", "ms of processor time", "MB resident", ": bare aiohttp"),
        tuple(rows),
    )
    return Findings("Start", (table,))


async def control(folder: Path, name: str) -> Start:
    """Start a control."""
    async with running("benchmarks.controls", name, folder=folder) as process:
        found = await process.says(r"port=(\d+)")
        return await asyncio.to_thread(ready, process, int(found[1]))


async def flowbot(here: Lab, database: str) -> Start:
    """Start `flowbot serve`."""
    port = free_port()
    env: Mapping[str, str] = {**here.environment, "DATABASE_URL": database}
    arguments = ("serve", "--host", "127.0.0.1", "--port", str(port))
    async with running("flowbot", *arguments, folder=here.folder, env=env) as process:
        return await asyncio.to_thread(ready, process, port)


def ready(process: Process, port: int) -> Start:
    """Ask until it is ready."""
    while True:
        try:
            with line_to(port) as line:
                exchange(line, READY)
        except (ConnectionError, RuntimeError):
            time.sleep(LOOK_SECONDS)
        else:
            return Start(time.monotonic() - process.started, process.cpu(), process.memory())


def free_port() -> int:
    """A port that nobody has."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def row(starts: list[Start]) -> tuple[str, ...]:
    """The medians."""
    return (
        ms(middle([start.wall for start in starts])),
        ms(middle([start.cpu for start in starts])),
        number(middle([start.memory for start in starts])),
    )


def factor(starts: list[Start], others: list[Start]) -> float:
    """How many times longer it takes: the middle of the rounds' own ratios."""
    return middle([one.wall / other.wall for one, other in zip(starts, others, strict=True)])
