"""Rows that cannot be read: each costs itself alone, in every list, and stays as it is."""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from flowbot.domain.change import Change, Lease
from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, ChannelId, FlowId
from flowbot.domain.known_settings import NOTHING_KNOWN, SettingsWrite
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.errors import UnreadableRowError
from flowbot.i18n.translator import Translators
from flowbot.services.history import Format, HistoryPage, export
from flowbot.services.ports.changes import EventFilter
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views.approvals import entry_block
from flowbot.slack.views.history import history_message
from flowbot.slack.views.request_message import request_message
from flowbot.storage.engine import open_database
from flowbot.storage.repositories.change_queries import read_change_statistics
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository, record_settings
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.row_check import READERS, find_unreadable
from flowbot.storage.tables import changes, deliveries, flow_weeks, metadata
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import keep_readable, row_reader
from tests.storage.change_cases import NOON, OURS, new_event, new_request
from tests.storage.odd_rows import insert_odd_rows
from tests.storage.vote_cases import CAN, approval, submit_pending

DECADES = timedelta(days=20_000)
EVERYTHING = 100_000
GOOD = ChannelId("C0GOOD")


@pytest.fixture(scope="module")
def odd_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with odd rows of every kind, to copy."""
    file = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("odd") / "odd.db"))
    insert_odd_rows(file)
    return file


@pytest.fixture
def odd_file(odd_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(odd_template, tmp_path / "odd.db"))


@pytest.fixture
async def odd(odd_file: Path) -> AsyncIterator[Database]:
    """Open a database with a good policy and odd rows of every kind."""
    opened = open_database(f"sqlite:///{odd_file}")
    opened.unreadable.is_quiet = True
    await PolicyRepository(opened, lambda: NOON).replace_if_unchanged(None, ChannelPolicy(id=GOOD, websites="all"))
    yield opened
    await opened.close()


def dump(file: Path) -> set[str]:
    """Return the rows of a SQLite file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.text_factory = bytes
        return {str(row) for table in READERS for row in connection.execute(f"SELECT * FROM {table.name}")}


async def list_waiting(store: ChangeRepository) -> list[Change]:
    """List all waiting changes, as the inbox does."""
    return [record.change for record in await store.get_records([each.id for each in await store.waiting()])]


async def test_every_list_leaves_out_the_odd_rows_alone_and_they_stay(odd: Database, odd_file: Path) -> None:
    store, policies = ChangeRepository(odd, lambda: NOON), PolicyRepository(odd, lambda: NOON)
    good = await submit_pending(store, token="good", flow=FlowId(77))
    before = dump(odd_file)
    assert good in await list_waiting(store)
    assert good in await store.due(NOON + DECADES, limit=EVERYTHING)
    assert good in await store.unshown(limit=EVERYTHING)
    assert good in [each.change for each in await store.list_history(None, None, offset=0, limit=EVERYTHING)]
    assert GOOD in {policy.id for policy in (await policies.get_book()).channels}
    assert (await store.latest_events(EventFilter(), limit=1))[0].change == good.id
    assert len(await store.closed(limit=EVERYTHING)) > 10
    assert len(await store.late_since(NOON - DECADES)) > 10
    assert (await read_change_statistics(odd)).unreadable["changes"] > 500
    assert {row.table for row in await find_unreadable(odd)} == {table.name for table in READERS}
    claimed = await store.claim_lapsed((await store.find_backlog(NOON)).in_progress, Lease("me", NOON))
    assert len(before - dump(odd_file)) == len(claimed)


def test_every_table_is_checked_but_keys_and_sums() -> None:
    assert set(metadata.sorted_tables) - set(READERS) == {deliveries, flow_weeks}


async def test_why_a_row_is_unreadable_is_said_without_what_it_holds(odd: Database) -> None:
    reasons = {row.reason for row in await find_unreadable(odd)}
    assert "state holds what does not belong there" in reasons
    assert not [reason for reason in reasons if "archived" in reason or "soon" in reason]


async def test_a_mistake_in_a_row_reader_is_no_unreadable_row(database: Database) -> None:
    await submit_pending(ChangeRepository(database, lambda: NOON))
    read_wrong = row_reader(changes)(lambda row: row.no_such_column)
    async with database.read() as connection:
        rows = (await connection.execute(select(changes))).all()
        with pytest.raises(AttributeError):
            keep_readable(connection, rows, read_wrong)


async def test_what_can_be_read_can_be_shown_and_exported(odd: Database) -> None:
    store, translators = ChangeRepository(odd, lambda: NOON), Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
    history = await store.list_history(None, None, offset=0, limit=EVERYTHING)
    readers = [translators.for_reader(locale) for locale in ("tr-TR", "en-GB")]
    for number, (change, votes) in enumerate(history):
        t = readers[number % 2]
        details = RequestDetails(change, votes, {})
        shown = [
            request_message(details, t, NOON).blocks,
            request_message(details.without_content(), t, NOON).blocks,
            history_message(HistoryPage(None, (details,), 1, has_next=False), {}, t).blocks,
            entry_block(details, None, t, NOON),
        ]
        assert "went wrong" not in json.dumps(shown)
    for form in Format:
        written: list[str] = []
        count = await export(store.all_events(), form, written.append)
        assert len("".join(written).encode()) > count > 100


