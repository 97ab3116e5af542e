"""`make bench`: with tiny numbers every section works from end to end and fills its table."""

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, TextIO

import pytest

from benchmarks import processes
from benchmarks.__main__ import Section, measure, measure_growth
from benchmarks.report import Goal

ROWS: Final = (
    *(f"{mode} | {what}" for mode in ("HTTP", "Socket Mode") for what in ("/flows list", "Next") * 2),
    "300",
    "300",
    "MB",
)
GROWTH_ROWS: Final = ("40", "400", "creates", "processor time", "figures")
"""How the rows begin; those of acknowledgements and of catalogs stand in two tables."""


class Forked:
    """A program in a process that was forked from one that has loaded it already: loading takes longest here."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.terminate, self.kill = process.terminate, process.kill

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int:
        await asyncio.to_thread(self._process.join)
        return self._process.exitcode or 0


async def start_forked(
    command: Sequence[str], folder: Path, env: Mapping[str, str], output: TextIO, errors: TextIO
) -> Forked:
    nursery = get_context("forkserver")
    nursery.set_forkserver_preload(
        ["__main__", "flowbot.cli.main", "flowbot.server.http", "benchmarks.fake_servers", "benchmarks.naive_bot"]
    )
    files = (Path(output.name), Path(errors.name))
    process = nursery.Process(target=run_program, args=(list(command), folder, dict(env), files), daemon=True)
    process.start()
    return Forked(process)


def run_program(command: list[str], folder: Path, env: dict[str, str], files: tuple[Path, Path]) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        with file.open("a") as target:
            os.dup2(target.fileno(), stream.fileno())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv[:] = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


@pytest.mark.timeout(400)
async def test_every_section_fills_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "spawn", start_forked)
    text, growth = await asyncio.gather(measure(list(Section), quick=True), measure_growth(quick=True))
    for rows, lines in ((ROWS, text.splitlines()), (GROWTH_ROWS, growth.splitlines())):
        for row in rows:
            found = [line for line in lines if line.startswith(f"| {row} |")]
            assert len(found) >= rows.count(row), (row, lines)
    assert "## Notes" in text.splitlines()


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal("quick", 2.0, 2, " ×"), "at most 2 × | 2 × | met"),
        (Goal("quick", 2.1, 2, " ×"), "at most 2 × | 2.1 × | **not met**"),
        (Goal("quick", 19.97, 20, " ×", at_least=True), "at least 20 × | 19.97 × | **not met**"),
        (Goal("quick", 19.0, 20, " ×", at_least=True), "at least 20 × | 19 × | **not met**"),
        (Goal("quick", 1234.0, 20, " ×", at_least=True), "at least 20 × | 1,234 × | met"),
    ],
)
def test_a_goal_that_was_missed_says_so(goal: Goal, said: str) -> None:
    assert goal.row() == f"| quick | {said} |"
