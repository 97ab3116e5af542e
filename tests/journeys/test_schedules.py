"""Scheduled changes: they wait for their time, start by themselves, and end, each told where people look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from flowbot.services.approvals import schedule
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    list_alarms,
    list_notices,
    list_replies,
    read_audit_trail,
    request_change,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.world import MARKETING, World, on_both_databases

MONDAY: Final = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
"""Eight o'clock in London, where Emma is."""
HOUR: Final = 3600.0
DENIZ_MAY_SKIP: Final = 'break_glass = ["U0DENIZ"]'


@pytest.fixture
async def monday(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot at that moment, which looks for due work many times a second."""
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    world.time.ahead = (MONDAY - datetime.now(UTC)).total_seconds()
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))
    await world.start_http()
    return world


async def schedule_change(world: World, what: str = "enable 1 at 09:00") -> Message:
    """Request a change with a time, and approve it."""
    if not world.enkapush.store.flows:
        add_flow(world)
    request = await request_change(world, what)
    await world.burak.click(request, "Approve")
    return await wait_for_status(world, request, "Scheduled")


def is_live(world: World) -> bool:
    return bool(world.enkapush.store.flows[1].is_enabled)


def pass_time(world: World, **units: float) -> None:
    world.time.ahead += timedelta(**units).total_seconds()


async def find_end(world: World, request: Message) -> Message:
    """Return the message of the planned end, in the thread of its enable."""
    return await wait_for_notice(world, request, "will be disabled")


# --- start ---------------------------------------------------------------------------------------------------------


@on_both_databases
async def test_an_approved_change_waits_for_its_time_and_starts_by_itself(monday: World) -> None:
    scheduled = await schedule_change(monday)
    assert "goes live 2 Nov 2026 12:00" in text_of(scheduled)
    assert "Approved · Scheduled" in text_of(scheduled)
    assert monday.burak.list_buttons(scheduled) == ["Reject", "Request changes", "Comment", "Withdraw", "Skip approval"]
    pass_time(monday, minutes=59)
    assert list_writes(monday) == []
    pass_time(monday, minutes=2)
    await wait_for_status(monday, scheduled, "Applied")
    await wait_for_notice(monday, scheduled, "is live")
    assert is_live(monday)
    actions = [each["action"] for each in await read_audit_trail(monday) if each["action"].startswith("change.")]
    assert actions[-4:] == ["change.approved", "change.scheduled", "change.applying", "change.applied"]


async def test_a_flow_that_differs_at_its_time_is_out_of_date(monday: World) -> None:
    scheduled = await schedule_change(monday)
    monday.enkapush.store.update_flow(1, title="Another title")
    pass_time(monday, minutes=61)
    await wait_for_status(monday, scheduled, "Out of date")
    assert not is_live(monday)


async def test_what_nobody_approved_within_an_hour_of_its_start_is_expired(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 at 09:00")
    pass_time(monday, minutes=90)
    await wait_for_status(monday, request, WAITING)
    pass_time(monday, minutes=31)
    over = await wait_for_status(monday, request, "Expired")
    assert "wasn't approved in time" in text_of(over)
    assert monday.emma.list_buttons(over) == ["Ask again"]


async def test_an_approval_after_the_time_starts_it_at_once(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 at 09:00 until 12:00")
    pass_time(monday, minutes=90)
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")


# --- decisions before the start --------------------------------------------------------------------------------------


async def test_its_requester_withdraws_it_and_an_approver_rejects_it(monday: World) -> None:
    scheduled = await schedule_change(monday)
    assert "U0EMMA" in await click_and_read(monday, monday.burak, scheduled, "Withdraw")
    await monday.emma.click(scheduled, "Withdraw")
    await wait_for_status(monday, scheduled, "Withdrawn")
    again = await schedule_change(monday)
    await monday.burak.click(again, "Reject")
    await submit_reason(monday.burak, "Not this week")
    await wait_for_status(monday, again, "Rejected")
    pass_time(monday, minutes=61)
    assert not is_live(monday)


@pytest.mark.parametrize("is_approved", [False, True])
async def test_a_skip_does_not_override_the_time_that_was_asked_for(monday: World, is_approved: bool) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 at 09:00")
    if is_approved:
        await monday.burak.click(request, "Approve")
        request = await wait_for_status(monday, request, "Scheduled")
    await monday.deniz.click(request, "Skip approval")
    await submit_reason(monday.deniz, "The shop is full")
    scheduled = await wait_for_status(monday, request, "skipped approval")
    assert "Scheduled" in text_of(scheduled)
    assert monday.deniz.list_buttons(scheduled) == ["Reject", "Request changes", "Comment", "Withdraw"]
    await monday.deniz.wait_until(lambda: list_alarms(monday, request))
    assert list_writes(monday) == []
    pass_time(monday, minutes=61)
    await wait_for_status(monday, request, "Applied")


async def test_a_skip_that_a_vote_and_the_start_overtake_is_applied_at_once(
    monday: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_change = ChangeRepository.replace_if_unchanged
    overtaken: list[Change] = []

    async def overtake(
        store: ChangeRepository, seen: Change, moved: Change, *events: AuditEvent, **more: Any
    ) -> Change:
        if moved.progress.skipped_by is not None and not overtaken:
            overtaken.append(await store_change(store, seen, replace(seen, changed_at=moved.changed_at)))
            pass_time(monday, minutes=61)
        return await store_change(store, seen, moved, *events, **more)

    monkeypatch.setattr(ChangeRepository, "replace_if_unchanged", overtake)
    add_flow(monday)
    request = await request_change(monday, "enable 1 at 09:00")
    await monday.deniz.click(request, "Skip approval")
    await submit_reason(monday.deniz, "The shop opens at nine.")
    await wait_for_status(monday, request, "Applied")
    assert overtaken
    assert is_live(monday)


@on_both_databases
async def test_a_quorum_that_rose_takes_it_back_to_waiting_with_its_votes(monday: World) -> None:
    scheduled = await schedule_change(monday)
    await monday.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    waiting = await wait_for_status(monday, scheduled, "1/2 approvals")
    await monday.deniz.click(waiting, "Approve")
    await wait_for_status(monday, waiting, "Scheduled")
    pass_time(monday, minutes=61)
    await wait_for_status(monday, waiting, "Applied")


@pytest.mark.parametrize("jump", [3 * HOUR, -3 * HOUR])
async def test_nothing_starts_by_a_clock_that_jumped(monday: World, jump: float) -> None:
    scheduled = await schedule_change(monday)
    monday.time.jumped = jump
    pass_time(monday, seconds=30)
    await monday.burak.send(MARKETING, "/flows approvals")
    await monday.burak.wait_for_message(MARKETING, lambda each: each.is_ephemeral)
    assert list_writes(monday) == []
    monday.time.jumped = 0
    pass_time(monday, minutes=61)
    await wait_for_status(monday, scheduled, "Applied")


# --- ends ------------------------------------------------------------------------------------------------------------


@on_both_databases
async def test_an_end_is_planned_in_the_thread_and_disables_the_flow(monday: World) -> None:
    scheduled = await schedule_change(monday, "enable 1 at 09:00 until 18:00")
    pass_time(monday, minutes=61)
    await wait_for_status(monday, scheduled, "is live until")
    end = await find_end(monday, scheduled)
    assert monday.emma.list_buttons(end) == ["Withdraw"]
    pass_time(monday, hours=9)
    await wait_for_notice(monday, scheduled, "It no longer reaches")
    assert not is_live(monday)


async def test_an_end_that_is_withdrawn_leaves_the_flow_live(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 18:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")
    await monday.emma.click(await find_end(monday, request), "Withdraw")
    await wait_for_notice(monday, request, "stays live")
    pass_time(monday, hours=11)
    assert is_live(monday)


@on_both_databases
async def test_any_disabling_ends_a_planned_end(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 18:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")
    await find_end(monday, request)
    await monday.emma.send(MARKETING, "/flows disable 1")
    await wait_for_notice(monday, request, "no longer counts")
    assert not is_live(monday)


@pytest.mark.parametrize("seen_by", ["an hour", "show 1", "list"])
async def test_an_end_whose_flow_was_disabled_outside_has_nothing_to_do(monday: World, seen_by: str) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 18:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")
    await find_end(monday, request)
    monday.enkapush.store.update_flow(1, is_enabled=False)
    if seen_by == "an hour":
        pass_time(monday, minutes=61)
    else:
        pass_time(monday, minutes=2)
        await monday.emma.send(MARKETING, f"/flows {seen_by}")
    await wait_for_notice(monday, request, "no longer counts")


async def test_an_end_is_moved_by_approval(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 18:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")
    await find_end(monday, request)
    moved = await request_change(monday, "enable 1 until 20:00")
    assert "asks to set an end for flow" in text_of(moved)
    await monday.burak.click(moved, "Approve")
    await wait_for_status(monday, moved, "is live until 2 Nov 2026 23:00")
    await wait_for_notice(monday, request, "no longer counts")
    writes = len(list_writes(monday))
    pass_time(monday, hours=11)
    assert (is_live(monday), len(list_writes(monday))) == (True, writes)
    pass_time(monday, hours=2)
    await wait_for_notice(monday, moved, "is disabled")


async def test_an_end_that_enkapush_refuses_for_a_while_is_tried_again(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 18:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "is live until")
    await find_end(monday, request)
    monday.enkapush.faults.add(Fault.status(503, method="POST", times=4))
    pass_time(monday, hours=10, minutes=1)
    await wait_for_notice(monday, request, "It no longer reaches", timeout=30)
    assert not is_live(monday)


@on_both_databases
async def test_a_timed_disable_takes_an_open_requests_place_only_when_it_runs(monday: World) -> None:
    add_flow(monday, is_enabled=True)
    await monday.emma.send(MARKETING, "/flows disable 1 at 09:00")
    timed = await monday.deniz.wait_for_message(
        MARKETING, lambda each: not each.is_ephemeral and "will be disabled" in text_of(each)
    )
    request = await request_change(monday, "delete 1")
    assert WAITING in text_of(request)
    pass_time(monday, minutes=61)
    await wait_for_status(monday, timed, "Applied")
    over = await wait_for_status(monday, request, "Out of date")
    assert "The flow was disabled at its planned time, so nothing was done." in text_of(over)
    assert not is_live(monday)
    assert list_notices(monday, timed) or list_replies(monday, timed)


async def test_an_end_leaves_a_flow_alone_that_moved_to_a_website_of_others(monday: World) -> None:
    add_flow(monday)
    request = await request_change(monday, "enable 1 until 10:00")
    await monday.burak.click(request, "Approve")
    await wait_for_status(monday, request, "Applied")
    end = await find_end(monday, request)
    monday.enkapush.store.update_flow(1, website_id=3)
    pass_time(monday, hours=2, minutes=1)
    await monday.burak.wait_until(lambda: "Out of date" in text_of(end))
    assert "longer exists" in text_of(end)
    assert len(list_writes(monday)) == 1
    assert is_live(monday)
