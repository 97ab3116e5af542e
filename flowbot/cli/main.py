"""The command line: `flowbot init`, `manifest`, `serve`, `socket`, `demo`, `check`, `migrate`, `copy`, and others.

Modules that speak to Slack are imported by the commands that need them: loading them takes longer than the others run.
"""

import asyncio
import ctypes
import errno
import gc
import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from functools import partial
from getpass import GetPassWarning
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flowbot.cli.audit import audit
from flowbot.cli.console import BAD_CONFIGURATION, FAILED, load_settings, print_error, set_encoding
from flowbot.cli.policy import policy
from flowbot.config import Settings
from flowbot.errors import ConfigurationError, DatabaseFaultError, DependencyError, describe_os_error
from flowbot.i18n.translator import describe_fault
from flowbot.observability.logging import configure_logging
from flowbot.observability.progress import show_progress
from flowbot.services.policy_files import PolicyFileError
from flowbot.storage import database_copy, migrations

if TYPE_CHECKING:
    from flowbot.bootstrap import Flowbot

DEMO_PORT: Final = 8765
M_MMAP_THRESHOLD: Final = -3
"""A parameter of glibc's `mallopt`; elsewhere there is no such function."""
LARGE_BLOCK_BYTES: Final = 1024 * 1024
UNBINDABLE: Final = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(policy, name="policy")
cli.add_typer(audit, name="audit")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; else $PORT, else 3000.")]

WatchPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port for /healthz, /readyz and /metrics; none without it.")
]
DemoPort = Annotated[int, typer.Option(min=0, max=65535, envvar="PORT", help="Port of the page.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from flowbot.observability.metrics import installed_version

        typer.echo(f"flowbot {installed_version()}")
        raise typer.Exit


@cli.callback()
def flowbot_itself(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run Enkapush web-push flows from Slack, with your team's approval as the seat belt."""


def main() -> None:
    """Run the command that was typed. A failure is one line on stderr and an exit status, 1 or 2."""
    # A character that the terminal does not know ends no command.
    set_encoding()
    try:
        try:
            cli()
        finally:
            # Here, and not at the end of the interpreter, which would show a traceback.
            sys.stdout.flush()
    except OSError as error:
        print_error(f"{error.filename or 'standard input or output'}: {error.strerror}")
        with suppress(OSError):
            # What is left in its buffer would fail once more at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except PolicyFileError as error:
        print_error(str(error))
        sys.exit(FAILED)
    except ConfigurationError as error:
        print_error(str(error))
        sys.exit(BAD_CONFIGURATION)
    except DatabaseFaultError as fault:
        print_error(f"DATABASE_URL: {describe_fault(fault)}")
        sys.exit(FAILED)
    except DependencyError as fault:
        print_error(describe_fault(fault))
        sys.exit(FAILED)


@cli.command()
def init(
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Take the secrets from the environment instead of asking.")
    ] = False,
) -> None:
    """Ask for the secrets, check them, and write them to .env."""
    from flowbot.initializer import Initializer

    def ask(prompt: str) -> str:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", GetPassWarning)
                return str(typer.prompt(prompt, default="", hide_input=True, show_default=False))
        except GetPassWarning:
            raise ConfigurationError(
                "init asks, and needs a terminal; or set the secrets in the environment, and use --no-input"
            ) from None

    configure_logging("error", "text", ())
    if not Initializer(typer.echo, None if no_input else ask).run():
        raise typer.Exit(FAILED)


@cli.command()
def manifest(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="HTTP mode: the https address that leads to flowbot's port.")
    ] = None,
    http_mode: Annotated[bool, typer.Option("--http", help="HTTP mode, by this machine's own name.")] = False,
    socket_mode: Annotated[bool, typer.Option("--socket", help="Socket Mode: no address is needed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the Slack CLI takes it.")] = False,
    with_steps: Annotated[
        bool, typer.Option("--steps", help="With steps for Workflow Builder; needs a paid plan of Slack's.")
    ] = False,
) -> None:
    """Print the manifest to create the Slack app from."""
    from flowbot.slack.manifest import build_manifest, find_own_address, format_manifest

    if [socket_mode, http_mode, url is not None].count(True) != 1:
        raise ConfigurationError("manifest: choose --socket, --http or --url https://…")
    url = find_own_address() if http_mode else url
    set_encoding("utf-8")
    typer.echo(format_manifest(build_manifest(url, with_steps=with_steps), as_json=as_json), nl=False)


