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
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import MetaData, create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.services.executor.lease import LEASE_SECONDS
from flowbot.slack.views.approvals import LISTED_MAX
from flowbot.storage.migrations import upgrade
from flowbot.storage.repositories.observed_flows import ObservedFlowRepository
from flowbot.worker import watcher
from tests.compatibility.moments import FOLDER, Control, Json, Moment, put_rows, sync_url
from tests.compatibility.record_before_stages import TWO, policies
from tests.compatibility.restored_world import Restored, restore_world
from tests.compatibility.row_round_trip import REWRITERS, rewrite_row
from tests.compatibility.test_first_version import find_losses, pressable
from tests.conftest import skip_without
from tests.journeys.form_steps import list_writes, open_form
from tests.journeys.late_steps import DISABLE
from tests.journeys.request_steps import add_people, list_mentions
from tests.journeys.watch_steps import INTERVAL, Watch
from tests.journeys.world import MARKETING
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
ONE_APPROVAL: Final = {"Shared", "Frozen until approved", "By direct message"}
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


def back_up(url: str, folder: Path) -> Callable[[], None]:
    """Back a database up, as docs/operations.md says, and return what restores it."""
    if make_url(url).get_backend_name() == "sqlite":
        file, backup = Path(url.removeprefix("sqlite:///")), folder / "backup.db"
        with closing(sqlite3.connect(file)) as live:
            live.execute("VACUUM INTO ?", [str(backup)])

        def restore() -> None:
            _run("rm", "-f", f"{file}-wal", f"{file}-shm")
            _run("cp", backup, file)

        return restore
    if shutil.which("pg_dump") is None:
        skip_without("PostgreSQL", "pg_dump is not on the path")
    dump, script = folder / "backup.dump", folder / "backup.sql"
    _run("pg_dump", "--format=custom", f"--file={dump}", url)

    def restore_dump() -> None:
        _run("pg_restore", "--schema=public", "--no-owner", f"--file={script}", dump)
        emptied = ["-c", "DROP SCHEMA public CASCADE", "-c", "CREATE SCHEMA public"]
        _run(
            "psql",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            f"--dbname={url}",
            *emptied,
            "-f",
            script,
        )

    return restore_dump


def _run(*command: str | Path) -> None:
    subprocess.run([str(each) for each in command], check=True, capture_output=True)


