"""Programs in processes of their own, and what the kernel says of them. Linux tells memory and processor time."""

import asyncio
import itertools
import math
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

ROOT: Final = Path(__file__).parent.parent
LOOK_SECONDS: Final = 0.005
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 15.0
_numbers: Final = itertools.count()


class Running(Protocol):
    """What is asked of a process that was started."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        ...

    def terminate(self) -> None:
        """SIGTERM."""
        ...

    def kill(self) -> None:
        """SIGKILL."""
        ...

    async def wait(self) -> int:
        """Its exit status, when it has ended."""
        ...


@dataclass(frozen=True)
class Process:
    """A program that runs.

    Attributes:
        started: When it was started; seconds of the machine's monotonic clock.
        log: Where its standard error goes.
    """

    running: Running
    started: float
    log: Path
    out: Path

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until what it wrote matches.

        Raises:
            RuntimeError: it has ended, or does not say it in time.
        """

        def look() -> re.Match[str] | None:
            return re.search(pattern, self.out.read_text() + self.log.read_text())

        async with asyncio.timeout(START_SECONDS):
            while (found := look()) is None:
                if self.running.returncode is not None:
                    raise RuntimeError(f"ended before it was ready:\n{self.log.read_text()[-2000:]}")
                await asyncio.sleep(LOOK_SECONDS)
        return found

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads that live."""
        total = 0
        for task in Path(f"/proc/{self.running.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self) -> float:
        """Resident memory now, in MB (a million bytes)."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most memory that was ever resident, in MB."""
        return self._status("VmHWM")

    def move(self, cores: frozenset[int]) -> None:
        """Let it run on these cores alone, as what it starts from now on does."""
        for task in Path(f"/proc/{self.running.pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)

    def _status(self, name: str) -> float:
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0


@asynccontextmanager
async def running(
    module: str, *arguments: str, folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """`python -m module arguments` until the block ends; what it writes goes to files in `folder`."""
    name = f"{module}-{next(_numbers)}"
    log, out = folder / f"{name}.err", folder / f"{name}.out"
    with log.open("w") as errors, out.open("w") as output:
        began = time.monotonic()
        process = await started((module, *arguments), folder, environment(env or {}), output, errors)
    try:
        yield Process(process, began, log, out)
    finally:
        await _ended(process)


async def started(
    command: Sequence[str], folder: Path, env: Mapping[str, str], output: TextIO, errors: TextIO
) -> Running:
    """Start `python -m` with this command, in `folder` and with this environment alone."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, cwd=folder, env=env, stdout=output, stderr=errors
    )


def everywhere() -> frozenset[int]:
    """The cores that this process may use."""
    return frozenset(os.sched_getaffinity(0))


@contextmanager
def apart() -> Iterator[frozenset[int]]:
    """Keep to one core with all that is started in the block; the others, if there are any, are given to be moved to.

    Whoever answers and then goes on working would otherwise be measured until the scheduler lets the asking process
    have its core back, which no asker on another machine waits for.
    """
    before = everywhere()
    mine = min(before)
    os.sched_setaffinity(0, {mine})
    try:
        yield before - {mine} or before
    finally:
        os.sched_setaffinity(0, before)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Nothing that the person at this machine has set changes what is measured."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env}


async def until(condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Look until it holds: what happens in another process cannot be waited for in any other way."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_SECONDS)


async def _ended(process: Running) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def middle(values: Sequence[float]) -> float:
    """The median."""
    return percentile(values, 0.5)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
