"""Breaking the glass: only who is named, only with a reason, and loudly."""

import pytest

from flowbot.sandbox.slack import text_of
from tests.journeys.at_a_form import writes
from tests.journeys.at_a_request import (
    WAITS,
    alarms,
    answer_to,
    asks,
    audit,
    ends,
    gives_reason,
    is_told,
    mentioned,
    rules,
    sent_texts,
)
from tests.journeys.world import MARKETING, World, on_both_databases

NAMED = 'break_glass = ["U0DENIZ"]'


@on_both_databases
async def test_who_is_named_skips_the_approval_with_a_reason_for_all_to_see(running: World) -> None:
    await running.policy(rules(NAMED))
    request = await asks(running)
    assert "Break glass" in running.deniz.buttons(request)
    await running.deniz.clicks(request, "Break glass")
    assert "without the team's approval" in text_of(await running.deniz.waits_for_view("Reason"))
    await gives_reason(running.deniz, "The price is wrong in the shop")
    over = await ends(running, request, "Applied")
    assert "U0DENIZ broke the glass" in text_of(over)
    assert "The price is wrong in the shop" in text_of(over)
    assert "Approved" not in text_of(over)
    assert running.deniz.buttons(over) == []
    assert sent_texts(running) == [{"is_enabled": "1"}]
    await running.deniz.waits_until(lambda: alarms(running, request))
    (alarm,) = alarms(running, request)
    assert "The price is wrong in the shop" in text_of(alarm)
    assert set(mentioned(running, alarm)) == {("user", "U0DENIZ"), ("usergroup", "S0LEADS")}


async def test_it_is_marked_in_the_history_and_in_the_audit_trail(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.clicks(request, "Break glass")
    await gives_reason(http.deniz, "Now")
    await ends(http, request, "Applied")
    await http.emma.types(MARKETING, "/flows history 1")
    told = await is_told(http.emma, "approval skipped", MARKETING)
    assert "Now" in text_of(told)
    (event,) = [event for event in await audit(http) if event["action"] == "change.break_glass"]
    assert (event["actor"], event["flow"], event["details"]["reason"]) == ("U0DENIZ", 1, "Now")


async def test_without_a_reason_the_glass_stays_whole(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.clicks(request, "Break glass")
    await http.deniz.waits_for_view("Reason")
    for reason in ("", "  \n ", "\u200b", "\u3164", "\u00ad", "\u2800", "\u2060\u034f", "\u202e"):
        assert (await http.deniz.submits({"Reason": reason})).errors
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
    assert "Break glass" not in http.deniz.buttons(await asks(http))


@pytest.mark.parametrize("when", ["before the click", "while the form is open"])
async def test_who_is_not_named_any_more_does_not_break_it(http: World, when: str) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    if when == "before the click":
        await http.policy(rules())
        assert "policy does not let you do that" in await answer_to(http, http.deniz, request, "Break glass")
    else:
        await http.deniz.clicks(request, "Break glass")
        await http.deniz.waits_for_view("Reason")
        await http.policy(rules())
        (said,) = await gives_reason(http.deniz, "Now")
        assert "policy does not let you do that" in said
    assert WAITS in text_of(request)
    assert writes(http) == []


async def test_an_approval_that_was_faster_leaves_nothing_to_break(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.clicks(request, "Break glass")
    await http.deniz.waits_for_view("Reason")
    await http.burak.clicks(request, "Approve")
    over = await ends(http, request, "Applied")
    assert await gives_reason(http.deniz, "Now") == ["Somebody was faster: it is applied already."]
    assert "broke the glass" not in text_of(over)
    assert alarms(http, request) == []
    assert len(writes(http)) == 1


async def test_a_broken_glass_is_told_whatever_slack_does_to_the_message(http: World) -> None:
    await http.policy(rules(NAMED))
    request = await asks(http)
    await http.deniz.clicks(request, "Break glass")
    http.slack.faults.add("chat.update", error="internal_error")
    await gives_reason(http.deniz, "Now")
    await http.deniz.waits_until(lambda: alarms(http, request))
    assert len(writes(http)) == 1
