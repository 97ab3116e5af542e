"""Bots in processes of their own, forked from one that has loaded flowbot already.

What runs in them is `python -m flowbot` to the letter; only the second of computing that loading takes is spent once
for all of them. That the program starts from nothing is the affair of the tests of the command line.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path


@cache
def _fork_server() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", "flowbot.cli.main", "flowbot.server.http"])
    return context


def start_bot(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    *,
    ahead: float = 0.0,
    migrations: Path | None = None,
) -> ForkServerProcess:
    """Start `flowbot ARGUMENTS` with this environment in this folder, its standard error in `log`.

    Args:
        ahead: Seconds that its clock is ahead.
        migrations: The folder of Alembic's scripts, if it is another version's.
    """
    process = _fork_server().Process(
        target=_run_bot,
        args=(list(arguments), dict(environment), folder, log, timedelta(seconds=ahead), migrations),
        daemon=True,
    )
    process.start()
    return process


def _run_bot(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    log: Path,
    ahead: timedelta,
    migrations: Path | None,
) -> None:
    with log.open("w") as out:
        os.dup2(out.fileno(), sys.stderr.fileno())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:] = ["flowbot", *arguments]
    from flowbot import bootstrap  # noqa: PLC0415 - loaded by the process that this one was forked from
    from flowbot.cli.main import main  # noqa: PLC0415 - as above
    from flowbot.services import setup_findings  # noqa: PLC0415 - as above
    from flowbot.storage import migrations as own  # noqa: PLC0415 - as above

    if migrations is not None:
        vars(own)["SCRIPTS"] = migrations
    # Its calls would meet the faults that tests set for what people do.
    vars(setup_findings)["START_SECONDS"] = float("inf")
    # The command line reads it when it runs; the machine's clock cannot be moved for one process.
    vars(bootstrap)["run_flowbot"] = partial(bootstrap.run_flowbot, clock=lambda: datetime.now(UTC) + ahead)
    main()