def test_a_backup_from_before_the_upgrade_is_restored_and_upgraded_to_the_same(old_url: str, tmp_path: Path) -> None:
    restore = back_up(old_url, tmp_path)
    upgrade(old_url)
    upgraded = read_tables(old_url)
    engine = create_engine(sync_url(old_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE changes SET state = 'expired'"))
        connection.execute(text("DELETE FROM votes"))
    engine.dispose()
    restore()
    assert find_lost_rows(OPEN.data["tables"], read_tables(old_url)) == []
    upgrade(old_url)
    assert read_tables(old_url) == upgraded


@pytest.mark.long
async def test_a_restored_backup_makes_nothing_live_twice(
    old_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with restore_world(OPEN, old_url, monkeypatch) as restored:
        restore = back_up(old_url, tmp_path)
        await asyncio.to_thread(upgrade, old_url)
        half, done = PENDING["Half approved"], IN_HAND | {"Half approved": PENDING["Half approved"]}
        async with run_for_a_while(restored):
            await start(restored)
            await press(restored, half, "approve", restored.world.deniz)
            await wait_for_states(restored, done, dict.fromkeys(done, "applied"))
        live, count = live_flows(restored), len(list_writes(restored.world))
        restored.database.dispose()
        await asyncio.to_thread(restore)
        await asyncio.to_thread(upgrade, old_url)
        assert states_of(restored, done) == {name: row["state"] for name, row in done.items()}
        await start(restored)
        others = {"Half approved": "pending", "Delete unsent": "out_of_date", "Disable that follows": "unknown"}
        assert states_of(restored, done) == dict.fromkeys(done, "applied") | others
        again = {record.path: record.texts for record in list_writes(restored.world)[count:] if record.path != "/flows"}
        assert again == {f"/flows/{IN_HAND['Disable that follows']['flow_id']}": DISABLE}
        assert live_flows(restored) == live


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
    """Start the bot so much after the recording, and wait until it has finished what the killed one had in hand.

    Two are started where the database is PostgreSQL.
    """
    restored.world.time.ahead += later
    await restored.start()
    if restored.database.dialect.name == "postgresql":
        await restored.world.start_http()
    await asyncio.sleep(0.3)
    restored.world.time.ahead += LEASE_SECONDS + 1  # as seen by the bot, which has looked at the leases by now
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


def recorded_messages(restored: Restored) -> dict[str, Json]:
    """Return the recorded messages by their timestamps, with this run's addresses."""
    world = restored.world
    data = OPEN.read(world.slack.origin, world.settings.enkapush_api_url.removesuffix("/api"))
    return {message["ts"]: message for message in data["slack"]["messages"]}


def with_names(restored: Restored, text: str) -> str:
    """Return a text with the names of people, whether it mentions them or names them."""
    for person in restored.world.slack.workspace.people.values():
        text = text.replace(person.id, person.real_name)
    return text


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
    """Press a button of a recorded change that is as it was recorded."""
    control = control_of(row, action, person.id if direct else None)
    assert control is not None
    message = restored.world.slack.workspace.find_message(control.holder["channel"], control.holder["ts"])
    assert message is not None
    blocks = [block for block in message.blocks or [] if (control.action_id, control.value) in pressable([block])]
    (block,) = blocks  # blocks have other ids each time that they are drawn
    await restored.press(replace(control, block_id=block["block_id"]), person)


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


def voters(restored: Restored, row: Json) -> set[str]:
    """Return who has voted on a recorded change."""
    votes = restored.rows("SELECT person FROM votes WHERE change_id = :id", id=row["id"])
    return {vote["person"] for vote in votes}


# --- at the start --------------------------------------------------------------------------------------------------


@on_each_database
async def test_what_waits_is_as_it_was_and_nothing_is_told_twice(restored: Restored) -> None:
    waiting, recorded = PENDING | SCHEDULED, recorded_messages(restored)
    for _ in range(2):
        async with run_for_a_while(restored):
            await start(restored)
            await asyncio.sleep(0.5)
    assert states_of(restored, waiting) == {name: row["state"] for name, row in waiting.items()}
    for row in waiting.values():
        before, now = recorded[row["message_ts"]], find_message(restored, row)
        assert (now.text, now.blocks, now.edited_ts) == (before["text"], before["blocks"], before["edited_ts"])
    told = replies_by_name(list_new(restored), IN_HAND | waiting | UNKNOWN)
    assert told == dict.fromkeys(
        ("Enable sent, lost", "Enable sent, done", "Delete sent, done", "Delete unsent", "Edit sent, done",
         "Disable that follows"), 1,
    )  # fmt: skip
    (other,) = [message for message in list_new(restored) if message.thread_ts is None]
    assert "Disable sent, lost" in text_of(other)
    called = [mention for message in list_new(restored) for mention in list_mentions(restored.world, message)]
    assert set(called) == {("user", "U0EMMA")}


@on_each_database
async def test_what_a_killed_process_had_in_hand_is_finished_once(restored: Restored) -> None:
    await start(restored)
    assert set(states_of(restored, IN_HAND).values()) == {"applied"}
    written = Counter(record.path for record in list_writes(restored.world))
    lost = ("Enable sent, lost", "Disable sent, lost", "Delete unsent", "Stopped and lost", "Disable that follows")
    assert written == {f"/flows/{IN_HAND[name]['flow_id']}": 1 for name in lost} | {"/flows": 1}
    live, flows = live_flows(restored), flow_names(restored)
    assert {"Enable sent, lost", "Enable sent, done", "Edit sent, done"} <= live
    assert not {"Disable sent, lost", "Disable that follows", "Stopped", "Stopped and lost", "Stopped and done"} & live
    assert not {"Delete unsent", "Delete sent, done"} & flows
    assert "Draft" in flows
    (stop,) = restored.rows("SELECT id, state FROM reports WHERE kind = 'stop'")
    assert stop["state"] == "closed"
    ((channel, ts),) = report_messages(stop["id"])
    message = restored.world.slack.workspace.find_message(channel, ts)
    assert message is not None
    assert "Disabled (3)" in text_of(message)


def report_messages(report: str) -> list[tuple[str, str]]:
    """List channel and timestamp of a report's recorded messages."""
    return [(row["channel_id"], row["ts"]) for row in OPEN.rows("messages") if row["subject"] == report]


@on_each_database
async def test_a_waiting_request_is_drawn_anew_as_it_was(restored: Restored) -> None:
    waiting = PENDING | SCHEDULED
    restored.write("UPDATE changes SET shown_version = 0 WHERE state IN ('pending', 'scheduled')")
    await start(restored)
    recorded = recorded_messages(restored)
    for name, row in waiting.items():
        before, now = recorded[row["message_ts"]], find_message(restored, row)
        assert pressable(now.blocks or []) >= pressable(before["blocks"]), name
        said, says = (with_names(restored, text_of(each)).splitlines() for each in (Message(**before), now))
        assert [line for line in says if line in said] == said, name
    assert not replies_by_name(list_new(restored), waiting)


async def test_what_waits_is_listed(restored: Restored) -> None:
    await start(restored)
    deniz = restored.world.deniz
    await deniz.send(MARKETING, "/flows approvals")
    answer = text_of(await deniz.wait_for_message(MARKETING, "Needs your approval"))
    pending, scheduled = (
        sorted((row for row in rows.values() if row["channel_id"] == MARKETING), key=lambda row: row["created_at"])
        for rows in (PENDING, SCHEDULED)
    )
    assert f"{len(pending) - LISTED_MAX} more\n" in answer
    for row in [*pending[:LISTED_MAX], *scheduled]:
        assert f"#{row['flow_id']} {flow_of(row)['name']}\n" in answer


# --- decisions -----------------------------------------------------------------------------------------------------


@on_each_database
async def test_one_more_vote_decides_what_was_half_approved(restored: Restored) -> None:
    await start(restored)
    half = {
        name: row for name, row in PENDING.items() if any(row["id"] == vote["change_id"] for vote in OPEN.rows("votes"))
    }
    for row in half.values():
        await press(restored, row, "approve", restored.world.burak)
    expected = {
        "Half approved": "applied",
        "Half approved delete": "applied",
        "Reminded, half approved": "applied",
        "At a time": "scheduled",
        "Put off": "scheduled",
    }
    assert states_of(restored, half) == dict.fromkeys(expected, "pending")
    for row in half.values():
        await press(restored, row, "approve", restored.world.deniz)
    await wait_for_states(restored, half, expected)
    assert all(voters(restored, row) == {"U0BURAK", "U0DENIZ"} for row in half.values())
    assert "Half approved" in live_flows(restored)
    assert not {"Half approved delete", "Reminded, half approved"} & flow_names(restored)


@on_each_database
async def test_what_nobody_has_approved_is_approved(restored: Restored) -> None:
    await start(restored)
    new = {
        name: row
        for name, row in PENDING.items()
        if not any(row["id"] == vote["change_id"] for vote in OPEN.rows("votes"))
    }
    burak, deniz = restored.world.burak, restored.world.deniz
    for name, row in new.items():
        await press(restored, row, "approve", burak, direct=name == "By direct message")
        if name == "Shared":
            await burak.wait_for_view(lambda view: view.callback_id == "changes.approval")
            await burak.submit()
    two = {name: row for name, row in new.items() if name not in ONE_APPROVAL}
    await restored.wait_until(
        lambda: all(voters(restored, row) == {"U0BURAK"} for name, row in two.items() if name != "Needs a skip")
    )
    assert set(states_of(restored, two).values()) == {"pending"}
    for row in two.values():
        await press(restored, row, "approve", deniz)
    expected = dict.fromkeys(new, "applied") | {"Frozen until approved": "scheduled", "Needs a skip": "pending"}
    await wait_for_states(restored, new, expected)
    assert voters(restored, new["Needs a skip"]) == set()
    assert {"Enable", "Rules changed", "Reminded", "Until a time", "Shared", "By direct message"} <= live_flows(
        restored
    )
    assert not {"Disable", "Frozen until approved", "Needs a skip"} & live_flows(restored)
    assert not {"Delete with picture", "Delete without picture", "Delete of a live flow"} & flow_names(restored)
    edited = restored.world.enkapush.store.flows[new["Edit with a picture"]["flow_id"]]
    assert (edited.title, edited.image is None) == ("Yeni başlık", False)
    (end,) = restored.rows("SELECT state FROM changes WHERE token = :token", token=f"end.{new['Until a time']['id']}")
    assert end["state"] == "scheduled"
    (finding,) = restored.rows(
        "SELECT state FROM reports WHERE flow_id = :flow", flow=new["Found and answered"]["flow_id"]
    )
    assert finding["state"] == "closed"


@pytest.mark.long
@on_each_database
async def test_what_waits_is_rejected(restored: Restored) -> None:
    await start(restored)
    rows, burak = with_button(PENDING | SCHEDULED, "reject"), restored.world.burak
    own = {"Needs a skip"}
    for name, row in rows.items():
        if name not in own:
            await press(restored, row, "reject", burak)
            await give_reason(burak)
    await wait_for_states(restored, rows, dict.fromkeys(rows, "rejected") | dict.fromkeys(own, "pending"))
    assert set(PENDING) <= set(rows)
    assert not list_writes_of(restored, rows)


@pytest.mark.long
@on_each_database
async def test_what_waits_is_withdrawn_by_who_asked(restored: Restored) -> None:
    await start(restored)
    rows = with_button(PENDING | SCHEDULED, "withdraw")
    for row in rows.values():
        await press(restored, row, "withdraw", restored.world.slack.person(row["requester"]))
    assert rows == PENDING | SCHEDULED
    await wait_for_states(restored, rows, dict.fromkeys(rows, "withdrawn"))
    assert not list_writes_of(restored, rows)


@pytest.mark.long
@on_each_database
async def test_the_approval_of_what_waits_is_skipped(restored: Restored) -> None:
    await start(restored)
    rows, deniz = with_button(PENDING | SCHEDULED, "break_glass"), restored.world.deniz
    for row in rows.values():
        await press(restored, row, "break_glass", deniz)
        await give_reason(deniz)
    timed = ("At a time", "Put off", "Scheduled", "Disable at a time")
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied") | dict.fromkeys(timed, "scheduled"))
    assert set(PENDING) <= set(rows)
    assert {"Frozen", "Frozen until approved", "Needs a skip", "Shared", "Enable"} <= live_flows(restored)
    alarms = Counter((message.channel, text_of(message)) for message in list_new(restored) if "🚨" in text_of(message))
    assert set(alarms.values()) == {1}
    assert {name for name in rows if not any(f" {name}" in said for _, said in alarms)} == set()


def list_writes_of(restored: Restored, rows: dict[str, Json]) -> list[str]:
    """List the paths of writes to the flows of recorded changes."""
    paths = {f"/flows/{row['flow_id']}" for row in rows.values()}
    return [record.path for record in list_writes(restored.world) if record.path in paths]


# --- what else changes it ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_rules_that_stay_change_nothing_and_those_that_come_back_are_not_told_any_more(
    restored: Restored,
) -> None:
    await start(restored)
    changed = "SELECT change_id FROM events WHERE action = 'change.rules_changed'"
    before, message = restored.rows(changed), find_message(restored, PENDING["Rules changed"])
    await restored.world.import_policy(policies(quorum=TWO))
    assert restored.rows(changed) == before
    assert "Rules changed since the request" in text_of(message)
    await restored.world.import_policy(policies(quorum=""))
    await restored.world.deniz.wait_until(lambda: "Rules changed since the request" not in text_of(message))


STAGES: Final = policies(quorum=f'{TWO}\nstages = [["S0LEADS"], ["U0DENIZ", "U0AYSE"]]').replace(
    'approvers = ["S0LEADS", "U0DENIZ"]\n', ""
)
"""The first channel's approvers in two groups, one after the other."""


@pytest.mark.long
@on_each_database
async def test_stages_that_come_into_force_let_votes_begin_anew(restored: Restored) -> None:
    await start(restored)
    world = restored.world
    (lead,) = add_people(world, 1)
    await world.import_policy(STAGES)
    approved = {name: SCHEDULED[name] for name in ("Scheduled", "Disable at a time")}
    await wait_for_states(restored, approved, dict.fromkeys(approved, "pending"))
    rows = {name: PENDING[name] for name in ("Enable", "Half approved")} | {"Scheduled": SCHEDULED["Scheduled"]}
    await restored.wait_until(lambda: not any(voters(restored, row) for row in rows.values()))

    async def approve(*people: SandboxPerson) -> None:
        for person in people:
            for row in rows.values():
                await person.click(find_message(restored, row), "Approve")

    await approve(world.deniz, world.burak, lead)
    await restored.wait_until(lambda: all(voters(restored, row) == {"U0BURAK", lead.id} for row in rows.values()))
    await approve(world.deniz)
    await restored.wait_until(lambda: all("U0DENIZ" in voters(restored, row) for row in rows.values()))
    assert set(states_of(restored, rows).values()) == {"pending"}
    await approve(world.ayse)
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied") | {"Scheduled": "scheduled"})
    assert states_of(restored, SCHEDULED)["Skipped, scheduled"] == "scheduled"


# --- what time does ------------------------------------------------------------------------------------------------


@on_each_database
async def test_what_is_scheduled_starts_and_ends_at_its_time(restored: Restored) -> None:
    await start(restored)
    rows = SCHEDULED
    go_to(restored, TOMORROW.replace(hour=8, minute=59))
    await asyncio.sleep(0.5)
    assert set(states_of(restored, rows).values()) == {"scheduled"}
    go_to(restored, TOMORROW.replace(minute=1))
    waiting = dict.fromkeys(("Live until", "Frozen", "Frozen delete"), "scheduled")
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied") | waiting)
    assert {"Scheduled", "Skipped, scheduled", "Live until"} <= live_flows(restored)
    assert not {"Disable at a time", "Disable at once later"} & live_flows(restored)
    go_to(restored, TOMORROW.replace(hour=18, minute=1))
    del waiting["Live until"]
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied") | waiting)
    assert "Live until" not in live_flows(restored)
    go_to(restored, TOMORROW.replace(hour=21, minute=1))
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied"))
    assert "Frozen" in live_flows(restored)
    assert "Frozen delete" not in flow_names(restored)
    go_to(restored, datetime(2026, 12, 9, 18, 1, tzinfo=UTC))
    await restored.wait_until(lambda: "Scheduled" not in live_flows(restored))
    assert Counter(list_writes_of(restored, rows)) == {
        f"/flows/{row['flow_id']}": 2 if name == "Scheduled" else 1 for name, row in rows.items()
    }


TOMORROW: Final = datetime(2026, 12, 8, 9, tzinfo=UTC)
"""When the timed requests of the recording start."""


def go_to(restored: Restored, moment: datetime) -> None:
    """Move the bot's clocks to a moment."""
    restored.world.time.ahead += (moment - restored.world.time.now()).total_seconds()


@pytest.mark.long
@on_each_database
async def test_what_nobody_approves_expires(restored: Restored) -> None:
    await start(restored, later=73 * HOUR)
    await wait_for_states(restored, PENDING, dict.fromkeys(PENDING, "expired"))
    for name, row in PENDING.items():
        assert not {action for action, _ in pressable(find_message(restored, row).blocks or [])} & {
            "changes.approve", "changes.reject", "changes.break_glass", "changes.withdraw",
        }, name  # fmt: skip
    assert not list_writes_of(restored, PENDING)


@pytest.mark.long
@on_each_database
async def test_reminders_go_on_where_they_were(restored: Restored) -> None:
    await start(restored)
    told = list_new(restored)
    go_to(restored, datetime(2026, 12, 7, 21, 1, tzinfo=UTC))
    reminded = {name: row for name, row in PENDING.items() if (row["progress"] or {}).get("reminders")}
    await restored.wait_until(lambda: sum(replies_by_name(list_new(restored), PENDING).values()) >= len(reminded))
    await asyncio.sleep(0.5)
    new = [message for message in list_new(restored) if message not in told]
    assert replies_by_name(new, PENDING) == dict.fromkeys(reminded, 1)


@on_each_database
async def test_what_is_not_known_is_settled_once_it_shows(restored: Restored) -> None:
    await start(restored)
    store = restored.world.enkapush.store
    assert set(states_of(restored, UNKNOWN).values()) == {"unknown"}
    for name in ("Given up", "Not known"):
        store.update_flow(UNKNOWN[name]["flow_id"], is_enabled=True)
    store.update_flow(UNKNOWN["Edit not known"]["flow_id"], title="Mine")
    store.delete_flow(UNKNOWN["Delete not known"]["flow_id"])
    await press(restored, UNKNOWN["Given up"], "check_again", restored.world.emma)
    restored.world.time.ahead += 10 * MINUTE
    rows = {name: row for name, row in UNKNOWN.items() if name != "Bounds and no answer"}
    await wait_for_states(restored, rows, dict.fromkeys(rows, "applied"))
    assert not list_writes_of(restored, rows)


@pytest.mark.long
async def test_what_is_not_known_is_given_up_after_its_minutes(restored: Restored) -> None:
    await start(restored)
    restored.world.time.ahead += 16 * MINUTE
    sought = "SELECT id FROM changes WHERE state = 'unknown' AND due_at IS NOT NULL"
    await restored.wait_until(lambda: not restored.rows(sought), lambda: restored.rows(sought))
    await wait_for_states(restored, UNKNOWN, dict.fromkeys(UNKNOWN, "unknown"))
    for name, row in UNKNOWN.items():
        assert row["message_ts"] is None or "checked for 15 minutes" in text_of(find_message(restored, row)), name


# --- what flowbot tells by itself ----------------------------------------------------------------------------------


@pytest.mark.long
@on_each_database
async def test_a_finding_is_accepted(restored: Restored) -> None:
    await start(restored)
    found = next(
        row for row in OPEN.rows("reports") if row["kind"] == "finding" and row["document"]["after"]["name"] == "Found"
    )
    ((channel, ts),) = report_messages(found["id"])
    message = restored.world.slack.workspace.find_message(channel, ts)
    assert message is not None
    await restored.world.burak.click(message, "Accept")
    await restored.world.deniz.wait_until(lambda: "Accepted by U0BURAK" in text_of(message))
    assert restored.rows("SELECT state FROM reports WHERE id = :id", id=found["id"]) == [{"state": "closed"}]


@pytest.mark.long
@on_each_database
async def test_the_watch_finds_nothing_new_and_the_breaker_goes_on(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, before = restored.world, {row["id"] for row in OPEN.rows("reports")}
    monkeypatch.setattr(watcher, "TICK_SECONDS", 0.05)
    world.settings = world.settings.model_copy(update={"flowbot_watch_seconds": INTERVAL})
    await start(restored)
    async with world.open_database() as database:
        watch = Watch(world, ObservedFlowRepository(database, world.settings.zone))
        async with asyncio.timeout(60):
            while "Bounds and no answer" in live_flows(restored):
                await watch.make_round()
    (trip,) = (row for row in OPEN.rows("reports") if row["kind"] == "breaker" and row["state"] == "open")
    await restored.wait_until(
        lambda: restored.rows("SELECT state FROM reports WHERE id = :id", id=trip["id"]) == [{"state": "closed"}]
    )
    assert {row["id"] for row in restored.rows("SELECT id FROM reports")} == before


@pytest.mark.long
async def test_what_was_typed_and_what_was_set_is_known_still(restored: Restored) -> None:
    await start(restored)
    emma = restored.world.emma
    await open_form(emma, "/flows create")
    assert emma.read_field("Title") == "Bahar geldi & <hoş> geldi!"
    await emma.close(everything=True)
    await open_form(emma, f"/flows duplicate {named('applied')['Known settings']['flow_id']}")
    assert emma.read_field("UTM source") == "new"
