"""The entry point: ready to be stopped before anything heavy is imported, which takes a second or so."""

import os
import signal
import sys
from typing import Final

SERVING: Final = frozenset({"serve", "socket", "demo"})
"""Commands that run until they are stopped, so that a stop is no failure. A `migrate` that is killed has failed."""


def open_standard_streams() -> None:
    """Put a stream in the place of each standard one that was closed: reading or writing it fails, the log is dropped.

    The numbers 0 to 2 would be given to the next files that are opened otherwise.
    """
    for name, flags, mode in (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def main() -> None:
    """Run the command line. A stop that comes before the command's own handlers ends the process with status 0."""
    if SERVING.intersection(sys.argv[1:2]):
        for number in (signal.SIGTERM, signal.SIGINT):
            # Nothing is in hand yet. An exception could be swallowed by whatever is being imported.
            signal.signal(number, lambda _number, _frame: os._exit(0))
    open_standard_streams()
    from flowbot.cli.main import main as run  # noqa: PLC0415 - not before the handlers stand

    run()


if __name__ == "__main__":
    main()
