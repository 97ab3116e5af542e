"""Policies in the database: whole, in order, as they were written, and seen by everyone at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from flowbot.domain.approval import approval_terms
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import ChangeState
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, FlowId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook, WebsiteRename
from flowbot.errors import DependencyError
from flowbot.services.policy_files import PolicyFileError, dump_book, export_policies, import_book, parse_book
from flowbot.services.ports.changes import EventFilter
from flowbot.services.ports.policies import FreezeReplacement
from flowbot.storage.engine import open_database
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.tables import channel_policies
from flowbot.storage.unit_of_work import Database
from tests.services.policy_steps import replace_policy
from tests.storage.change_cases import move_through, submit_change

NOON_IN_ISTANBUL = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=timezone(timedelta(hours=3)))
C1, C2 = ChannelId("C1"), ChannelId("C2")


@pytest.fixture
def store(database: Database) -> PolicyRepository:
    return PolicyRepository(database, lambda: NOON_IN_ISTANBUL)


def new_book(**document: object) -> PolicyBook:
    return PolicyBook.model_validate(document)


SHOP = new_book(
    websites={2: "Shop", 1: "Günlük 📰"},
    channels=[
        {"id": "C2", "websites": "all", "viewers": ["*"]},
        {"id": "C1", "websites": [2, 1], "editors": [], "approval": {"quorum": 2, "channel": None}},
    ],
)
BAYRAM = Freeze.model_validate({"name": "Bayram", "holidays": "TR", "half_day_from": "13:00"})
YEARS_END = Freeze.model_validate({"name": "Year's end", "from": "2026-12-30", "to": "2027-01-02", "channels": ["C1"]})
WEEKENDS = Freeze.model_validate({"name": "Weekends", "weekly": ["sat", "sun"], "channels": ["C2"]})
SHARED = Freeze.model_validate({"name": "Fridays", "weekly": ["fri"], "channels": ["C1", "C2"]})
FREEZES = (BAYRAM, YEARS_END, WEEKENDS, SHARED)
BLOG = new_book(websites={3: "Blog"}, channels=[{"id": "C1", "websites": [3]}])


async def test_a_new_database_holds_an_empty_book(store: PolicyRepository) -> None:
    assert await store.get_book() == PolicyBook()
    assert (await store.get_scope(C1)).website_names == {}
    assert (await store.get_scope(C1)).policy is None


async def test_a_book_comes_back_equal_in_order_and_with_the_same_unset_keys(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    kept = await store.get_book()
    assert kept == SHOP
    assert kept.document() == SHOP.document()
    assert list(kept.websites) == [2, 1]


async def test_replacing_leaves_nothing_of_the_old_book(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    await store.replace_all(BLOG)
    assert await store.get_book() == BLOG
    await store.replace_all(PolicyBook())
    assert await store.get_book() == PolicyBook()


async def test_a_scope_is_the_channels_policy_with_all_names(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    scope = await store.get_scope(C1)
    assert (scope.channel, scope.policy, scope.website_names) == (C1, SHOP.policy(C1), SHOP.websites)


async def test_an_imported_file_is_exported_as_it_was(store: PolicyRepository) -> None:
    await import_book(store, parse_book(dump_book(SHOP)), NOON_IN_ISTANBUL)
    assert await export_policies(store) == dump_book(SHOP)


async def test_a_refused_file_leaves_the_old_book(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    with pytest.raises(PolicyFileError):
        await import_book(store, parse_book("quorum = 0"), NOON_IN_ISTANBUL)
    assert await store.get_book() == SHOP


async def test_another_process_sees_a_new_book_at_once(store: PolicyRepository, database_url: str) -> None:
    elsewhere = open_database(database_url)
    other = PolicyRepository(elsewhere, lambda: NOON_IN_ISTANBUL)
    await other.replace_all(SHOP)
    assert await store.get_book() == SHOP
    await store.replace_all(BLOG)
    assert await other.get_book() == BLOG
    await elsewhere.close()


async def test_readers_see_the_old_book_or_the_new_one_whole(database: Database, database_url: str) -> None:
    """Every version gives its number to the names and to the policies alike, so that a mix would show."""
    elsewhere = open_database(database_url)
    writing, reading = (PolicyRepository(opened, lambda: NOON_IN_ISTANBUL) for opened in (elsewhere, database))
    done = asyncio.Event()

    async def write() -> None:
        for version in range(1, 30):
            channels = [{"id": f"C{number}", "websites": [version]} for number in range(5)]
            await writing.replace_all(new_book(websites={version: "x"}, channels=channels))
        done.set()

    async def read() -> int:
        seen = 0
        while not done.is_set():
            book, scope = await reading.get_book(), await reading.get_scope(C1)
            assert {policy.websites for policy in book.channels} <= {tuple(book.websites)}
            assert len(book.channels) in {0, 5}
            assert scope.policy is None or scope.policy.websites == tuple(scope.website_names)
            seen += 1
        return seen

    *_, seen = await asyncio.gather(write(), read(), read())
    assert seen > 0
    await elsewhere.close()


async def test_of_two_imports_in_the_same_instant_one_book_stands_whole(database: Database, database_url: str) -> None:
    elsewhere = open_database(database_url)
    stores = [PolicyRepository(opened, lambda: NOON_IN_ISTANBUL) for opened in (database, elsewhere)]
    for _ in range(5):
        await asyncio.gather(*(store.replace_all(book) for store in stores for book in (SHOP, BLOG)))
        assert await stores[0].get_book() in (SHOP, BLOG)
    await elsewhere.close()


async def test_one_channels_policy_takes_the_place_of_its_own_and_the_others_stay(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    written = ChannelPolicy.model_validate({"id": "C2", "websites": [3], "approval": {"quorum": 3}})
    await replace_policy(store, written)
    book = await store.get_book()
    assert book.document() == SHOP.model_copy(update={"channels": (written, SHOP.channels[1])}).document()
    assert (await store.get_scope(C2)).policy == written


async def test_a_channels_first_policy_goes_last(store: PolicyRepository) -> None:
    await replace_policy(store, SHOP.channels[1])
    await replace_policy(store, SHOP.channels[0])
    await replace_policy(store, BLOG.channels[0])
    assert (await store.get_book()).channels == (BLOG.channels[0], SHOP.channels[0])
    assert (await store.get_book()).websites == {}


async def test_policies_of_many_channels_put_in_the_same_instant_are_all_there(
    database: Database, database_url: str
) -> None:
    elsewhere = open_database(database_url)
    stores = [PolicyRepository(opened, lambda: NOON_IN_ISTANBUL) for opened in (database, elsewhere)]
    policies = [ChannelPolicy.model_validate({"id": f"C{number}", "websites": "all"}) for number in range(10)]
    await asyncio.gather(*(replace_policy(store, policy) for store in stores for policy in policies))
    async with database.read() as connection:
        positions = await connection.scalars(select(channel_policies.c.position))
        assert sorted(positions) == list(range(10))
    assert {policy.id for policy in (await stores[0].get_book()).channels} == {policy.id for policy in policies}
    await elsewhere.close()


async def test_a_policy_put_beside_an_import_stands_or_is_replaced_whole(store: PolicyRepository) -> None:
    for _ in range(5):
        await asyncio.gather(store.replace_all(SHOP), replace_policy(store, BLOG.channels[0]))
        assert (await store.get_book()).channels in (SHOP.channels, (SHOP.channels[0], BLOG.channels[0]))


async def test_a_replacement_that_fails_leaves_the_old_book(store: PolicyRepository, database: Database) -> None:
    await store.replace_all(SHOP)
    unstorable = SHOP.model_copy(update={"websites": {1: None}})
    with pytest.raises(DependencyError):
        await store.replace_all(unstorable)
    assert await store.get_book() == SHOP


async def test_a_replacement_is_dated_in_utc(store: PolicyRepository, database: Database) -> None:
    await store.replace_all(BLOG)
    async with database.read() as connection:
        kept = await connection.scalar(select(channel_policies.c.updated_at))
    assert kept == NOON_IN_ISTANBUL
    assert kept.tzinfo is UTC


async def test_a_time_without_zone_is_not_stored(database: Database) -> None:
    with pytest.raises(DependencyError):
        await PolicyRepository(database, lambda: NOON_IN_ISTANBUL.replace(tzinfo=None)).replace_all(BLOG)


async def test_a_policy_that_cannot_be_read_is_a_fault_and_never_a_guess(
    store: PolicyRepository, database: Database
) -> None:
    await store.replace_all(BLOG)
    async with database.write() as connection:
        await connection.execute(text("""UPDATE channel_policies SET document = '{"id": "C1", "from_later": 1}'"""))
    with pytest.raises(DependencyError):
        await store.get_scope(C1)
    assert await store.get_book() == PolicyBook(websites=BLOG.websites)


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=75)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.dictionaries(st.integers(1, 2**63 - 1), NAMES, max_size=5))
async def test_names_in_any_script_come_back_as_they_were(store: PolicyRepository, names: dict[int, str]) -> None:
    await store.replace_all(new_book(websites=names))
    assert list((await store.get_book()).websites.items()) == list(names.items())


def new_event(number: int) -> AuditEvent:
    return AuditEvent(NOON_IN_ISTANBUL, "policy.changed", UserId("U0DENIZ"), C1, details={"number": number})


async def list_event_numbers(database: Database) -> list[int]:
    """List the numbers of the stored events."""
    store = ChangeRepository(database, lambda: NOON_IN_ISTANBUL)
    return [event.details["number"] async for event in store.all_events()]


async def test_of_many_processes_that_saw_the_same_policy_one_changes_it(database_url: str) -> None:
    databases = [open_database(database_url) for _ in range(4)]
    stores = [PolicyRepository(database, lambda: NOON_IN_ISTANBUL) for database in databases]
    seen = None
    for turn in range(3):
        wanted = [
            ChannelPolicy.model_validate({"id": "C1", "websites": [10 * turn + number]}) for number in range(1, 5)
        ]
        numbered = zip(stores, wanted, range(4), strict=True)
        won = await asyncio.gather(
            *(store.replace_if_unchanged(seen, policy, new_event(number)) for store, policy, number in numbered)
        )
        assert won.count(True) == 1
        seen = (await stores[0].get_scope(C1)).policy
        assert seen == wanted[won.index(True)]
        assert (await list_event_numbers(databases[0]))[turn:] == [won.index(True)]
    for database in databases:
        await database.close()


async def test_a_policy_and_its_line_in_the_audit_trail_are_kept_together_or_not_at_all(
    database: Database, store: PolicyRepository
) -> None:
    await store.replace_all(BLOG)
    cannot_be_kept = replace(new_event(1), flow=FlowId(2**63 - 1), details={"number": object()})
    with pytest.raises((DependencyError, TypeError)):
        await store.replace_if_unchanged(
            BLOG.policy(C1), ChannelPolicy.model_validate({"id": "C1", "websites": [4]}), cannot_be_kept
        )
    with pytest.raises((DependencyError, TypeError)):
        await store.replace_all(SHOP, cannot_be_kept)
    assert await store.get_book() == BLOG
    assert await list_event_numbers(database) == []


async def test_a_rename_is_written_with_its_policy_or_not_at_all(store: PolicyRepository) -> None:
    await store.replace_all(SHOP)
    seen = (await store.get_book()).channels[0]
    (website, name), *_ = SHOP.websites.items()
    new = WebsiteId(99)
    late = WebsiteRename(website, "another", "Mine")
    assert not await store.replace_if_unchanged(seen, seen, renames=[WebsiteRename(new, None, "New"), late])
    assert (await store.get_book()).websites == SHOP.websites
    renames = [WebsiteRename(new, None, "New"), WebsiteRename(website, name, "Mine")]
    assert await store.replace_if_unchanged(seen, seen, renames=renames)
    assert (await store.get_book()).websites == {**SHOP.websites, website: "Mine", new: "New"}
    assert await store.replace_if_unchanged(seen, seen, renames=[WebsiteRename(website, "Mine", None)])
    assert website not in (await store.get_book()).websites


async def test_pending_requests_get_one_new_version_that_keeps_the_terms_they_were_requested_under(
    store: PolicyRepository, database: Database
) -> None:
    changes = ChangeRepository(database, lambda: NOON_IN_ISTANBUL)
    await store.replace_all(BLOG)
    drafts = [
        await submit_change(changes, channel, channel=channel, website=WebsiteId(3), flow=FlowId(number))
        for number, channel in enumerate((C1, C2), 1)
    ]
    here, elsewhere = [await move_through(changes, draft, ChangeState.PENDING, rule=ApprovalRule()) for draft in drafts]
    stricter = new_book(channels=[{"id": "C1", "websites": [3], "approvers": ["S0LEADS"], "approval": {"quorum": 2}}])
    await store.replace_all(stricter)
    await store.replace_all(stricter.model_copy(update={"websites": {WebsiteId(3): "Journal"}}))
    moved = await changes.get(here.id)
    assert moved is not None
    assert moved.version == here.version + 1
    assert moved.progress.first_terms == approval_terms(here, BLOG.policy(C1))
    assert await changes.get(elsewhere.id) == elsewhere
    assert await store.replace_if_unchanged(
        stricter.policy(C1), BLOG.channels[0], AuditEvent(NOON_IN_ISTANBUL, "policy.changed", UserId("U0AYSE"))
    )
    back = await changes.get(here.id)
    assert back is not None
    assert (back.version, back.progress.first_terms) == (here.version + 2, None)
    told = [event for event in await changes.latest_events(EventFilter(), limit=9) if event.change == here.id]
    assert [(event.action, event.actor) for event in told if event.action == "change.rules_changed"] == [
        ("change.rules_changed", "U0AYSE"),
        ("change.rules_changed", None),
    ]


async def test_freezes_come_back_in_order_and_a_scope_has_those_of_its_channel(store: PolicyRepository) -> None:
    book = SHOP.model_copy(update={"freezes": FREEZES})
    await store.replace_all(book)
    assert (await store.get_book()).document() == {**SHOP.document(), "freezes": [each.document() for each in FREEZES]}
    assert (await store.get_scope(C1)).freezes == (BAYRAM, YEARS_END, SHARED)
    assert (await store.get_scope(C2)).freezes == (BAYRAM, WEEKENDS, SHARED)
    await store.replace_all(BLOG)
    assert (await store.get_scope(C2)).freezes == ()


async def test_a_channels_own_freezes_are_replaced_where_they_are_those_seen_and_the_others_stay(
    store: PolicyRepository,
) -> None:
    await store.replace_all(SHOP.model_copy(update={"freezes": FREEZES}))
    policy = SHOP.policy(C2)
    assert policy is not None
    sundays = Freeze.model_validate({"name": "Sundays", "weekly": ["sun"], "channels": ["C2"]})
    assert not await store.replace_if_unchanged(policy, policy, freezes=FreezeReplacement((), (sundays,)))
    assert await store.replace_if_unchanged(policy, policy, freezes=FreezeReplacement((WEEKENDS,), (sundays,)))
    assert (await store.get_book()).freezes == (BAYRAM, YEARS_END, SHARED, sundays)
    assert await store.replace_if_unchanged(policy, policy)
    assert (await store.get_book()).freezes == (BAYRAM, YEARS_END, SHARED, sundays)


@pytest.mark.parametrize(
    ("before", "after", "is_redrawn"),
    [
        ((), (BAYRAM,), (True, True)),
        ((BAYRAM,), (), (True, True)),
        ((BAYRAM,), (BAYRAM, YEARS_END), (True, False)),
        ((YEARS_END, BAYRAM), (BAYRAM, YEARS_END), (False, False)),
        ((), (SHARED,), (True, True)),
    ],
)
async def test_open_requests_of_channels_whose_freezes_change_are_shown_anew_and_scheduled_ones_are_due(
    store: PolicyRepository,
    database: Database,
    before: tuple[Freeze, ...],
    after: tuple[Freeze, ...],
    is_redrawn: tuple[bool, bool],
) -> None:
    changes = ChangeRepository(database, lambda: NOON_IN_ISTANBUL)
    await store.replace_all(BLOG.model_copy(update={"freezes": before}))
    later, scheduled = NOON_IN_ISTANBUL + timedelta(days=1), []
    for number, channel in enumerate((C1, C2), 1):
        draft = await submit_change(changes, channel, channel=channel, website=WebsiteId(3), flow=FlowId(number))
        change = await move_through(changes, draft, ChangeState.SCHEDULED, due_at=later)
        await changes.mark_posted(change.id, change.version, (channel, "1.2"))
        scheduled.append(change.id)
    await store.replace_all(BLOG.model_copy(update={"freezes": after}))
    found = [each for change in scheduled if (each := await changes.get(change)) is not None]
    assert tuple(each.shown_version < each.version for each in found) == is_redrawn
    assert tuple(each.due_at != later for each in found) == is_redrawn
