"""The copy of a database: nothing lost, nothing half, and nobody disturbed or disturbing."""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import pytest
from sqlalchemy import Table, func, insert, select

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.errors import ConfigurationError, DependencyError
from flowbot.storage import database_copy
from flowbot.storage.database_copy import TABLES, DatabaseInUseError, copy_database
from flowbot.storage.engine import migration_engine, open_database
from flowbot.storage.migrations import read_revision_state, run_alembic
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import append_event, open_stores

Rows = dict[str, list[tuple[Any, ...]]]

MOMENT: Final = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
DAY: Final = MOMENT.date()
COUNTS: Final = {"sent": 2**40, "displayed": 3, "clicked": 2, "closed": 1}
AWKWARD: Final = [
    "İNDİRİM: ılık çorap, şık ağ 🧦",
    "\0 and half a pair \ud83d",
    {"ğ": [1, 2.5, -0.0, 1e300, 2**70, None, True, {"": []}]},
    [],
    {},
    "",
    "false",
]
"""What people and programs may have written into documents."""


def rows_of_every_kind() -> dict[Table, list[dict[str, Any]]]:
    tables = {table.name: table for table in TABLES}
    zones = [UTC, timezone(timedelta(hours=3)), timezone(-timedelta(hours=9, minutes=30))]
    changes = [_change(number, state, zones[number % 3]) for number, state in enumerate(ChangeState)]
    return {
        tables["channel_policies"]: [
            {"channel_id": f"C{number}", "position": number, "document": {"id": f"C{number}"}, "updated_at": MOMENT}
            for number in range(3)
        ],
        tables["websites"]: [{"website_id": 2**62, "position": 0, "name": "Kitap Durağı ✂"}],
        tables["changes"]: changes,
        tables["votes"]: [
            {"change_id": change["id"], "person": person, "vote": "approve", "at": MOMENT}
            for change in changes
            for person in ("U0BURAK", "U0DENIZ")
        ],
        tables["events"]: [
            {
                "number": 3 * number + 1,
                "at": MOMENT + timedelta(microseconds=number),
                "action": "change.submitted",
                "details": AWKWARD[number % len(AWKWARD)],
            }
            for number in range(1200)
        ],
        tables["drafts"]: [
            {
                "token": f"t{number}",
                "person": "U0AYŞE",
                "channel_id": "C1",
                "kind": "edit",
                "flow_id": number or None,
                "before": content or None,
                "typed": content,
                "changed_at": MOMENT,
            }
            for number, content in enumerate(AWKWARD)
        ],
        tables["known_settings"]: [
            {"flow_id": number + 1, "document": content or {}} for number, content in enumerate(AWKWARD)
        ],
        tables["freezes"]: [{"position": number, "document": content or {}} for number, content in enumerate(AWKWARD)],
        tables["reports"]: [
            {"id": f"r{number}", "token": f"t{number}", "kind": "finding", "state": "open", "version": 2,
             "shown_version": 1, "flow_id": number, "website_id": 1, "channel_id": "C1", "document": content or {},
             "created_at": MOMENT, "changed_at": MOMENT}
            for number, content in enumerate(AWKWARD)
        ],
        tables["absences"]: [
            {"person": f"U{number}", "document": content or {}} for number, content in enumerate(AWKWARD)
        ],
        tables["channels"]: [{"channel_id": "C1", "is_shared": True, "told_at": MOMENT}],
        tables["watch"]: [{"id": "watch", "version": 2, "read_at": MOMENT, "has_baseline": True}],
        tables["observed_flows"]: [
            {"flow_id": number + 1, "website_id": 1, "content_key": "k", "document": content or {}, "sent": 2**40,
             "displayed": 3, "clicked": 2, "closed": 1, "seen_at": MOMENT, "live_since": MOMENT, "base_sent": 1,
             "base_displayed": 1, "base_clicked": 1, "base_closed": 1, "tripped_at": None}
            for number, content in enumerate(AWKWARD)
        ],
        tables["flow_figures"]: [
            {"day": DAY, "flow_id": 2**62, "website_id": 1, **COUNTS, "has_shrunk": True}
        ],
        tables["flow_weeks"]: [{"week": DAY, "flow_id": 2**62, "website_id": 1, **COUNTS}],
        tables["website_figures"]: [{"day": DAY, "website_id": 1, **COUNTS, "has_shrunk": False}],
        tables["figure_days"]: [{"day": DAY, "read_at": MOMENT, "is_whole": True}],
        tables["deliveries"]: [{"key": "k", "at": MOMENT}],
        tables["messages"]: [
            {"subject": "c1", "role": "alarm", "recipient": "U0AYŞE", "channel_id": "D1", "ts": "1", "shown_version": 2}
        ],
        tables["images"]: [
            {"id": f"i{number}", "content": content, "content_type": "image/png", "filename": "görsel\0.png",
             "created_at": MOMENT}
            for number, content in enumerate([b"", bytes(range(256)) * 4096, b"\0", b"'", b"\\x00", b"\xff" * 9])
        ],
    }  # fmt: skip


