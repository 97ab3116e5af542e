"""Lists of changes: pending, due, requested by a person and closed, in order and within limits."""

from dataclasses import replace
from datetime import datetime

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.ids import ChannelId, FlowId, FormToken, ImageId, WebsiteId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.errors import DependencyError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    NOON,
    OURS,
    SECOND,
    move_through,
    new_event,
    new_request,
    submit_change,
    waiting_request,
)
from tests.storage.vote_cases import CAN, approval, submit_pending

LATER = NOON + 3600 * SECOND
CLOSED = Progress(Closure(CAN, ClosureKind.REJECTED, "çok erken \0"), ImageId("abc"), 2)


def list_ids(changes: tuple[Change, ...]) -> list[str]:
    return [change.id for change in changes]


async def submit_aged(database: Database, *ages: int) -> list[Change]:
    """Submit pending changes, each about another flow, so many seconds before noon."""
    times = iter(NOON - age * SECOND for age in ages)
    store = ChangeRepository(database, lambda: next(times))
    return [await submit_pending(store, token=f"t{age}", flow=FlowId(age)) for age in ages]


# --- one -----------------------------------------------------------------------------------------------------------


async def test_a_change_is_found_by_the_form_that_it_was(store: ChangeRepository) -> None:
    change = await submit_change(store, "t7")
    assert await store.get_by_token(FormToken("t7")) == change
    assert await store.get_by_token(FormToken("t8")) is None


async def test_the_approval_before_is_the_latest_applied_one_of_the_same_flow(database: Database) -> None:
    times = iter(NOON + second * SECOND for second in range(20))
    store = ChangeRepository(database, lambda: next(times))
    for token in ("first", "second"):
        await move_through(store, await submit_pending(store, token=token), ChangeState.APPLYING, ChangeState.APPLIED)
    await move_through(
        store,
        await submit_pending(store, token="elsewhere", flow=FlowId(13)),
        ChangeState.APPLYING,
        ChangeState.APPLIED,
    )
    await move_through(store, await submit_pending(store, token="rejected"), ChangeState.REJECTED)
    for number in range(12):
        await move_through(
            store,
            await submit_change(store, f"free {number}", kind=ChangeKind.EDIT),
            ChangeState.APPLYING,
            ChangeState.APPLIED,
        )
    found = [await store.get_by_token(FormToken(token)) for token in ("first", "second")]
    before = [
        await store.last_approved_before(change)
        for change in (*found, await submit_pending(store, token="now"))
        if change
    ]
    assert before == [None, *found]
    assert await store.last_approved_before(await submit_pending(store, token="new", flow=None)) is None


# --- many ----------------------------------------------------------------------------------------------------------


async def test_what_waits_comes_oldest_first_as_its_change_has_it(store: ChangeRepository, database: Database) -> None:
    young, old, middle = await submit_aged(database, 1, 3, 2)
    assert await store.waiting() == tuple(map(waiting_request, (old, middle, young)))


async def test_what_waits_tells_its_rule_its_start_and_where_it_is_posted(store: ChangeRepository) -> None:
    elsewhere = ApprovalRule(quorum=2, self_approval=True, channel=ChannelId("C0APPROVALS"))
    change = await submit_pending(store, rule=elsewhere)
    assert await store.waiting() == (waiting_request(change),)
    assert waiting_request(change).posted_channel == "C0APPROVALS"
    scheduled = await store.replace_if_unchanged(
        change, replace(change, state=ChangeState.SCHEDULED, progress=Progress(starts_at=LATER))
    )
    await store.mark_posted(change.id, scheduled.version, (ChannelId("C0OTHER"), "1.2"))
    (posted,) = await store.waiting()
    assert (posted.state, posted.starts_at, posted.posted_channel) == (ChangeState.SCHEDULED, LATER, "C0OTHER")


