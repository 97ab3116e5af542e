"""Channels: everything that names one moves along with its id, and what Slack said of it is kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.ids import ChannelId
from flowbot.domain.revisions import mark_revised
from flowbot.services.policy_files import parse_book
from flowbot.services.ports.channels import ChannelSharing
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.tables import events
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import move_through, submit_change

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = ChannelId("C0OLD"), ChannelId("C0NEW")
EVENT = AuditEvent(NOW, AuditAction.CHANNEL_MOVED, None, NEW, details={"from": OLD, "to": NEW})
SHARED, OWN = ChannelSharing(is_shared=True, answered_at=NOW), ChannelSharing(is_shared=False, answered_at=NOW)
LATER = timedelta(minutes=2)
POLICIES = """
[[channels]]
id = "C0OLD"
websites = [1]

[[channels]]
id = "C0OTHER"
websites = "all"
[channels.approval]
channel = "C0OLD"
"""


async def count_events(database: Database) -> int:
    """Count the events of the audit trail."""
    async with database.read() as connection:
        return len((await connection.execute(select(events.c.number))).all())


async def test_policies_and_their_approval_channels_move(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    await policies.replace_all(parse_book(POLICIES))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    assert (await policies.get_book()).document() == parse_book(POLICIES.replace("C0OLD", "C0NEW")).document()
    assert await count_events(database) == 1


async def test_freezes_move_and_name_no_channel_twice(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    rules = '[[freezes]]\nname = "Rest"\nweekly = ["sat"]\n'
    both = rules + 'channels = ["C0OLD", "C0OTHER"]\n'
    await policies.replace_all(parse_book(POLICIES + rules + both))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    assert [freeze.channels for freeze in (await policies.get_book()).freezes] == [None, (NEW, ChannelId("C0OTHER"))]
    assert await ChannelRepository(database).move(ChannelId("C0OTHER"), NEW, EVENT)
    assert (await policies.get_book()).freezes[1].channels == (NEW,)


async def test_a_change_moves_in_whichever_way_its_row_keeps_what_was_asked(
    database: Database, store: ChangeRepository
) -> None:
    plain = await submit_change(store, "now", flow=1, channel=OLD)
    timed = await submit_change(store, "timed", flow=2, channel=OLD, not_before=NOW)
    new = await submit_change(store, "later", flow=3, channel=OLD, not_before=NOW)
    waiting = await move_through(store, new, ChangeState.PENDING)
    child = await submit_change(store, "edit", flow=3, channel=OLD, kind=ChangeKind.EDIT, parent=waiting.id)
    revised = await store.replace_if_unchanged(waiting, mark_revised(waiting, child))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    for change in (plain, timed, revised, child):
        moved = await store.get(change.id)
        assert moved is not None
        assert moved.request == replace(change.request, channel=NEW)


async def test_a_second_move_changes_nothing(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    await policies.replace_all(parse_book(POLICIES))
    channels = ChannelRepository(database)
    assert await channels.move(OLD, NEW, EVENT)
    assert not await channels.move(OLD, NEW, EVENT)
    assert not await channels.move(ChannelId("C0NOBODY"), NEW, EVENT)
    assert await count_events(database) == 1


async def test_a_policy_that_the_new_id_has_already_stays(database: Database) -> None:
    policies = PolicyRepository(database, lambda: NOW)
    newer = '[[channels]]\nid = "C0NEW"\nwebsites = [2]\n'
    await policies.replace_all(parse_book(POLICIES + newer))
    assert await ChannelRepository(database).move(OLD, NEW, EVENT)
    book = await policies.get_book()
    assert [(policy.id, policy.websites) for policy in book.channels] == [("C0OTHER", "all"), ("C0NEW", (2,))]
    assert book.channels[0].approval.channel == NEW


async def test_a_moved_channel_begins_without_what_slack_said(database: Database) -> None:
    channels = ChannelRepository(database)
    await channels.note_sharing(OLD, OWN)
    await channels.move(OLD, NEW, EVENT)
    assert [await channels.get_sharing(each) for each in (OLD, NEW)] == [None, None]


async def test_what_slack_said_last_is_kept(database: Database) -> None:
    channels = ChannelRepository(database)
    assert await channels.get_sharing(OLD) is None
    assert await channels.note_sharing(OLD, OWN) == OWN
    later = replace(OWN, answered_at=NOW + LATER)
    assert await channels.note_sharing(OLD, later, OWN) == later
    assert await channels.get_sharing(OLD) == later
    assert await channels.get_sharing(NEW) is None


async def test_an_answer_gives_way_to_what_was_said_after_its_question(database: Database) -> None:
    channels = ChannelRepository(database)
    await channels.note_sharing(OLD, OWN)
    await channels.note_sharing(OLD, SHARED)
    assert await channels.note_sharing(OLD, replace(OWN, answered_at=NOW + LATER), OWN) == SHARED
    assert await channels.note_sharing(OLD, OWN, SHARED) == OWN
    # That it is shared counts whenever it was asked.
    assert await channels.note_sharing(OLD, SHARED, None) == SHARED


async def test_a_channel_that_is_shared_while_a_request_is_posted_is_told_or_has_it_shown_anew(
    database: Database, store: ChangeRepository, other_store: ChangeRepository
) -> None:
    channels = ChannelRepository(database)
    for number in range(10):
        channel = ChannelId(f"C0N{number}")
        change = await move_through(store, await submit_change(store, f"t{number}", flow=None), ChangeState.PENDING)
        sharing = channels.note_sharing(channel, SHARED)
        posting = other_store.mark_posted(change.id, change.version, (channel, "1.1"))
        _, (_, is_shared) = await asyncio.gather(sharing, posting)
        kept = _some(await store.get(change.id))
        assert is_shared or kept.shown_version < kept.version


async def test_open_requests_are_to_be_shown_anew_where_slack_says_otherwise(
    database: Database, store: ChangeRepository
) -> None:
    channels = ChannelRepository(database)
    waiting = await move_through(store, await submit_change(store), ChangeState.PENDING)
    ended = await move_through(
        store, await submit_change(store, "t2", flow=13), ChangeState.PENDING, ChangeState.WITHDRAWN
    )
    elsewhere = await move_through(store, await submit_change(store, "t3", flow=14), ChangeState.PENDING)
    for change, channel in ((waiting, OLD), (ended, OLD), (elsewhere, NEW)):
        await store.mark_posted(change.id, change.version, (channel, "1.1"))
    assert set(await channels.list_open()) == {OLD, NEW}
    seen = None
    for told, is_new in ((OWN, True), (replace(OWN, answered_at=NOW + LATER), False), (SHARED, True)):
        await channels.note_sharing(OLD, told, seen)
        seen = told
        found = {
            each.id: each.version - each.shown_version
            for each in map(
                _some, [await store.get(waiting.id), await store.get(ended.id), await store.get(elsewhere.id)]
            )
        }
        assert found == {waiting.id: int(is_new), ended.id: 0, elsewhere.id: 0}
        await store.mark_shown(waiting.id, waiting.version)


def _some(change: Change | None) -> Change:
    assert change is not None
    return change
