"""Skipping approval: only by those who are named for it, only with a reason, and loudly."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import BOT_TOKEN, SIGNING_SECRET, Message, text_of
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import list_writes
from tests.journeys.request_steps import (
    WAITING,
    all_sent_fields,
    approval_policy,
    click_and_read,
    list_alarms,
    list_mentions,
    list_notices,
    list_replies,
    read_audit_trail,
    remove_person,
    request_change,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

DENIZ_MAY_SKIP = 'break_glass = ["U0DENIZ"]'


@in_both_modes
async def test_who_is_named_skips_the_approval_with_a_reason_for_all_to_see(running: World) -> None:
    await running.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(running)
    assert "Skip approval" in running.deniz.list_buttons(request)
    await running.deniz.click(request, "Skip approval")
    assert "without approval" in text_of(await running.deniz.wait_for_view("Reason"))
    await submit_reason(running.deniz, "The price is wrong in the shop")
    over = await wait_for_status(running, request, "Applied")
    assert "U0DENIZ skipped approval" in text_of(over)
    assert "The price is wrong in the shop" in text_of(over)
    assert "Approved" not in text_of(over)
    assert running.deniz.list_buttons(over) == []
    assert all_sent_fields(running) == [{"is_enabled": "1"}]
    await running.deniz.wait_until(lambda: list_alarms(running, request))
    (alarm,) = list_alarms(running, request)
    assert "The price is wrong in the shop" in text_of(alarm)
    assert "Deniz Kaya skipped approval to enable flow #1" in text_of(alarm)
    assert list_mentions(running, alarm) == [("usergroup", "S0LEADS")]


async def test_it_is_marked_in_the_history_and_in_the_audit_trail(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    await http.deniz.click(request, "Skip approval")
    await submit_reason(http.deniz, "Now")
    await wait_for_status(http, request, "Applied")
    await http.emma.send(MARKETING, "/flows history 1")
    told = await wait_for_private_message(http.emma, "approval skipped", MARKETING)
    assert "Now" in text_of(told)
    (event,) = [event for event in await read_audit_trail(http) if event["action"] == "change.break_glass"]
    assert (event["actor"], event["flow"], event["details"]["reason"]) == ("U0DENIZ", 1, "Now")


async def test_without_a_reason_the_glass_stays_whole(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    await http.deniz.click(request, "Skip approval")
    await http.deniz.wait_for_view("Reason")
    for reason in ("", "  \n ", "\u200b", "\u3164", "\u00ad", "\u2800", "\u2060\u034f", "\u202e"):
        assert (await http.deniz.submit({"Reason": reason})).errors
    assert WAITING in text_of(request)
    assert list_writes(http) == []


async def test_nobody_else_breaks_it(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    assert "Onayı yalnızca şu kişiler atlayabilir" in await click_and_read(http, http.burak, request, "Skip approval")
    assert "can skip approval." in await click_and_read(http, http.emma, request, "Skip approval")
    assert http.burak.view is None
    assert http.emma.view is None
    assert list_writes(http) == []


async def test_without_anybody_named_there_is_nothing_to_break(http: World) -> None:
    await http.import_policy(approval_policy())
    assert "Skip approval" not in http.deniz.list_buttons(await request_change(http))


@pytest.mark.parametrize("when", ["before the click", "while the form is open"])
async def test_who_is_not_named_any_more_does_not_break_it(http: World, when: str) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    if when == "before the click":
        await http.import_policy(approval_policy())
        assert "don't have permission for requests" in await click_and_read(http, http.deniz, request, "Skip approval")
    else:
        await http.deniz.click(request, "Skip approval")
        await http.deniz.wait_for_view("Reason")
        await http.import_policy(approval_policy())
        (said,) = await submit_reason(http.deniz, "Now")
        assert "don't have permission for requests" in said
    assert WAITING in text_of(request)
    assert list_writes(http) == []


async def test_an_approval_that_was_faster_leaves_nothing_to_break(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    await http.deniz.click(request, "Skip approval")
    await http.deniz.wait_for_view("Reason")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Applied")
    assert await submit_reason(http.deniz, "Now") == ["Too late: it was already applied."]
    assert "skipped approval" not in text_of(over)
    assert list_alarms(http, request) == []
    assert len(list_writes(http)) == 1


async def test_a_broken_glass_is_told_whatever_slack_does_to_the_message(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    await http.deniz.click(request, "Skip approval")
    http.slack.faults.add("chat.update", error="internal_error")
    await submit_reason(http.deniz, "Now")
    await http.deniz.wait_until(lambda: list_alarms(http, request))
    assert len(list_writes(http)) == 1


async def _skip_approval(world: World, request: Message) -> None:
    await world.deniz.click(request, "Skip approval")
    assert await submit_reason(world.deniz, "Now") == []


@pytest.fixture
async def two_bots(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start two bots on one database that look for due work many times a second."""
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.start_http()
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))
    return world


