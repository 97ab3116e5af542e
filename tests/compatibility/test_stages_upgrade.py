"""Check that a database of the version before approvals had stages is taken over with all that is open in it.

What `before_stages/` holds was recorded by `record_before_stages.py`; the names of its flows tell what waits.
"""

import asyncio
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import MetaData, create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.storage.migrations import upgrade
from tests.compatibility.moments import FOLDER, Control, Json, Moment, put_rows, sync_url
from tests.compatibility.restored_world import Restored, restore_world
from tests.compatibility.row_round_trip import REWRITERS, rewrite_row
from tests.compatibility.test_first_version import find_losses
from tests.conftest import skip_without
from tests.storage.older_databases import downgrade, upgrade_to

OPEN: Final = Moment("open_requests", FOLDER.parent / "before_stages")
REVISION: Final = "0016"
"""The revision of the database that the version before left."""
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
LAPSED: Final = MINUTE
"""So much later every lease has run out, and little else has happened."""
on_each_database: Final = pytest.mark.parametrize(
    "restored",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.long])],
    indirect=True,
)


def flow_of(row: Json) -> Json:
    """Return the flow that a change is about, as it was or is to be."""
    asked = row["asked"].get("timed") or row["asked"]
    flow: Json = asked["before"] or asked["wanted"]["content"]
    return flow


def named(*states: str) -> dict[str, Json]:
    """Return the recorded changes in these states, by the names of their flows; the first of two is the enable."""
    rows = [row for row in OPEN.rows("changes") if row["state"] in states]
    found: dict[str, Json] = {}
    for row in sorted(rows, key=lambda row: row["kind"] != "enable"):
        name = flow_of(row)["name"]
        found[f"{name}, {row['kind']}" if name in found else name] = row
    return found


PENDING: Final = named("pending")
SCHEDULED: Final = named("scheduled")
IN_HAND: Final = named("draft", "applying")
UNKNOWN: Final = named("unknown")
NO_SECOND: Final = {"Shared", "Frozen until approved", "By direct message"}
"""What one approval is enough for."""


def control_of(row: Json, action: str, person: str | None = None) -> Control | None:
    """Return the recorded button of a change, in the message that a channel or that person sees."""
    found = [each for each in OPEN.controls() if each.change == row["id"] and each.action_id == f"changes.{action}"]
    return next((each for each in found if each.person == person), None)


def with_button(rows: dict[str, Json], action: str) -> dict[str, Json]:
    """Return the changes whose message has the button."""
    return {name: row for name, row in rows.items() if control_of(row, action)}


# --- rows ----------------------------------------------------------------------------------------------------------


def test_the_recording_has_what_it_is_named_for() -> None:
    rows = [*PENDING.values(), *SCHEDULED.values(), *IN_HAND.values(), *UNKNOWN.values()]
    assert {row["kind"] for row in rows} == {"create", "enable", "edit", "disable", "delete"}
    progress = {name: row["progress"] or {} for name, row in (PENDING | SCHEDULED).items()}
    for name, key in (
        ("Rules changed", "first_terms"), ("Put off", "put_off_version"), ("Needs a skip", "needs_skip"),
        ("Reminded", "reminders"), ("Skipped, scheduled", "is_alarmed"), ("Delete with picture", "image"),
        ("Delete of a live flow", "image_fault"), ("Frozen", "starts_at"),
    ):  # fmt: skip
        assert progress[name][key], name
    assert {row["kind"] for row in OPEN.rows("reports") if row["state"] == "open"} == {
        "finding", "summary", "stop", "breaker",
    }  # fmt: skip
    assert {row["sent_at"] is None for row in named("applying").values()} == {True, False}
    assert IN_HAND["Disable that follows, disable"]["follows"] == IN_HAND["Disable that follows"]["id"]
    for table in ("drafts", "images", "known_settings", "flow_figures", "freezes", "votes"):
        assert OPEN.rows(table), table


@pytest.mark.parametrize("table", sorted(REWRITERS))
def test_a_row_is_read_and_written_as_it_was(table: str) -> None:
    for row in OPEN.rows(table):
        kept = {name: value for name, value in row.items() if name != "observed_at"}  # that is the watch's alone
        assert find_losses(kept, rewrite_row(table, row)) == []


def read_tables(url: str) -> dict[str, list[Json]]:
    """Return the rows of every table, in the order of their keys."""
    engine, metadata = create_engine(sync_url(url)), MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        tables = {
            name: [
                dict(row._mapping)
                for row in connection.execute(table.select().order_by(*(table.primary_key.columns or table.columns)))
            ]
            for name, table in metadata.tables.items()
            if name != "alembic_version"
        }
    engine.dispose()
    return tables


