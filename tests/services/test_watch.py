"""The rounds of the watch: what differs is read once more, and told once, or together with others."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta

import pytest

from flowbot.domain.change import ChangeState, Lease
from flowbot.domain.findings import Summary
from flowbot.domain.flow import Totals
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.errors import DependencyError
from flowbot.services.ports.readings import WatchLostError
from flowbot.storage.engine import open_database
from tests.services.test_flow_cache import new_flow
from tests.services.watch_harness import NOON, Account, Watching, named
from tests.storage.change_cases import move_through, submit_change

FIFTEEN = range(1, 16)


@pytest.fixture
def account() -> Account:
    """Return an account of 30 flows on two websites."""
    account = Account()
    account.add(*range(1, 21))
    account.add(*range(21, 31), website_id=WebsiteId(2))
    return account


@pytest.fixture
async def watching(sqlite_url: str, account: Account) -> AsyncIterator[Watching]:
    """Yield a watch that has read the account once, which told nothing."""
    database = open_database(sqlite_url)
    watching = Watching(database, account)
    assert await watching.tell() == []
    yield watching
    await database.close()


async def test_each_kind_of_change_is_told_once(watching: Watching, account: Account) -> None:
    account.change(1, is_enabled=True)
    account.change(2, title="Theirs")
    account.change(3, website_id=WebsiteId(2))
    del account.flows[4]
    account.add(31)
    assert await watching.tell() == ["enable 1", "edit 2", "edit 3", "delete 4", "create 31"]
    assert sorted(account.read) == [1, 2, 3, 4, 31]
    assert await watching.tell() == []
    watching.restart()
    assert await watching.tell() == []
    account.change(1, is_enabled=False)
    account.add(4)
    del account.flows[31]
    assert set(await watching.tell()) == {"gone again 1", "gone again 4", "gone again 31"}


async def test_totals_and_dates_are_no_change(watching: Watching, account: Account) -> None:
    account.change(1, totals=Totals(sent=5), last_sent_at=NOON, changed_at=NOON)
    assert await watching.tell() == []
    assert account.read == []
    assert (await watching.store.get_flows([FlowId(1)]))[FlowId(1)].totals == Totals(sent=5)


async def test_more_than_ten_are_told_together_and_ten_of_a_website_are_read_again(
    watching: Watching, account: Account
) -> None:
    account.change(*FIFTEEN, title="Theirs")
    account.change(14, is_enabled=True)
    account.change(21, 22, title="Theirs, too")
    watched = await watching.run()
    assert sorted(account.read) == [*range(1, 10), 14, 21, 22]
    (summary,) = watched.reports
    assert isinstance(summary.told.content, Summary)
    told = {each.id: each for each in await watching.reports.get_many(summary.told.content.findings)}
    order = named(told[each] for each in summary.told.content.findings)
    assert order == [14, *range(1, 10), 21, 22, 10, 11, 12, 13, 15]
    assert await watching.tell() == []
    account.change(1, title="Again")
    assert await watching.tell() == ["edit again 1"]
    account.change(*FIFTEEN, title="Once more")
    assert await watching.tell() == ["summary of 14", "edit again 1"]


async def test_what_turns_out_as_it_was_counts_for_nothing(watching: Watching, account: Account) -> None:
    account.change(*range(1, 12), title="Theirs")
    account.stale = dict(account.flows)
    account.change(*range(1, 6), title="Title")
    assert await watching.tell() == [f"edit {number}" for number in range(6, 12)]
    assert sorted(account.read) == list(range(1, 12))


@pytest.mark.parametrize("what", ["unstable", "unreadable", "some are there"])
async def test_many_are_gone_only_where_the_reading_is_whole(watching: Watching, account: Account, what: str) -> None:
    if what == "some are there":
        account.hidden = set(FIFTEEN)
        for number in range(2, 16):
            del account.flows[number]
    else:
        account.is_stable = what != "unstable"
        account.broken = {30} if what == "unreadable" else set()
        for number in FIFTEEN:
            del account.flows[number]
    first = await watching.tell()
    account.is_stable, account.hidden, account.broken = True, set(), set()
    rest = await watching.tell()
    confirmed = 9 if what == "some are there" else 10
    assert (len(first), len(rest)) == (confirmed, 5)
    assert not any("create" in each for each in first + rest)


async def test_a_flow_whose_row_is_malformed_is_no_change(
    watching: Watching, account: Account, sqlite_url: str
) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE observed_flows SET document = '{}' WHERE flow_id IN (1, 2)")
    watching.restart()
    account.change(1, title="Theirs")
    del account.flows[2]
    assert await watching.tell() == []
    assert await watching.store.get_flows([FlowId(2)]) == {}
    account.change(1, title="Theirs again")
    assert await watching.tell() == ["edit 1"]


async def test_where_nothing_can_be_read_nothing_is_stored(watching: Watching, account: Account) -> None:
    state = await watching.store.get_state()
    account.change(1, title="Theirs")
    account.is_down = True
    with pytest.raises(DependencyError):
        await watching.tell()
    assert (await watching.store.get_state()).version == state.version
    account.is_down, account.broken = False, {1}
    assert await watching.tell() == []
    account.broken = set()
    assert await watching.tell() == ["edit 1"]


async def test_who_lost_the_watch_stores_nothing(watching: Watching, account: Account) -> None:
    account.change(1, title="Theirs")
    state = await watching.store.get_state()
    assert await watching.store.try_acquire_lease(state, Lease("two", NOON))
    with pytest.raises(WatchLostError):
        await watching.run()
    await watching.store.release_lease(state.id, "two")
    assert await watching.tell() == ["edit 1"]


async def test_a_first_reading_that_was_cut_off_is_begun_anew(sqlite_url: str, account: Account) -> None:
    database = open_database(sqlite_url)
    watching = Watching(database, account)
    await watching.store.store_baseline([*map(new_flow, (1, 99))], NOON)
    account.change(1, title="Theirs")
    assert await watching.tell() == []
    assert await watching.tell() == []
    assert {flow.id for flow in (await watching.store.get_flows([*map(FlowId, (1, 99))])).values()} == {1}
    await database.close()


async def test_what_was_sent_before_a_flow_was_created_counts_for_no_day(watching: Watching, account: Account) -> None:
    account.add(31, created_at=watching.now + timedelta(minutes=2), totals=Totals(sent=7))
    account.add(32, created_at=NOON - timedelta(days=9), totals=Totals(sent=900))
    account.change(1, totals=Totals(sent=1))
    await watching.run()
    days = await watching.figures.flow_sums(None, NOON.date(), NOON.date())
    assert {flow: totals.sent for flow, totals in days.items()} == {1: 1, 31: 7}


async def test_a_request_ends_by_what_its_flow_is_when_it_is_read_by_its_id(
    watching: Watching, account: Account
) -> None:
    change = await submit_change(watching.changes, flow=FlowId(15), before=account.flows[15])
    change = await move_through(watching.changes, change, ChangeState.PENDING)
    account.change(*FIFTEEN, title="Theirs")
    assert await watching.tell() == ["summary of 15"]
    assert 15 in account.read
    (ended,) = watching.ended
    assert (ended.id, ended.state) == (change.id, ChangeState.OUT_OF_DATE)
    assert (await watching.changes.get(change.id)) == ended


async def test_a_field_that_an_older_flowbot_did_not_read_is_no_change(
    watching: Watching, account: Account, sqlite_url: str
) -> None:
    account.change(1, is_silent=True)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE observed_flows SET content_key = 'older', document = json_remove(document, '$.is_silent')")
    watching.restart()
    assert await watching.tell() == []
    account.change(1, is_silent=False)
    assert await watching.tell() == ["edit 1"]


async def test_rows_that_cannot_be_read_hold_no_round_up(watching: Watching, account: Account, sqlite_url: str) -> None:
    change = await submit_change(watching.changes, flow=FlowId(2), before=account.flows[2])
    await move_through(watching.changes, change, ChangeState.PENDING)
    account.change(1, title="Theirs")
    assert await watching.tell() == ["edit 1"]
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE reports SET document = '[]'")
        file.execute("UPDATE changes SET progress = '5'")
    account.change(1, 2, 3, title="Theirs again")
    assert {"edit 1", "edit 3"} <= set(await watching.tell())
    account.change(4, title="Theirs")
    assert await watching.tell() == ["edit 4"]
