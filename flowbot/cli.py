"""The command line: `flowbot serve`, `socket`, `demo`, `check`, `migrate`, `policy import`, `policy export`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from flowbot import checks, logs, serving
from flowbot import demo as demonstration
from flowbot.app import Flowbot, flowbot, now, opened_database
from flowbot.errors import ConfigurationError, Fault
from flowbot.services import policies
from flowbot.settings import Settings
from flowbot.storage import migrations
from flowbot.storage.policies import StoredPolicies

BAD_CONFIGURATION: Final = 2
DEMO_PORT: Final = 8765

cli = typer.Typer(
    help="Run Enkapush web-push flows from Slack, with your team's approval as the seat belt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy = typer.Typer(help="Channel policies in and out, as TOML.", no_args_is_help=True)
cli.add_typer(policy, name="policy")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; else $PORT, else the default.")]

DemoPort = Annotated[int, typer.Option(min=0, max=65535, envvar="PORT", help="Port of the page.")]


def main() -> None:
    """The entry point: what the deployer has to put right is one line on stderr and exit status 2."""
    try:
        cli()
    except ConfigurationError as error:
        sys.exit(_complain(str(error)))
    except Fault as fault:
        cause = f": {fault.__cause__}" if fault.__cause__ else ""
        sys.exit(_complain(f"{fault.key}{cause}"))


@cli.command()
def serve(host: Host = "0.0.0.0", port: Port = None) -> None:  # noqa: S104 - a server in a container is reached from outside
    """HTTP mode: answer Slack on POST /slack/events."""
    settings = _settings("slack_bot_token", "slack_signing_secret", "enkapush_api_key")
    chosen = settings.port if port is None else port
    _run(settings, lambda bot, stop: serving.serve(bot, host, chosen, stop))


@cli.command()
def socket() -> None:
    """Socket Mode: connect to Slack; no public address is needed."""
    settings = _settings("slack_bot_token", "slack_app_token", "enkapush_api_key")
    _run(settings, serving.socket)


@cli.command()
def demo(port: DemoPort = DEMO_PORT) -> None:
    """Try flowbot in the browser: a stand-in Slack workspace and a stand-in Enkapush; nothing leaves this machine."""
    logs.configure("warning", "text", ())

    async def live() -> None:
        await demonstration.run(port, serving.stop_on_signals(), lambda address: typer.echo(f"flowbot demo: {address}"))

    asyncio.run(live())


@cli.command()
def migrate() -> None:
    """Create or upgrade the database."""
    settings = _settings()
    migrations.upgrade(settings.database_url.get_secret_value())
    typer.echo("The database is up to date.")


@cli.command()
def check() -> None:
    """Is everything set up right? One line a check; exit status 1 if any fails."""
    settings = Settings.load()
    logs.configure("error", settings.log_format, settings.secrets)
    if not checks.run(settings, typer.echo):
        raise typer.Exit(1)


@policy.command("import")
def policy_import(file: Annotated[Path, typer.Argument(help="A TOML file; - for standard input.")]) -> None:
    """Replace all policies with those in FILE. A file that is refused changes nothing."""
    settings = _settings()
    text = _read(file)

    async def replace() -> None:
        async with opened_database(settings) as database:
            await policies.import_policies(StoredPolicies(database, now), text)

    asyncio.run(replace())
    typer.echo("The policies were replaced.")


@policy.command("export")
def policy_export() -> None:
    """Write all policies to standard output."""
    settings = _settings()

    async def export() -> str:
        async with opened_database(settings) as database:
            return await policies.export_policies(StoredPolicies(database, now))

    typer.echo(asyncio.run(export()), nl=False)


def _settings(*needed: str) -> Settings:
    settings = Settings.load()
    settings.need(*needed)
    logs.configure(settings.log_level, settings.log_format, settings.secrets)
    return settings


def _run(settings: Settings, way_in: Callable[[Flowbot, asyncio.Event], Awaitable[None]]) -> None:
    async def live() -> None:
        stop = serving.stop_on_signals()
        async with flowbot(settings) as bot:
            await way_in(bot, stop)

    asyncio.run(live())


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({type(error).__name__})") from None


def _complain(line: str) -> int:
    typer.echo(f"flowbot: {' '.join(line.split())}", err=True)
    return BAD_CONFIGURATION