def _change(number: int, state: ChangeState, zone: timezone) -> dict[str, Any]:
    return {
        "id": f"change{number}",
        "token": f"token{number}",
        "kind": ChangeKind.ENABLE.value,
        "state": state.value,
        "version": number,
        "flow_id": number or None,
        "website_id": 1,
        "requester": "U0EMMA",
        "channel_id": "C1",
        "asked": AWKWARD[number % len(AWKWARD)],
        "rule": {"quorum": 1} if number % 2 else None,
        "outcome": {"key": "ğ"} if number % 3 else None,
        "sent_at": MOMENT if number % 2 else None,
        "due_at": (MOMENT + timedelta(hours=number)).astimezone(zone),
        "shown_version": 0,
        "created_at": MOMENT.astimezone(zone),
        "changed_at": MOMENT.astimezone(zone),
    }


async def fill(url: str) -> None:
    """Fill the database."""
    database = open_database(url)
    async with database.write() as connection:
        for table, rows in rows_of_every_kind().items():
            await connection.execute(insert(table), rows)
    await database.close()


async def read_contents(url: str) -> Rows:
    database = open_database(url)
    async with database.read() as connection:
        found = {table.name: sorted(map(tuple, await connection.execute(select(table))), key=repr) for table in TABLES}
    await database.close()
    return found


async def is_empty(url: str) -> bool:
    database = open_database(url)
    try:
        async with database.read() as connection:
            return not [t for t in TABLES if await connection.scalar(select(func.count()).select_from(t))]
    finally:
        await database.close()


@pytest.fixture
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return an empty database of the kind that the test names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'target.db'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


INTO_BOTH: Final = pytest.mark.parametrize(
    "target_url", [pytest.param("postgresql", marks=pytest.mark.postgresql), "sqlite"], indirect=True
)


@INTO_BOTH
async def test_everything_arrives_as_it_was_and_the_source_stays(database_url: str, target_url: str) -> None:
    await fill(database_url)
    before = await read_contents(database_url)
    counted = await asyncio.to_thread(copy_database, database_url, target_url)
    assert await read_contents(target_url) == before == await read_contents(database_url)
    assert counted == {name: len(rows) for name, rows in before.items()}
    assert all(before.values()), "a table has no row here to be copied"
    assert len(before["events"]) == 1200
    assert len(before["changes"]) == len(ChangeState)


@INTO_BOTH
async def test_numbers_go_on_after_the_highest(database_url: str, target_url: str) -> None:
    await fill(database_url)
    await asyncio.to_thread(copy_database, database_url, target_url)
    database = open_database(target_url)
    store = open_stores(database)[0]
    await append_event(store, AuditEvent(at=MOMENT, action="policy.imported", actor=None))
    numbers = [event.number async for event in store.all_events()]
    await database.close()
    assert numbers[-2:] == [3 * 1199 + 1, 3 * 1199 + 2]


@INTO_BOTH
async def test_an_empty_database_can_be_copied(database_url: str, target_url: str) -> None:
    assert set((await asyncio.to_thread(copy_database, database_url, target_url)).values()) == {0}
    database = open_database(target_url)
    await append_event(open_stores(database)[0], AuditEvent(at=MOMENT, action="policy.imported", actor=None))
    assert [event.number async for event in open_stores(database)[0].all_events()] == [1]
    await database.close()


CUT: Final = """
import sys
from flowbot.storage import database_copy
database_copy.continue_numbers = lambda _: (print("all rows are written", flush=True), sys.stdin.readline())
database_copy.copy_database(*sys.argv[1:])
"""


@pytest.mark.long
@INTO_BOTH
async def test_a_copy_that_is_killed_leaves_nothing_and_can_be_begun_again(database_url: str, target_url: str) -> None:
    await fill(database_url)
    arguments = [sys.executable, "-c", CUT, database_url, target_url]
    process = await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)
    assert process.stdout
    assert await process.stdout.readline() == b"all rows are written\n"
    process.kill()
    await process.communicate()
    assert await is_empty(target_url)
    await asyncio.to_thread(copy_database, database_url, target_url)
    assert await read_contents(target_url) == await read_contents(database_url)


