"""Progress of a long command: a bar on a terminal, nothing in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowbot.services.ports import ProgressReport, ignore_progress


@contextmanager
def show_progress(what: str, *, is_wanted: bool = True) -> Iterator[ProgressReport]:
    """Show a bar on standard error until the end of the block, and yield what moves it on.

    Args:
        what: what is being done.
        is_wanted: False to show nothing, as where standard error is no terminal.
    """
    if not (is_wanted and sys.stderr.isatty()):
        yield ignore_progress
        return
    # Slow to load, and needed by a person at a terminal alone.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"))
    # Standard output stays as it is: rows may be on their way into a file.
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task(what, total=None, count="")

        def report(done: int, total: int | None) -> None:
            count = f"{done:,}" if total is None else f"{done:,} of {total:,}"
            bar.update(task, completed=done, total=total, count=count)

        yield report