@cli.command()
def serve(host: Host = "0.0.0.0", port: Port = None) -> None:  # noqa: S104 - a server in a container is reached from outside
    """Serve Slack over HTTP on POST /slack/events."""
    settings = load_settings("slack_bot_token", "slack_signing_secret", "enkapush_api_key")
    from flowbot.server import http

    chosen = settings.port if port is None else port
    _run(settings, lambda bot, stop: http.serve_http(bot, host, chosen, stop))


@cli.command()
def socket(host: Host = "0.0.0.0", port: WatchPort = None) -> None:  # noqa: S104 - a container is watched from outside
    """Serve Slack over Socket Mode; no public address is needed."""
    settings = load_settings("slack_bot_token", "slack_app_token", "enkapush_api_key")
    from flowbot.server import socket_mode

    async def listen(bot: "Flowbot", stop: asyncio.Event) -> None:
        async with socket_mode.serve_probes(bot, host, port):
            await socket_mode.serve_socket_mode(bot, stop)

    _run(settings, listen)


@cli.command()
def demo(port: DemoPort = DEMO_PORT) -> None:
    """Try flowbot in the browser: a stand-in Slack workspace and a stand-in Enkapush; nothing leaves this machine."""
    from flowbot.server import signals

    configure_logging("warning", "text", ())

    async def live() -> None:
        # Before the bar: a stop that ends the process at once would leave the terminal without a cursor.
        stop = signals.stop_on_signals()
        with ExitStack() as setting_up:
            setting_up.enter_context(show_progress("Setting up the demo"))
            from flowbot.demo.command import run_demo

            def announce(address: str) -> None:
                setting_up.close()
                typer.echo(f"flowbot demo: {address}")

            await run_demo(port, stop, announce)

    try:
        asyncio.run(live())
    except OSError as error:
        if error.errno not in UNBINDABLE:
            raise ConfigurationError(f"the demo cannot go on ({error.strerror or error})") from None
        raise ConfigurationError(
            f"PORT: cannot listen on port {port} ({describe_os_error(error)}); try --port"
        ) from None


@cli.command()
def migrate() -> None:
    """Create or upgrade the database."""
    settings = load_settings()
    with show_progress("Migrating the database") as report:
        migrations.upgrade(settings.database_url.get_secret_value(), report)
    typer.echo("The database is up to date.")


@cli.command()
def copy(source: Annotated[str, typer.Argument(metavar="FROM", help="Such as sqlite:///flowbot.db")]) -> None:
    """Copy everything from another database into DATABASE_URL, which must be empty; FROM stays as it is."""
    settings = load_settings()
    try:
        with show_progress("Copying and comparing rows") as report:
            tables = database_copy.copy_database(source, settings.database_url.get_secret_value(), report)
    except DatabaseFaultError as fault:
        print_error(f"FROM or DATABASE_URL: {describe_fault(fault)}")
        raise typer.Exit(FAILED) from None
    for table, rows in tables.items():
        typer.echo(f"{table}: {rows}")
    typer.echo("Everything was copied and compared. Start flowbot with this DATABASE_URL, and never again with FROM.")


@cli.command()
def check() -> None:
    """Check the settings, the database, Slack and Enkapush; print one line per check.

    Exit with status 1 if any fails.
    """
    settings = Settings.load()
    from flowbot.diagnostics import checks

    configure_logging("error", settings.log_format, settings.secrets)
    if not checks.run_diagnostics(settings, typer.echo):
        raise typer.Exit(FAILED)


def _run(settings: Settings, listen: Callable[["Flowbot", asyncio.Event], Awaitable[None]]) -> None:
    from flowbot.bootstrap import run_flowbot
    from flowbot.diagnostics import checks
    from flowbot.server import signals

    _free_large_blocks_at_once()

    async def live() -> None:
        stop = signals.stop_on_signals()
        async with run_flowbot(settings, read_findings=partial(checks.find_problems, settings)) as bot:
            # All that is loaded by now stays, so full garbage collections need not look through it.
            gc.freeze()
            await listen(bot, stop)

    asyncio.run(live())


def _free_large_blocks_at_once() -> None:
    """Let the C library give an image's memory back as it is freed; else it keeps what many at once took."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