@pytest.mark.parametrize("target_url", ["sqlite"], indirect=True)
async def test_a_copy_reports_its_progress_and_leaves_nothing_when_it_is_interrupted(
    sqlite_url: str, target_url: str
) -> None:
    await fill(sqlite_url)
    before, reports = await read_contents(sqlite_url), list[tuple[int, int | None]]()
    total = 2 * sum(map(len, before.values()))

    def interrupt_at_the_end(done: int, of: int | None) -> None:
        reports.append((done, of))
        if done == of:
            raise KeyboardInterrupt

    def copy_until_interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            copy_database(sqlite_url, target_url, interrupt_at_the_end)

    await asyncio.to_thread(copy_until_interrupted)
    assert {of for _, of in reports} == {total}
    assert sorted(reports) == reports
    assert reports[-1] == (total, total)
    assert await is_empty(target_url)
    assert await read_contents(sqlite_url) == before


@INTO_BOTH
async def test_a_difference_is_found_and_nothing_is_left(
    database_url: str, target_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database_url)
    events = next(table for table in TABLES if table.name == "events")
    forged = events.update().where(events.c.number == 1).values(action="change.forged")
    monkeypatch.setattr(database_copy, "continue_numbers", lambda connection: connection.execute(forged))
    with pytest.raises(ConfigurationError, match="events"):
        await asyncio.to_thread(copy_database, database_url, target_url)
    assert await is_empty(target_url)


# --- what is refused -----------------------------------------------------------------------------------------------


async def copy_error(source: str, target: str, kind: type[Exception] = ConfigurationError) -> str:
    with pytest.raises(kind) as error:
        await asyncio.to_thread(copy_database, source, target)
    assert "\n" not in str(error.value)
    return str(error.value)


@INTO_BOTH
async def test_a_target_with_a_single_row_is_left_alone(database_url: str, target_url: str) -> None:
    await fill(database_url)
    await asyncio.to_thread(copy_database, database_url, target_url)
    before = await read_contents(target_url)
    assert "not empty" in await copy_error(database_url, target_url)
    assert await read_contents(target_url) == before


@INTO_BOTH
async def test_a_source_that_somebody_works_on_is_refused(
    database_url: str, database: Database, target_url: str
) -> None:
    await read_revision_state(database)
    assert "stop every flowbot" in await copy_error(database_url, target_url, DatabaseInUseError)
    await database.close()
    await asyncio.to_thread(copy_database, database_url, target_url)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda folder: f"sqlite:///{folder}/missing.db", "FROM: there is no file"),
        (lambda folder: f"sqlite:///{folder}/target.db", "must name the new one"),
        (lambda _: "foo", "FROM: must begin with"),
        (lambda _: f"sqlite:///{__file__}", "test_database_copy.py' is no database"),
        (lambda folder: f"sqlite:///{folder}/nowhere/flowbot.db", "FROM: the folder"),
    ],
)
async def test_a_source_that_cannot_be_is_named(tmp_path: Path, source: Callable[[Path], str], said: str) -> None:
    assert said in await copy_error(source(tmp_path), f"sqlite:///{tmp_path / 'target.db'}")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the loop has nothing else to do by now


@pytest.mark.parametrize("target_url", ["sqlite"], indirect=True)
async def test_a_source_of_an_older_shape_is_refused(empty_database_url: str, target_url: str, tmp_path: Path) -> None:
    engine = migration_engine(empty_database_url)
    with engine.begin() as connection:
        run_alembic(connection, "0002")
    engine.dispose()
    assert "flowbot migrate" in await copy_error(empty_database_url, target_url)
    assert not (tmp_path / "target.db").exists()


async def test_a_target_that_is_no_database_is_named(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "notes.toml").write_text("a = 1\n")
    said = await copy_error(sqlite_url, f"sqlite:///{tmp_path}/notes.toml")
    assert said.startswith("DATABASE_URL: ")
    assert said.endswith("notes.toml' is no database")


@pytest.mark.parametrize("target_url", ["sqlite"], indirect=True)
async def test_a_source_without_tables_is_said_to_have_none(target_url: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    said = await copy_error(f"sqlite:///{tmp_path}/empty.db", target_url)
    assert said == "FROM: the database to copy has no tables yet; run flowbot migrate on it first"


async def test_a_server_that_is_not_there_is_a_fault(sqlite_url: str) -> None:
    with pytest.raises(DependencyError):
        await asyncio.to_thread(copy_database, sqlite_url, "postgresql://flowbot:x@127.0.0.1:9/flowbot")
