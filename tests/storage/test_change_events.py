"""Events of changes, and marks of what was shown, announced and notified."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, WebsiteId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.services.ports.changes import EventFilter
from flowbot.services.ports.channels import ChannelSharing
from flowbot.services.ports.messages import MessageKey, MessageRole, SentMessage
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.channels import ChannelRepository
from flowbot.storage.repositories.messages import MessageRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    C1,
    NOON,
    OURS,
    SECOND,
    SHOP,
    THEIRS,
    append_event,
    list_actions,
    move_through,
    new_event,
    submit_change,
)  # fmt: skip
from tests.storage.vote_cases import CAN

BROKEN = Progress(Closure(CAN, ClosureKind.BREAK_GLASS, "now \0"), reminders=2)

# --- the trail -----------------------------------------------------------------------------------------------------


async def test_history_is_newest_first_and_no_longer_than_asked_for(store: ChangeRepository) -> None:
    for number in range(5):
        await append_event(store, new_event(f"step.{number}"))
    events = await store.latest_events(EventFilter(), limit=3)
    assert [event.action for event in events] == ["step.4", "step.3", "step.2"]
    assert [event.number for event in events] == [5, 4, 3]


SEEN = [
    ("all", EventFilter(), ["policy.imported", "blog.13", "shop.13", "shop.12"]),
    ("one website", EventFilter(frozenset({SHOP})), ["shop.13", "shop.12"]),
    ("two websites", EventFilter(frozenset({SHOP, WebsiteId(2)})), ["blog.13", "shop.13", "shop.12"]),
    ("no website", EventFilter(frozenset()), []),
    ("one flow", EventFilter(flow=FlowId(13)), ["blog.13", "shop.13"]),
    ("one flow on one website", EventFilter(frozenset({SHOP}), FlowId(13)), ["shop.13"]),
]


@pytest.mark.parametrize(("scope", "seen"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
async def test_history_shows_what_its_scope_names(store: ChangeRepository, scope: EventFilter, seen: list[str]) -> None:
    await append_event(store, new_event("shop.12"))
    await append_event(store, new_event("shop.13", flow=FlowId(13)))
    await append_event(store, new_event("blog.13", flow=FlowId(13), website=WebsiteId(2)))
    await append_event(store, new_event("policy.imported", channel=None, kind=None, flow=None, website=None))
    assert [event.action for event in await store.latest_events(scope, limit=10)] == seen


async def test_history_leaves_out_what_it_is_told_to_and_has_the_more_of_the_rest(store: ChangeRepository) -> None:
    for action in ("change.submitted", "change.applied", "policy.changed", "policy.imported"):
        await append_event(store, new_event(action))
    events = await store.latest_events(
        EventFilter(except_actions=frozenset({"policy.changed", "policy.imported"})), limit=2
    )
    assert [event.action for event in events] == ["change.applied", "change.submitted"]


async def test_the_audit_is_all_events_in_order_through_several_pages(
    store: ChangeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbot.storage.repositories.changes._EVENT_PAGE", 3)
    for count in (0, 1, 3, 4, 6, 7):
        while len(await list_actions(store)) < count:
            await append_event(store, new_event(f"step.{len(await list_actions(store))}"))
        assert await list_actions(store) == [f"step.{number}" for number in range(count)]


async def test_the_audit_may_be_left_early_and_others_write_meanwhile(store: ChangeRepository) -> None:
    for number in range(3):
        await append_event(store, new_event(f"step.{number}"))
    seen = []
    async for event in store.all_events():
        seen.append(event.action)
        await append_event(store, new_event("meanwhile"))
        if len(seen) == 2:
            break
    assert seen == ["step.0", "step.1"]


async def test_an_event_of_flowbots_own_needs_neither_person_nor_change(store: ChangeRepository) -> None:
    event = new_event("policy.imported", actor=None, channel=None, kind=None, flow=None, website=None)
    await append_event(store, event)
    (kept,) = await store.latest_events(EventFilter(), limit=1)
    assert kept == replace(event, number=1)


async def test_a_restore_has_made_the_new_flow_and_not_the_one_that_it_was_asked_for_on(
    store: ChangeRepository,
) -> None:
    restore = {"kind": ChangeKind.RESTORE, "change": ChangeId("r1")}
    await append_event(store, new_event("change.submitted", flow=FlowId(28), **restore))
    await append_event(store, new_event("change.applied", flow=FlowId(43), **restore))
    assert await store.flows_created_by_others([FlowId(28), FlowId(43)], except_change=ChangeId("other")) == {43}


# --- telling people ------------------------------------------------------------------------------------------------


async def test_a_settled_change_is_untold_until_its_version_was_shown(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.FAILED)
    assert await store.unshown() == (change,)
    await store.mark_shown(change.id, change.version - 1)
    assert [kept.id for kept in await store.unshown()] == [change.id]
    await store.mark_shown(change.id, change.version)
    assert await store.unshown() == ()


async def test_a_posted_message_is_recorded_with_its_change_and_the_channel_told(
    store: ChangeRepository, database: Database
) -> None:
    messages, channels = MessageRepository(database), ChannelRepository(database)
    change = await move_through(store, await submit_change(store), ChangeState.PENDING)
    key, place = MessageKey(change.id, MessageRole.REQUEST), (C1, "1.5")
    assert await messages.claim(key, change.version)
    posted, is_shared = await store.mark_posted(change.id, change.version, place, is_first=True)
    assert (posted.message_channel, posted.message_ts, posted.shown_version) == (*place, change.version)
    assert is_shared is None
    assert await messages.get(key) == SentMessage(key, place, change.version)
    for answer in (True, False):
        known = await channels.get_sharing(C1)
        await channels.note_sharing(C1, ChannelSharing(answer, NOON), known)
        assert (await store.mark_posted(change.id, change.version, place))[1] is answer


async def test_whoever_shows_the_newest_version_of_a_settled_change_releases_its_own_lease(
    store: ChangeRepository,
) -> None:
    applying = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    shown = await store.mark_shown(applying.id, applying.version, owner=OURS.owner)
    assert shown.lease == OURS
    settled = await store.replace_if_unchanged(shown, replace(shown, state=ChangeState.FAILED))
    for version, owner in ((settled.version - 1, OURS.owner), (settled.version, THEIRS.owner), (settled.version, None)):
        assert (await store.mark_shown(settled.id, version, owner=owner)).lease == OURS
    assert (await store.mark_shown(settled.id, settled.version, owner=OURS.owner)).lease is None


async def test_what_waits_for_approval_is_told_and_what_is_in_hand_is_not(store: ChangeRepository) -> None:
    await submit_change(store)
    await move_through(store, await submit_change(store, "t2", flow=None), ChangeState.APPLYING)
    waiting = await move_through(store, await submit_change(store, "t3", flow=None), ChangeState.PENDING)
    assert await store.unshown() == (waiting,)


async def test_the_untold_come_oldest_first_and_no_more_than_asked_for(store: ChangeRepository) -> None:
    ids = []
    for number in (3, 1, 2):
        change = await submit_change(store, f"t{number}", flow=None)
        kept = await move_through(store, change, ChangeState.FAILED, changed_at=NOON + number * SECOND)
        ids.append((number, kept.id))
    unshown = await store.unshown(limit=2)
    assert [change.id for change in unshown] == [change for _, change in sorted(ids)][:2]


async def test_where_the_message_is_comes_with_what_was_shown_and_survives_a_move(store: ChangeRepository) -> None:
    change = await submit_change(store)
    await store.mark_posted(change.id, 1, (C1, "1.5"))
    kept = await move_through(store, change, ChangeState.FAILED)
    assert (kept.shown_version, kept.message_channel, kept.message_ts) == (1, C1, "1.5")
    shown = await store.mark_shown(change.id, 2)
    assert shown == await store.get(change.id) == replace(kept, shown_version=2)


async def test_late_news_of_an_older_version_takes_nothing_back(store: ChangeRepository) -> None:
    change = await submit_change(store)
    await store.mark_posted(change.id, 2, (C1, "2.0"))
    kept, _ = await store.mark_posted(change.id, 1, (ChannelId("C2"), "1.0"))
    assert kept == await store.get(change.id)
    assert (kept.shown_version, kept.message_channel, kept.message_ts) == (2, C1, "2.0")


async def test_of_notes_in_the_same_instant_the_newest_stands_and_every_older_one_is_told_of_a_newer(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    """Whoever noted an older version after a newer one learns it, and draws the message again."""
    change = await submit_change(store)
    versions = [*range(1, 11)]
    notes = await asyncio.gather(
        *((store, other_store)[version % 2].mark_shown(change.id, version) for version in versions)
    )
    assert [note.shown_version >= version for note, version in zip(notes, versions, strict=True)] == [True] * 10
    assert notes[-1].shown_version == 10
    assert (await store.mark_shown(change.id, 1)).shown_version == 10


async def test_there_is_nothing_to_show_of_a_change_that_does_not_exist(store: ChangeRepository) -> None:
    with pytest.raises(LookupError):
        await store.mark_shown(ChangeId("gone"), 1)


async def test_that_an_alarm_has_rung_lasts_through_moves_and_is_no_new_version(store: ChangeRepository) -> None:
    waiting = await move_through(store, await submit_change(store), ChangeState.PENDING)
    unknown = await move_through(store, waiting, ChangeState.APPLYING, ChangeState.UNKNOWN, progress=BROKEN)
    await store.mark_skip_announced(unknown.id)
    kept = await store.get(unknown.id)
    assert kept == replace(unknown, progress=replace(BROKEN, is_alarmed=True))
    assert (await store.replace_if_unchanged(kept, replace(kept, state=ChangeState.APPLIED))).progress.is_alarmed


async def test_an_alarm_for_what_has_moved_on_is_noted_and_takes_nothing_back(store: ChangeRepository) -> None:
    change = await submit_change(store)
    kept = await move_through(store, change, ChangeState.FAILED, progress=Progress(reminders=1))
    await store.mark_skip_announced(change.id)
    assert await store.get(change.id) == replace(kept, progress=Progress(reminders=1, is_alarmed=True))


async def test_who_saw_a_change_before_its_alarm_rang_does_not_take_that_back(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    unknown = await move_through(
        store, await submit_change(store), ChangeState.APPLYING, ChangeState.UNKNOWN, progress=BROKEN
    )
    await store.mark_skip_announced(unknown.id)
    applied = await other_store.replace_if_unchanged(unknown, replace(unknown, state=ChangeState.APPLIED))
    assert applied == await store.get(unknown.id)
    assert applied.progress == replace(BROKEN, is_alarmed=True)


async def test_an_alarm_and_a_move_in_the_same_instant_are_both_kept(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    for number in range(8):
        change = await submit_change(store, f"t{number}", flow=None)
        unknown = await move_through(store, change, ChangeState.APPLYING, ChangeState.UNKNOWN, progress=BROKEN)
        await asyncio.gather(
            store.mark_skip_announced(unknown.id),
            other_store.replace_if_unchanged(unknown, replace(unknown, state=ChangeState.APPLIED)),
        )
        kept = await store.get(unknown.id)
        assert kept is not None
        assert (kept.state, kept.progress) == (ChangeState.APPLIED, replace(BROKEN, is_alarmed=True))


async def test_of_which_version_one_was_told_apart_only_grows_and_lasts_through_moves(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    unknown = await move_through(
        store, await submit_change(store), ChangeState.APPLYING, ChangeState.UNKNOWN, progress=BROKEN
    )
    await asyncio.gather(
        *(one.mark_requester_notified(unknown.id, version) for version in (3, 2) for one in (store, other_store))
    )
    await store.mark_skip_announced(unknown.id)
    noted = replace(unknown, progress=replace(BROKEN, is_alarmed=True, told_apart=3))
    assert await store.get(unknown.id) == noted
    assert (
        await other_store.replace_if_unchanged(unknown, replace(unknown, state=ChangeState.APPLIED))
    ).progress == noted.progress


async def test_there_is_no_alarm_of_a_change_that_does_not_exist(store: ChangeRepository) -> None:
    with pytest.raises(LookupError):
        await store.mark_skip_announced(ChangeId("gone"))


async def test_what_an_older_flowbot_remembered_of_a_change_is_read(
    store: ChangeRepository, database: Database
) -> None:
    change = await submit_change(store)
    written = {"closing": {"by": str(CAN), "how": "break_glass", "reason": "now"}, "image": None, "reminders": 2}
    async with database.write() as connection:
        await connection.execute(update(changes).where(changes.c.id == change.id).values(progress=written))
    kept = await store.get(change.id)
    assert kept is not None
    assert kept.progress == Progress(Closure(CAN, ClosureKind.BREAK_GLASS, "now"), None, 2, is_alarmed=False)
