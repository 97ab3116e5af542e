"""Programs in processes of their own, with their memory and processor time from Linux."""

import asyncio
import itertools
import math
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

ROOT: Final = Path(__file__).parent.parent
LOOK_SECONDS: Final = 0.005
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 15.0
_numbers: Final = itertools.count()


class ChildProcess(Protocol):
    """A started process, as `asyncio.subprocess.Process`."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """The exit status; None while it runs."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM."""
        ...

    def kill(self) -> None:
        """Send SIGKILL."""
        ...

    async def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        ...


@dataclass(frozen=True)
class Process:
    """A running program.

    Attributes:
        log: The file of its standard error.
        out: The file of its standard output.
    """

    child: ChildProcess
    log: Path
    out: Path

    async def wait_for_output(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Wait until its output matches.

        Raises:
            RuntimeError: it has ended before.
        """

        def look() -> re.Match[str] | None:
            return re.search(pattern, self.out.read_text() + self.log.read_text())

        async with asyncio.timeout(seconds):
            while (found := look()) is None:
                if self.child.returncode is not None:
                    raise RuntimeError(f"ended before it was ready:\n{self.log.read_text()[-2000:]}")
                await asyncio.sleep(LOOK_SECONDS)
        return found

    def cpu(self) -> float:
        """Return the processor time of all its live threads so far, in seconds."""
        total = 0
        for task in Path(f"/proc/{self.child.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self) -> float:
        """Return the resident memory now, in MB (a million bytes)."""
        return self._status_mb("VmRSS")

    def peak_memory(self) -> float:
        """Return the most memory that was ever resident, in MB."""
        return self._status_mb("VmHWM")

    def move(self, cores: frozenset[int]) -> None:
        """Let it run on these cores only, and what it starts from now on."""
        for task in Path(f"/proc/{self.child.pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)

    def _status_mb(self, name: str) -> float:
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0


@asynccontextmanager
async def start_module(
    module: str, *arguments: str, folder: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run `python -m module arguments` until the block ends, with its output in files of `folder`."""
    name = f"{module}-{next(_numbers)}"
    log, out = folder / f"{name}.err", folder / f"{name}.out"
    with log.open("w") as errors, out.open("w") as output:
        # Nothing set on this machine changes what is measured.
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(env or {})}
        process = await spawn((module, *arguments), folder, environment, output, errors)
    try:
        yield Process(process, log, out)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def spawn(
    command: Sequence[str], folder: Path, env: Mapping[str, str], output: TextIO, errors: TextIO
) -> ChildProcess:
    """Start `python -m` with this command in `folder`, with this environment only."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, cwd=folder, env=env, stdout=output, stderr=errors
    )


def allowed_cores() -> frozenset[int]:
    """Return the cores that this process may use."""
    return frozenset(os.sched_getaffinity(0))


@contextmanager
def separate_cores() -> Iterator[frozenset[int]]:
    """Run on one core in the block, with all that is started there; give the other cores, if there are any.

    A bot that works on after its answer would otherwise hold up the client on the same core, and make the answer look
    late.
    """
    before = allowed_cores()
    mine = min(before)
    os.sched_setaffinity(0, {mine})
    try:
        yield before - {mine} or before
    finally:
        os.sched_setaffinity(0, before)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return percentile(values, 0.5)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
