"""Revisions of open requests: stored together with the request, which nobody lets go on meanwhile."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from flowbot.domain.approval import begin_round
from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.disables import displaced_by
from flowbot.domain.ids import FlowId
from flowbot.domain.revisions import REVISED, mark_revised, release
from flowbot.services.ports.changes import FlowBusyError, Replacement, VersionConflictError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import (
    FLOW,
    NOON,
    OURS,
    SHOP,
    list_actions,
    move_through,
    new_event,
    new_request,
    submit_change,
)
from tests.storage.vote_cases import CAN, DENIZ, approval, submit_pending

EDIT = {"kind": ChangeKind.EDIT}


async def submit_revision(store: ChangeRepository, parent: Change, token: str = "child") -> Change:
    """Submit the requester's own edit beside their request."""
    return await submit_change(store, token, parent=parent.id, **EDIT)


async def begin_writing(store: ChangeRepository, parent: Change, child: Change) -> Change:
    """Let the edit be written under the request."""
    along = Replacement(parent, mark_revised(parent, child))
    return await store.replace_if_unchanged(child, replace(child, state=ChangeState.APPLYING), along=along)


async def test_a_revision_goes_beside_its_request_and_no_other_change_does(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    child = await submit_revision(store, parent)
    assert (await store.open_change_of(FLOW)) == parent
    assert (await store.get(child.id)) == child
    with pytest.raises(FlowBusyError) as busy:
        await store.submit(new_request("other", **EDIT), OURS, new_event())
    assert busy.value.current == parent


async def test_no_older_process_can_read_a_request_while_its_flow_is_edited(
    store: ChangeRepository, database: Database
) -> None:
    async def is_hidden() -> bool:
        """Check whether what was asked is not where an older process looks for it."""
        async with database.read() as connection:
            document = (await connection.scalars(select(changes.c.asked).where(changes.c.id == parent.id))).one()
        return "kind" not in document and "timed" not in document

    parent = await submit_pending(store)
    child = await submit_revision(store, parent)
    writing = await begin_writing(store, parent, child)
    assert await is_hidden()
    marked = await store.get(parent.id)
    assert marked is not None
    assert marked.request == parent.request
    done = replace(writing, state=ChangeState.FAILED, outcome=Outcome("not_done.slow"))
    await store.replace_if_unchanged(writing, done, along=Replacement(marked, release(marked)))
    assert not await is_hidden()


async def test_what_becomes_of_both_is_stored_at_once(store: ChangeRepository) -> None:
    parent = await submit_pending(store, quorum=2)
    await store.record_vote(parent.id, approval(CAN), OURS)
    child, voted = await submit_revision(store, parent), await store.get(parent.id)
    assert voted is not None
    revised = begin_round(replace(voted, request=replace(voted.request, typed={"title": "Short"}, reason="So")))
    done = replace(child, state=ChangeState.APPLIED, outcome=Outcome(REVISED), due_at=None)
    along = Replacement(voted, revised, (new_event("change.revised"),))
    await store.replace_if_unchanged(child, done, new_event("change.applied"), along=along)
    record = await store.get_record(parent.id)
    assert record.votes == ()
    assert (record.change.request.typed, record.change.request.reason) == ({"title": "Short"}, "So")
    assert (record.change.progress.round, record.change.version) == (2, voted.version + 1)
    assert (await list_actions(store))[-2:] == ["change.revised", "change.applied"]


@pytest.mark.parametrize("moved", ["parent", "child"])
async def test_where_somebody_was_faster_with_either_neither_is_stored(store: ChangeRepository, moved: str) -> None:
    parent = await submit_pending(store, quorum=2)
    child = await submit_revision(store, parent)
    if moved == "parent":
        await store.record_vote(parent.id, approval(CAN), OURS)
    else:
        await store.replace_if_unchanged(child, replace(child, progress=replace(child.progress, reminders=1)))
    before = [await store.get(each.id) for each in (parent, child)]
    with pytest.raises(VersionConflictError) as conflict:
        await begin_writing(store, parent, child)
    assert conflict.value.current.id == {"parent": parent.id, "child": child.id}[moved]
    assert [await store.get(each.id) for each in (parent, child)] == before


async def test_only_a_revision_is_done_without_being_written(store: ChangeRepository) -> None:
    change = await submit_change(store, **EDIT)
    with pytest.raises(ValueError, match="from draft to applied"):
        await store.replace_if_unchanged(change, replace(change, state=ChangeState.APPLIED))


async def test_no_vote_counts_while_the_flow_is_being_written(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    seen = await store.get_record(parent.id)
    await begin_writing(store, parent, await submit_revision(store, parent))
    for known in (None, seen, await store.get_record(parent.id)):
        with pytest.raises(VersionConflictError):
            await store.record_vote(parent.id, approval(CAN), OURS, seen=known)
    record = await store.get_record(parent.id)
    assert (record.change.state, record.votes) == (ChangeState.PENDING, ())


async def test_a_vote_for_what_a_request_was_about_before_counts_for_nothing(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    seen = await store.get_record(parent.id)
    await store.replace_if_unchanged(parent, begin_round(parent))
    with pytest.raises(VersionConflictError):
        await store.record_vote(parent.id, approval(CAN), OURS, seen=seen)
    assert (await store.get_record(parent.id)).votes == ()


async def test_while_it_is_written_nothing_is_requested_of_the_flow_though_the_request_ended(
    store: ChangeRepository,
) -> None:
    parent = await submit_pending(store)
    child = await submit_revision(store, parent)
    written = await begin_writing(store, parent, child)
    current = await store.get(parent.id)
    assert current is not None
    await move_through(store, current, ChangeState.WITHDRAWN)
    for request in (new_request("enable"), new_request("edit", **EDIT), new_request("delete", kind=ChangeKind.DELETE)):
        with pytest.raises(FlowBusyError) as busy:
            await store.submit(request, OURS, new_event())
        assert busy.value.current.id == child.id
    # The same form once more is the same change, and a disable waits for nothing.
    assert not (await store.submit(new_request("child", parent=parent.id, **EDIT), OURS, new_event()))[1]
    await move_through(store, written, ChangeState.APPLIED)
    assert (await store.submit(new_request("enable"), OURS, new_event()))[1]


async def test_a_disable_at_once_displaces_a_request_whose_flow_is_being_written(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    await begin_writing(store, parent, await submit_revision(store, parent))
    disable = new_request("disable", kind=ChangeKind.DISABLE)
    _, is_new = await store.submit(disable, OURS, new_event(), displacing=displaced_by(disable))
    ended = await store.get(parent.id)
    assert is_new
    assert ended is not None
    assert ended.state is ChangeState.OUT_OF_DATE


async def test_lists_of_what_was_done_leave_out_what_was_not_written(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    child = await submit_revision(store, parent)
    done: dict[str, Any] = {"state": ChangeState.APPLIED, "outcome": Outcome(REVISED), "due_at": None}
    await store.replace_if_unchanged(child, replace(child, **done))
    assert await store.closed() == ()
    listed = await store.list_history(frozenset({SHOP}), FLOW, offset=0, limit=9)
    assert [each.change.id for each in listed] == [parent.id]
    written = await begin_writing(store, parent, await submit_revision(store, parent, "other"))
    assert await store.mark_sent_once(written.id, OURS.owner, NOON, None)
    applied = await move_through(store, written, ChangeState.APPLIED)
    assert [each.id for each in await store.closed()] == [applied.id]


async def test_the_remarks_of_several_requests_are_read_at_once_oldest_first(store: ChangeRepository) -> None:
    parent = await submit_pending(store)
    events = [
        new_event("change.commented", actor=DENIZ),
        new_event("change.changes_requested"),
        new_event("change.vote"),
    ]
    await store.replace_if_unchanged(parent, parent, *events)
    other = await submit_pending(store, token="t2", flow=FlowId(2))
    found = await store.list_remarks([parent, other])
    assert [(each.action, each.by) for each in found[parent.id]] == [
        ("change.commented", DENIZ),
        ("change.changes_requested", new_event().actor),
    ]
    assert found[other.id] == []
