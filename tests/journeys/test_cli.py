"""The program as an engineer runs it: real processes between the stand-ins.

Processes of which a test does not ask how they load are forked from one that has loaded flowbot.
"""

import asyncio
import io
import json
import logging
import os
import pwd
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from importlib.metadata import version
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, TextIO

import aiohttp
import pytest
import structlog
from sqlalchemy import make_url, text

from flowbot import errors
from flowbot.cli.console import BAD_CONFIGURATION, FAILED
from flowbot.cli.main import main
from flowbot.diagnostics import checks
from flowbot.domain.change import ChangeKind, Lease
from flowbot.domain.ids import ChannelId, FlowId
from flowbot.i18n import translator
from flowbot.sandbox.enkapush import Fault
from flowbot.server import signals
from flowbot.services.ports import utc_now
from flowbot.storage.migrations import known_revisions
from flowbot.storage.repositories.changes import ChangeRepository
from tests.crashes.bot_processes import eventually
from tests.forked_bots import start_bot
from tests.journeys.request_steps import approval_policy
from tests.journeys.world import API_KEY, MARKETING, POLICY, World, on_both_databases
from tests.storage.change_cases import new_event, new_request
from tests.storage.older_databases import upgrade_to
from tests.test_config import MALFORMED, SECRET

Environment = dict[str, str]
NEEDED: Final = {
    "serve": ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "ENKAPUSH_API_KEY"),
    "socket": ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ENKAPUSH_API_KEY"),
}


@pytest.fixture
def environment(world: World, tmp_path: Path) -> Environment:
    """Return all that a flowbot of its own needs; nothing of this process's but its path."""
    settings = world.settings
    tokens = (settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret)
    bot, app, secret = (token.get_secret_value() if token else "" for token in tokens)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SLACK_BOT_TOKEN": bot,
        "SLACK_APP_TOKEN": app,
        "SLACK_SIGNING_SECRET": secret,
        "SLACK_API_URL": settings.slack_api_url,
        "ENKAPUSH_API_KEY": API_KEY,
        "ENKAPUSH_API_URL": settings.enkapush_api_url,
        "DATABASE_URL": settings.database_url.get_secret_value(),
    }


def list_secrets(environment: Mapping[str, str]) -> list[str]:
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ENKAPUSH_API_KEY")
    password = re.search(r"://[^:/]*:([^@]+)@", environment.get("DATABASE_URL", ""))
    return [environment[name] for name in names if environment.get(name)] + ([password[1]] if password else [])


