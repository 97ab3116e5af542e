"""`python -m benchmarks [SECTION…] [--quick] [--out FILE]`: measure, and report as Markdown."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmarks import acks, approvals, catalog, memory, report, startup


class Section(StrEnum):
    """What can be measured on its own."""

    ACKS = "acks"
    CATALOG = "catalog"
    MEMORY = "memory"
    STARTUP = "startup"
    APPROVALS = "approvals"


RUNS: Final[dict[Section, Callable[[bool], Awaitable[report.Findings]]]] = {
    Section.ACKS: lambda quick: acks.run(acks.QUICK if quick else acks.Plan()),
    Section.CATALOG: lambda quick: catalog.run(catalog.QUICK if quick else catalog.Plan()),
    Section.MEMORY: lambda quick: memory.run(memory.QUICK if quick else memory.Plan()),
    Section.STARTUP: lambda quick: startup.run(startup.QUICK if quick else startup.Plan()),
    Section.APPROVALS: lambda quick: approvals.run(approvals.QUICK if quick else approvals.Plan()),
}

Chosen = Annotated[list[Section] | None, typer.Argument(help="Which sections; all of them if none is named.")]
Quick = Annotated[bool, typer.Option(help="Tiny numbers: shows that it works, measures nothing.")]
Out = Annotated[Path | None, typer.Option(help="Where to write the report; a whole run writes benchmarks/RESULTS.md.")]


cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(sections: Chosen = None, quick: Quick = False, out: Out = None) -> None:
    """Measure what flowbot costs. Goals that were missed are said, and are no failure."""
    chosen = sections or list(Section)
    # Stopped in the middle, it ends what it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    text = asyncio.run(measured(chosen, quick=quick))
    typer.echo(text)
    whole = set(chosen) == set(Section) and not quick
    if (target := out or (report.RESULTS if whole else None)) is not None:
        target.write_text(text, encoding="utf-8")


async def measured(sections: list[Section], *, quick: bool) -> str:
    """The report on these sections."""
    began = time.monotonic()
    if quick:
        # Nothing is measured, so they need not be alone.
        found = await asyncio.gather(*(RUNS[section](quick) for section in sections))
    else:
        found = [await RUNS[section](quick) for section in sections]
    return report.report(found, time.monotonic() - began)


if __name__ == "__main__":
    cli()
