"""Changes in the database: written exactly, moved one transition at a time, with their events."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import select, text, update

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import Flow, FlowButton, WaitTime
from flowbot.domain.ids import ChangeId, FlowId, FormToken
from flowbot.errors import DependencyError
from flowbot.services.ports.changes import EventFilter, FlowBusyError, VersionConflictError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    ANY_REQUEST,
    ANY_UPDATE,
    ANYTHING,
    AYSE,
    C1,
    FLOW,
    MOMENTS,
    NOON,
    OURS,
    PLAIN,
    SECOND,
    SHOP,
    THEIRS,
    append_event,
    claim,
    list_actions,
    move_through,
    new_event,
    new_request,
    submit_change,
)  # fmt: skip

GONE = ChangeId("gone")

# --- submitting ----------------------------------------------------------------------------------------------------


async def test_a_new_change_is_a_draft_in_the_hands_of_who_submitted_it_and_due_at_once(
    store: ChangeRepository,
) -> None:
    change = await submit_change(store)
    assert (change.state, change.version, change.shown_version) == (ChangeState.DRAFT, 1, 0)
    assert (change.lease_owner, change.lease_until) == (OURS.owner, OURS.until)
    assert (change.created_at, change.changed_at, change.due_at) == (NOON, NOON, NOON)
    assert await store.get(change.id) == change


async def test_what_an_older_flowbot_kept_besides_is_no_hindrance(store: ChangeRepository, database: Database) -> None:
    before = Flow(SHOP, "Welcome", "Hello", "Glad that you are here", WaitTime(3, "days"), id=FLOW, is_enabled=False)
    change = await submit_change(store, before=before)
    async with database.write() as connection:
        document = (await connection.execute(select(changes.c.asked))).scalar_one()
        document["before"]["urgency"] = "normal"
        await connection.execute(update(changes).values(asked=document))
    assert await store.get(change.id) == change


async def test_the_submission_is_in_the_trail_with_the_changes_id(store: ChangeRepository) -> None:
    change = await submit_change(store)
    (event,) = await store.latest_events(EventFilter(), limit=10)
    assert event == replace(new_event(), change=change.id, number=1)


async def test_the_same_token_is_the_same_change_and_writes_nothing(store: ChangeRepository) -> None:
    change = await submit_change(store)
    again, is_new = await store.submit(new_request(reason="once more", flow=FlowId(99)), THEIRS, new_event())
    assert (again.change, is_new) == (change, False)
    assert await list_actions(store) == ["change.submitted"]


async def test_a_flow_has_one_open_change_and_the_second_is_shown_the_first(store: ChangeRepository) -> None:
    change = await submit_change(store)
    with pytest.raises(FlowBusyError) as taken:
        await store.submit(new_request("t2"), THEIRS, new_event())
    assert taken.value.current == change
    assert await list_actions(store) == ["change.submitted"]


@pytest.mark.parametrize("state", [ChangeState.PENDING, ChangeState.APPLYING])
async def test_a_change_under_way_holds_its_flow(store: ChangeRepository, state: ChangeState) -> None:
    change = await move_through(store, await submit_change(store), state)
    assert await store.open_change_of(FLOW) == change
    assert await store.open_change_of(FlowId(99)) is None
    with pytest.raises(FlowBusyError) as taken:
        await submit_change(store, "t2")
    assert taken.value.current == change


@pytest.mark.parametrize(
    "states",
    [
        [ChangeState.FAILED],
        [ChangeState.OUT_OF_DATE],
        [ChangeState.PENDING, ChangeState.REJECTED],
        [ChangeState.APPLYING, ChangeState.UNKNOWN],
    ],
)
async def test_a_settled_change_lets_go_of_its_flow(store: ChangeRepository, states: list[ChangeState]) -> None:
    first = await move_through(store, await submit_change(store), *states)
    second = await submit_change(store, "t2")
    assert second.id != first.id


async def test_any_number_of_flows_may_be_made_at_once(store: ChangeRepository) -> None:
    made = [await submit_change(store, f"t{number}", kind=ChangeKind.CREATE, flow=None) for number in range(5)]
    assert len({change.id for change in made}) == 5


async def test_ids_are_short_and_without_characters_that_look_alike(store: ChangeRepository) -> None:
    ids = [(await submit_change(store, f"t{number}", flow=None)).id for number in range(50)]
    assert {len(change) for change in ids} == {10}
    assert set("".join(ids)) <= set("23456789abcdefghjkmnpqrstuvwxyz")


async def test_an_id_that_is_taken_is_drawn_again(store: ChangeRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["same", "same", "fresh"])
    monkeypatch.setattr("flowbot.storage.repositories.change_writes.new_id", lambda: next(drawn))
    made = [await submit_change(store, f"t{number}", kind=ChangeKind.CREATE, flow=None) for number in range(2)]
    assert [change.id for change in made] == ["same", "fresh"]
    assert {event.change async for event in store.all_events()} == {"same", "fresh"}


async def test_there_is_no_change_under_an_unknown_id(store: ChangeRepository) -> None:
    assert await store.get(GONE) is None


# --- exactly -------------------------------------------------------------------------------------------------------


@ANYTHING
@given(new=ANY_REQUEST)
async def test_whatever_was_submitted_comes_back_equal(store: ChangeRepository, new: ChangeRequest) -> None:
    new = replace(new, token=FormToken(f"t{len(await list_actions(store))}"))
    record, _ = await store.submit(new, OURS, new_event())
    kept = await store.get(record.change.id)
    assert kept == record.change
    assert kept is not None
    assert kept.request == new
    await move_through(store, record.change, ChangeState.FAILED)


@ANYTHING
@given(brought=ANY_UPDATE)
async def test_whatever_a_move_brings_comes_back_equal(store: ChangeRepository, brought: dict[str, Any]) -> None:
    change = await submit_change(store, f"t{len(await list_actions(store))}", flow=None)
    wanted = replace(change, state=ChangeState.FAILED, **brought)
    kept = await store.replace_if_unchanged(change, wanted)
    assert kept == replace(wanted, version=2)
    assert await store.get(change.id) == kept


@ANYTHING
@given(details=PLAIN, at=MOMENTS)
async def test_whatever_an_event_tells_comes_back_equal(
    store: ChangeRepository, details: dict[str, Any], at: datetime
) -> None:
    event = replace(new_event("policy.imported", details=details), at=at)
    await append_event(store, event)
    (kept,) = await store.latest_events(EventFilter(), limit=1)
    assert replace(kept, number=None) == event


async def test_a_change_that_cannot_be_read_is_a_fault_and_never_a_guess(
    store: ChangeRepository, database: Database
) -> None:
    change = await submit_change(store)
    async with database.write() as connection:
        await connection.execute(text("""UPDATE changes SET asked = '{"kind": "from_later"}'"""))
    with pytest.raises(DependencyError):
        await store.get(change.id)


async def test_a_flows_buttons_are_kept_as_the_pair_that_older_flowbots_read(
    store: ChangeRepository, database: Database
) -> None:
    before = Flow(SHOP, "Welcome", "Hello", "Come", WaitTime(3, "days"), id=FLOW, is_enabled=False)
    before = replace(before, button_1=FlowButton("Go", "u"))
    change = await submit_change(store, before=before)
    async with database.write() as connection:
        document = (await connection.execute(select(changes.c.asked))).scalar_one()
        kept = document["before"]
        assert kept["buttons"] == [{"title": "Go", "url": "u"}, {"title": "", "url": ""}]
        assert kept.keys().isdisjoint({"button_1", "button_2"})
        kept["buttons"] = kept["buttons"][:1]
        await connection.execute(update(changes).values(asked=document))
    with pytest.raises(DependencyError):
        await store.get(change.id)


# --- moving --------------------------------------------------------------------------------------------------------


async def test_a_move_is_the_next_version_with_its_events(store: ChangeRepository) -> None:
    change = await submit_change(store)
    pending = replace(
        change, state=ChangeState.PENDING, rule=ApprovalRule(quorum=2), lease_owner=None, lease_until=None
    )
    kept = await store.replace_if_unchanged(change, pending, new_event("change.asked"), new_event("change.posted"))
    assert kept == replace(pending, version=2)
    assert await store.get(change.id) == kept
    assert await list_actions(store) == ["change.submitted", "change.asked", "change.posted"]
    assert {event.change async for event in store.all_events()} == {change.id}


async def test_a_move_may_stay_in_its_state(store: ChangeRepository) -> None:
    change = await submit_change(store)
    kept = await store.replace_if_unchanged(change, replace(change, due_at=NOON + SECOND))
    assert (kept.state, kept.version, kept.due_at) == (ChangeState.DRAFT, 2, NOON + SECOND)


async def test_who_saw_an_older_version_is_shown_the_new_one_and_writes_nothing(store: ChangeRepository) -> None:
    change = await submit_change(store)
    kept = await move_through(store, change, ChangeState.APPLYING)
    with pytest.raises(VersionConflictError) as conflict:
        await store.replace_if_unchanged(change, replace(change, state=ChangeState.FAILED), new_event("change.failed"))
    assert conflict.value.current == kept
    assert await store.get(change.id) == kept
    assert await list_actions(store) == ["change.submitted"]


async def test_who_lost_the_lease_settles_nothing(store: ChangeRepository) -> None:
    change = await move_through(store, await submit_change(store), ChangeState.APPLYING)
    (claimed,) = await claim(store)
    with pytest.raises(VersionConflictError) as conflict:
        await store.replace_if_unchanged(change, replace(change, state=ChangeState.FAILED))
    assert conflict.value.current == claimed


async def test_a_step_that_there_is_not_is_refused(store: ChangeRepository) -> None:
    change = await submit_change(store)
    with pytest.raises(ValueError, match="from draft to applied"):
        await store.replace_if_unchanged(change, replace(change, state=ChangeState.APPLIED))
    assert await store.get(change.id) == change


async def test_a_change_that_does_not_exist_cannot_move(store: ChangeRepository) -> None:
    change = replace(await submit_change(store), id=GONE)
    with pytest.raises(LookupError):
        await store.replace_if_unchanged(change, change)


async def test_a_move_that_fails_half_way_leaves_neither_state_nor_event(store: ChangeRepository) -> None:
    change = await submit_change(store)
    unwritable = replace(new_event("change.failed"), at=NOON.replace(tzinfo=None))
    with pytest.raises(DependencyError):
        await store.replace_if_unchanged(
            change, replace(change, state=ChangeState.FAILED), new_event("change.tried"), unwritable
        )
    assert await store.get(change.id) == change
    assert await list_actions(store) == ["change.submitted"]


async def test_what_was_asked_and_when_never_changes(store: ChangeRepository) -> None:
    change = await submit_change(store)
    forged = replace(change, request=new_request("t9", flow=FlowId(9)), created_at=NOON - SECOND, version=40)
    kept = await store.replace_if_unchanged(change, forged)
    assert (kept.request, kept.created_at, kept.version) == (change.request, change.created_at, 2)


async def test_the_columns_that_are_searched_by_are_those_of_what_was_asked(
    store: ChangeRepository, database: Database
) -> None:
    change = await submit_change(store)
    wanted = text("SELECT id, token, kind, flow_id, website_id, requester, channel_id FROM changes")
    async with database.read() as connection:
        row = (await connection.execute(wanted)).one()
    assert tuple(row) == (change.id, "t1", "enable", FLOW, SHOP, AYSE, C1)
