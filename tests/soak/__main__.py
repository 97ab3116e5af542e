"""A soak: two processes on PostgreSQL, mixed traffic and random faults; one of them is killed again and again.

`python -m tests.soak --minutes 30 --kill-every 60 --seed 5` counts at the end how often each promise was broken.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from flowbot.storage.migrations import upgrade
from tests.conftest import PostgresqlServer, new_cluster
from tests.crashes.bot_processes import Deployment, Process, new_deployment
from tests.journeys.request_steps import add_people, approval_policy
from tests.soak.people import Colleague, Diary
from tests.soak.promises import Broken, find_broken
from tests.soak.weather import make_weather

SETTLING_SECONDS: Final = 60.0
SAMPLE_SECONDS: Final = 2.0
MOST_GROWTH: Final = 1.05
"""The memory of the last third, as a multiple of the first's."""
LONG_ENOUGH: Final = 10.0
"""Minutes from which on memory is judged: before, a process has not read everything once."""


class Operator:
    """Runs two processes, kills one of them again and again, freezes the other at times, and measures it."""

    def __init__(self, deployment: Deployment, steady: Process, mortal: Process, chance: Random) -> None:
        self._deployment = deployment
        self._steady = steady
        self._mortal: Process | None = mortal
        self._chance = chance
        self.kills = 0
        self.memory: list[float] = []

    async def kill(self, every: float) -> None:
        """Kill the same one of the two every so many seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(every * 0.8)
            killed, self._mortal = self._mortal, None
            assert killed is not None
            is_frozen = self._chance.random() < 0.3
            if is_frozen:
                self._steady.freeze()
            self._deployment.slack.deliver_to(self._steady.url)
            await killed.kill()
            self.kills += 1
            await asyncio.sleep(self._chance.uniform(0, every * 0.1))
            if is_frozen:
                self._steady.thaw()
            await asyncio.sleep(self._chance.uniform(0, every * 0.1))
            self._mortal = await self._deployment.start()

    async def restore(self) -> None:
        """Let both processes run."""
        self._steady.thaw()
        if self._mortal is None:
            self._mortal = await self._deployment.start()

    async def route(self) -> None:
        """Let Slack deliver now to one process, now to the other, until it is cancelled."""
        while True:
            chosen = self._chance.choice([self._steady, self._mortal or self._steady])
            self._deployment.slack.deliver_to(chosen.url)
            await asyncio.sleep(self._chance.uniform(0.5, 3))

    async def measure(self) -> None:
        """Note the memory of the process that lives on, in MB, until it is cancelled."""
        while True:
            self.memory.append(self._steady.resident_bytes / 1e6)
            await asyncio.sleep(SAMPLE_SECONDS)


async def soak(database: str, folder: Path, *, minutes: float, kill_every: float, seed: int) -> int:
    """Run the soak, print what it found, and return the exit status."""

    @contextmanager
    def lend() -> Iterator[str]:
        yield database

    async with new_deployment(lend, folder) as deployment:
        await deployment.world.import_policy(approval_policy())
        deployment.world.add_flows(20)
        editors = [*add_people(deployment.world, 1, "S0EDITORS"), deployment.world.emma, deployment.world.ayse]
        deciders = [deployment.world.burak, *add_people(deployment.world, 1)]
        diary = Diary(deployment)
        colleagues = [
            Colleague(person, diary, Random(f"{seed} {person.id}"), decides=person in deciders)
            for person in (*editors, *deciders)
        ]
        operator = Operator(deployment, await deployment.start(), await deployment.start(), Random(f"{seed} operator"))
        await _run_for(
            minutes * 60,
            diary.watch(),
            operator.kill(kill_every),
            operator.route(),
            operator.measure(),
            make_weather(deployment, Random(f"{seed} weather")),
            *(colleague.work() for colleague in colleagues),
        )
        await operator.restore()
        deployment.heal()
        deployment.enkapush.store.land_writes()
        await _settle(deployment, diary)
        broken = await find_broken(deployment, diary, datetime.now(UTC))
        return _report(deployment, diary, operator, broken, is_memory_judged=minutes >= LONG_ENOUGH)


async def _run_for(seconds: float, *work: Coroutine[Any, Any, None]) -> None:
    """Run all of it for some seconds; what fails ends all."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)


async def _settle(deployment: Deployment, diary: Diary) -> None:
    """Wait until all is shown, and a while for what is said after that; what takes longer than a minute is stuck."""
    watching = asyncio.create_task(diary.watch())
    with suppress(TimeoutError):
        await deployment.wait_until_shown(SETTLING_SECONDS)
    await asyncio.sleep(5)
    watching.cancel()


def _report(deployment: Deployment, diary: Diary, operator: Operator, broken: Broken, *, is_memory_judged: bool) -> int:
    """Print what was done and found, and return the exit status: 1 where a promise was broken."""
    third = len(operator.memory) // 3
    first, last = (statistics.fmean(part) for part in (operator.memory[:third], operator.memory[-third:]))
    has_grown = is_memory_judged and last > first * MOST_GROWTH
    writes = sum(bool(request.changed) for request in deployment.enkapush.requests)
    done = ", ".join(f"{name} {number}" for name, number in sorted(diary.done.items()))
    _print(f"{operator.kills} kills, {len(diary.submissions)} forms, {writes} effects at Enkapush; {done}")
    _print(f"memory in MB: first third {first:.1f}, last third {last:.1f}, ratio {last / first:.3f}")
    for name in (each.name for each in fields(Broken)):
        cases = getattr(broken, name)
        _print(f"{name.replace('_', ' ')}: {len(cases)}")
        for case in cases:
            _print(f"    {case}")
    return int(has_grown or any(getattr(broken, each.name) for each in fields(Broken)))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run a soak as the command line says; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--kill-every", type=float, help="seconds from one kill to the next; 60, or 15 in a short soak")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args()
    kill_every = options.kill_every or (60 if options.minutes >= LONG_ENOUGH else 15)
    _print(f"--minutes {options.minutes:g} --kill-every {kill_every:g} --seed {options.seed}")
    with new_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        server = PostgresqlServer(cluster.url)
        with server.new_database() as name:
            upgrade(server.url_of(name))
            work = soak(
                server.url_of(name),
                Path(folder) / "soak",
                minutes=options.minutes,
                kill_every=kill_every,
                seed=options.seed,
            )
            return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