def find_lost_rows(recorded: dict[str, list[Json]], now: dict[str, list[Json]]) -> list[str]:
    """List what of the recorded rows is not there any more, or otherwise."""
    return [loss for name, rows in recorded.items() if rows for loss in find_losses(rows, now[name], name)]


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """Return the address of a database as the version before left it."""
    upgrade_to(empty_database_url, REVISION)
    put_rows(empty_database_url, OPEN)
    return empty_database_url


def test_the_upgrade_loses_nothing_and_may_be_taken_back(old_url: str) -> None:
    before = read_tables(old_url)
    upgrade(old_url)
    upgraded = read_tables(old_url)
    assert find_lost_rows(before, upgraded) == []
    downgrade(old_url, REVISION)
    assert read_tables(old_url) == before
    upgrade(old_url)
    assert read_tables(old_url) == upgraded


def test_the_version_before_goes_on_beside_it(old_url: str) -> None:
    """It knows no column that came later, and asks for nothing that is not allowed."""
    columns = {name: list(rows[0]) for name, rows in read_tables(old_url).items() if rows}
    upgrade(old_url)
    pending, decided = PENDING["Enable"]["id"], named("applied")["Known settings"]["id"]
    new = {"id": "'new'", "token": "'new'", "number": "9000", "person": "'U0NEW'", "change_id": f"'{decided}'"}
    engine = create_engine(sync_url(old_url))

    def copy_row(table: str, where: str) -> int:
        values = ", ".join(new.get(name, name) for name in columns[table])
        statement = f"INSERT INTO {table} ({', '.join(columns[table])}) SELECT {values} FROM {table} WHERE {where}"
        with engine.begin() as connection:
            return connection.execute(text(statement)).rowcount

    assert copy_row("changes", f"id = '{decided}'") == 1
    assert copy_row("votes", f"change_id = '{PENDING['Half approved']['id']}'") == 1
    assert copy_row("events", "number = 1") == 1
    new |= {"id": "'other'", "token": "'other'"}
    with pytest.raises(IntegrityError):  # a second open change of a flow
        copy_row("changes", f"id = '{pending}'")
    engine.dispose()


