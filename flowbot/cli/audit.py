"""`flowbot audit`: the audit trail out."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from flowbot.cli.console import exit_if_rows_left_out, load_settings, set_encoding
from flowbot.observability.progress import show_progress
from flowbot.services import history
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_for_reading
from flowbot.storage.repositories.changes import ChangeRepository

audit = typer.Typer(help="Export the audit trail.", no_args_is_help=True)


@audit.command("export")
def audit_export(
    form: Annotated[
        history.Format, typer.Option("--format", help="A line each, as JSON or CSV.")
    ] = history.Format.JSONL,
) -> None:
    """Write the audit trail to standard output, oldest first.

    Exit with status 1 if rows cannot be read and are left out.
    """
    settings = load_settings()

    async def export() -> Mapping[str, int]:
        async with open_for_reading(settings.database_url.get_secret_value()) as database:
            await history.export(ChangeRepository(database, utc_now).all_events(), form, sys.stdout.write, report)
            return database.unreadable.count()

    set_encoding("utf-8")
    # A bar between rows on the same terminal would be in their way.
    with show_progress("Exporting the audit trail", is_wanted=not sys.stdout.isatty()) as report:
        left_out = asyncio.run(export())
    exit_if_rows_left_out(left_out)
