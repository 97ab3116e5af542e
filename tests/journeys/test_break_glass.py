"""Breaking the glass: only who is named, only with a reason, and loudly."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import BOT_TOKEN, SIGNING_SECRET, Message, text_of
from flowbot.slack.notify.notifier import SlackNotifier
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import writes
from tests.journeys.request_steps import (
    WAITS,
    alarms,
    answer_to,
    asks,
    audit,
    comes_true,
    ends,
    gives_reason,
    hurry,
    is_told,
    leaves,
    mentioned,
    private,
    rules,
    sent_texts,
)
from tests.journeys.world import APPROVALS, MARKETING, World, on_both_databases

NAMED = 'break_glass = ["U0DENIZ"]'


@on_both_databases
async def test_who_is_named_skips_the_approval_with_a_reason_for_all_to_see(running: World) -> None:
    await running.policy(rules(NAMED))
    request = await asks(running)
    assert "Break glass" in running.deniz.list_buttons(request)
    await running.deniz.click(request, "Break glass")
    assert "without the team's approval" in text_of(await running.deniz.wait_for_view("Reason"))
    await gives_reason(running.deniz, "The price is wrong in the shop")
    over = await ends(running, request, "Applied")
    assert "U0DENIZ broke the glass" in text_of(over)
    assert "The price is wrong in the shop" in text_of(over)
    assert "Approved" not in text_of(over)
    assert running.deniz.list_buttons(over) == []
    assert sent_texts(running) == [{"is_enabled": "1"}]
    await running.deniz.wait_until(lambda: alarms(running, request))
    (alarm,) = alarms(running, request)
    assert "The price is wrong in the shop" in text_of(alarm)
    assert set(mentioned(running, alarm)) == {("user", "U0DENIZ"), ("usergroup", "S0LEADS")}


async def test_it_is_marked_in_the_history_and_in_the_audit_trail(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.click(request, "Break glass")
    await gives_reason(http.deniz, "Now")
    await ends(http, request, "Applied")
    await http.emma.send(MARKETING, "/flows history 1")
    told = await is_told(http.emma, "approval skipped", MARKETING)
    assert "Now" in text_of(told)
    (event,) = [event for event in await audit(http) if event["action"] == "change.break_glass"]
    assert (event["actor"], event["flow"], event["details"]["reason"]) == ("U0DENIZ", 1, "Now")


async def test_without_a_reason_the_glass_stays_whole(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.click(request, "Break glass")
    await http.deniz.wait_for_view("Reason")
    for reason in ("", "  \n ", "\u200b", "\u3164", "\u00ad", "\u2800", "\u2060\u034f", "\u202e"):
        assert (await http.deniz.submit({"Reason": reason})).errors
    assert WAITS in text_of(request)
    assert writes(http) == []


async def test_nobody_else_breaks_it(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    assert "politikası" in await answer_to(http, http.burak, request, "Break glass")
    assert "policy does not let you do that" in await answer_to(http, http.emma, request, "Break glass")
    assert http.burak.view is None
    assert http.emma.view is None
    assert writes(http) == []


async def test_without_anybody_named_there_is_nothing_to_break(http: World) -> None:
    await http.policy(rules())
    assert "Break glass" not in http.deniz.list_buttons(await asks(http))


@pytest.mark.parametrize("when", ["before the click", "while the form is open"])
async def test_who_is_not_named_any_more_does_not_break_it(http: World, when: str) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    if when == "before the click":
        await http.policy(rules())
        assert "policy does not let you do that" in await answer_to(http, http.deniz, request, "Break glass")
    else:
        await http.deniz.click(request, "Break glass")
        await http.deniz.wait_for_view("Reason")
        await http.policy(rules())
        (said,) = await gives_reason(http.deniz, "Now")
        assert "policy does not let you do that" in said
    assert WAITS in text_of(request)
    assert writes(http) == []


async def test_an_approval_that_was_faster_leaves_nothing_to_break(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.click(request, "Break glass")
    await http.deniz.wait_for_view("Reason")
    await http.burak.click(request, "Approve")
    over = await ends(http, request, "Applied")
    assert await gives_reason(http.deniz, "Now") == ["Somebody was faster: it is applied already."]
    assert "broke the glass" not in text_of(over)
    assert alarms(http, request) == []
    assert len(writes(http)) == 1


async def test_a_broken_glass_is_told_whatever_slack_does_to_the_message(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.click(request, "Break glass")
    http.slack.faults.add("chat.update", error="internal_error")
    await gives_reason(http.deniz, "Now")
    await http.deniz.wait_until(lambda: alarms(http, request))
    assert len(writes(http)) == 1


async def _breaks(world: World, request: Message) -> None:
    await world.deniz.click(request, "Break glass")
    assert await gives_reason(world.deniz, "Now") == []


@pytest.fixture
async def pair(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two bots on one database that look after what is due many times a second."""
    hurry(world, monkeypatch)
    await world.start_http()
    await world.start_http()
    await world.policy(rules(NAMED))
    return world


