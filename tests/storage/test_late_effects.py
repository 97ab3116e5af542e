"""Changes whose effect may show itself late: sent lately, sent more than once, due to be looked for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.ids import ChangeId, FlowId, ImageId
from flowbot.domain.progress import Progress
from flowbot.services.ports.changes import VersionConflictError
from flowbot.storage.repositories.changes import ChangeRepository
from tests.storage.change_cases import FLOW, NOON, OURS, SECOND, THEIRS, move_through, submit_change
from tests.storage.vote_cases import submit_pending

HOUR = timedelta(hours=1)
OTHER_FLOW = FlowId(99)


async def submit_sent(
    store: ChangeRepository, token: str, age: timedelta, end: ChangeState | None = ChangeState.UNKNOWN, **other: object
) -> Change:
    """Submit a change that was sent so long before noon and ended in `end`; None while it is being applied."""
    change = await move_through(store, await submit_change(store, token, **other), ChangeState.APPLYING)
    assert await store.mark_sent_once(change.id, OURS.owner, NOON - age, None)
    change = await move_through(store, change, *([] if end is None else [end]))
    await store.release_lease(change.id, OURS.owner)
    stored = await store.get(change.id)
    assert stored is not None
    return stored


def list_tokens(changes: tuple[Change, ...]) -> list[str]:
    return [change.request.token for change in changes]


# --- sent lately ---------------------------------------------------------------------------------------------------


async def test_a_flows_writes_are_listed_in_their_order_whatever_the_clocks_of_their_processes_said(
    store: ChangeRepository,
) -> None:
    await submit_sent(store, "first", 2 * HOUR, ChangeState.APPLIED)
    await submit_sent(store, "second", 3 * HOUR)
    await submit_sent(store, "third", HOUR, None)
    assert list_tokens(await store.sent_since(FLOW, NOON - 24 * HOUR)) == ["first", "second", "third"]


async def test_a_write_counts_as_sent_after_a_moment_and_not_at_it(store: ChangeRepository) -> None:
    await submit_sent(store, "t1", HOUR)
    assert await store.sent_since(FLOW, NOON - HOUR) == ()
    assert list_tokens(await store.sent_since(FLOW, NOON - HOUR - SECOND)) == ["t1"]


@pytest.mark.parametrize("end", [ChangeState.FAILED, ChangeState.OUT_OF_DATE])
async def test_what_was_refused_or_not_written_is_no_write(store: ChangeRepository, end: ChangeState) -> None:
    await submit_sent(store, "ended", HOUR, end)
    await move_through(store, await submit_change(store, "unsent"), ChangeState.APPLYING)
    assert await store.sent_since(FLOW, NOON - 24 * HOUR) == ()


async def test_another_flows_writes_and_those_that_make_flows_are_not_listed(store: ChangeRepository) -> None:
    await submit_sent(store, "other", HOUR, flow=OTHER_FLOW)
    await submit_sent(store, "create", HOUR, kind=ChangeKind.CREATE, flow=None)
    assert await store.sent_since(FLOW, NOON - 24 * HOUR) == ()
    assert list_tokens(await store.sent_since(OTHER_FLOW, NOON - 24 * HOUR)) == ["other"]


async def test_what_a_reading_may_tell_more_of_is_unknown_or_an_enable_or_makes_a_flow(store: ChangeRepository) -> None:
    for number, kind in enumerate(ChangeKind):
        flow = None if kind in {ChangeKind.CREATE, ChangeKind.RESTORE} else FlowId(100 + number)
        await submit_sent(store, f"{kind} unknown", (20 - number) * HOUR, kind=kind, flow=flow)
        await submit_sent(store, f"{kind} applied", 10 * HOUR, ChangeState.APPLIED, kind=kind, flow=flow)
        await submit_sent(store, f"{kind} failed", 10 * HOUR, ChangeState.FAILED, kind=kind, flow=flow)
    late = list_tokens(await store.late_since(NOON - 24 * HOUR))
    assert late[: len(ChangeKind)] == [f"{kind} unknown" for kind in ChangeKind]
    assert set(late[len(ChangeKind) :]) == {"create applied", "enable applied", "restore applied"}


async def test_what_was_sent_before_is_late_no_more(store: ChangeRepository) -> None:
    await submit_sent(store, "t1", 24 * HOUR)
    assert await store.late_since(NOON - 24 * HOUR) == ()
    assert list_tokens(await store.late_since(NOON - 24 * HOUR - SECOND)) == ["t1"]


# --- sent more than once -------------------------------------------------------------------------------------------


async def test_a_second_sending_is_noted_for_ever_and_makes_no_version(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    await store.mark_resent(change.id)
    stored = await store.get(change.id)
    assert stored == replace(change, progress=Progress(is_resent=True))
    kept = await move_through(store, change, ChangeState.UNKNOWN, outcome=Outcome("unknown.enable"))
    await store.mark_resent(change.id)
    assert (kept.progress.is_resent, kept.version) == (True, change.version + 1)
    settled = await move_through(store, kept, ChangeState.APPLIED, due_at=None)
    assert settled.progress.is_resent


async def test_a_second_sending_leaves_the_rest_of_the_progress(store: ChangeRepository) -> None:
    change = await submit_change(store)
    noted = await store.replace_if_unchanged(change, replace(change, progress=Progress(image=ImageId("kept"))))
    await store.mark_resent(change.id)
    stored = await store.get(change.id)
    assert stored == replace(noted, progress=Progress(image=ImageId("kept"), is_resent=True))


async def test_no_change_without_a_row_is_sent_again(store: ChangeRepository) -> None:
    with pytest.raises(LookupError):
        await store.mark_resent(ChangeId("gone"))


# --- looked for ----------------------------------------------------------------------------------------------------


async def submit_unknown(store: ChangeRepository, token: str = "t1") -> Change:
    change = await move_through(store, await submit_change(store, token, flow=None), ChangeState.APPLYING)
    return await move_through(store, change, ChangeState.UNKNOWN, due_at=NOON, lease_owner=None, lease_until=None)


async def test_an_unknown_change_is_due_beside_pending_ones(store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    pending = await submit_pending(store, token="t2", flow=None, due_at=NOON - SECOND)
    assert await store.due(NOON - 2 * SECOND) == ()
    assert await store.due(NOON) == (pending, unknown)
    backlog = await store.find_backlog(NOON)
    assert (backlog.in_progress, backlog.has_due) == ((), True)


async def test_the_next_look_is_postponed_without_a_new_version(store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    assert await store.postpone(unknown, NOON + 15 * SECOND, unknown.progress)
    assert await store.get(unknown.id) == replace(unknown, due_at=NOON + 15 * SECOND)
    assert await store.due(NOON) == ()


async def test_of_two_who_look_one_postpones(store: ChangeRepository, other_store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    assert await store.postpone(unknown, NOON + 15 * SECOND, unknown.progress)
    assert not await other_store.postpone(unknown, NOON + 15 * SECOND, unknown.progress)


async def test_after_the_last_look_nothing_is_due(store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    ended = await store.replace_if_unchanged(unknown, replace(unknown, due_at=None))
    assert (ended.due_at, ended.version) == (None, unknown.version + 1)
    assert await store.due(NOON + 24 * HOUR) == ()


async def test_of_the_last_look_and_a_settlement_one_wins(
    store: ChangeRepository, other_store: ChangeRepository
) -> None:
    unknown = await submit_unknown(store)
    settled = await move_through(other_store, unknown, ChangeState.APPLIED, due_at=None)
    with pytest.raises(VersionConflictError):
        await store.replace_if_unchanged(unknown, replace(unknown, due_at=None))
    assert not await store.postpone(unknown, NOON + SECOND, unknown.progress)
    assert await store.get(unknown.id) == settled


async def test_an_unknown_change_never_fails(store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    with pytest.raises(ValueError, match="from unknown to failed"):
        await move_through(store, unknown, ChangeState.FAILED)


async def test_nobody_takes_over_what_is_looked_for(store: ChangeRepository) -> None:
    unknown = await submit_unknown(store)
    assert (await store.find_backlog(NOON + 24 * HOUR)).in_progress == ()
    assert await store.claim_lapsed([unknown], THEIRS) == ()