async def damage(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


ODD_ON_BOTH = [
    "UPDATE changes SET follows = id",
    "UPDATE changes SET rule = NULL",
    "UPDATE changes SET asked = '5'",
    "UPDATE changes SET asked = '{}'",
    "UPDATE changes SET state = 'archived'",
    "UPDATE changes SET kind = 'merge'",
    "UPDATE changes SET version = 2147483647",
    "UPDATE changes SET created_at = '0001-01-01 00:00:00+00'",
    "UPDATE changes SET changed_at = '9999-12-31 23:00:00+00'",
]


async def test_one_query_of_an_odd_change_is_refused_and_lists_go_on(database: Database) -> None:
    store = ChangeRepository(database, lambda: NOON)
    good = await submit_pending(store, token="good", flow=FlowId(77))
    is_server = await database.clock() is not None
    infinite = ["UPDATE changes SET due_at = 'infinity'", "UPDATE changes SET sent_at = '0044-03-15 BC'"]
    for number, statement in enumerate([*ODD_ON_BOTH, *infinite[: 2 * is_server]]):
        odd = await submit_pending(store, token=f"odd{number}", flow=FlowId(100 + number))
        condition = f" WHERE id = '{odd.id}'"
        await damage(database, statement.replace("", "") + condition)
        assert await list_waiting(store) == [good], statement
        with pytest.raises(UnreadableRowError):
            await store.get(odd.id)
        with pytest.raises(UnreadableRowError):
            await store.record_vote(odd.id, approval(CAN), OURS)
        with pytest.raises(UnreadableRowError):
            await store.mark_shown(odd.id, 2)
        assert odd.id in {row.row for row in database.unreadable}


async def test_a_key_that_fits_no_button_is_odd(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    store = ChangeRepository(database, lambda: NOON)
    for number, key in enumerate(("", "x" * 33, "x" * 5000)):
        odd = await submit_pending(store, token=f"odd{number}", flow=FlowId(number + 1))
        await damage(database, f"UPDATE changes SET id = '{key}' WHERE id = '{odd.id}'")
    good = await submit_pending(store, token="good", flow=FlowId(77))
    assert await list_waiting(store) == [good]
    await database.close()


@pytest.mark.parametrize("number", [2**63 - 1, 2**63 - 2, 2**62])
async def test_an_event_with_the_last_number_stops_no_other(sqlite_url: str, number: int) -> None:
    database = open_database(sqlite_url)
    store = ChangeRepository(database, lambda: NOON)
    await submit_pending(store)
    await damage(database, f"UPDATE events SET number = {number} WHERE number = 1")
    await submit_pending(store, token="another", flow=FlowId(77))
    numbers = [event.number for event in await store.latest_events(EventFilter(), limit=EVERYTHING)]
    assert numbers == [number, 1]
    await database.close()


async def test_a_flow_whose_open_change_is_odd_takes_no_other(database: Database) -> None:
    store = ChangeRepository(database, lambda: NOON)
    await submit_pending(store)
    await damage(database, "UPDATE changes SET asked = '[]'")
    with pytest.raises(UnreadableRowError):
        await store.submit(new_request("another"), OURS, new_event())


async def test_a_mended_row_is_read_again_once_it_is_looked_at_anew(database: Database) -> None:
    store = ChangeRepository(database, lambda: NOON)
    change = await submit_pending(store)
    await damage(database, "UPDATE changes SET state = 'archived'")
    await store.list_history(None, None, offset=0, limit=10)
    await damage(database, "UPDATE changes SET state = 'pending'")
    assert not await store.waiting()
    database.unreadable.clear()
    assert await list_waiting(store) == [change]


async def test_a_policy_that_cannot_be_read_stands_for_its_channel_alone(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOON)
    book = PolicyBook.model_validate({"channels": [{"id": "C0ODD", "websites": "all"}, {"id": GOOD, "websites": [1]}]})
    await policies.replace_all(book)
    stored = json.dumps({"id": "C0ODD", "websites": "all", "stewards": []})
    for document in (stored, "null", "5"):
        await damage(database, f"UPDATE channel_policies SET document = '{document}' WHERE channel_id = 'C0ODD'")
        assert [policy.id for policy in (await policies.get_book()).channels] == [GOOD]
        assert (await policies.get_scope(GOOD)).policy is not None
        with pytest.raises(UnreadableRowError):
            await policies.get_scope(ChannelId("C0ODD"))
        with pytest.raises(UnreadableRowError):
            await policies.replace_if_unchanged(None, ChannelPolicy(id=ChannelId("C0ODD"), websites="all"))


async def test_settings_that_cannot_be_read_are_not_known_and_hold_up_no_change(database: Database) -> None:
    settings = KnownSettingsRepository(database)
    await damage(database, "INSERT INTO known_settings (flow_id, document) VALUES (12, '[]')")
    assert await settings.get(FlowId(12)) == NOTHING_KNOWN
    write = SettingsWrite(FlowId(12), ChangeId("abc"), WriteOnlyFields(segment="7"), NOON, None, None)
    async with database.write() as connection:
        await record_settings(connection, write)
    assert {error.row for error in database.unreadable} == {12}


async def test_a_channel_moves_past_odd_rows(odd: Database) -> None:
    new = ChannelId("C0NEW")
    assert await ChannelRepository(odd).move(GOOD, new, new_event("channel.moved"))
    assert new in {policy.id for policy in (await PolicyRepository(odd, lambda: NOON).get_book()).channels}
