"""`flowbot policy`: channel policies in and out."""

import asyncio
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flowbot.cli.console import WOULD_CHANGE, exit_if_rows_left_out, load_settings, set_encoding
from flowbot.services import policy_files
from flowbot.services.policy_differences import describe_differences
from flowbot.services.policy_files import PolicyFileError
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import open_for_reading, open_migrated
from flowbot.storage.repositories.policies import PolicyRepository

policy = typer.Typer(help="Import and export channel policies, as TOML.", no_args_is_help=True)


@policy.command("import")
def policy_import(
    file: Annotated[Path, typer.Argument(help="A TOML file; - for standard input.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and exit with 2 if anything would.")
    ] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Accept a file without any channel.")] = False,
) -> None:
    """Replace all policies with those in FILE. A file that is refused changes nothing."""
    settings = load_settings()
    text = policy_files.read_policy_file(file)
    wanted = policy_files.parse_book(text)
    if not (wanted.channels or empty):
        raise PolicyFileError(f"{file}: names no channel, so nobody could use flowbot; use --empty to import it")
    database_url = settings.database_url.get_secret_value()

    async def compare() -> list[str]:
        async with open_for_reading(database_url) as database:
            return describe_differences(await PolicyRepository(database, utc_now).get_book(), wanted)

    async def replace() -> list[str]:
        async with open_migrated(database_url) as database:
            return await policy_files.import_book(
                PolicyRepository(database, utc_now), wanted, utc_now(), by=_system_user()
            )

    if dry_run:
        differences = asyncio.run(compare())
        typer.echo("\n".join(differences or ["Nothing would change."]))
        raise typer.Exit(WOULD_CHANGE if differences else 0)
    typer.echo("\n".join(asyncio.run(replace()) or ["Nothing changed."]))


@policy.command("export")
def policy_export() -> None:
    """Write all policies to standard output. Exit with status 1 if any cannot be read and is left out."""
    settings = load_settings()

    async def export() -> tuple[str, Mapping[str, int]]:
        async with open_for_reading(settings.database_url.get_secret_value()) as database:
            written = await policy_files.export_policies(PolicyRepository(database, utc_now))
            return written, database.unreadable.count()

    written, left_out = asyncio.run(export())
    set_encoding("utf-8")
    typer.echo(written, nl=False)
    exit_if_rows_left_out(left_out)


def _system_user() -> str:
    """Return the name of the user who runs this process, from the system: environment variables can be forged."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        # A container may run as a number that has no name.
        return f"uid {user}"
