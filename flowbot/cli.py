"""The command line: `flowbot serve`, `socket`, `demo`, `check`, `migrate`, `copy`, `policy …`, `audit export`.

What speaks to Slack is loaded by the commands that do so: it takes longer than what the others are asked for.
"""

import asyncio
import errno
import gc
import os
import pwd
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flowbot.config import Settings
from flowbot.domain.policy import PolicyBook
from flowbot.errors import ConfigurationError, DependencyError
from flowbot.i18n.translator import describe_fault
from flowbot.observability.logging import configure_logging
from flowbot.services import history, policy_files
from flowbot.services.policy_files import PolicyReplacement
from flowbot.services.ports import utc_now
from flowbot.storage import database_copy, migrations
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.policies import PolicyRepository

if TYPE_CHECKING:
    from flowbot.bootstrap import Flowbot

OUTAGE: Final = 1
BAD_CONFIGURATION: Final = 2
DEMO_PORT: Final = 8765
UNBINDABLE: Final = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy = typer.Typer(help="Channel policies in and out, as TOML.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail out.", no_args_is_help=True)
cli.add_typer(policy, name="policy")
cli.add_typer(audit, name="audit")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; else $PORT, else 3000.")]

WatchPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port for /healthz, /readyz and /metrics; none without it.")
]
DemoPort = Annotated[int, typer.Option(min=0, max=65535, envvar="PORT", help="Port of the page.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        from flowbot.observability.metrics import installed_version

        typer.echo(f"flowbot {installed_version()}")
        raise typer.Exit


@cli.callback()
def flowbot_itself(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run Enkapush web-push flows from Slack, with your team's approval as the seat belt."""


def main() -> None:
    """The entry point. A failure is one line on stderr and an exit status.

    2: the one who deploys has to put something right. 1: something did not answer, and another start may do.
    """
    try:
        cli()
    except ConfigurationError as error:
        _complain(str(error))
        sys.exit(BAD_CONFIGURATION)
    except DependencyError as fault:
        _complain(describe_fault(fault))
        sys.exit(OUTAGE)


@cli.command()
def serve(host: Host = "0.0.0.0", port: Port = None) -> None:  # noqa: S104 - a server in a container is reached from outside
    """HTTP mode: answer Slack on POST /slack/events."""
    settings = _settings("slack_bot_token", "slack_signing_secret", "enkapush_api_key")
    from flowbot.server import http

    chosen = settings.port if port is None else port
    _run(settings, lambda bot, stop: http.serve_http(bot, host, chosen, stop))


@cli.command()
def socket(host: Host = "0.0.0.0", port: WatchPort = None) -> None:  # noqa: S104 - a container is watched from outside
    """Socket Mode: connect to Slack; no public address is needed."""
    settings = _settings("slack_bot_token", "slack_app_token", "enkapush_api_key")
    from flowbot.server import socket_mode

    async def way_in(bot: "Flowbot", stop: asyncio.Event) -> None:
        async with socket_mode.serve_probes(bot, host, port):
            await socket_mode.serve_socket_mode(bot, stop)

    _run(settings, way_in)


@cli.command()
def demo(port: DemoPort = DEMO_PORT) -> None:
    """Try flowbot in the browser: a stand-in Slack workspace and a stand-in Enkapush; nothing leaves this machine."""
    from flowbot.demo import command as demonstration
    from flowbot.server import signals

    configure_logging("warning", "text", ())

    async def live() -> None:
        await demonstration.run_demo(
            port, signals.stop_on_signals(), lambda address: typer.echo(f"flowbot demo: {address}")
        )

    try:
        asyncio.run(live())
    except OSError as error:
        if error.errno not in UNBINDABLE:
            raise ConfigurationError(f"the demo cannot go on ({error.strerror or error})") from None
        raise ConfigurationError(f"PORT: cannot listen on port {port} ({error.strerror}); try --port") from None


@cli.command()
def migrate() -> None:
    """Create or upgrade the database."""
    settings = _settings()
    migrations.upgrade(settings.database_url.get_secret_value())
    typer.echo("The database is up to date.")


@cli.command()
def copy(source: Annotated[str, typer.Argument(metavar="FROM", help="Such as sqlite:///run_flowbot.db")]) -> None:
    """Copy everything from another database into DATABASE_URL, which must be empty; FROM stays as it is."""
    settings = _settings()
    for table, rows in database_copy.copy_database(source, settings.database_url.get_secret_value()).items():
        typer.echo(f"{table}: {rows}")
    typer.echo("Everything was copied and compared. Start flowbot with this DATABASE_URL, and never again with FROM.")


@cli.command()
def check() -> None:
    """Is everything set up right? One line a check; exit status 1 if any fails."""
    settings = Settings.load()
    from flowbot import diagnostics

    configure_logging("error", settings.log_format, settings.secrets)
    if not diagnostics.run_diagnostics(settings, typer.echo):
        raise typer.Exit(1)


@policy.command("import")
def policy_import(file: Annotated[Path, typer.Argument(help="A TOML file; - for standard input.")]) -> None:
    """Replace all policies with those in FILE. A file that is refused changes nothing."""
    settings = _settings()
    text = _read(file)
    wanted = policy_files.parse_book(text)

    async def replace() -> PolicyReplacement:
        async with open_migrated(settings.database_url.get_secret_value()) as database:
            store = PolicyRepository(database, utc_now)
            return await policy_files.import_book(store, wanted, utc_now(), by=_system_user(), warn=_warn_of_loss)

    typer.echo(f"The policies were replaced: {asyncio.run(replace())}.")


@policy.command("export")
def policy_export() -> None:
    """Write all policies to standard output."""
    settings = _settings()

    async def export() -> str:
        async with open_migrated(settings.database_url.get_secret_value(), upgrade_sqlite=False) as database:
            return await policy_files.export_policies(PolicyRepository(database, utc_now))

    typer.echo(asyncio.run(export()), nl=False)


@audit.command("export")
def audit_export(
    form: Annotated[
        history.Format, typer.Option("--format", help="A line each, as JSON or CSV.")
    ] = history.Format.JSONL,
) -> None:
    """Write the audit trail to standard output, oldest first."""
    settings = _settings()

    async def export() -> None:
        async with open_migrated(settings.database_url.get_secret_value(), upgrade_sqlite=False) as database:
            await history.export(ChangeRepository(database, utc_now).all_events(), form, sys.stdout.write)

    asyncio.run(export())


def _system_user() -> str:
    """Who runs this, by the system's own account of it: the environment says what it was told."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        # A container may run as a number that has no name.
        return f"uid {user}"


def _warn_of_loss(before: PolicyBook) -> None:
    """Say that no policy is left and give back what there was; a person at a terminal is asked first."""
    typer.echo(
        "flowbot: the file names no channel: every policy is removed, and nobody may do anything; until now there was:",
        err=True,
    )
    typer.echo(policy_files.dump_book(before), nl=False, err=True)
    if sys.stdin.isatty():
        typer.confirm("Remove all policies?", abort=True, err=True)


def _settings(*needed: str) -> Settings:
    settings = Settings.load()
    settings.require(*needed)
    configure_logging(settings.log_level, settings.log_format, settings.secrets)
    return settings


def _run(settings: Settings, way_in: Callable[["Flowbot", asyncio.Event], Awaitable[None]]) -> None:
    from flowbot.bootstrap import run_flowbot
    from flowbot.server import signals

    async def live() -> None:
        stop = signals.stop_on_signals()
        async with run_flowbot(settings) as bot:
            # All that is loaded by now stays, so full garbage collections need not look through it.
            gc.freeze()
            await way_in(bot, stop)

    asyncio.run(live())


def _read(file: Path) -> str:
    return sys.stdin.read() if str(file) == "-" else policy_files.read_policy_file(file)


def _complain(line: str) -> None:
    typer.echo(f"flowbot: {' '.join(line.split())}", err=True)
