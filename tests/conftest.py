"""The ground of every test: a clean environment, throw-away databases of both kinds, a browser.

A test that asks for PostgreSQL or Chromium on a machine without it is skipped, and the closing summary counts it; with
CI=true it fails, so that nothing goes unchecked in silence.
"""

import gc
import inspect
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, LiteralString, NoReturn

# Loaded here and not when an example needs it, deep in the stack: there pytest's rewriting of its assertions may trip
# over Python 3.11 (SystemError: AST constructor recursion depth mismatch).
import hypothesis.internal.conjecture.optimiser  # noqa: F401
import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from slack_bolt.util import utils as bolt_utils
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from flowbot.storage import engine
from flowbot.storage.engine import open_database
from flowbot.storage.migrations import upgrade
from flowbot.storage.tables import metadata
from flowbot.storage.unit_of_work import Database

CI: Final = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
GIVEN_POSTGRESQL: Final = os.environ.get("FLOWBOT_TEST_POSTGRESQL")
GIVEN_CHROMIUM: Final = os.environ.get("CHROMIUM")

CLEARED_PREFIXES: Final = ("FLOWBOT_", "SLACK_", "ENKAPUSH_", "LOG_", "PG")
CLEARED_NAMES: Final = {"DATABASE_URL", "PORT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}

OPTIONAL: Final = ("PostgreSQL", "Chromium", "sqlite3", "systemd", "a disk to fill")
PORTS: Final = range(20000, 30000)
CLUSTER_PASSWORD: Final = "s3cret-of-the-cluster"
MEMORY: Final = Path("/dev/shm")
MEMORY_NEEDED: Final = 4 * 1024**3
CRASHES: Final = "tests/crashes/"
MODEL: Final = "tests/model/"
BROWSER: Final = "tests/browser/"
BENCHMARKS: Final = "tests/test_benchmarks.py"
SCENES: Final = ("tests/faults/test_schedule_faults.py", "tests/faults/test_watch_readings.py")
FIRST: Final = (CRASHES, MODEL, BROWSER, *SCENES, BENCHMARKS, "tests/journeys/test_workspaces.py")
LONG: Final = (CRASHES, BROWSER, BENCHMARKS, *SCENES)
SECOND_CRASHES: Final = "tests/crashes/test_kill_s"
"""Those that kill processes mostly wait for leases to run out: from here on they run beside those before."""
COSTLY: Final = {"world", "restore", "restored", "old_url", "scene", "database", "target_url"}
BOTH_AT_ONCE: Final = "postgresql-socket"
TWO_PROCESSES: Final = "elsewhere"

# The same examples each time, however slow the machine is; `--hypothesis-profile=deep` looks for new ones.
settings.register_profile("usual", max_examples=15, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=1000, deadline=None)
settings.load_profile("usual")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory, where there is room: nothing of it has to outlast a power cut.

    Until all tests are collected, the garbage collector would look in vain through modules that stay.
    """
    gc.disable()
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector everything that is loaded by now: it stays."""
    gc.enable()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove from the environment whatever the person at this machine has set for flowbot."""
    for name in os.environ:
        if name.upper() in CLEARED_NAMES or name.startswith(CLEARED_PREFIXES):
            monkeypatch.delenv(name)


def skip_without(what: str, reason: str) -> NoReturn:
    """Skip without `what`, in words that the closing summary recognises; fail in CI."""
    sentence = f"for want of {what}: {reason}"
    if CI:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Say plainly, below everything else, what could not be checked on this machine."""
    yield
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for what in OPTIONAL:
        if count := sum(f"for want of {what}:" in reason for reason in skipped):
            terminalreporter.write_line(f"skipped for want of {what}: {count}", yellow=True, bold=True)


# --- several tests at once -----------------------------------------------------------------------------------------


class _Scheduling(LoadScopeScheduling):
    """Gives out test by test, as workers become free; of those that kill processes, no more than two run at a time.

    What they promise within ten seconds needs a machine that has them. Those in the browser share one, as the scenes of
    a file share their bots.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CRASHES):
            return f"{CRASHES}{nodeid >= SECOND_CRASHES}"
        for together in (BROWSER, *SCENES):
            if nodeid.startswith(together):
                return together
        return nodeid if nodeid.startswith(MODEL) else nodeid.partition("[")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-long` runs, and put the longest first, so that the workers end together.

    Of a table with a bot or a database for each case, `make test` runs the first, and whatever two processes do with
    one database; of each file's journeys, one more with both another database and transport. A table that marks its
    long cases itself is left alone.
    """
    tables: set[str] = set()
    marked = {item.nodeid.partition("[")[0] for item in items if item.get_closest_marker("long")}
    crossed: set[Path] = set()
    for item in items:
        table, _, case = item.nodeid.partition("[")
        needs = set(item.fixturenames) if isinstance(item, pytest.Function) else set()
        is_crossing = BOTH_AT_ONCE in case and item.path not in crossed
        is_further = table in tables - marked and not is_crossing and TWO_PROCESSES not in needs
        if item.nodeid.startswith(LONG) or (is_further and not COSTLY.isdisjoint(needs)):
            item.add_marker(pytest.mark.long)
        if is_crossing:
            crossed.add(item.path)
        tables.add(table)
    items.sort(key=lambda item: [not item.nodeid.startswith(path) for path in FIRST])


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Start two workers for each core: tests wait for processes and browsers about as long as they compute."""
    return 2 * (os.cpu_count() or 1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Schedule the tests in the order in which they were collected."""
    config.option.loadscopereorder = False
    return _Scheduling(config, log)


# --- a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the browser's executable: $CHROMIUM, or one on the path."""
    names = [GIVEN_CHROMIUM] if GIVEN_CHROMIUM else ["chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        skip_without("Chromium", f"none of {', '.join(names)} is installed")
    return Path(found)


# --- a PostgreSQL server -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that tests may fill with databases; `url` leads to one where others can be made."""

    url: str

    @property
    def conninfo(self) -> str:
        """Return the address as libpq wants it."""
        return make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)

    def run(self, statement: str, *names: str) -> None:
        """Run a statement about whole databases, with `names` quoted into its braces."""
        with closing(psycopg.connect(self.conninfo, autocommit=True)) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def url_of(self, name: str) -> str:
        """Return the address of another of the server's databases."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def new_database(self, template: str = "template0") -> Iterator[str]:
        """Copy `template` under a name that nobody else has, yield the name, and drop it at the end."""
        name = f"flowbot_test_{secrets.token_hex(6)}"
        # Copied as files: some eight megabytes through the log of changes take three times as long.
        self.run("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        try:
            yield name
        finally:
            self.run("DROP DATABASE {} WITH (FORCE)", name)


@dataclass
class DatabasePool:
    """Copies of a database, lent to one test after another. Emptying one takes a tenth of the time of copying.

    One that was upgraded meanwhile is not lent again.
    """

    server: PostgresqlServer
    template: str
    stack: ExitStack

    def __post_init__(self) -> None:
        self._free: list[str] = []
        with self._connect(self.template) as connection:
            self._rows = {table.name: _copy_out(connection, table.name) for table in metadata.sorted_tables}
            self._revision = _copy_out(connection, "alembic_version")

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the name of a database with the template's rows."""
        name = self._free.pop() if self._free else self.stack.enter_context(self.server.new_database(self.template))
        yield name
        with suppress(psycopg.OperationalError):  # of a database that lets nobody in any more
            if self._reset(name):
                self._free.append(name)

    def _connect(self, name: str) -> closing[psycopg.Connection[Any]]:
        return closing(psycopg.connect(self.server.conninfo, dbname=name, autocommit=True))

    def _reset(self, name: str) -> bool:
        """End the test's last connections and put back the template's rows. Return whether that is possible."""
        with self._connect(name) as connection, connection.transaction():
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if _copy_out(connection, "alembic_version") != self._revision:
                return False
            for table in reversed(self._rows):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            for table, rows in self._rows.items():
                if rows:
                    with connection.cursor().copy(_copy(table, "FROM STDIN")) as copy:
                        copy.write(rows)
            connection.execute(
                "SELECT setval(pg_get_serial_sequence('events', 'number'), coalesce(max(number), 0) + 1, false)"
                " FROM events"
            )
        return True


def _copy_out(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(_copy(table, "TO STDOUT")) as copy:
        return b"".join(bytes(rows) for rows in copy)


def _copy(table: str, direction: LiteralString) -> sql.Composed:
    return sql.SQL("COPY {} " + direction).format(sql.Identifier(table))


@contextmanager
def database_pool(server: PostgresqlServer, template: str) -> Iterator[DatabasePool]:
    """Yield a pool of copies of `template`, which are dropped at the end."""
    with ExitStack() as stack:
        yield DatabasePool(server, template, stack)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Yield the server of FLOWBOT_TEST_POSTGRESQL, or one made for this run and removed after it."""
    if GIVEN_POSTGRESQL:
        yield PostgresqlServer(GIVEN_POSTGRESQL)
        return
    with new_cluster() as cluster:
        yield PostgresqlServer(cluster.url)


def _postgresql_programs() -> Path | None:
    """Return the folder of the newest initdb."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path)] if on_path else []
    for root in ("/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"):
        installed = Path(root).glob("*/bin/initdb")
        candidates += sorted(installed, key=lambda program: (len(program.parts[-3]), program), reverse=True)
    folders = (program.parent for program in candidates)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of a test's own, in a folder of its own, as safe as memory; it refuses to run as root.

    Attributes:
        authentication: how it lets people in. Passwords are made to be slow to check, at both ends.
    """

    programs: Path
    folder: Path
    port: int
    owner: str | None
    authentication: str

    @property
    def url(self) -> str:
        """Return the address of a database where others can be made."""
        return f"postgresql://flowbot:{CLUSTER_PASSWORD}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make the files."""
        (self.folder / "password").write_text(CLUSTER_PASSWORD)
        if self.owner is not None:
            for path in (self.folder, self.folder / "password"):
                shutil.chown(path, self.owner)
        self._run("initdb", "-D", "data", "-U", "flowbot", "-E", "UTF8", "--locale=C", "-A", self.authentication,
                  "--pwfile=password", "--no-sync")  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "autovacuum": "off",
            "jit": "off",
        }
        options = f"-F -p {self.port} -k {self.folder} " + " ".join(f"-c {key}={settings[key]}" for key in settings)
        self._run("pg_ctl", "-D", "data", "-w", "-l", str(self.folder / "server.log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as at a power cut."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: the server inherits it, and a pipe would never end.
        command, log = [str(self.programs / program), *arguments], self.folder / "commands.log"
        with log.open("a") as out:
            done = subprocess.run(
                command, user=self.owner, group=self.owner, cwd=self.folder, stdout=out, stderr=out, check=False
            )
        assert done.returncode == 0, f"{program} failed:\n{self._read_logs()}"

    def _read_logs(self) -> str:
        """Return the end of the programs' and the server's logs."""
        logs = [self.folder / name for name in ("commands.log", "server.log")]
        return "\n".join(log.read_text()[-2000:] for log in logs if log.exists())


@contextmanager
def new_cluster(authentication: str = "trust") -> Iterator[Cluster]:
    """Start a cluster; skip without PostgreSQL."""
    programs = _postgresql_programs()
    if programs is None:
        skip_without(
            "PostgreSQL", "no initdb on the path or in /usr/lib/postgresql, and FLOWBOT_TEST_POSTGRESQL is not set"
        )
    folder = Path(tempfile.mkdtemp(prefix="flowbot-pg-"))
    try:
        cluster = Cluster(programs, folder, _free_port(), "postgres" if os.geteuid() == 0 else None, authentication)
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """Find a port that stays free while a server is down: below those that the system gives to whoever connects."""
    for port in random.sample(PORTS, len(PORTS)):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port is free in {PORTS}")


# --- databases -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Yield the name of a migrated database to copy."""
    with postgresql_server.new_database() as name:
        upgrade(postgresql_server.url_of(name))
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated file to copy."""
    file = tmp_path_factory.mktemp("template") / "flowbot.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_pool(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[DatabasePool]:
    """Yield a pool of migrated databases."""
    with database_pool(postgresql_server, postgresql_template) as pool:
        yield pool


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer, postgresql_pool: DatabasePool) -> Iterator[str]:
    """Yield the address of a migrated PostgreSQL database of this test's own."""
    with postgresql_pool.lend() as name:
        yield postgresql_server.url_of(name)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of a migrated SQLite file of this test's own."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'flowbot.db')}"


@pytest.fixture
def empty_postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Yield the address of an empty PostgreSQL database."""
    with postgresql_server.new_database() as name:
        yield postgresql_server.url_of(name)


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Return the address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'new.db'}"


BOTH_DATABASES: Final = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=BOTH_DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a migrated database of this test's own; the test runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=BOTH_DATABASES)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a database without tables; the test runs once on each kind."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


class _SharedStatements(dict[Any, Any]):
    """Statements as SQL, for all engines of a kind: SQLAlchemy compiles anew for each, and each test has its own."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_key_without_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(_key_without_engine(key), compiled)


def _key_without_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return type(dialect), *statement


@pytest.fixture(autouse=True, scope="session")
def share_compiled_statements() -> Iterator[None]:
    """Spare each test a third of its time: the SQL of a statement is the same for all databases of a kind."""
    options = {"compiled_cache": _SharedStatements()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_async_engine", partial(create_async_engine, execution_options=options))
        yield


@pytest.fixture(autouse=True, scope="session")
def share_signatures() -> Iterator[None]:
    """Spare each bot half of its start: Bolt asks for the parameters of every listener, which are those of its code."""

    specs: dict[Any, inspect.FullArgSpec] = {}

    def read_spec(function: Any) -> inspect.FullArgSpec:
        code = getattr(function, "__code__", function)
        return specs.get(code) or specs.setdefault(code, inspect.getfullargspec(function))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bolt_utils, "inspect", SimpleNamespace(**{**vars(inspect), "getfullargspec": read_spec}))
        yield


@pytest.fixture
def patient_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who reach for the same rows queue for as long as a busy machine takes: who gives up is no loser."""
    for limit in ("_SQLITE_BUSY_MS", "_LOCK_MS", "_STATEMENT_MS"):
        monkeypatch.setattr(engine, limit, 60_000)
    monkeypatch.setattr(engine, "_POOL_WAIT_S", 60)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open a migrated database."""
    opened = open_database(database_url)
    yield opened
    await opened.close()