async def start_flowbot(environment: Environment, cwd: Path, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flowbot", *arguments, env=environment, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def run(environment: Environment, cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command that ends by itself, and return its exit status, standard output and standard error."""
    process = await start_flowbot(environment, cwd, *arguments)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@contextmanager
def restore_logging() -> Iterator[None]:
    """Undo whatever sets up logging in the block."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configured)


class Terminal(io.StringIO):
    """A terminal that remembers all that was shown."""

    def isatty(self) -> bool:
        return True


async def run_in_thread(
    environment: Environment,
    cwd: Path,
    *arguments: str,
    stdin: TextIO | None = None,
    terminals: Collection[str] = (),
) -> tuple[int, str, str]:
    """Run a command in a thread of this process: tables of cases would take minutes otherwise.

    `terminals` names what is a terminal of `stdout` and `stderr`.
    """

    def exits() -> int:
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    with pytest.MonkeyPatch.context() as patch, restore_logging():
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["flowbot", *arguments])
        for stream in ("stdout", "stderr"):
            patch.setattr(sys, stream, Terminal() if stream in terminals else io.StringIO())
        if stdin is not None:
            patch.setattr(sys, "stdin", stdin)
        patch.setattr(signals, "stop_on_signals", asyncio.Event)  # a thread gets no signals
        out, err = sys.stdout, sys.stderr
        status = await asyncio.to_thread(exits)
        assert isinstance(out, io.StringIO)
        assert isinstance(err, io.StringIO)
        return status, out.getvalue(), err.getvalue()


class Server:
    """A bot in a process of its own."""

    def __init__(self, process: BaseProcess | subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        """Return all that it logged."""
        return self._log.read_text()

    @property
    def output(self) -> str:
        """Return all that it printed, of one that was loaded from nothing."""
        return self._log.with_suffix(".out").read_text()

    @property
    def exit_status(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self._process.poll() if isinstance(self._process, subprocess.Popen) else self._process.exitcode

    async def wait_for_log(self, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Wait for a line of the log that fits."""

        def find() -> re.Match[str] | None:
            found = re.search(pattern, self.log)
            assert found or self.exit_status is None, self.log
            return found

        await eventually(find, timeout)
        found = find()
        assert found
        return found

    async def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit status and the seconds that the stop took."""
        self._process.terminate()
        since = time.monotonic()
        return await self.wait_for_exit(), time.monotonic() - since

    async def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        self._process.kill()
        await self.wait_for_exit()

    async def wait_for_exit(self) -> int:
        """Wait until it is gone, and return its exit status."""
        await eventually(lambda: self.exit_status is not None, 15)
        assert self.exit_status is not None
        return self.exit_status


@asynccontextmanager
async def run_server(
    environment: Environment, cwd: Path, *arguments: str, from_nothing: bool = False, migrations: Path | None = None
) -> AsyncIterator[Server]:
    """Run a bot in a process of its own, which loads flowbot `from_nothing` or is forked from one that has."""
    log = cwd.with_name(f"{cwd.name}-{time.monotonic_ns()}.log")
    log.touch()
    process: BaseProcess | subprocess.Popen[bytes]
    if from_nothing:
        command = [sys.executable, "-m", "flowbot", *arguments]
        with log.open("w") as err, log.with_suffix(".out").open("w") as out:
            process = await asyncio.to_thread(
                subprocess.Popen, command, env=environment, cwd=cwd, stdout=out, stderr=err
            )
    else:
        process = start_bot(arguments, environment, cwd, log, migrations=migrations)
    running = Server(process, log)
    try:
        yield running
    finally:
        await running.kill()


@asynccontextmanager
async def serve_http(
    world: World, environment: Environment, cwd: Path, *, from_nothing: bool = False, migrations: Path | None = None
) -> AsyncIterator[tuple[Server, int]]:
    """Run a bot in HTTP mode that Slack delivers to, and yield it with its port."""
    arguments = ("serve", "--host", "127.0.0.1", "--port", "0")
    async with run_server(environment, cwd, *arguments, from_nothing=from_nothing, migrations=migrations) as running:
        port = int((await running.wait_for_log(r"serving .*\bport=(\d+)"))[1])
        world.slack.deliver_to(f"http://127.0.0.1:{port}/slack/events")
        yield running, port


@asynccontextmanager
async def silenceable_proxy(database: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Yield the database's address through a proxy, and an event that silences it: connections stay open and dead."""
    address, is_dead, lines = make_url(database), asyncio.Event(), set[asyncio.Task[None]]()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if is_dead.is_set():
                await asyncio.Event().wait()
            sink.write(data)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(address.host, address.port)
        try:
            with suppress(ConnectionError):
                await asyncio.gather(pump(reader, server_writer), pump(server_reader, writer))
        finally:
            writer.close()
            server_writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(asyncio.create_task(connect(reader, writer)))

    proxy = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        port = proxy.sockets[0].getsockname()[1]
        yield address.set(host="127.0.0.1", port=port).render_as_string(hide_password=False), is_dead
    finally:
        proxy.close()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


# --- the two ways in -----------------------------------------------------------------------------------------------


@on_both_databases
async def test_serve_answers_and_ends_what_is_in_hand(world: World, environment: Environment, tmp_path: Path) -> None:
    world.add_flows(3)
    async with serve_http(world, environment, tmp_path) as (running, _):
        world.enkapush.faults.add(Fault.delay(1))
        await world.emma.send(MARKETING, "/flows list")
        status, seconds = await running.stop()
    assert status == 0
    assert seconds < 10
    await world.emma.wait_for_message(MARKETING, "3 flows", timeout=0.1)
    assert not [secret for secret in list_secrets(environment) if secret in running.log]


@pytest.mark.long
async def test_after_the_start_one_line_says_what_is_not_right_yet(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    world.slack.scopes.discard("chat:write")
    async with serve_http(world, environment, tmp_path, from_nothing=True) as (running, _):
        (line,) = re.findall(
            r".*findings\.not_right_yet.*", (await running.wait_for_log("findings.not_right_yet.*\n")).string
        )
    assert "slack scopes: missing chat:write" in line
    assert not [secret for secret in list_secrets(environment) if secret in line]


async def test_a_stop_while_enkapush_hangs_takes_less_than_ten_seconds(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    world.enkapush.faults.add(Fault.hang(times=None))
    async with serve_http(world, environment, tmp_path) as (running, _):
        await world.emma.send(MARKETING, "/flows list")
        status, seconds = await running.stop()
    assert status == 0
    assert seconds < 10
    # What was acknowledged and cannot be finished is not dropped without a word.
    await world.emma.wait_for_message(MARKETING, "flowbot is restarting, so this wasn't finished.", timeout=0.1)


async def test_a_stop_while_slack_takes_no_message_ends_without_a_traceback(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    await world.import_policy(approval_policy())
    world.add_flows(1)
    world.slack.faults.add("chat.postMessage", hang=True)
    async with serve_http(world, environment, tmp_path) as (running, _):
        await world.emma.send(MARKETING, "/flows enable 1")
        await running.wait_for_log("change.moved .*state=pending")
        await asyncio.sleep(0.3)
        status, seconds = await running.stop()
    assert status == 0
    assert seconds < 10
    assert "Traceback" not in running.log


@pytest.mark.postgresql
@pytest.mark.parametrize("journey_database", ["postgresql"], indirect=True)
async def test_a_stop_while_the_database_says_nothing_takes_less_than_ten_seconds(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    async with (
        silenceable_proxy(environment["DATABASE_URL"]) as (url, is_dead),
        serve_http(world, {**environment, "DATABASE_URL": url}, tmp_path) as (running, _),
    ):
        is_dead.set()
        for command in ("/flows list", "/flows show 1", "/flows approvals"):
            await world.emma.send(MARKETING, command)
        status, seconds = await running.stop()
    assert status == 0
    assert seconds < 10


@pytest.mark.parametrize("mode", ["serve", "socket", "demo"])
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process catches")
def test_a_stop_while_it_is_still_being_loaded_is_a_clean_one(
    environment: Environment, tmp_path: Path, mode: str
) -> None:
    command = [sys.executable, "-m", "flowbot", mode]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        status, deadline = Path(f"/proc/{process.pid}/status"), time.monotonic() + 30
        while not _catches_signal(status.read_text(), signal.SIGTERM):
            assert time.monotonic() < deadline
        process.terminate()
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, b"")


def _catches_signal(status: str, number: int) -> bool:
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


async def test_a_migration_that_is_stopped_is_no_success(environment: Environment, tmp_path: Path) -> None:
    process = await start_flowbot(environment, tmp_path, "migrate")
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        await process.communicate()
    assert process.returncode == -signal.SIGTERM


async def test_the_version_is_said(environment: Environment, tmp_path: Path) -> None:
    assert await run_in_thread(environment, tmp_path, "--version") == (0, f"flowbot {version('flowbot')}\n", "")


@pytest.mark.long
async def test_socket_connects_answers_and_stops(world: World, environment: Environment, tmp_path: Path) -> None:
    async with run_server(environment, tmp_path, "socket", from_nothing=True) as running:
        await running.wait_for_log("connected")
        await world.emma.wait_until(lambda: world.slack.sockets.connection_count)
        await world.emma.send(MARKETING, "/flows help")
        await world.emma.wait_for_message(MARKETING, "You can")
        assert (await running.stop())[0] == 0


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_dead_proxy_does_not_stand_between_programs_of_one_machine(
    world: World, environment: Environment, tmp_path: Path, mode: str
) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    environment |= dict.fromkeys(names, "http://127.0.0.1:9")
    way_in = ("serve", "--host", "127.0.0.1", "--port", "0") if mode == "http" else ("socket",)
    async with run_server(environment, tmp_path, *way_in) as running:
        found = await running.wait_for_log(r"serving .*\bport=(\d+)|connected")
        if mode == "http":
            world.slack.deliver_to(f"http://127.0.0.1:{found[1]}/slack/events")
        world.add_flows(2)
        await world.emma.send(MARKETING, "/flows list")
        await world.emma.wait_for_message(MARKETING, "2 flows")


async def test_the_port_is_the_options_else_the_environments(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LOG_FORMAT=json\nPORT=1\n")
    environment["PORT"] = "0"
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with run_server(environment, tmp_path, "serve", "--host", "127.0.0.1") as running:
        await running.wait_for_log(r'"port": [1-9]\d{3,}')
    async with taken:
        arguments = ("serve", "--host", "127.0.0.1", "--port", str(port))
        status, _, err = await run_in_thread(environment, tmp_path, *arguments)
    assert status == 2
    assert re.search(
        rf"^flowbot: PORT: cannot listen on 127\.0\.0\.1:{port} \(Address already in use\)$", err, re.MULTILINE
    )


@pytest.mark.long
async def test_the_file_is_read_and_nothing_else_is_needed(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    own = {name: environment.pop(name) for name in list(environment) if name not in {"PATH", "PYTHONPATH"}}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in own.items()))
    async with (
        serve_http(world, environment, tmp_path, from_nothing=True) as (_, port),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/readyz") as answer,
    ):
        assert answer.status == 200


# --- what the deployer has to put right ----------------------------------------------------------------------------


def is_one_line_about(name: str, status: int, out: str, err: str) -> bool:
    """Check that a command failed with one line, which has the name."""
    return status != 0 and out == "" and err.count("\n") == 1 and err.startswith("flowbot: ") and name in err


async def test_a_process_with_no_setting_ends_with_one_line(environment: Environment, tmp_path: Path) -> None:
    bare = {name: environment[name] for name in ("PATH", "PYTHONPATH")}
    said = await run(bare, tmp_path, "serve")
    assert is_one_line_about(", ".join(NEEDED["serve"]), *said), said


@pytest.mark.parametrize(("mode", "name"), [(mode, name) for mode, names in NEEDED.items() for name in names])
async def test_a_missing_setting_is_named_in_one_line(
    environment: Environment, tmp_path: Path, mode: str, name: str
) -> None:
    del environment[name]
    said = await run_in_thread(environment, tmp_path, mode)
    assert is_one_line_about(name, *said), said
    assert not [secret for secret in list_secrets(environment) if secret in said[2]]


FIRST_OF_EACH: Final = dict(reversed(MALFORMED))


@pytest.mark.parametrize("name", FIRST_OF_EACH)
async def test_a_malformed_setting_is_named_in_one_line(environment: Environment, tmp_path: Path, name: str) -> None:
    said = await run_in_thread({**environment, name: FIRST_OF_EACH[name]}, tmp_path, "serve")
    assert is_one_line_about(name, *said), said
    assert SECRET not in said[2]


async def test_a_token_that_slack_refuses_is_named_in_one_line(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    environment["LOG_LEVEL"] = "error"
    for mode, name, value in (
        ("serve", "SLACK_BOT_TOKEN", f"xoxb-{SECRET}"),
        ("socket", "SLACK_APP_TOKEN", f"xapp-{SECRET}"),
    ):
        said = await run_in_thread({**environment, name: value}, tmp_path, mode)
        assert is_one_line_about(name, *said), said
        assert SECRET not in said[2]


# --- the database --------------------------------------------------------------------------------------------------


@pytest.mark.postgresql
async def test_a_postgresql_that_was_not_migrated_is_named(
    environment: Environment, tmp_path: Path, empty_postgresql_url: str
) -> None:
    environment["DATABASE_URL"] = empty_postgresql_url
    said = await run_in_thread(environment, tmp_path, "serve", "--port", "0")
    assert is_one_line_about("DATABASE_URL", *said), said
    assert "has no tables yet; run flowbot migrate" in said[2]
    assert not [secret for secret in list_secrets(environment) if secret in said[2]]


async def test_migrate_makes_the_database_and_leaves_a_good_one_alone(
    environment: Environment, tmp_path: Path, empty_database_url: str
) -> None:
    environment["DATABASE_URL"] = empty_database_url
    for _ in range(2):
        assert await run_in_thread(environment, tmp_path, "migrate") == (0, "The database is up to date.\n", "")
    assert await run_in_thread(environment, tmp_path, "policy", "export") == (0, "", "")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param(f"postgresql://flowbot:{SECRET}@127.0.0.1:9/flowbot", FAILED, id="out"),
        pytest.param(f"postgresql://flowbot:{SECRET}@[::1/flowbot", BAD_CONFIGURATION, id="half an address"),
        pytest.param(f"postgresql://flowbot:{SECRET}@host:port/flowbot", BAD_CONFIGURATION, id="no port"),
        pytest.param("sqlite:////no/such/folder/flowbot.db", BAD_CONFIGURATION, id="wrong"),
        pytest.param(f"sqlite:////{'x' * 300}/flowbot.db", BAD_CONFIGURATION, id="cannot be reached"),
        pytest.param("sqlite:////proc/flowbot.db", BAD_CONFIGURATION, id="cannot be opened"),
        pytest.param(f"sqlite:///{__file__}", BAD_CONFIGURATION, id="no database"),
    ],
)
async def test_a_database_that_is_out_may_be_tried_again_and_a_wrong_one_may_not(
    environment: Environment, tmp_path: Path, url: str, status: int
) -> None:
    environment |= {"DATABASE_URL": url, "LOG_LEVEL": "error"}
    for command in ("migrate", "serve"):
        said, _, err = await run_in_thread(environment, tmp_path, command)
        assert said == status, err
        assert err.count("\n") == 1
        assert err.startswith("flowbot: DATABASE_URL: ")
        assert SECRET not in err


@pytest.mark.parametrize("way", [["--socket"], ["--url", "https://flowbot.example.com"]])
async def test_the_manifest_has_steps_only_where_they_are_asked_for(
    environment: Environment, tmp_path: Path, way: list[str]
) -> None:
    for steps in ([], ["--steps"]):
        status, out, err = await run_in_thread(environment, tmp_path, "manifest", *way, *steps, "--json")
        assert (status, err) == (0, "")
        manifest = json.loads(out)
        assert ("functions" in manifest) is bool(steps)
        assert manifest["settings"]["org_deploy_enabled"] is bool(steps)
        assert ("function_executed" in manifest["settings"]["event_subscriptions"]["bot_events"]) is bool(steps)


@pytest.mark.parametrize(
    ("closed", "command"),
    [("<&-", "policy import -"), (">&-", "manifest --socket"), (">/dev/full", "manifest --socket")],
)
async def test_a_stream_that_cannot_be_used_is_one_line(
    environment: Environment, tmp_path: Path, closed: str, command: str
) -> None:
    line = f"exec {sys.executable} -m flowbot {command} {closed}"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_shell(line, env=environment, cwd=tmp_path, stderr=pipe, stdout=pipe)
    _, err = await process.communicate()
    assert (process.returncode, err.count(b"\n"), err[:9]) == (FAILED, 1, b"flowbot: "), err


@pytest.mark.parametrize("command", ["manifest --socket", "serve --host $'\\xff'"])
async def test_an_encoding_that_lacks_a_character_ends_no_command(
    environment: Environment, tmp_path: Path, command: str
) -> None:
    line = ["bash", "-c", f"exec {sys.executable} -m flowbot {command}"]
    pipe, ascii_only = asyncio.subprocess.PIPE, environment | {"PYTHONIOENCODING": "ascii"}
    process = await asyncio.create_subprocess_exec(*line, env=ascii_only, cwd=tmp_path, stderr=pipe, stdout=pipe)
    _, err = await process.communicate()
    assert b"Traceback" not in err


async def test_an_export_says_what_it_leaves_out(world: World, environment: Environment, tmp_path: Path) -> None:
    await world.import_policy(POLICY)
    async with world.open_database() as database, database.write() as connection:
        await connection.execute(text("UPDATE channel_policies SET document = '[]' WHERE channel_id = 'C0AGENCY'"))
        await connection.execute(text("UPDATE events SET details = '5' WHERE number = 1"))
    for command, missing in (("policy", "1 of channel_policies"), ("audit", "1 of events")):
        status, out, err = await run_in_thread(environment, tmp_path, command, "export")
        assert status == 1
        assert f"flowbot: rows that cannot be read were left out: {missing}; see flowbot check" in err
        assert "C0MARKETING" in out
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert "FAIL  database rows: cannot be read and are left alone: channel_policies C0AGENCY (" in out


@pytest.mark.parametrize("command", [("audit", "export"), ("policy", "export")])
async def test_what_only_reads_makes_no_database(
    environment: Environment, tmp_path: Path, command: tuple[str, str]
) -> None:
    environment["DATABASE_URL"] = "sqlite:///slip.db"
    said = await run_in_thread(environment, tmp_path, *command)
    assert said[0] == BAD_CONFIGURATION
    assert is_one_line_about(f"DATABASE_URL: there is no file {tmp_path}/slip.db", *said), said
    assert not (tmp_path / "slip.db").exists()


async def test_an_import_makes_the_database(environment: Environment, tmp_path: Path) -> None:
    environment["DATABASE_URL"] = "sqlite:///new.db"
    (tmp_path / "policy.toml").write_text(POLICY)
    assert (await run_in_thread(environment, tmp_path, "policy", "import", "policy.toml"))[0] == 0
    assert "C0MARKETING" in (await run_in_thread(environment, tmp_path, "policy", "export"))[1]


def test_the_operator_reads_a_sentence_with_its_cause_in_one_line() -> None:
    def of(key: str, cause: Exception | None) -> str:
        fault = errors.DependencyError(key, error="x")
        fault.__cause__ = cause
        return translator.describe_fault(fault)

    out = of("fault.database", OSError("\nrefused\nat 5"))
    assert re.fullmatch(r"flowbot can't reach its database right now, so nothing was changed\. .+ \(refused\)", out)
    assert of("fault.slack", TimeoutError()).endswith("(TimeoutError)")
    assert of("fault.slack", None).endswith(".")


# --- policies ------------------------------------------------------------------------------------------------------


async def test_policies_go_in_and_out_and_a_refused_file_changes_nothing(
    environment: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    assert (await run_in_thread(environment, tmp_path, "policy", "import", str(file)))[0] == 0
    before = await run_in_thread(environment, tmp_path, "policy", "export")
    assert before[0] == 0
    assert 'id = "C0MARKETING"' in before[1]
    file.write_text(POLICY + "colour = 1\n")
    said = await run_in_thread(environment, tmp_path, "policy", "import", str(file))
    assert (said[0], is_one_line_about("colour", *said)) == (1, True), said
    assert await run_in_thread(environment, tmp_path, "policy", "export") == before


async def test_an_import_says_what_becomes_of_the_channels(environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY.replace("C0AGENCY", "C0NEW").replace("websites = [1, 2]", "websites = [1]"))
    said = await run_in_thread(environment, tmp_path, "policy", "import", str(file))
    assert (said[0], said[2]) == (0, "")
    assert {
        "C0AGENCY: nobody can use flowbot any more",
        "C0NEW: flowbot is set up",
        "C0MARKETING: website 2 is removed",
    } < set(said[1].splitlines())
    said = await run_in_thread(environment, tmp_path, "policy", "import", str(file))
    assert said == (0, "Nothing changed.\n", "")


@pytest.mark.parametrize(
    ("command", "bar"),
    [
        (("migrate",), "Migrating the database"),
        (("copy", "sqlite:///journey.db"), "Copying and comparing rows"),
        (("audit", "export"), "Exporting the audit trail"),
    ],
)
async def test_what_takes_long_shows_its_progress_on_a_terminal_alone(
    environment: Environment, tmp_path: Path, command: tuple[str, ...], bar: str
) -> None:
    environment |= {"TERM": "xterm", "COLUMNS": "100"}
    if command[0] != "audit":
        environment["DATABASE_URL"] = "sqlite:///new.db"
    status, out, err = await run_in_thread(environment, tmp_path, *command, terminals=("stderr",))
    assert (status, "\x1b" in out) == (0, False)
    assert bar in err
    assert err.count("\x1b[?25h") == err.count("\x1b[?25l") == 1, "the cursor is back"
    environment["DATABASE_URL"] = environment["DATABASE_URL"].replace("new", "other")
    assert await run_in_thread(environment, tmp_path, *command) == (0, out, "")


async def test_rows_on_a_terminal_are_not_disturbed_by_a_bar(environment: Environment, tmp_path: Path) -> None:
    _, out, err = await run_in_thread(environment, tmp_path, "audit", "export", terminals=("stdout", "stderr"))
    assert "policy.imported" in out
    assert err == ""


async def test_the_audit_says_what_an_import_changed_and_who_ran_it(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY + "[channels.approval]\nquorum = 2\n")
    environment["USER"] = environment["LOGNAME"] = "somebody-else"
    assert (await run_in_thread(environment, tmp_path, "policy", "import", "policy.toml"))[0] == 0
    row = json.loads((await run_in_thread(environment, tmp_path, "audit", "export"))[1].splitlines()[-1])
    assert row["action"] == "policy.imported"
    assert row["details"]["differences"] == ["C0AGENCY: quorum 1 → 2"]
    assert row["details"]["system_user"] == pwd.getpwuid(os.getuid()).pw_name


async def test_a_file_without_a_channel_is_imported_only_on_purpose(environment: Environment, tmp_path: Path) -> None:
    before = await run_in_thread(environment, tmp_path, "policy", "export")
    (tmp_path / "policy.toml").write_text("")
    said = await run_in_thread(environment, tmp_path, "policy", "import", "policy.toml")
    assert (said[0], is_one_line_about("--empty", *said)) == (1, True), said
    assert await run_in_thread(environment, tmp_path, "policy", "export") == before
    said = await run_in_thread(environment, tmp_path, "policy", "import", "--empty", "policy.toml")
    lines = {f"{channel}: nobody can use flowbot any more" for channel in ("C0MARKETING", "C0AGENCY")}
    assert (said[0], lines <= set(said[1].splitlines())) == (0, True), said


async def test_a_dry_run_says_what_would_change_and_changes_nothing(environment: Environment, tmp_path: Path) -> None:
    before = await run_in_thread(environment, tmp_path, "policy", "export")
    (tmp_path / "policy.toml").write_text(POLICY)
    same = await run_in_thread(environment, tmp_path, "policy", "import", "--dry-run", "policy.toml")
    assert same == (0, "Nothing would change.\n", "")
    wanted = POLICY.replace("C0AGENCY", "C0NEW").replace("websites = [1, 2]", "websites = [1]")
    (tmp_path / "policy.toml").write_text(wanted + "[channels.approval]\nquorum = 2\n")
    status, out, err = await run_in_thread(environment, tmp_path, "policy", "import", "policy.toml", "--dry-run")
    assert (status, err) == (2, "")
    assert {
        "C0AGENCY: nobody can use flowbot any more",
        "C0NEW: flowbot is set up",
        "C0NEW: quorum 1 → 2",
        "C0MARKETING: website 2 is removed",
    } <= set(out.splitlines())
    assert await run_in_thread(environment, tmp_path, "policy", "export") == before
    (tmp_path / "policy.toml").write_text("colour = 1\n")
    said = await run_in_thread(environment, tmp_path, "policy", "import", "--dry-run", "policy.toml")
    assert (said[0], is_one_line_about("colour", *said)) == (1, True), said


async def test_a_file_that_cannot_be_read_is_one_line(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# \xfe")
    for name in ("missing.toml", "latin.toml", "."):
        said = await run_in_thread(environment, tmp_path, "policy", "import", name)
        assert is_one_line_about(name, *said), said


async def test_a_policy_takes_effect_in_a_running_process_at_once(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    world.add_flows(2)
    file = tmp_path / "policy.toml"
    async with serve_http(world, environment, tmp_path):
        await world.emma.send(MARKETING, "/flows list")
        await world.emma.wait_for_message(MARKETING, "2 flows")
        narrowed = POLICY.replace('viewers = ["*"]', 'viewers = ["S0LEADS"]').replace('editors = ["S0EDITORS"]', "")
        file.write_text(narrowed)
        assert (await run_in_thread(environment, tmp_path, "policy", "import", str(file)))[0] == 0
        await world.emma.send(MARKETING, "/flows list")
        await world.emma.wait_for_message(MARKETING, "can see flows.")


# --- check ---------------------------------------------------------------------------------------------------------


@on_both_databases
async def test_check_says_that_all_is_well(environment: Environment, tmp_path: Path) -> None:
    environment["FLOWBOT_WATCH_SECONDS"] = "0"
    status, out, err = await run_in_thread(environment, tmp_path, "check")
    assert (status, err) == (0, "")
    assert "watch: off by FLOWBOT_WATCH_SECONDS=0" in out
    assert all(line.startswith("ok ") for line in out.splitlines())
    assert not [secret for secret in list_secrets(environment) if secret in out]


BROKEN: Final = {
    "slack token": {"SLACK_BOT_TOKEN": f"xoxb-{SECRET}"},
    "slack socket mode": {"SLACK_APP_TOKEN": f"xapp-{SECRET}"},
    "enkapush": {"ENKAPUSH_API_KEY": SECRET},
    "database": {"DATABASE_URL": f"postgresql://flowbot:{SECRET}@127.0.0.1:9/flowbot"},
    "SLACK_BOT_TOKEN": {"SLACK_BOT_TOKEN": ""},
    "ENKAPUSH_API_KEY": {"ENKAPUSH_API_KEY": ""},
    "ways in": {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": ""},
    "policy": {"DATABASE_URL": "sqlite:///new.db"},
}
UNWELL: Final = {
    "missing": (
        {"DATABASE_URL": "sqlite:///slip.db"},
        r"database: DATABASE_URL: there is no file .+/slip\.db; .+ makes it",
    ),
    "no database": ({"DATABASE_URL": f"sqlite:///{__file__}"}, r"database: DATABASE_URL: '.+' is no database"),
    "down": (
        {"ENKAPUSH_API_URL": "http://127.0.0.1:9"},
        r"enkapush: http://127\.0\.0\.1:9 cannot be reached \(.+\)",
    ),
    "slack down": (
        {"SLACK_API_URL": "http://127.0.0.1:9/api"},
        r"slack token: Slack cannot be reached at 127\.0\.0\.1:9 \(Connection refused\)",
    ),
    "no slack": (
        {"SLACK_API_URL": "{ENKAPUSH_API_URL}"},
        r"slack token: http://.+/auth\.test does not answer as Slack does \(.+\)",
    ),
    "wrong token": ({"SLACK_BOT_TOKEN": f"xoxb-{SECRET}"}, r"slack approvers: cannot be read; see slack token"),
    "key": ({"ENKAPUSH_API_KEY": SECRET}, r"enkapush: http://.+ refuses ENKAPUSH_API_KEY \(.+\)"),
}


@pytest.mark.parametrize("piece", BROKEN)
async def test_check_names_what_fails(environment: Environment, tmp_path: Path, piece: str) -> None:
    environment |= BROKEN[piece]
    status, out, err = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert re.search(rf"^FAIL  {piece}: .+", out, re.MULTILINE), out
    assert "fault." not in out
    assert "Traceback" not in err
    assert not [secret for secret in [SECRET, *list_secrets(environment)] if secret in out + err]


@pytest.mark.parametrize("case", UNWELL)
async def test_check_says_where_and_why(environment: Environment, tmp_path: Path, case: str) -> None:
    wrong, line = UNWELL[case]
    wrong = {name: value.format_map(environment) for name, value in wrong.items()}
    status, out, _ = await run_in_thread(environment | wrong, tmp_path, "check")
    assert status == 1
    assert re.search(rf"^FAIL  {line}$", out, re.MULTILINE), out
    assert SECRET not in out
    assert not (tmp_path / "slip.db").exists()


async def test_check_before_the_first_set_up_says_what_to_type(environment: Environment, tmp_path: Path) -> None:
    environment["DATABASE_URL"] = "sqlite:///new.db"
    await run_in_thread(environment, tmp_path, "migrate")
    out = (await run_in_thread(environment, tmp_path, "check"))[1]
    assert "FAIL  policy: no channel is set up yet: type /flows setup in one" in out
    assert "ok    slack approvers: none needed yet, see policy" in out


async def test_check_names_an_installation_that_cannot_be_served(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    world.slack.workspace.team = replace(world.slack.workspace.team, enterprise="E0LALE")
    world.slack.workspace.is_enterprise_install = True
    world.slack.faults.add("usergroups.list", error="missing_argument", times=None)
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert re.search(r"^FAIL  slack token: .*organisation-wide installation.*one workspace$", out, re.MULTILINE), out


async def test_check_without_a_database_looks_at_all_the_rest(environment: Environment, tmp_path: Path) -> None:
    environment["DATABASE_URL"] = "sqlite:///slip.db"
    out = (await run_in_thread(environment, tmp_path, "check"))[1]
    failed = [line.split(":")[0] for line in out.splitlines() if line.startswith("FAIL")]
    assert failed == ["FAIL  database", "FAIL  policy"]
    assert "slack token" in out
    assert "ok    slack approvers: not known, see database" in out


@on_both_databases
async def test_check_does_nothing_of_what_waits(world: World, environment: Environment, tmp_path: Path) -> None:
    world.add_flows(1)
    async with world.open_database() as database:
        store = ChangeRepository(database, utc_now)
        new = new_request(kind=ChangeKind.DISABLE, channel=ChannelId(MARKETING), flow=FlowId(1))
        record, _ = await store.submit(
            new, Lease("of a process that was killed", utc_now() - timedelta(hours=1)), new_event()
        )
        assert (await run_in_thread(environment, tmp_path, "check"))[0] == 0
        assert await store.get(record.change.id) == record.change
    assert [record for record in world.enkapush.requests if record.method != "GET"] == []


@pytest.mark.parametrize("command", [("check",), ("audit", "export"), ("policy", "export")])
async def test_what_only_reads_upgrades_no_database(
    environment: Environment, tmp_path: Path, empty_sqlite_url: str, command: tuple[str, ...]
) -> None:
    environment["DATABASE_URL"] = empty_sqlite_url
    newest, older, *_ = known_revisions()
    upgrade_to(empty_sqlite_url, older)
    said = await run_in_thread(environment, tmp_path, *command)
    assert said[0] != 0
    assert f"has revision {older}, not {newest}; run flowbot migrate" in said[1] + said[2]
    with closing(sqlite3.connect(empty_sqlite_url.removeprefix("sqlite:///"))) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(older,)]


@pytest.mark.parametrize(
    ("piece", "scopes", "faults"),
    [
        ("slack scopes", {"commands"}, {}),
        ("slack user groups", None, {"usergroups.list": {"error": "missing_scope"}}),
        ("slack token", None, {"auth.test": {"status": 503}}),
    ],
)
async def test_check_names_what_slack_does_not_grant(
    world: World,
    environment: Environment,
    tmp_path: Path,
    piece: str,
    scopes: set[str] | None,
    faults: dict[str, dict[str, object]],
) -> None:
    if scopes is not None:
        world.slack.scopes.intersection_update(scopes)
    for method, what in faults.items():
        world.slack.faults.add(method, times=None, **what)  # type: ignore[arg-type] # a table of keywords
    status, out, err = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert re.search(rf"^FAIL  {piece}: .+", out, re.MULTILINE), out + err
    assert "fault." not in out


async def test_check_names_the_channels_whose_requests_nobody_can_approve(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    await world.import_policy(approval_policy("quorum = 2"))
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert "FAIL  slack approvers: C0MARKETING: 2 approvals aren't possible: only 1 active person" in out
    await world.import_policy(approval_policy("quorum_over = { 10000 = 2 }", "escalate_after_hours = 24"))
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert "FAIL  slack approvers: C0MARKETING: Choose who can decide once a request is escalated." in out
    await world.import_policy(approval_policy("quorum_over = { 10000 = 2 }"))
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert "FAIL  slack approvers: C0MARKETING: 2 approvals aren't possible with these approvers" in out
    await world.import_policy(approval_policy('stages = [["U0EMMA"], ["S0GONE"]]', approvers="[]"))
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 1
    assert "slack approvers: C0MARKETING: Stage 2 needs 1 more active person." in out
    await world.import_policy(approval_policy("quorum = 2", approvers='["*"]'))
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 0
    assert "ok    slack approvers: every policy has enough, as far as Slack tells" in out


@on_both_databases
async def test_check_compares_the_clock_with_slacks_and_enkapushs(
    world: World, environment: Environment, tmp_path: Path
) -> None:
    status, out, _ = await run_in_thread(environment, tmp_path, "check")
    assert status == 0
    for name in ("slack", "enkapush"):
        assert re.search(rf"^ok    {name} clock: agrees with this machine's to within \d s$", out, re.MULTILINE), out
    # Once is enough: no request is sent for the clock alone.
    called = [entry["what"] for entry in world.slack.context.exchange_log.list_latest(100)]
    assert called.count("auth.test") == 1
    assert world.enkapush.request_count() == 1


@pytest.mark.parametrize("side", ["slack", "enkapush"])
@pytest.mark.parametrize(("seconds", "where"), [(-60, "ahead of"), (60, "behind")])
async def test_check_says_how_far_the_clock_is_off(
    world: World, environment: Environment, tmp_path: Path, side: str, seconds: int, where: str
) -> None:
    stand_in = world.slack if side == "slack" else world.enkapush
    stand_in.date = format_datetime(utc_now() + timedelta(seconds=seconds), usegmt=True)
    status, out, err = await run_in_thread(environment, tmp_path, "check")
    assert (status, err) == (1, "")
    (failed,) = (line for line in out.splitlines() if line.startswith("FAIL"))
    told = re.fullmatch(rf"FAIL  {side} clock: this machine's is (\d+) s {where} it: .*set it by NTP.*", failed)
    assert told, failed
    assert 50 < int(told[1]) < 70


@on_both_databases
async def test_check_holds_this_machines_clock_to_both(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "utc_now", lambda: utc_now() + timedelta(hours=1))
    out = (await run_in_thread(environment, tmp_path, "check"))[1]
    for name in ("slack", "enkapush"):
        assert re.search(rf"^FAIL  {name} clock: this machine's is 3[56]\d\d s ahead of it: ", out, re.MULTILINE), out


ODD_DATES: Final = ["", "yesterday", "29 Nov 2026", "Sun, 31 Feb 2026 10:00:00 GMT", f"{SECRET} {API_KEY}", "1" * 5000]


@pytest.mark.parametrize("date", ODD_DATES)
async def test_a_date_that_cannot_be_read_is_no_failure(
    world: World, environment: Environment, tmp_path: Path, date: str
) -> None:
    world.slack.date = world.enkapush.date = date
    status, out, err = await run_in_thread(environment, tmp_path, "check")
    assert (status, err) == (0, "")
    for whose in ("Slack", "Enkapush"):
        assert f"ok    {whose.lower()} clock: not known, {whose}'s answer has no Date that can be read\n" in out
    assert not [secret for secret in [SECRET, *list_secrets(environment)] if secret in out]


async def test_the_clock_is_compared_with_a_refusal_too(world: World, environment: Environment, tmp_path: Path) -> None:
    environment |= {"SLACK_BOT_TOKEN": f"xoxb-{SECRET}", "ENKAPUSH_API_KEY": SECRET}
    out = (await run_in_thread(environment, tmp_path, "check"))[1]
    for name in ("slack", "enkapush"):
        assert f"ok    {name} clock: agrees with this machine's" in out, out


async def test_without_an_answer_the_clock_is_not_known(world: World, environment: Environment, tmp_path: Path) -> None:
    world.slack.faults.add("auth.test", lose_answer=True, times=None)
    environment |= {"ENKAPUSH_API_URL": "http://127.0.0.1:9"}
    out = (await run_in_thread(environment, tmp_path, "check"))[1]
    for name in ("slack", "enkapush"):
        assert f"ok    {name} clock: not known, there was no answer\n" in out, out


# --- demo ----------------------------------------------------------------------------------------------------------


async def test_demo_needs_nothing_prints_one_address_and_serves(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    async with run_server(bare, tmp_path, "demo", "--port", "0", from_nothing=True) as running:
        await eventually(lambda: running.output, 60)
        address = re.fullmatch(r"flowbot demo: (http://127\.0\.0\.1:\d+)\n", running.output)
        assert address, running.output
        async with aiohttp.ClientSession() as session, session.get(address[1]) as page:
            assert "<title>Workspace</title>" in await page.text()
        assert (await running.stop())[0] == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the loop has nothing else to do by now