async def test_only_what_waits_is_pending_or_due(store: ChangeRepository) -> None:
    await submit_change(store, "draft", flow=None)
    await move_through(store, await submit_pending(store, token="applying", flow=None), ChangeState.APPLYING)
    await move_through(store, await submit_pending(store, token="expired", flow=None), ChangeState.EXPIRED)
    assert await store.waiting() == ()
    assert await store.due(LATER) == ()


async def test_what_is_due_comes_longest_overdue_first_and_no_more_than_asked_for(store: ChangeRepository) -> None:
    moments = {"b": NOON - 2 * SECOND, "c": NOON, "a": NOON - 3 * SECOND, "future": NOON + SECOND, "never": None}
    kept = {name: await submit_pending(store, token=name, flow=None, due_at=due_at) for name, due_at in moments.items()}
    assert await store.due(NOON) == (kept["a"], kept["b"], kept["c"])
    assert await store.due(NOON, limit=1) == (kept["a"],)
    assert list_ids(await store.due(NOON + SECOND))[3:] == [kept["future"].id]


async def test_what_is_settled_comes_latest_first_and_only_if_it_needed_an_approval_or_was_written(
    store: ChangeRepository,
) -> None:
    ends = {ChangeState.REJECTED: 1, ChangeState.WITHDRAWN: 4, ChangeState.EXPIRED: 2, ChangeState.OUT_OF_DATE: 3}
    for state, seconds in ends.items():
        change = await submit_pending(store, token=state, flow=None)
        await move_through(store, change, state, changed_at=NOON + seconds * SECOND)
    free = {"changed_at": NOON + 5 * SECOND}
    for token, end in (("free", ChangeState.APPLIED), ("refused", ChangeState.FAILED)):
        await move_through(store, await submit_change(store, token, flow=None), ChangeState.APPLYING, end, **free)
    await submit_pending(store, token="open", flow=None)
    await move_through(store, await submit_pending(store, token="in hand", flow=None), ChangeState.APPLYING)
    settled = [change.state for change in await store.closed()]
    assert settled[0] is ChangeState.APPLIED
    assert settled[1:] == [ChangeState.WITHDRAWN, ChangeState.OUT_OF_DATE, ChangeState.EXPIRED, ChangeState.REJECTED]
    assert [change.state for change in await store.closed(limit=1)] == [ChangeState.APPLIED]


async def test_what_is_settled_is_found_by_website_and_by_when_it_was(store: ChangeRepository) -> None:
    settled = await move_through(store, await submit_pending(store), ChangeState.REJECTED, changed_at=NOON)
    website, before = settled.request.website, NOON - SECOND
    for websites, since in ((frozenset({website}), None), (None, before), (frozenset({website, WebsiteId(7)}), before)):
        assert await store.closed(websites=websites, since=since) == (settled,)
    for websites, since in ((frozenset({WebsiteId(7)}), None), (frozenset[WebsiteId](), None), (None, NOON)):
        assert await store.closed(websites=websites, since=since) == ()


@pytest.mark.parametrize("end", [ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN])
async def test_what_was_approved_is_settled_once_its_end_is_told(store: ChangeRepository, end: ChangeState) -> None:
    change = await move_through(store, await submit_pending(store), ChangeState.APPLYING, end)
    assert await store.closed() == (change,)


async def test_history_is_a_page_of_what_was_moved_last_with_its_votes(store: ChangeRepository) -> None:
    moved = {}
    for seconds, flow in ((1, 12), (3, 13), (2, 14)):
        change = await submit_pending(store, token=f"t{flow}", flow=FlowId(flow))
        moved[flow] = await move_through(store, change, ChangeState.WITHDRAWN, changed_at=NOON + seconds * SECOND)
    elsewhere = await submit_pending(store, token="elsewhere", flow=FlowId(15), website=WebsiteId(7))
    vote = approval(CAN)
    await store.record_vote(elsewhere.id, vote, OURS)
    shop = frozenset({WebsiteId(1)})
    pages = [await store.list_history(shop, None, offset=offset, limit=2) for offset in (0, 2, 4)]
    assert [[found.change for found in page] for page in pages] == [[moved[13], moved[14]], [moved[12]], []]
    (found,) = await store.list_history(frozenset({WebsiteId(7)}), None, offset=0, limit=9)
    assert (found.change.id, found.votes) == (elsewhere.id, (vote,))
    assert len(await store.list_history(None, None, offset=0, limit=9)) == 4


