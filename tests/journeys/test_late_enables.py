"""Enables whose effect may come late: until then the flow counts as live, and a later disable wins."""

import json
from typing import Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Answer, Hang, Reset
from flowbot.sandbox.enkapush.responses import serialize_flow
from flowbot.sandbox.slack import text_of
from flowbot.slack.forms.flow import submission
from tests.journeys.form_steps import PNG, list_writes, open_form
from tests.journeys.late_steps import (
    DISABLE,
    ENABLE,
    HOURS,
    MINE,
    MINUTES,
    NOT_KNOWN,
    approve_with_late_effect,
    delay_effect,
    disable_at_once,
    edit_without_approval,
    end_search,
    list_fields_sent,
    read_flow,
    request_edit,
    wait_for_disable,
    wait_for_look,
)
from tests.journeys.request_steps import (
    WAITING,
    list_requests,
    private_messages,
    request_change,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, first_on_both_databases, on_both_databases

EFFECTS: Final = (20.0, 10 * MINUTES, 3 * HOURS)


async def show_effect(world: World, after: float) -> None:
    """Move the clocks to the effect, and let somebody read the flow where flowbot does not look any more."""
    world.time.ahead += after
    if after > 15 * MINUTES:
        await read_flow(world, world.emma)


# --- with an edit --------------------------------------------------------------------------------------------------


@first_on_both_databases("after,answer", [(20, Hang()), (10 * MINUTES, None), (3 * HOURS, None)])
async def test_a_flow_that_may_go_live_is_edited_by_approval_alone(
    bots: World, after: float, answer: Answer | None
) -> None:
    enable = await approve_with_late_effect(bots, after=after, answer=answer, times=2 if answer else 1)
    edit = await request_edit(bots)
    await show_effect(bots, after)
    await wait_for_status(bots, enable, "Applied")
    flow = bots.enkapush.store.flow(1)
    assert (flow.is_enabled, flow.title) == (True, "Old title")
    assert WAITING in text_of(edit)
    await bots.burak.click(edit, "Approve")
    await wait_for_status(bots, edit, "Applied")
    assert bots.enkapush.store.flow(1).title == MINE["title"]
    assert list_fields_sent(bots) == [*[ENABLE] * (2 if answer else 1), MINE]


@pytest.mark.parametrize("after", EFFECTS)
async def test_an_edit_that_was_approved_before_does_not_hide_the_enable(bots: World, after: float) -> None:
    enable = await approve_with_late_effect(bots, after=after)
    edit = await request_edit(bots)
    await bots.burak.click(edit, "Approve")
    await wait_for_status(bots, edit, "Applied")
    assert NOT_KNOWN in text_of(enable)
    await show_effect(bots, after)
    await wait_for_status(bots, enable, "Applied")
    assert list_fields_sent(bots) == [ENABLE, MINE]


async def test_an_edit_that_was_sent_before_an_enable_was_seen_needs_an_approval(
    bots: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "IMAGE_SECONDS", 0.2)
    enable = await approve_with_late_effect(bots, after=60)
    await open_form(bots.emma, "/flows edit 1")
    bots.slack.faults.add("files", delay=3, times=2)
    await bots.emma.submit({"Image": bots.emma.upload("new.png", PNG)} | {"Title": MINE["title"]})
    bots.time.ahead += 60
    await wait_for_status(bots, enable, "Applied")
    await bots.deniz.wait_for_message(APPROVALS, WAITING)
    assert list_fields_sent(bots) == [ENABLE]


async def test_an_edit_that_is_stored_otherwise_does_not_hide_the_enable(bots: World) -> None:
    enable = await approve_with_late_effect(bots, after=HOURS)
    edit = await request_edit(bots)
    delay_effect(bots, 0, stored={"title": str.upper})
    await bots.burak.click(edit, "Approve")
    await wait_for_status(bots, edit, "Applied")
    await show_effect(bots, HOURS)
    await wait_for_status(bots, enable, "Applied")
    assert list_fields_sent(bots) == [ENABLE, MINE]


async def test_an_edit_needs_no_approval_a_day_after_an_enable_that_never_came(bots: World) -> None:
    enable = await approve_with_late_effect(bots, copies=0)
    await end_search(bots, enable)
    bots.time.ahead += 23 * HOURS
    edit = await request_edit(bots)
    await bots.emma.click(edit, "Withdraw")
    await wait_for_status(bots, edit, "Withdrawn")
    bots.time.ahead += 2 * HOURS
    await edit_without_approval(bots, "Flow #1 was changed")
    assert NOT_KNOWN in text_of(enable)


@on_both_databases
async def test_an_enable_names_the_edits_that_may_still_come(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Old name", title="Old title")
    delay_effect(bots, 30 * MINUTES)
    await edit_without_approval(bots, "doesn't show in Enkapush yet")
    enable = await request_change(bots, "enable 1")
    assert MINE["title"] in text_of(enable)
    bots.time.ahead += 30 * MINUTES
    await bots.burak.click(enable, "Approve")
    await wait_for_status(bots, enable, "Applied")
    flow = bots.enkapush.store.flow(1)
    assert (flow.is_enabled, flow.title) == (True, MINE["title"])
    assert list_fields_sent(bots) == [MINE, ENABLE]


async def test_a_change_from_outside_beside_a_late_edit_makes_a_request_out_of_date(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Old name", title="Old title", description="Old text")
    delay_effect(bots, 30 * MINUTES)
    await edit_without_approval(bots, "doesn't show in Enkapush yet")
    enable = await request_change(bots, "enable 1")
    bots.time.ahead += 30 * MINUTES
    bots.enkapush.store.update_flow(1, description="Theirs")
    await bots.burak.click(enable, "Approve")
    over = await wait_for_status(bots, enable, "Out of date")
    assert "Description: Old text → Theirs" in text_of(over)
    assert list_fields_sent(bots) == [MINE]


async def test_an_edit_is_rebased_on_a_late_edit(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Old name", title="Old title", is_enabled=True)
    first = await request_edit(bots, "First")
    delay_effect(bots, 20 * MINUTES)
    await bots.burak.click(first, "Approve")
    await wait_for_status(bots, first, NOT_KNOWN)
    await end_search(bots, first)
    await bots.emma.send(MARKETING, "/flows edit 1")
    await bots.emma.wait_for_view(lambda view: view.submit is not None)
    await bots.emma.submit({"Name": "New name"})
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    bots.time.ahead += 20 * MINUTES
    await bots.burak.click(second, "Approve")
    await wait_for_status(bots, second, "Applied")
    flow = bots.enkapush.store.flow(1)
    assert (flow.name, flow.title) == ("New name", "First")
    assert list_fields_sent(bots) == [{"title": "First"}, {"name": "New name"}]


# --- with a disable ------------------------------------------------------------------------------------------------


@first_on_both_databases("after", EFFECTS)
async def test_a_flow_that_may_go_live_is_disabled_and_once_more_when_it_does(bots: World, after: float) -> None:
    enable = await approve_with_late_effect(bots, after=after)
    disable = await disable_at_once(bots)
    assert list_fields_sent(bots) == [ENABLE, DISABLE]
    await show_effect(bots, after)
    await wait_for_status(bots, enable, "Applied")
    await wait_for_disable(bots, {disable.ts})
    assert not bots.enkapush.store.flow(1).is_enabled
    assert list_fields_sent(bots) == [ENABLE, DISABLE, DISABLE]


async def test_a_reading_from_before_does_not_lose_the_second_disable(bots: World) -> None:
    enable = await approve_with_late_effect(bots)
    disable = await disable_at_once(bots)
    as_before = json.dumps({"data": serialize_flow(bots.enkapush.store.flow(1), "")}, default=str)
    bots.enkapush.faults.add(Fault.status(200, as_before, method="GET", path="/flows/1"))
    bots.enkapush.store.land_writes()
    await wait_for_look(bots, 6)
    bots.time.ahead += 30
    await wait_for_disable(bots, {disable.ts})
    await wait_for_status(bots, enable, "Applied")
    assert not bots.enkapush.store.flow(1).is_enabled
    assert list_fields_sent(bots) == [ENABLE, DISABLE, DISABLE]


async def test_a_disable_is_repeated_once(bots: World) -> None:
    await approve_with_late_effect(bots, after=20)
    disable = await disable_at_once(bots)
    bots.time.ahead += 20
    await wait_for_disable(bots, {disable.ts})
    bots.enkapush.store.update_flow(1, is_enabled=True)
    for command in ("show 1", "list"):
        await read_flow(bots, bots.emma, command)
    bots.time.ahead += 10 * MINUTES
    await read_flow(bots, bots.emma)
    assert bots.enkapush.store.flow(1).is_enabled
    assert list_fields_sent(bots) == [ENABLE, DISABLE, DISABLE]


async def test_a_day_later_a_disable_is_not_repeated(bots: World) -> None:
    enable = await approve_with_late_effect(bots, after=30 * HOURS)
    await disable_at_once(bots)
    bots.time.ahead += 30 * HOURS
    await read_flow(bots, bots.emma)
    await read_flow(bots, bots.emma, "list")
    assert NOT_KNOWN in text_of(enable)
    assert list_fields_sent(bots) == [ENABLE, DISABLE]


@on_both_databases
async def test_an_enable_that_was_sent_twice_may_come_twice(bots: World) -> None:
    """The second sending was seen; the first is still under way when the flow is disabled."""
    request = await request_change(bots)
    delay_effect(bots, 10 * MINUTES, answer=Reset())
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, "Applied")
    disable = await disable_at_once(bots)
    bots.time.ahead += 10 * MINUTES
    assert bots.enkapush.store.flow(1).is_enabled
    await read_flow(bots, bots.emma)
    await wait_for_disable(bots, {disable.ts})
    assert not bots.enkapush.store.flow(1).is_enabled
    assert list_fields_sent(bots) == [ENABLE, ENABLE, DISABLE, DISABLE]


@on_both_databases
async def test_a_disable_takes_the_place_of_a_waiting_request(bots: World) -> None:
    bots.enkapush.store.add_flow(website_id=1, name="Old name", title="Old title", is_enabled=True)
    edit = await request_edit(bots)
    await disable_at_once(bots)
    over = await wait_for_status(bots, edit, "Out of date")
    assert bots.deniz.list_buttons(over) == ["Ask again"]
    assert list_fields_sent(bots) == [DISABLE]


@on_both_databases
async def test_a_disable_follows_a_change_that_is_being_applied(bots: World) -> None:
    enable = await request_change(bots)
    delay_effect(bots, 0, answer=Hang())
    await bots.burak.click(enable, "Approve")
    await wait_until(lambda: not bots.enkapush.faults.pending)
    await bots.emma.send(MARKETING, "/flows disable 1")
    await wait_for_status(bots, enable, "Applied")
    await wait_for_disable(bots, ())
    assert list_fields_sent(bots) == [ENABLE, DISABLE]
    assert not bots.enkapush.store.flow(1).is_enabled


async def test_a_disable_of_a_flow_that_is_off_is_answered_and_changes_nothing(bots: World) -> None:
    request = await request_change(bots)
    since = len(bots.enkapush.requests)
    await bots.emma.send(MARKETING, "/flows disable 1")
    await wait_for_private_message(bots.emma, "already disabled", MARKETING)
    assert {method for method, _ in list_requests(bots, since)} <= {"GET"}
    assert WAITING in text_of(request)


# --- with a second request -----------------------------------------------------------------------------------------


@on_both_databases
async def test_the_same_waits_for_fifteen_minutes_and_is_then_asked_again(bots: World) -> None:
    first = await approve_with_late_effect(bots, copies=0)
    told = len(private_messages(bots, bots.emma, MARKETING))
    await bots.emma.send(MARKETING, "/flows enable 1")
    await bots.emma.wait_until(lambda: len(private_messages(bots, bots.emma, MARKETING)) > told)
    assert "1" in private_messages(bots, bots.emma, MARKETING)[-1]
    assert not any(WAITING in text_of(message) for message in await bots.deniz.list_messages(APPROVALS))
    await end_search(bots, first)
    await bots.emma.click(first, "Ask again")
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    await bots.burak.click(second, "Approve")
    await wait_for_status(bots, second, "Applied")
    assert NOT_KNOWN in text_of(first)
    assert list_fields_sent(bots) == [ENABLE, ENABLE]


@on_both_databases
async def test_an_effect_before_the_second_approval_is_not_sent_again(bots: World) -> None:
    first = await approve_with_late_effect(bots, after=HOURS)
    await end_search(bots, first)
    await bots.emma.click(first, "Ask again")
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    bots.time.ahead += HOURS
    await bots.burak.click(second, "Approve")
    await wait_for_status(bots, second, "Applied")
    assert "Failed" not in text_of(first)
    assert list_fields_sent(bots) == [ENABLE]


async def test_an_enable_that_was_read_back_ends_the_wait_for_an_earlier_one(bots: World) -> None:
    first = await approve_with_late_effect(bots, after=3 * HOURS)
    await end_search(bots, first)
    await bots.emma.click(first, "Ask again")
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    await bots.burak.click(second, "Approve")
    await wait_for_status(bots, second, "Applied")
    await disable_at_once(bots)
    await edit_without_approval(bots, "Flow #1 was changed")
    bots.time.ahead += 3 * HOURS
    await read_flow(bots, bots.emma)
    assert NOT_KNOWN in text_of(first)
    assert list_fields_sent(bots) == [ENABLE, ENABLE, DISABLE, MINE]


async def test_two_deletes_of_one_flow_are_not_sent_at_once(bots: World) -> None:
    first = await approve_with_late_effect(bots, "delete", after=10 * MINUTES)
    await bots.emma.send(MARKETING, "/flows delete 1")
    await bots.emma.wait_until(lambda: private_messages(bots, bots.emma, MARKETING))
    bots.time.ahead += 10 * MINUTES
    over = await wait_for_status(bots, first, "Applied")
    assert bots.deniz.list_buttons(over) == ["Restore"]
    assert len(list_writes(bots)) == 1


@pytest.mark.parametrize("after", [0, MINUTES])
async def test_an_enable_that_was_approved_after_a_disable_is_not_undone(bots: World, after: float) -> None:
    first = await approve_with_late_effect(bots, copies=0)
    await disable_at_once(bots)
    await end_search(bots, first)
    await bots.emma.click(first, "Ask again")
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    delay_effect(bots, after, **({} if after else {"answer": Hang()}))
    await bots.burak.click(second, "Approve")
    if after:
        await wait_for_status(bots, second, NOT_KNOWN)
        bots.time.ahead += after
    await wait_until(lambda: bots.enkapush.store.flow(1).is_enabled)
    await read_flow(bots, bots.emma)
    await wait_for_status(bots, second, "Applied")
    assert NOT_KNOWN in text_of(first)
    assert bots.enkapush.store.flow(1).is_enabled
    assert list_fields_sent(bots) == [ENABLE, DISABLE, ENABLE]


async def test_a_flow_that_two_deletes_may_have_removed_is_restored_once(bots: World) -> None:
    first = await approve_with_late_effect(bots, "delete", copies=0)
    await end_search(bots, first)
    await bots.emma.click(first, "Ask again")
    second = await bots.deniz.wait_for_message(APPROVALS, WAITING)
    await bots.burak.click(second, "Approve")
    over = await wait_for_status(bots, second, "Applied")
    await read_flow(bots, bots.emma, "list")
    assert NOT_KNOWN in text_of(first)
    assert "Restore" not in bots.deniz.list_buttons(first)
    assert bots.deniz.list_buttons(over) == ["Restore"]
