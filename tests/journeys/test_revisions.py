"""Requests that their author revises: new content begins a new round of votes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.services.approvals import schedule
from flowbot.worker import recovery
from tests.journeys.form_steps import (
    PNG,
    add_flow,
    choose_website,
    is_form,
    list_writes,
    open_form,
    wait_for_reopened_form,
)
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    list_alarms,
    list_mentions,
    list_replies,
    read_audit_trail,
    request_change,
    speed_up,
    submit_reason,
    wait_for_faults,
    wait_for_notice,
    wait_for_status,
    wait_until,
)
from tests.journeys.watch_steps import list_findings, watch_flows
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, in_both_modes, on_both_databases

TWO: Final = "quorum = 2"
APPROVERS: Final = '["S0LEADS", "U0DENIZ"]'
CHANGED: Final = "Approval starts over."


async def request_edit(world: World, **typed: Any) -> Message:
    """Edit a live flow as Emma, and return the request."""
    flow = add_flow(world, is_enabled=True)
    await open_form(world.emma, f"/flows edit {flow}")
    await world.emma.submit(typed or {"Title": "New title"})
    request = await world.deniz.wait_for_message(APPROVALS, lambda each: "changes.approve" in json.dumps(each.blocks))
    await world.emma.close(everything=True)
    return request


async def revise(person: SandboxPerson, typed: dict[str, Any], flow: int = 1) -> None:
    """Edit the flow by the plain command."""
    await open_form(person, f"/flows edit {flow}")
    assert (await person.submit(typed)).errors == {}


async def skip(world: World, request: Message, reason: str) -> None:
    """Skip the approval of a request with a time."""
    await world.deniz.click(request, "Skip approval")
    await submit_reason(world.deniz, reason)
    await wait_for_status(world, request, "Scheduled")


async def vote_first_of_two(world: World, request: Message) -> None:
    """Give the first of two approvals."""
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "1/2 approvals")


# --- an edit that waits --------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_revised_edit_is_voted_on_anew_and_what_was_approved_is_what_happens(running: World) -> None:
    await running.import_policy(approval_policy(TWO, approvers=APPROVERS))
    request = await request_edit(running)
    await vote_first_of_two(running, request)
    await running.burak.click(request, "Request changes")
    await submit_reason(running.burak, "Shorter, please")
    told = await running.emma.wait_for_message(
        running.slack.workspace.open_direct_message("U0EMMA").id, "Shorter, please"
    )
    await running.emma.click(told, "Open form")
    form = await running.emma.wait_for_view(is_form)
    assert "Once you save, approval starts over." in text_of(form)
    assert running.emma.read_field("Title") == "New title"
    await running.emma.submit({"Title": "Short"})
    shown = await wait_for_status(running, request, "0/2 approvals")
    await running.deniz.wait_until(lambda: "New title → Short" in text_of(shown))
    assert "Old title → Short" in text_of(shown)
    assert "Changes requested" not in text_of(shown)
    reply = await wait_for_notice(running, request, CHANGED)
    assert "Emma Clarke changed #1 Old name" in text_of(reply)
    assert ("usergroup", "S0LEADS") in list_mentions(running, reply)
    await running.emma.wait_for_view("Approval starts over.")
    assert list_writes(running) == []
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "1/2 approvals")
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    assert running.enkapush.store.flow(1).title == "Short"
    assert len(list_writes(running)) == 1
    (event,) = [each for each in await read_audit_trail(running) if each["action"] == "change.revised"]
    assert event["details"]["differences"] == [{"field": "title", "before": "New title", "after": "Short"}]


async def test_the_plain_command_brings_back_what_the_own_request_is_about(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_edit(http)
    form = await open_form(http.emma, "/flows edit 1")
    assert http.emma.read_field("Title") == "New title"
    assert "Once you save, approval starts over." in text_of(form)
    assert "didn't save" not in text_of(form)
    (error,) = (await http.emma.submit({})).errors.values()
    assert "change anything" in error
    assert (await http.emma.submit({"Description": "New text"})).errors == {}
    shown = await wait_for_status(http, request, "New text")
    assert "Old title → New title" in text_of(shown)


async def test_a_revision_changes_nobody_elses_request(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_edit(http)
    form = await open_form(http.ayse, "/flows edit 1")
    assert "baştan başlar" not in text_of(form)
    assert (await http.ayse.submit({"Başlık": "Benim"})).errors != {}


async def test_a_vote_for_what_was_revised_since_is_refused(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_edit(http)
    assert request.blocks is not None
    old = json.loads(json.dumps(request.blocks))
    await revise(http.emma, {"Title": "Short"})
    shown = await wait_for_status(http, request, "New title → Short")
    assert shown.blocks is not None
    # As from a client that shows the message as it was.
    new, shown.blocks = shown.blocks, old
    said = await click_and_read(http, http.burak, shown, "Approve")
    assert "değişti" in said
    shown.blocks = new
    await http.burak.click(shown, "Approve")
    await wait_for_status(http, request, "Applied")
    assert http.enkapush.store.flow(1).title == "Short"


async def test_a_skip_of_what_was_revised_since_is_refused(http: World) -> None:
    await http.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_edit(http)
    old = json.loads(json.dumps(request.blocks))
    await revise(http.emma, {"Title": "Short"})
    shown = await wait_for_status(http, request, "New title → Short")
    # As from a client that shows the message as it was.
    new, shown.blocks = shown.blocks, old
    assert "has just changed" in await click_and_read(http, http.deniz, shown, "Skip approval")
    shown.blocks = new
    await http.deniz.click(shown, "Skip approval")
    assert await submit_reason(http.deniz, "Now") == []
    await wait_for_status(http, request, "Applied")


ELSEWHERE: Final = f"""
[[channels]]
id = "{RANDOM}"
websites = [1, 3]
viewers = ["*"]
editors = ["*"]
approvers = ["S0LEADS"]
"""


async def test_a_revision_typed_elsewhere_stays_within_the_channel_where_it_was_asked(http: World) -> None:
    await http.import_policy(approval_policy() + ELSEWHERE)
    request = await request_edit(http)
    form = await open_form(http.emma, "/flows edit 1", channel=RANDOM)
    await choose_website(http.emma, form, "3")
    await http.emma.submit({"Title": "Moved", "Segment": "All subscribers"})
    await wait_for_reopened_form(http.emma, "website")
    await http.emma.close(everything=True)
    await open_form(http.emma, "/flows edit 1", channel=RANDOM)
    await http.import_policy(approval_policy(editors='["U0AYSE"]') + ELSEWHERE)
    await http.emma.submit({"Title": "Short", "Website": "Lale Moda"})
    await wait_for_reopened_form(http.emma, "You don't have permission for requests from that channel.")
    assert "Old title → New title" in text_of(request)
    await http.emma.close(everything=True)
    await http.import_policy(approval_policy() + ELSEWHERE)
    await open_form(http.emma, "/flows edit 1", channel=RANDOM)
    await http.emma.submit({"Title": "Short"})
    await wait_for_status(http, request, "New title → Short")


async def test_a_revision_with_a_picture_is_sent_with_it_once(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_edit(http)
    await revise(http.emma, {"Image": [http.emma.upload("new.png", PNG)]})
    await wait_for_notice(http, request, CHANGED)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    image = http.enkapush.store.flow(1).image
    assert image is not None
    assert image.content == PNG
    assert http.enkapush.store.flow(1).title == "New title"
    assert len(list_writes(http)) == 1


async def test_a_request_that_ends_meanwhile_is_not_revised(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_edit(http)
    await open_form(http.emma, "/flows edit 1")
    http.slack.faults.add("files.info", status=503, times=0)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    await http.emma.submit({"Title": "Short"})
    again = await http.deniz.wait_for_message(
        APPROVALS, lambda each: each.ts != request.ts and "changes.approve" in json.dumps(each.blocks)
    )
    assert "New title → Short" in text_of(again) or "Short" in text_of(again)
    assert http.enkapush.store.flow(1).title == "New title"


# --- an enable that waits ------------------------------------------------------------------------------------------


@in_both_modes
async def test_an_own_edit_is_written_under_the_waiting_enable_whose_votes_begin_anew(running: World) -> None:
    await running.import_policy(approval_policy(TWO, approvers=APPROVERS))
    request = await request_change(running)
    await vote_first_of_two(running, request)
    form = await open_form(running.emma, "/flows edit 1")
    assert "Once you save, approval starts over." in text_of(form)
    await running.emma.submit({"Title": "Short"})
    shown = await wait_for_status(running, request, "0/2 approvals")
    await running.deniz.wait_until(lambda: "Old title → Short" in text_of(shown))
    reply = await wait_for_notice(running, request, CHANGED)
    assert "Old title → Short" in text_of(reply)
    assert running.enkapush.store.flow(1).title == "Short"
    assert not running.enkapush.store.flow(1).is_enabled
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "1/2 approvals")
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    assert running.enkapush.store.flow(1).is_enabled
    (event,) = [each for each in await read_audit_trail(running) if each["action"] == "change.revised"]
    assert event["details"]["differences"] == [{"field": "title", "before": "Old title", "after": "Short"}]


async def test_others_edits_are_refused_while_an_enable_waits(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    await open_form(http.ayse, "/flows edit 1")
    assert (await http.ayse.submit({"Başlık": "Benim"})).errors != {}
    assert list_writes(http) == []


async def test_while_the_flow_is_being_written_nobody_lets_the_enable_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ROUND_SECONDS", 0.1)
    await world.start_http()
    await world.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_change(world)
    await world.deniz.click(request, "Skip approval")
    await world.deniz.wait_for_view(lambda view: view.callback_id == "changes.reason")
    world.enkapush.faults.add(Fault.hang(method="POST"))
    await revise(world.emma, {"Title": "Short"})
    await wait_for_faults(world)
    said = await click_and_read(world, world.burak, request, "Approve")
    assert "akışı şu anda değiştiriyor" in said
    assert "changing the flow right now" in (await submit_reason(world.deniz, "Now"))[0]
    assert not world.enkapush.store.flow(1).is_enabled
    world.enkapush.release()
    await wait_for_notice(world, request, CHANGED)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    flow = world.enkapush.store.flow(1)
    assert (flow.title, flow.is_enabled) == ("Short", True)


@on_both_databases
async def test_an_enable_that_is_rejected_while_its_flow_is_written_ends_and_the_edit_stays(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.click(request, "Reject")
    await http.burak.wait_for_view(lambda view: view.callback_id == "changes.reason")
    http.enkapush.faults.add(Fault.hang(method="POST"))
    await revise(http.emma, {"Title": "Short"})
    await wait_for_faults(http)
    assert await submit_reason(http.burak, "No") == []
    await wait_for_status(http, request, "Rejected")
    # Nobody asks for what nobody sees yet.
    await http.emma.send(MARKETING, "/flows enable 1")
    await http.emma.wait_for_message(MARKETING, "is being changed right now")
    http.enkapush.release()
    await http.emma.wait_for_message(MARKETING, "was changed")
    assert http.enkapush.store.flow(1).title == "Short"
    assert len([each for each in list_replies(http, request) if CHANGED in text_of(each)]) == 0


async def test_where_the_edit_is_refused_the_votes_stay(http: World) -> None:
    await http.import_policy(approval_policy(TWO, approvers=APPROVERS))
    request = await request_change(http)
    await vote_first_of_two(http, request)
    http.enkapush.faults.add(Fault.status(422, method="POST"))
    await revise(http.emma, {"Title": "Short"})
    await wait_for_reopened_form(http.emma, "")
    assert "1/2 approvals" in text_of(request)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert http.enkapush.store.flow(1).title == "Old title"


async def test_where_the_edit_is_not_known_the_votes_begin_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy(TWO, approvers=APPROVERS))
    request = await request_change(world)
    await revise(world.emma, {"Description": "Known"})
    await wait_for_notice(world, request, CHANGED)
    await world.emma.close(everything=True)
    await vote_first_of_two(world, request)
    for _ in range(2):
        world.enkapush.faults.add(Fault.hang(method="POST"))
    await revise(world.emma, {"Title": "Short"})
    shown = await wait_for_status(world, request, "0/2 approvals")
    assert WAITING in text_of(shown)
    await world.deniz.wait_until(lambda: "also approves an earlier edit" in text_of(shown))
    reply = await wait_for_notice(world, request, "not known whether that took effect. Approval starts over.")
    assert "Old title → Short" in text_of(reply)
    assert "Emma Clarke changed" not in text_of(reply)
    assert "Old text → Known" in text_of(shown)
    assert text_of(shown).count("Old title → Short") == 1


async def test_a_live_flow_is_not_edited_under_its_enable(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.store.update_flow(1, is_enabled=True)
    await http.emma.submit({"Title": "Short"})
    await wait_for_reopened_form(http.emma, "")
    assert http.enkapush.store.flow(1).title == "Old title"
    assert list_writes(http) == []
    assert WAITING in text_of(request)


async def test_two_forms_of_the_same_author_are_both_written_one_after_the_other(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await revise(http.emma, {"Title": "One"})
    await wait_for_notice(http, request, CHANGED)
    await revise(http.emma, {"Description": "Two"})
    await http.deniz.wait_until(
        lambda: len([each for each in list_replies(http, request) if CHANGED in text_of(each)]) == 2
    )
    flow = http.enkapush.store.flow(1)
    assert (flow.title, flow.description) == ("One", "Two")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


# --- time ----------------------------------------------------------------------------------------------------------


async def test_a_scheduled_enable_that_is_revised_waits_for_approvals_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    # Eight o'clock in London, where Emma is.
    world.time.ahead = (datetime(2026, 11, 2, 8, 0, tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    await world.start_http()
    await world.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    flow = add_flow(world)
    request = await request_change(world, f"enable {flow} at 09:00")
    await world.deniz.click(request, "Skip approval")
    await submit_reason(world.deniz, "Now")
    await wait_for_status(world, request, "Scheduled")
    await revise(world.emma, {"Title": "Short"})
    shown = await wait_for_status(world, request, WAITING)
    assert "Approve" in world.burak.list_buttons(shown)
    assert "skipped" not in text_of(shown)
    await world.burak.click(shown, "Approve")
    await wait_for_status(world, request, "Approved · Scheduled")
    world.time.ahead += 61 * 60
    await wait_for_status(world, request, "Applied")
    assert world.enkapush.store.flow(1).is_enabled
    assert world.enkapush.store.flow(1).title == "Short"


async def test_a_scheduled_enable_whose_edit_never_ends_expires_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    world.time.ahead = (datetime(2026, 11, 2, 8, 0, tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    await world.start_http()
    await world.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_change(world, f"enable {add_flow(world)} at 09:00")
    await skip(world, request, "Now")
    # As where the row of the edit is lost, or a newer version wrote it.
    async with world.open_database() as database, database.write() as connection:
        await connection.execute(text("UPDATE changes SET progress = json_set(progress, '$.revised_by', 'gone')"))
    world.time.ahead += 121 * 60
    await wait_for_status(world, request, "Expired")
    assert not world.enkapush.store.flow(1).is_enabled


async def test_another_skip_is_announced_after_a_revision_voided_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    world.time.ahead = (datetime(2026, 11, 2, 8, 0, tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    await world.start_http()
    await world.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_change(world, f"enable {add_flow(world)} at 09:00")
    await skip(world, request, "Reason 1")
    await wait_until(lambda: len(list_alarms(world, request)) == 1)
    await revise(world.emma, {"Title": "Short"})
    await wait_for_status(world, request, WAITING)
    await skip(world, request, "Reason 2")
    await wait_until(lambda: len(list_alarms(world, request)) == 2)
    assert not world.enkapush.store.flow(1).is_enabled


async def test_an_ungated_edit_that_a_freeze_holds_gets_its_new_content_and_waits_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    monkeypatch.setattr(schedule, "RETRY_PAUSE", timedelta(seconds=0.2))
    # Six in the evening in Istanbul, an hour into the freeze.
    world.time.ahead = (datetime(2026, 11, 6, 15, 0, tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    freeze = '[[freezes]]\nname = "Weekends"\nweekly = ["fri 17:00-24:00", "sat", "sun"]\n'
    await world.import_policy(approval_policy('required_for = ["enable", "delete"]') + freeze)
    await world.start_http()
    add_flow(world, is_enabled=True)
    await revise(world.emma, {"Title": "New title"})
    held = await world.deniz.wait_for_message(
        MARKETING, lambda each: not each.is_ephemeral and "Scheduled" in text_of(each)
    )
    await world.emma.close(everything=True)
    await revise(world.emma, {"Title": "Short"})
    await wait_for_status(world, held, "Old title → Short")
    assert list_writes(world) == []
    world.time.ahead += 54 * 3600 + 120
    await wait_for_status(world, held, "Applied")
    assert world.enkapush.store.flow(1).title == "Short"
    assert len(list_writes(world)) == 1


async def test_copies_of_approvers_hear_of_a_revision(http: World) -> None:
    await http.import_policy(approval_policy('notify = "dm"'))
    request = await request_change(http)
    direct = http.slack.workspace.open_direct_message("U0BURAK").id
    copy = await http.burak.wait_for_message(direct, "Old title")
    await revise(http.emma, {"Title": "Short"})
    await wait_for_notice(http, request, CHANGED)
    said = await http.burak.wait_for_message(direct, lambda each: each.thread_ts == copy.ts)
    assert "baştan başlıyor" in text_of(said)


# --- the watch -----------------------------------------------------------------------------------------------------


async def test_the_watch_takes_an_edit_under_an_enable_for_flowbots_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.import_policy(approval_policy())
    add_flow(world)
    async with watch_flows(world, monkeypatch) as watch:
        request = await request_change(world, "enable 1")
        world.enkapush.faults.add(Fault.hang(after_effect=True, method="POST"))
        await revise(world.emma, {"Title": "Short"})
        await wait_for_faults(world)
        await watch.make_round()
        assert WAITING in text_of(request)
        world.enkapush.release()
        await wait_for_notice(world, request, CHANGED)
        await watch.make_round(2)
        assert WAITING in text_of(request)
        assert list_findings(world) == []
        await world.burak.click(request, "Approve")
        await wait_for_status(world, request, "Applied")


async def test_a_flow_that_is_changed_back_outside_makes_a_revised_enable_out_of_date(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await revise(http.emma, {"Title": "Short"})
    await wait_for_notice(http, request, CHANGED)
    # As it was before the revision: approvers saw another title.
    http.enkapush.store.update_flow(1, title="Old title")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Out of date")
    assert not http.enkapush.store.flow(1).is_enabled