async def test_a_flows_history_has_the_change_that_made_it_and_its_restore(store: ChangeRepository) -> None:
    made = await submit_change(store, "made", kind=ChangeKind.CREATE, flow=None)
    made = await store.replace_if_unchanged(
        made, replace(made, state=ChangeState.APPLYING), new_event("change.applied", flow=FlowId(40))
    )
    await submit_change(store, "other", kind=ChangeKind.CREATE, flow=None)
    found = await store.list_history(None, FlowId(40), offset=0, limit=9)
    assert [entry.change for entry in found] == [made]
    assert await store.list_history(frozenset({WebsiteId(7)}), FlowId(40), offset=0, limit=9) == ()


# --- postponing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("due_at", [LATER, None])
async def test_postponing_sets_the_next_moment_and_the_progress_and_no_new_version(
    store: ChangeRepository, due_at: datetime | None
) -> None:
    change = await submit_pending(store)
    assert await store.postpone(change, due_at, CLOSED)
    assert await store.get(change.id) == replace(change, due_at=due_at, progress=CLOSED)


async def test_what_time_left_alone_can_be_made_due(store: ChangeRepository) -> None:
    change = await submit_pending(store, due_at=None)
    assert await store.postpone(change, LATER, Progress())
    assert await store.due(LATER) == (replace(change, due_at=LATER),)


async def test_who_saw_another_moment_postpones_nothing(store: ChangeRepository) -> None:
    change = await submit_pending(store)
    assert await store.postpone(change, LATER, Progress(reminders=1))
    assert not await store.postpone(change, LATER + SECOND, Progress(reminders=2))
    kept = await store.get(change.id)
    assert kept == replace(change, due_at=LATER, progress=Progress(reminders=1))


async def test_who_saw_a_change_before_it_was_postponed_takes_neither_moment_nor_reminder_back(
    store: ChangeRepository,
) -> None:
    change = await submit_pending(store)
    assert await store.postpone(change, LATER, Progress(reminders=1))
    kept = await store.replace_if_unchanged(change, replace(change, rule=ApprovalRule(quorum=2)))
    assert kept == await store.get(change.id)
    assert (kept.rule, kept.due_at, kept.progress) == (ApprovalRule(quorum=2), LATER, Progress(reminders=1))


@pytest.mark.parametrize("state", [ChangeState.APPLYING, ChangeState.WITHDRAWN, ChangeState.EXPIRED])
async def test_what_does_not_wait_any_more_is_not_postponed(store: ChangeRepository, state: ChangeState) -> None:
    change = await submit_pending(store)
    settled = await move_through(store, change, state)
    assert not await store.postpone(change, LATER, Progress(reminders=1))
    assert await store.get(change.id) == settled


# --- progress ------------------------------------------------------------------------------------------------------


async def test_progress_lasts_through_moves_and_can_be_taken_back(store: ChangeRepository) -> None:
    change = await submit_pending(store, progress=CLOSED)
    change = await move_through(store, change, ChangeState.APPLYING)
    assert change.progress == CLOSED
    assert (await move_through(store, change, ChangeState.APPLIED, progress=Progress())).progress == Progress()


async def test_a_number_too_large_to_be_kept_is_a_fault_and_no_change(store: ChangeRepository) -> None:
    with pytest.raises(DependencyError):
        await store.submit(new_request(flow=FlowId(2**63)), OURS, new_event())
    assert await store.get_by_token(new_request().token) is None