async def test_the_alarm_rings_once_however_often_and_by_whomever_the_rest_is_tried_again(pair: World) -> None:
    request = await asks(pair)
    # The word to who asked gets lost, as far as the bots can tell.
    pair.slack.faults.add("chat.postEphemeral", lose_answer=True, times=None)
    await _breaks(pair, request)
    await ends(pair, request, "Applied")
    await pair.emma.wait_until(lambda: _times_told(pair) == 4, 10)
    assert len(alarms(pair, request)) == 1


async def test_the_alarm_does_not_ring_again_for_who_read_the_request_before_it_rang(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifiers: list[SlackNotifier] = []

    def keep(*parts: Any) -> SlackNotifier:
        notifiers.append(SlackNotifier(*parts))
        return notifiers[-1]

    monkeypatch.setattr("flowbot.bootstrap.SlackNotifier", keep)
    await world.start_http()
    await world.start_http()
    await world.policy(rules(NAMED))
    request = await asks(world)
    await _breaks(world, request)
    await ends(world, request, "Applied")
    async with world.open_database() as database:
        (change,) = await ChangeRepository(database, world.time.now).closed()
    assert change.progress.is_alarmed
    for notifier in notifiers:
        await notifier.notify(replace(change, progress=replace(change.progress, is_alarmed=False)), None)
    assert len(alarms(world, request)) == 1


def _times_told(world: World) -> int:
    return len([text for text in private(world, world.emma, MARKETING) if "Enable #1: Applied" in text])


async def test_the_alarm_has_rung_when_it_turns_out_later_what_came_of_it(pair: World) -> None:
    request = await asks(pair)
    pair.enkapush.faults.add(Fault.status(500, method="GET", path="/flows/1", skip=1, times=None))
    await _breaks(pair, request)
    open_end = await ends(pair, request, "not known")
    pair.enkapush.faults.clear()
    await pair.burak.click(open_end, "Check again")
    await ends(pair, request, "Applied")
    await is_told(pair.emma, "Enable #1: Applied", MARKETING)
    assert len(alarms(pair, request)) == 1


async def test_the_alarm_of_who_asked_and_left_rings_once_and_the_message_is_right(pair: World) -> None:
    request = await asks(pair)
    leaves(pair, pair.emma)
    await _breaks(pair, request)
    over = await ends(pair, request, "Applied")
    assert pair.deniz.list_buttons(over) == []
    assert len(alarms(pair, request)) == 1


async def test_where_the_approval_channel_takes_no_alarm_it_rings_where_it_was_asked(pair: World) -> None:
    request = await asks(pair)
    await pair.deniz.click(request, "Break glass")
    await pair.deniz.wait_for_view("Reason")
    pair.slack.workspace.channels[APPROVALS].members.remove("U0FLOWBOT")
    pair.slack.workspace.channels[APPROVALS].is_private = True
    await gives_reason(pair.deniz, "Now")
    told = text_of(await is_told(pair.emma, "Enable #1: Applied", MARKETING))
    assert "U0DENIZ broke the glass" in told
    assert "Now" in told
    (alarm,) = alarms(pair, request, MARKETING)
    assert "U0DENIZ broke the glass" in text_of(alarm)
    pair.slack.workspace.channels[APPROVALS].members.append("U0FLOWBOT")
    await ends(pair, request, "Applied", timeout=10)
    assert alarms(pair, request) == []
    assert len(alarms(pair, request, MARKETING)) == 1


async def test_whatever_could_not_be_told_is_a_line_in_the_log_each(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.click(request, "Break glass")
    for method in ("chat.update", "chat.postMessage", "chat.postEphemeral"):
        http.slack.faults.add(method, error="internal_error", times=None)
    with capture_logs() as logs:
        await gives_reason(http.deniz, "Now")
        await comes_true(lambda: any(line["event"] == "telling.later" for line in logs))
    lines = [line for line in logs if line["event"] == "telling.later"]
    assert {line.get("part") for line in lines} == {"message", "alarm", "word"}
    assert all("internal_error" in line["cause"] for line in lines)
    assert all(secret not in str(lines) for secret in (BOT_TOKEN, SIGNING_SECRET))
