"""The report, as Markdown."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
NOTES: Final = HERE / "NOTES.md"
GROWTH: Final = HERE / "GROWTH.md"
"""The findings of the last run with `--growth`, which takes too long for every run."""
RESULTS: Final = HERE / "RESULTS.md"


@dataclass(frozen=True)
class Table:
    """A table under a heading; `note` says how to read it."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> Iterator[str]:
        """Return the lines of Markdown."""
        yield from (f"### {self.title}", "", self.note, "")
        yield f"| {' | '.join(self.columns)} |"
        yield f"|{'---|' * len(self.columns)}"
        yield from (f"| {' | '.join(row)} |" for row in self.rows)
        yield ""


@dataclass(frozen=True)
class Goal:
    """A goal and its measurement; `at_least` where more is better."""

    title: str
    measured: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Check whether the goal is met."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> str:
        """Return the row of a Markdown table."""
        bound = "at least" if self.at_least else "at most"
        shown = format_number(self.measured)
        if not self.is_met and shown == format_number(self.limit):
            shown = f"{self.measured:.6g}"  # a near miss must not read like a hit
        said = "met" if self.is_met else "**not met**"
        return f"| {self.title} | {bound} {self.limit:g}{self.unit} | {shown}{self.unit} | {said} |"


@dataclass(frozen=True)
class Findings:
    """The tables and goals of a section."""

    title: str
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...] = ()

    def lines(self) -> Iterator[str]:
        """Return the lines of Markdown."""
        yield from (f"## {self.title}", "")
        for table in self.tables:
            yield from table.lines()
        if self.goals:
            yield from ("| Goal | | Measured | |", "|---|---|---|---|", *(goal.row() for goal in self.goals), "")


def render(sections: Sequence[Findings], seconds: float) -> str:
    """Return the whole report: place and time, the findings, and what stands in `GROWTH.md` and `NOTES.md`."""
    goals = [goal for section in sections for goal in section.goals]
    met = sum(goal.is_met for goal in goals)
    lines = [
        "# What flowbot costs",
        "",
        f"Measured by `make bench` on {datetime.now(UTC):%Y-%m-%d}, in {seconds:.0f} s, on {describe_machine()}.",
        "",
        *([f"{met} of {len(goals)} goals were met."] if goals else []),
        "Ratios are what counts: each compares what ran by turns on the same machine within the same minute. Absolute",
        "numbers are that machine's.",
        "",
    ]
    for section in sections:
        lines += section.lines()
    kept = (file.read_text(encoding="utf-8") for file in (GROWTH, NOTES) if file.exists())
    return "\n".join([*lines, *kept])


def render_growth(sections: Sequence[Findings], seconds: float) -> str:
    """Return the findings of a run with `--growth`, with place and time."""
    measured = f"Measured by `make bench ARGS=--growth` on {datetime.now(UTC):%Y-%m-%d}, in {seconds:.0f} s, on"
    lines = [line for section in sections for line in section.lines()]
    return "\n".join([lines[0], "", f"{measured} {describe_machine()}.", *lines[1:], ""])


def describe_machine() -> str:
    """Return the machine in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()}, Python {platform.python_version()} "
        f"(load average in the last minute of the run: {load:.1f})"
    )


def format_number(value: float) -> str:
    """Return about three digits."""
    if abs(value) >= 100:  # noqa: PLR2004 - see above
        return f"{value:,.0f}"
    return f"{value:.3g}"


def format_ms(seconds: float) -> str:
    """Return seconds as milliseconds."""
    return format_number(seconds * 1000)


def log_progress(line: str) -> None:
    """Write a line of progress to standard error."""
    sys.stderr.write(f"{line}\n")
