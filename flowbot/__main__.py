"""The entry point: ready to be stopped before anything heavy is imported, which takes a second or so."""

import os
import signal
import sys
from types import FrameType
from typing import Final

SERVING: Final = frozenset({"serve", "socket", "demo"})
"""What runs until it is stopped, so that a stop is no failure. A `migrate` that is killed has failed."""


def main() -> None:
    """As `flowbot.cli.main`; a stop that comes before the command's own handlers ends the process with status 0."""
    if SERVING.intersection(sys.argv[1:2]):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
    from flowbot.cli import main as run  # noqa: PLC0415 - not before the handlers stand

    run()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing is in hand yet. An exception could be swallowed by whatever is being imported."""
    os._exit(0)


if __name__ == "__main__":
    main()
