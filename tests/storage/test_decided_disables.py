"""Disables that nobody has to approve: how they are stored, and what an older process makes of them."""

import pytest
from sqlalchemy import select

from flowbot.domain.approval import requires_approval
from flowbot.domain.approval_rule import ApprovalRule, Gate
from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.disables import DecidedDisable, displaced_by
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import FormToken, UserId
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import AYSE, C1, FLOW, NOON, OURS, SHOP, move_through, submit_change
from tests.storage.vote_cases import submit_pending

FLOWBOT = UserId("U0FLOWBOT")
LIVE = Flow(SHOP, "Welcome", "Hello", "Come", WaitTime(3, "days"), id=FLOW, is_enabled=True)
GATED = ApprovalRule(required_for=tuple(Gate))


async def disable_now(
    store: ChangeRepository, cause: DisableCause = DisableCause.STOP, person: UserId | None = AYSE
) -> tuple[Change, bool]:
    request = DecidedDisable(cause, LIVE, FormToken("stop.1"), C1, person, "broken links").build_request(FLOWBOT)
    event, displacing = submission_event(request, NOON), displaced_by(request)
    record, is_new = await store.submit(request, OURS, event, displacing=displacing)
    return record.change, is_new


@pytest.mark.parametrize("cause", DisableCause)
async def test_an_older_process_takes_it_for_a_repetition_which_it_does_not_gate(
    store: ChangeRepository, database: Database, cause: DisableCause
) -> None:
    disable, _ = await disable_now(store, cause)
    assert (disable.request.cause, disable.request.repeats) == (cause, None)
    assert await store.get(disable.id) == disable
    assert not requires_approval(disable.request, GATED)
    async with database.read() as connection:
        row = (await connection.execute(select(changes.c.asked, changes.c.requester))).one()
    assert (row.asked["cause"], row.asked["repeats"], row.requester) == (cause.value, cause.value, AYSE)


async def test_what_nobody_decided_is_requested_by_flowbots_own_user(store: ChangeRepository) -> None:
    disable, _ = await disable_now(store, DisableCause.BREAKER, person=None)
    assert disable.request.requester == FLOWBOT
    [event] = [event async for event in store.all_events()]
    assert (event.actor, event.details["cause"]) == (None, "breaker")


@pytest.mark.parametrize("state", [ChangeState.DRAFT, ChangeState.PENDING, ChangeState.SCHEDULED])
async def test_it_takes_the_place_of_an_open_request_once(store: ChangeRepository, state: ChangeState) -> None:
    waiting = await submit_change(store) if state is ChangeState.DRAFT else await submit_pending(store, due_at=NOON)
    if state is ChangeState.SCHEDULED:
        waiting = await move_through(store, waiting, state)
    disable, is_new = await disable_now(store)
    ended = await store.get(waiting.id)
    assert ended is not None
    assert (is_new, ended.state, await store.open_change_of(FLOW)) == (True, ChangeState.OUT_OF_DATE, disable)
    assert await disable_now(store) == (disable, False)


async def test_it_follows_a_change_that_is_being_applied(store: ChangeRepository) -> None:
    enable = await move_through(store, await submit_change(store, kind=ChangeKind.ENABLE), ChangeState.APPLYING)
    disable, _ = await disable_now(store)
    assert (disable.state, disable.follows) == (ChangeState.DRAFT, enable.id)
