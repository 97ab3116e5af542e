"""`python -m benchmarks [SECTION…] [--quick] [--out FILE]`: measure, and report as Markdown."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmarks import answers, catalog, figures, growth, memory, report, watch


class Section(StrEnum):
    """A part of the report that can be measured on its own."""

    ANSWERS = "answers"
    CATALOG = "catalog"
    MEMORY = "memory"


RUNS: Final[dict[Section, Callable[[bool], Awaitable[report.Findings]]]] = {
    Section.ANSWERS: lambda quick: answers.run(answers.QUICK if quick else answers.Plan()),
    Section.CATALOG: lambda quick: catalog.run(catalog.QUICK if quick else catalog.Plan()),
    Section.MEMORY: lambda quick: memory.run(memory.QUICK if quick else memory.Plan()),
}

Chosen = Annotated[list[Section] | None, typer.Argument(help="Sections to measure; all by default.")]
Quick = Annotated[bool, typer.Option(help="Use tiny numbers, to show that everything works.")]
Growth = Annotated[bool, typer.Option("--growth", help="Measure growth and the watch, into benchmarks/GROWTH.md.")]
Out = Annotated[Path | None, typer.Option(help="Report file; a run of all sections writes benchmarks/RESULTS.md.")]


cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(sections: Chosen = None, quick: Quick = False, with_growth: Growth = False, out: Out = None) -> None:
    """Measure what flowbot costs. A goal that is missed is reported, and is no failure."""
    chosen = sections or list(Section)
    # Stopped in the middle, it ends what it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if with_growth:
        text = asyncio.run(measure_growth(quick=quick))
        typer.echo(text)
        if not quick:
            report.GROWTH.write_text(text, encoding="utf-8")
        return
    text = asyncio.run(measure(chosen, quick=quick))
    typer.echo(text)
    is_whole = set(chosen) == set(Section) and not quick
    if (target := out or (report.RESULTS if is_whole else None)) is not None:
        target.write_text(text, encoding="utf-8")


async def measure(sections: list[Section], *, quick: bool) -> str:
    """Return the report on these sections."""
    began = time.monotonic()
    if quick:
        # The numbers mean nothing, so the sections may run at the same time.
        findings = await asyncio.gather(*(RUNS[section](quick) for section in sections))
    else:
        findings = [await RUNS[section](quick) for section in sections]
    return report.render(findings, time.monotonic() - began)


async def measure_growth(*, quick: bool) -> str:
    """Return the report on what takes too long for every run."""
    began = time.monotonic()
    findings = [
        await growth.run(growth.QUICK if quick else growth.Plan()),
        await watch.run(watch.QUICK if quick else watch.Plan()),
        await figures.run(figures.QUICK if quick else figures.Plan()),
    ]
    return report.render_growth(findings, time.monotonic() - began)


if __name__ == "__main__":
    cli()