def back_up_and_restore(url: str, folder: Path, damage: Callable[[], None]) -> None:
    """Back a database up, as docs/operations.md says, and restore it after something was done to it."""
    if make_url(url).get_backend_name() == "sqlite":
        file, backup = Path(url.removeprefix("sqlite:///")), folder / "backup.db"
        with closing(sqlite3.connect(file)) as live:
            live.execute("VACUUM INTO ?", [str(backup)])
        damage()
        for suffix in ("-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        shutil.copy(backup, file)
        return
    if shutil.which("pg_dump") is None:
        skip_without("PostgreSQL", "pg_dump is not on the path")
    dump, script = folder / "backup.dump", folder / "backup.sql"
    _run("pg_dump", "--format=custom", f"--file={dump}", url)
    damage()
    _run("pg_restore", "--schema=public", "--no-owner", f"--file={script}", str(dump))
    emptied = ["-c", "DROP SCHEMA public CASCADE", "-c", "CREATE SCHEMA public"]
    _run("psql", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--dbname={url}", *emptied, "-f", script)


def _run(*command: str | Path) -> None:
    subprocess.run([str(each) for each in command], check=True, capture_output=True)


def test_a_backup_from_before_the_upgrade_is_restored_and_upgraded_to_the_same(old_url: str, tmp_path: Path) -> None:
    upgraded: list[dict[str, list[Json]]] = []

    def damage() -> None:
        upgrade(old_url)
        upgraded.append(read_tables(old_url))
        engine = create_engine(sync_url(old_url))
        with engine.begin() as connection:
            connection.execute(text("UPDATE changes SET state = 'expired'"))
            connection.execute(text("DELETE FROM votes"))
        engine.dispose()

    back_up_and_restore(old_url, tmp_path, damage)
    assert find_lost_rows(OPEN.data["tables"], read_tables(old_url)) == []
    upgrade(old_url)
    assert [read_tables(old_url)] == upgraded


# --- the bot -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file of the version before that was upgraded, to copy."""
    file = tmp_path_factory.mktemp("before_stages") / "flowbot.db"
    upgrade_to(f"sqlite:///{file}", REVISION)
    put_rows(f"sqlite:///{file}", OPEN)
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
async def restored(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Restored]:
    """Restore the world of the recording around an upgraded database; the bot does not run yet."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = str(request.getfixturevalue("empty_postgresql_url"))
        upgrade_to(url, REVISION)
        put_rows(url, OPEN)
        await asyncio.to_thread(upgrade, url)
    else:
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('upgraded_file'), tmp_path / 'flowbot.db')}"
    async with restore_world(OPEN, url, monkeypatch) as world:
        yield world


async def start(restored: Restored, *, later: float = LAPSED) -> None:
    """Start the bot so much after the recording, and wait until it has finished what the killed one had in hand."""
    restored.world.time.ahead += later
    await restored.start()
    unfinished = "SELECT id, state FROM changes WHERE state IN ('draft', 'applying') OR shown_version < version"
    unshown = "SELECT id FROM reports WHERE shown_version < version OR (kind = 'stop' AND state = 'open')"
    for statement in (unfinished, unshown):
        await restored.wait_until(lambda: not restored.rows(statement), lambda: restored.rows(statement))  # noqa: B023


@asynccontextmanager
async def run_for_a_while(restored: Restored) -> AsyncIterator[None]:
    """Let the bot that is started within be gone at the end."""
    async with AsyncExitStack() as stack:
        whole, restored.world.stack = restored.world.stack, stack
        try:
            yield
        finally:
            restored.world.stack = whole


def find_message(restored: Restored, row: Json) -> Message:
    """Return the message of a recorded change as it is now."""
    message = restored.world.slack.workspace.find_message(row["message_channel"], row["message_ts"])
    assert message is not None
    return message


def states_of(restored: Restored, rows: dict[str, Json]) -> dict[str, str]:
    """Return the states in which recorded changes are now."""
    now = {row["id"]: row["state"] for row in restored.rows("SELECT id, state FROM changes")}
    return {name: now[row["id"]] for name, row in rows.items()}


async def wait_for_states(restored: Restored, rows: dict[str, Json], expected: dict[str, str]) -> None:
    """Wait until recorded changes are in the expected states, and their messages show it."""
    assert expected.keys() == rows.keys()

    def find_others() -> list[tuple[str, str, str]]:
        return [(name, now, expected[name]) for name, now in states_of(restored, rows).items() if now != expected[name]]

    await restored.wait_until(lambda: not find_others(), find_others)
    untold = "SELECT id FROM changes WHERE shown_version < version"
    await restored.wait_until(lambda: not restored.rows(untold), lambda: restored.rows(untold))


async def press(restored: Restored, row: Json, action: str, person: SandboxPerson, *, direct: bool = False) -> None:
    """Press a recorded button, and wait until it is counted as done."""
    control = control_of(row, action, person.id if direct else None)
    assert control is not None
    await restored.press(control, person)


async def give_reason(person: SandboxPerson, reason: str = "Because I say so") -> None:
    """Submit the form that asks for a reason."""
    await person.wait_for_view(lambda view: view.callback_id == "changes.reason")
    (label,) = person.list_fields()
    assert (await person.submit({label: reason})).errors == {}


def list_new(restored: Restored) -> list[Message]:
    """List the messages for everybody in a channel that were posted since the recording."""
    before = {message["ts"] for message in OPEN.data["slack"]["messages"]}
    posted = [each for messages in restored.world.slack.workspace.messages.values() for each in messages]
    return [each for each in posted if each.ts not in before and not each.is_ephemeral]


def replies_by_name(messages: Iterable[Message], rows: dict[str, Json]) -> Counter[str]:
    """Count the messages in the threads of recorded changes."""
    threads = {(row["message_channel"], row["message_ts"]): name for name, row in rows.items()}
    return Counter(
        threads[each.channel, each.thread_ts] for each in messages if (each.channel, each.thread_ts) in threads
    )


def live_flows(restored: Restored) -> set[str]:
    return {flow.name for flow in restored.world.enkapush.store.flows.values() if flow.is_enabled}


def flow_names(restored: Restored) -> set[str]:
    return {flow.name for flow in restored.world.enkapush.store.flows.values()}


def vote_of(restored: Restored, row: Json) -> set[str]:
    votes = restored.rows("SELECT person FROM votes WHERE change_id = :id", id=row["id"])
    return {vote["person"] for vote in votes}


# --- at the start --------------------------------------------------------------------------------------------------


@on_each_database
async def test_what_waits_is_as_it_was_and_nothing_is_told_twice(restored: Restored) -> None:
    waiting = PENDING | SCHEDULED
    recorded = {message["ts"]: message for message in OPEN.data["slack"]["messages"]}
    async with run_for_a_while(restored):
        await start(restored)
        await asyncio.sleep(0.5)
    first = list_new(restored)
    print(
        replies_by_name(first, waiting),
        replies_by_name(first, IN_HAND),
        replies_by_name(first, UNKNOWN),
        [text_of(each) for each in first],
    )
    await start(restored)
    await asyncio.sleep(0.5)
    assert states_of(restored, waiting) == {name: row["state"] for name, row in waiting.items()}
    for row in waiting.values():
        before, now = recorded[row["message_ts"]], find_message(restored, row)
        assert (now.text, now.blocks, now.edited_ts) == (before["text"], before["blocks"], before["edited_ts"])
    assert 0
