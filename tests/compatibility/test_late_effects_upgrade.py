"""Check that writes whose effect the version before called failed are looked for once more after an upgrade.

The rows in `before_late_effects/` were recorded by that version, as those in `first_version/` were.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from flowbot.sandbox.slack import text_of
from flowbot.storage.migrations import upgrade
from tests.compatibility.moments import FOLDER, Json, Moment, put_rows, sync_url
from tests.compatibility.record import add_named_flow
from tests.compatibility.restored_world import FIRST_REVISION, Restored, restore_world
from tests.journeys.request_steps import request_change, wait_for_status
from tests.journeys.world import MARKETING
from tests.storage.older_databases import downgrade, upgrade_to

UNSEEN: Final = Moment("unseen", FOLDER.parent / "before_late_effects", timedelta(minutes=30))
UNSEEN_KEYS: Final = {"not_done.ignored", "not_done.ignored_it", "not_done.looked"}
OPEN_STATES: Final = ("draft", "pending", "applying")


def rows_of_before(state: str, *, is_recent: bool) -> dict[str, Json]:
    """Return the recorded changes in a state by id, sent within a day or before."""
    day_ago = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None)
    rows = [row for row in UNSEEN.rows("changes") if row["state"] == state]
    return {row["id"]: row for row in rows if row["sent_at"] and (row["sent_at"] > day_ago) is is_recent}


def unseen_rows() -> dict[str, Json]:
    """Return the recent changes that were called failed, and may have been done."""
    failed = rows_of_before("failed", is_recent=True)
    return {id_: row for id_, row in failed.items() if row["outcome"]["key"] in UNSEEN_KEYS}


def change_named(name: str) -> Json:
    """Return the recorded change of the flow of that name."""
    return next(row for row in UNSEEN.rows("changes") if name in str(row["asked"]))


def fetch(url: str, statement: str, **values: Any) -> list[Json]:
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement), values)]
    finally:
        engine.dispose()


def test_the_recording_has_failed_and_unknown_changes_of_every_kind_and_of_before() -> None:
    assert {row["outcome"]["key"] for row in unseen_rows().values()} == UNSEEN_KEYS
    assert {row["kind"] for row in unseen_rows().values()} == {"enable", "disable", "edit", "restore"}
    assert {row["kind"] for row in rows_of_before("unknown", is_recent=True).values()} >= {"enable", "delete", "edit"}
    assert rows_of_before("failed", is_recent=False)
    assert rows_of_before("unknown", is_recent=False)


# --- rows ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """Return the address of a database as the version before left it."""
    upgrade_to(empty_database_url, FIRST_REVISION)
    put_rows(empty_database_url, UNSEEN)
    return empty_database_url


def test_recent_writes_that_were_called_failed_are_unknown_and_looked_for(old_url: str) -> None:
    upgrade(old_url)
    rows = {row["id"]: row for row in fetch(old_url, "SELECT * FROM changes")}
    for id_, before in unseen_rows().items():
        assert (rows[id_]["state"], rows[id_]["version"]) == ("unknown", before["version"] + 1)
        assert rows[id_]["shown_version"] == before["shown_version"]
        assert rows[id_]["due_at"] is not None
    for id_, before in rows_of_before("unknown", is_recent=True).items():
        assert (rows[id_]["state"], rows[id_]["version"]) == ("unknown", before["version"])
        assert rows[id_]["due_at"] is not None


def test_what_was_refused_is_open_or_is_a_day_old_stays_as_it_is(old_url: str) -> None:
    upgrade(old_url)
    rows = {row["id"]: row for row in fetch(old_url, "SELECT * FROM changes")}
    touched = unseen_rows() | rows_of_before("unknown", is_recent=True)
    kept = [row for row in UNSEEN.rows("changes") if row["id"] not in touched]
    assert {row["state"] for row in kept} >= {"failed", "unknown", "pending", "applied"}
    for before in kept:
        row = rows[before["id"]]
        assert (row["state"], row["version"]) == (before["state"], before["version"])
        assert (row["due_at"] is None) is (before["due_at"] is None)


def test_the_trail_says_that_they_are_not_known_any_more(old_url: str) -> None:
    upgrade(old_url)
    known = [row["number"] for row in UNSEEN.rows("events")]
    added = fetch(old_url, "SELECT * FROM events WHERE number > :last", last=max(known))
    assert {event["change_id"] for event in added} == unseen_rows().keys()
    assert {event["action"] for event in added} == {"change.unknown"}


def test_the_version_before_goes_on_beside_it(old_url: str) -> None:
    """It knows no `follows`, and may have one open change of a flow."""
    upgrade(old_url)
    engine = create_engine(sync_url(old_url))
    old_columns = ", ".join(UNSEEN.rows("changes")[0])
    taken = text(
        f"INSERT INTO changes ({old_columns}) SELECT "
        + ", ".join({"id": "'other'", "token": "'other'"}.get(name, name) for name in old_columns.split(", "))
        + " FROM changes WHERE id = :id"
    )
    pending = next(row for row in UNSEEN.rows("changes") if row["state"] == "pending")
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(taken, {"id": pending["id"]})
    with engine.begin() as connection:
        assert connection.execute(taken, {"id": next(iter(unseen_rows()))}).rowcount == 1
    engine.dispose()


def test_a_downgrade_leaves_one_open_change_of_a_flow(old_url: str) -> None:
    upgrade(old_url)
    pending = next(row for row in UNSEEN.rows("changes") if row["state"] == "pending")
    columns = list(fetch(old_url, "SELECT * FROM changes")[0])
    values = {"id": "'after'", "token": "'after'", "state": "'draft'", "follows": f"'{pending['id']}'"}
    copied = ", ".join(values.get(name, name) for name in columns)
    engine = create_engine(sync_url(old_url))
    with engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO changes ({', '.join(columns)}) SELECT {copied} FROM changes WHERE id = :id"),
            {"id": pending["id"]},
        )
    engine.dispose()
    downgrade(old_url, FIRST_REVISION)
    open_ones = [row for row in fetch(old_url, "SELECT * FROM changes") if row["state"] in OPEN_STATES]
    assert [row["flow_id"] for row in open_ones].count(pending["flow_id"]) == 1
    assert "follows" not in open_ones[0]
    upgrade(old_url)
    assert fetch(old_url, "SELECT state FROM changes WHERE id = 'after'") == [{"state": "failed"}]


# --- the bot -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def restored(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Restored]:
    """Restore the world of the recording half an hour later, with a bot that has just upgraded the database."""
    upgrade_to(empty_database_url, FIRST_REVISION)
    put_rows(empty_database_url, UNSEEN)
    await asyncio.to_thread(upgrade, empty_database_url)
    later = (datetime.now(UTC) - UNSEEN.data["recorded_at"]).total_seconds()
    async with restore_world(UNSEEN, empty_database_url, monkeypatch, later=later) as world:
        await world.start()
        yield world


def message_of(restored: Restored, row: Json) -> str:
    """Return what the message of a change says now."""
    messages = restored.world.slack.workspace.messages[row["message_channel"]]
    return next(text_of(each) for each in messages if each.ts == row["message_ts"])


async def test_messages_that_said_failed_say_not_known(restored: Restored) -> None:
    for row in unseen_rows().values():
        if row["message_ts"]:
            await restored.wait_until(partial(_says, restored, row, "It is not known whether"))
            assert "Failed" not in message_of(restored, row)
    for row in [*rows_of_before("failed", is_recent=False).values(), change_named("Refused")]:
        assert "Failed" in message_of(restored, row)


def _says(restored: Restored, row: Json, sentence: str) -> bool:
    return sentence in message_of(restored, row)


async def test_what_the_first_look_shows_is_applied(restored: Restored) -> None:
    for name in ("Enable not known", "Delete not known", "Edit not known"):
        row = change_named(name)
        await restored.wait_for_state(row["id"], "applied")
        await restored.wait_until(partial(_says, restored, row, "Applied"))


async def test_a_reading_that_shows_an_effect_settles_what_was_called_failed(restored: Restored) -> None:
    enable, edit = change_named("Enable ignored"), change_named("Edit ignored")
    restored.world.enkapush.store.update_flow(enable["flow_id"], is_enabled=True)
    restored.world.enkapush.store.update_flow(edit["flow_id"], title="Mine")
    await restored.world.emma.send(MARKETING, f"/flows show {enable['flow_id']}")
    await restored.world.emma.send(MARKETING, f"/flows show {edit['flow_id']}")
    for row in (enable, edit):
        await restored.wait_for_state(row["id"], "applied")
        await restored.wait_until(partial(_says, restored, row, "Applied"))


async def test_a_late_effect_of_more_than_a_day_ago_is_somebody_elses(restored: Restored) -> None:
    row = change_named("Old enable not known")
    await restored.world.emma.send(MARKETING, f"/flows show {row['flow_id']}")
    await restored.world.emma.wait_for_message(MARKETING, "Old enable not known")
    await restored.wait_for_state(change_named("Delete not known")["id"], "applied")
    assert restored.state(row["id"]) == "unknown"


async def test_the_same_can_be_asked_for_again_and_an_open_request_is_decided(restored: Restored) -> None:
    enable, waiting = change_named("Enable ignored"), change_named("Open enable")
    request = await request_change(restored.world, f"enable {enable['flow_id']}")
    await restored.world.burak.click(request, "Approve")
    await wait_for_status(restored.world, request, "Applied")
    posted = restored.world.slack.workspace.messages[waiting["message_channel"]]
    await restored.world.burak.click(next(each for each in posted if each.ts == waiting["message_ts"]), "Approve")
    await restored.wait_for_state(waiting["id"], "applied")


async def test_a_disable_that_was_called_failed_can_be_done_at_once(restored: Restored) -> None:
    row = change_named("Disable ignored")
    await restored.world.emma.send(MARKETING, f"/flows disable {row['flow_id']}")
    await restored.wait_until(lambda: not restored.world.enkapush.store.flows[row["flow_id"]].is_enabled)


async def test_a_restore_that_was_called_failed_is_found(restored: Restored) -> None:
    row = next(row for row in unseen_rows().values() if row["kind"] == "restore")
    await restored.wait_until(partial(_says, restored, row, "“Restore looked for” doesn't show in Enkapush yet."))
    made = add_named_flow(restored.world, "Restore looked for")
    restored.world.time.ahead += 60  # no list is from before
    await restored.world.emma.send(MARKETING, "/flows list")
    await restored.wait_for_state(row["id"], "applied")
    await restored.wait_until(partial(_says, restored, row, f"#{made}"))
