"""What commands share: the settings, the exit statuses, and their output."""

import io
import sys
from collections.abc import Mapping
from typing import Final

import typer

from flowbot.config import Settings
from flowbot.observability.logging import configure_logging

FAILED: Final = 1
"""Exit status: something did not answer, and another start may succeed; or a check failed, or a file was refused."""
WOULD_CHANGE: Final = 2
"""Exit status of a dry run that found something to change."""
BAD_CONFIGURATION: Final = 2
"""Exit status: somebody has to put something right first."""


def load_settings(*needed: str) -> Settings:
    """Load the settings, require those that are needed, and begin to log."""
    settings = Settings.load()
    settings.require(*needed)
    configure_logging(settings.log_level, settings.log_format, settings.secrets)
    return settings


def set_encoding(encoding: str | None = None) -> None:
    """Let output show what its encoding lacks by a number; what is read again is UTF-8, whatever the terminal says."""
    for stream in (sys.stdout,) if encoding else (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def exit_if_rows_left_out(left_out: Mapping[str, int]) -> None:
    """Exit with status 1 where rows that cannot be read are missing in what was written."""
    if left_out:
        rows = ", ".join(f"{number} of {table}" for table, number in left_out.items())
        print_error(f"rows that cannot be read were left out: {rows}; see flowbot check")
        raise typer.Exit(FAILED)


def print_error(line: str) -> None:
    """Print an error, on one line of stderr."""
    typer.echo(f"flowbot: {' '.join(line.split())}", err=True)