async def test_the_alarm_rings_once_however_often_and_by_whomever_the_rest_is_tried_again(two_bots: World) -> None:
    request = await request_change(two_bots)
    # The word to who asked gets lost, as far as the bots can tell.
    await two_bots.deniz.click(request, "Skip approval")
    await two_bots.deniz.wait_for_view("Reason")
    two_bots.slack.faults.add("chat.postMessage", delay=0.001)
    two_bots.slack.faults.add("chat.postMessage", lose_answer=True, times=3)
    await submit_reason(two_bots.deniz, "Now")
    await wait_for_status(two_bots, request, "Applied")
    await two_bots.emma.wait_until(lambda: len(list_replies(two_bots, request)) == 4, 10)
    assert len(list_notices(two_bots, request)) == 1
    assert len(list_alarms(two_bots, request)) == 1


async def test_the_alarm_does_not_ring_again_for_who_read_the_request_before_it_rang(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifiers: list[SlackNotifier] = []

    def keep(*parts: Any) -> SlackNotifier:
        notifiers.append(SlackNotifier(*parts))
        return notifiers[-1]

    monkeypatch.setattr("flowbot.slack.wiring.SlackNotifier", keep)
    await world.start_http()
    await world.start_http()
    await world.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(world)
    await _skip_approval(world, request)
    await wait_for_status(world, request, "Applied")
    async with world.open_database() as database:
        (change,) = await ChangeRepository(database, world.time.now).closed()
    assert change.progress.is_alarmed
    for notifier in notifiers:
        await notifier.notify(replace(change, progress=replace(change.progress, is_alarmed=False)))
    assert len(list_alarms(world, request)) == 1


async def test_the_alarm_has_rung_when_it_turns_out_later_what_came_of_it(two_bots: World) -> None:
    request = await request_change(two_bots)
    two_bots.enkapush.faults.add(Fault.status(500, method="GET", path="/flows/1", skip=1, times=None))
    await _skip_approval(two_bots, request)
    open_end = await wait_for_status(two_bots, request, "not known")
    two_bots.enkapush.faults.clear()
    await two_bots.burak.click(open_end, "Check again")
    await wait_for_status(two_bots, request, "Applied")
    await wait_for_notice(two_bots, request, "is live · approval skipped by Deniz Kaya")
    assert len(list_alarms(two_bots, request)) == 1


async def test_the_alarm_of_who_asked_and_left_rings_once_and_the_message_is_right(two_bots: World) -> None:
    request = await request_change(two_bots)
    remove_person(two_bots, two_bots.emma)
    await _skip_approval(two_bots, request)
    over = await wait_for_status(two_bots, request, "Applied")
    assert two_bots.deniz.list_buttons(over) == []
    assert len(list_alarms(two_bots, request)) == 1


async def test_where_the_approval_channel_takes_no_alarm_it_rings_where_it_was_asked(two_bots: World) -> None:
    request = await request_change(two_bots)
    await two_bots.deniz.click(request, "Skip approval")
    await two_bots.deniz.wait_for_view("Reason")
    two_bots.slack.workspace.channels[APPROVALS].members.remove("U0FLOWBOT")
    two_bots.slack.workspace.channels[APPROVALS].is_private = True
    await submit_reason(two_bots.deniz, "Now")
    direct = two_bots.slack.workspace.open_direct_message("U0EMMA").id
    told = text_of(await two_bots.emma.wait_for_message(direct, "is live · approval skipped by Deniz Kaya"))
    assert "isn't up to date. flowbot isn't in C0APPROVALS" in told
    assert "Now" in told
    (alarm,) = list_alarms(two_bots, request, MARKETING)
    assert "Deniz Kaya skipped approval" in text_of(alarm)
    two_bots.slack.workspace.channels[APPROVALS].members.append("U0FLOWBOT")
    await wait_for_status(two_bots, request, "Applied", timeout=10)
    assert list_alarms(two_bots, request) == []
    assert len(list_alarms(two_bots, request, MARKETING)) == 1


async def test_whatever_could_not_be_told_is_a_line_in_the_log_each(http: World) -> None:
    await http.import_policy(approval_policy(DENIZ_MAY_SKIP))
    request = await request_change(http)
    await http.deniz.click(request, "Skip approval")
    for method in ("chat.update", "chat.postMessage", "chat.postEphemeral"):
        http.slack.faults.add(method, error="internal_error", times=None)
    with capture_logs() as logs:
        await submit_reason(http.deniz, "Now")
        await wait_until(lambda: any(line["event"] == "telling.later" for line in logs))
    lines = [line for line in logs if line["event"] == "telling.later"]
    assert {line.get("part") for line in lines} == {"message", "alarm", "word"}
    assert all("internal_error" in line["cause"] for line in lines)
    assert all(secret not in str(lines) for secret in (BOT_TOKEN, SIGNING_SECRET))
