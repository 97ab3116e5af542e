"""Outcomes of an approved request, in Enkapush and in its message, with every fault of Enkapush and Slack."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault, Image
from flowbot.sandbox.enkapush.faults import FaultScope
from flowbot.sandbox.enkapush.responses import serialize_flow
from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import PNG, add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    WAITING,
    all_sent_fields,
    approval_policy,
    click_and_read,
    request_change,
    speed_up,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

READ: Final[FaultScope] = {"method": "GET", "path": "/flows/1", "times": None}
WRITE: Final[FaultScope] = {"method": "POST", "path": "/flows/1"}
DIFFERENT: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "name": ({"name": "Other"}, "Name: Old name → Other"),
    "title": ({"title": "Other"}, "Title: Old title → Other"),
    "description": ({"description": "Other"}, "Description: Old text → Other"),
    "url": ({"url": "https://other.example"}, "URL: https://lale.example/old → https://other.example"),
    "wait_time": ({"wait_time": 4}, "Wait: 3 hours → 4 hours"),
    "wait_time_type": ({"wait_time_type": "days"}, "Wait: 3 hours → 3 days"),
    "ttl": ({"ttl": 3600}, "Time to live: 1 day → 1 hour"),
    "is_silent": ({"is_silent": False}, "Silent: Yes → No"),
    "is_auto_hide": ({"is_auto_hide": True}, "Auto-hide: No → Yes"),
    "button_title_1": ({"button_title_1": "Other"}, "Old button → https://lale.example/button → Other → "),
    "button_url_1": ({"button_url_1": "https://other.example"}, "Old button → https://other.example"),
    "button_title_2": ({"button_title_2": "Other"}, "Button 2"),
    "button_url_2": ({"button_url_2": "https://other.example"}, "Button 2"),
    "is_enabled": ({"is_enabled": True}, "State: Disabled → Enabled"),
    "website_id": ({"website_id": 2}, "Website: Lale Moda → Northbound Outdoor"),
    "image_url": ({"image": Image("other.png", "image/png", PNG)}, "Image: "),
}
REFUSALS: Final[dict[str, tuple[Fault, str]]] = {
    "422": (Fault.status(422, '{"errors": {"title": ["Too <b>long</b>."]}}', **WRITE), "title: Too <b>long</b>."),
    "429": (Fault.too_many(1, **WRITE), "too busy"),
    "401": (Fault.status(401, **WRITE), "doesn't accept flowbot's API key"),
    "gone": (Fault.status(404, **WRITE), "no longer exists"),
    "cannot be read": (Fault.status(500, **READ), "answered with an error"),
    "cut at the read": (Fault.reset(**READ), "can't reach Enkapush"),
    "silent at the read": (Fault.hang(**READ), "didn't answer in time"),
}
IGNORED: Final = {
    "200": Fault.status(200, '{"data": {"id": 1}}', **WRITE),
    "another id": Fault.status(200, '{"data": {"id": 7}}', **WRITE),
    "no id": Fault.empty(**WRITE),
    "a page": Fault.html(200, **WRITE),
}
DONE_AFTER_ALL: Final = {
    "cut before": Fault.reset(**WRITE),
    "silent before": Fault.hang(**WRITE),
    "500 before": Fault.status(500, **WRITE),
    "cut after": Fault.reset(after_effect=True, **WRITE),
    "silent after": Fault.hang(after_effect=True, **WRITE),
    "500 after": Fault.status(500, after_effect=True, **WRITE),
    "no word after": Fault.empty(after_effect=True, **WRITE),
    "half a word after": Fault.truncated(**WRITE),
}


@pytest.fixture
async def fast_http(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Start a bot that gives Enkapush little time, and looks for due work many times a second."""
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy())
    yield world
    world.enkapush.release()


# --- out of date ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", DIFFERENT)
async def test_a_flow_that_was_changed_since_is_left_alone(http: World, field: str) -> None:
    changed, shown = DIFFERENT[field]
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.enkapush.store.update_flow(1, **changed)
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Out of date")
    assert shown in text_of(over)
    assert http.deniz.list_buttons(over) == ["Ask again"]
    assert list_writes(http) == []


async def test_totals_and_times_do_not_count(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    now = http.enkapush.store.now()
    http.enkapush.store.update_flow(
        1,
        total_sent_push_notifications=9,
        total_displayed_push_notifications=8,
        total_clicked_push_notifications=7,
        total_closed_push_notifications=6,
        last_sent_datetime=now,
        last_datetime=now,
    )
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_a_flow_that_is_gone_is_out_of_date(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.enkapush.store.delete_flow(1)
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Out of date")
    assert "no longer exists in Enkapush" in text_of(over)
    assert http.deniz.list_buttons(over) == []
    assert list_writes(http) == []


@in_both_modes
async def test_what_is_out_of_date_is_asked_again_of_the_flow_as_it_is_now(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    running.enkapush.store.update_flow(1, title="Other")
    await running.burak.click(request, "Approve")
    over = await wait_for_status(running, request, "Out of date")
    await running.ayse.click(over, "Ask again")
    again = await running.deniz.wait_for_message(APPROVALS, "Onay bekliyor")
    assert "Other" in text_of(again)
    await running.burak.click(again, "Onayla")
    await wait_for_status(running, again, "Uygulandı")
    assert all_sent_fields(running) == [{"is_enabled": "1"}]


async def test_an_edit_that_is_asked_again_leaves_what_others_changed(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({"Title": "Mine"})
    request = await http.deniz.wait_for_message(APPROVALS, WAITING)
    http.enkapush.store.update_flow(1, description="Theirs")
    await http.burak.click(request, "Approve")
    await http.emma.click(await wait_for_status(http, request, "Out of date"), "Ask again")
    again = await http.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Title: Old title → Mine" in text_of(again)
    assert "Description:" not in text_of(again)
    await http.burak.click(again, "Approve")
    await wait_for_status(http, again, "Applied")
    assert all_sent_fields(http) == [{"title": "Mine"}]
    assert http.enkapush.store.flow(1).description == "Theirs"


async def test_who_may_not_edit_does_not_ask_again(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.enkapush.store.update_flow(1, title="Other")
    await http.burak.click(request, "Approve")
    over = await wait_for_status(http, request, "Out of date")
    assert "can do this." in await click_and_read(http, http.deniz, over, "Ask again")


# --- Enkapush fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_did_not_happen_has_failed_with_a_reason(fast_http: World, case: str) -> None:
    fault, reason = REFUSALS[case]
    request = await request_change(fast_http)
    fast_http.enkapush.faults.add(fault)
    await fast_http.burak.click(request, "Approve")
    over = await wait_for_status(fast_http, request, "Failed")
    assert reason in text_of(over)
    assert fast_http.deniz.list_buttons(over) == []
    assert len(list_writes(fast_http)) == (fault.method == "POST")
    assert not fast_http.enkapush.store.flow(1).is_enabled
    await wait_for_notice(fast_http, request, "could not be enabled")


@pytest.mark.parametrize("case", IGNORED)
async def test_what_is_answered_and_not_seen_is_not_known(fast_http: World, case: str) -> None:
    request = await request_change(fast_http)
    fast_http.enkapush.faults.add(IGNORED[case])
    await fast_http.burak.click(request, "Approve")
    open_end = await wait_for_status(fast_http, request, "not known")
    assert "Flow #1 doesn't show as enabled in Enkapush yet" in text_of(open_end)
    assert fast_http.deniz.list_buttons(open_end) == ["Check again"]
    assert len(list_writes(fast_http)) == 1


@pytest.mark.parametrize("asked", ["enable", "delete"])
async def test_what_is_seen_late_was_done(fast_http: World, asked: str) -> None:
    request = await request_change(fast_http, asked)
    as_before = json.dumps({"data": serialize_flow(fast_http.enkapush.store.flow(1), "")}, default=str)
    fast_http.enkapush.faults.add(Fault.status(200, as_before, method="GET", path="/flows/1", skip=1, times=2))
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")
    assert len(list_writes(fast_http)) == 1
    assert not fast_http.enkapush.faults.pending


@pytest.mark.parametrize("case", DONE_AFTER_ALL)
async def test_what_was_cut_off_is_looked_for_and_done_once(fast_http: World, case: str) -> None:
    request = await request_change(fast_http)
    fast_http.enkapush.faults.add(DONE_AFTER_ALL[case])
    await fast_http.burak.click(request, "Approve")
    over = await wait_for_status(fast_http, request, "Applied")
    assert fast_http.deniz.list_buttons(over) == []
    assert fast_http.enkapush.store.flow(1).is_enabled
    assert len(list_writes(fast_http)) == (1 if "after" in case else 2)


@on_both_databases
async def test_what_cannot_be_read_back_is_not_known_until_somebody_looks_again(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.enkapush.faults.add(Fault.status(500, method="GET", path="/flows/1", skip=1, times=None))
    await fast_http.burak.click(request, "Approve")
    open_end = await wait_for_status(fast_http, request, "not known")
    assert fast_http.deniz.list_buttons(open_end) == ["Check again"]
    await click_and_read(fast_http, fast_http.burak, open_end, "Check again")
    assert "not known" in text_of(open_end)
    fast_http.enkapush.faults.clear()
    assert "can do this." in await click_and_read(fast_http, fast_http.deniz, open_end, "Check again")
    await fast_http.burak.click(open_end, "Check again")
    over = await wait_for_status(fast_http, request, "Applied")
    assert fast_http.deniz.list_buttons(over) == []
    assert len(list_writes(fast_http)) == 1


async def test_what_never_came_is_not_known_and_never_called_failed(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.enkapush.faults.add(Fault.reset(method="POST", path="/flows/1", times=None))
    await fast_http.burak.click(request, "Approve")
    open_end = await wait_for_status(fast_http, request, "not known")
    for seconds in (0, 3600, 25 * 3600):
        fast_http.time.ahead += seconds
        assert "Still not known" in await click_and_read(fast_http, fast_http.emma, open_end, "Check again")
    assert "not known" in text_of(open_end)
    assert "Failed" not in text_of(open_end)


@pytest.mark.parametrize(
    ("by", "done", "warning"),
    [
        ("emma", "Applied", "⚠ The flow differs in more than was approved"),
        ("ayse", "Uygulandı", "⚠ Akışta onaylanandan başka farklar da var"),
    ],
)
async def test_what_differs_besides_from_what_was_approved_is_said(
    fast_http: World, monkeypatch: pytest.MonkeyPatch, by: str, done: str, warning: str
) -> None:
    request = await request_change(fast_http, by=fast_http.slack.person(f"U0{by.upper()}"))
    store = fast_http.enkapush.store
    real = store.update_flow

    def update(flow_id: int, **fields: Any) -> Any:
        return real(flow_id, **fields, title="Theirs")

    monkeypatch.setattr(store, "update_flow", update)
    label = "Approve" if by == "emma" else "Onayla"
    await fast_http.burak.click(request, label)
    over = text_of(await wait_for_status(fast_http, request, done))
    assert warning in over
    assert ": Old title → Theirs" in over


async def test_a_refused_edit_leaves_its_fields_for_all_to_see(fast_http: World) -> None:
    add_flow(fast_http, is_enabled=True)
    await open_form(fast_http.emma, "/flows edit 1")
    await fast_http.emma.submit({"Title": "Mine"})
    request = await fast_http.deniz.wait_for_message(APPROVALS, WAITING)
    fast_http.enkapush.faults.add(Fault.status(422, **WRITE))
    await fast_http.burak.click(request, "Approve")
    over = await wait_for_status(fast_http, request, "Failed")
    assert "Title: Old title → Mine" in text_of(over)


# --- Slack fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [{"status": 429, "retry_after": 0}, {"status": 500}, {"error": "internal_error"}, {"lose_answer": True}]
)
async def test_the_message_is_right_in_the_end_whatever_slack_does_to_it(
    fast_http: World, fault: dict[str, Any]
) -> None:
    request = await request_change(fast_http)
    fast_http.slack.faults.add("chat.update", **fault, times=4)
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied", timeout=10)
    assert len(list_writes(fast_http)) == 1


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("not_in_channel", "flowbot isn't in C0APPROVALS; add it there with /invite"),
        ("channel_not_found", "flowbot isn't in C0APPROVALS; add it there with /invite"),
        ("is_archived", "C0APPROVALS is archived; unarchive it to see the message"),
    ],
)
async def test_a_request_that_cannot_be_posted_is_kept_told_and_posted_later(
    fast_http: World, reason: str, why: str
) -> None:
    add_flow(fast_http)
    fast_http.slack.faults.add("chat.postMessage", error=reason, times=None)
    await fast_http.emma.send(MARKETING, "/flows enable 1 Sale")
    await wait_for_private_message(fast_http.emma, "Your request is saved, but not posted yet", MARKETING)
    await wait_for_private_message(fast_http.emma, why, MARKETING)
    await fast_http.emma.send(MARKETING, "/flows enable 1 Sale")
    await wait_for_private_message(fast_http.emma, "Flow #1 already has an open request", MARKETING)
    fast_http.slack.faults.clear()
    request = await fast_http.deniz.wait_for_message(APPROVALS, WAITING, 10)
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")
    assert len(await fast_http.deniz.list_messages(APPROVALS)) == 1


async def test_a_message_that_was_deleted_comes_back(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.slack.context.mutations.delete_message(request)
    fast_http.time.ahead += 72 * 3600
    over = await fast_http.deniz.wait_for_message(APPROVALS, "Expired")
    assert over.ts != request.ts


async def test_a_channel_that_was_archived_gets_the_outcome_when_it_is_open_again(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.slack.workspace.channels[APPROVALS].is_archived = True
    fast_http.time.ahead += 72 * 3600
    direct = fast_http.slack.workspace.open_direct_message("U0EMMA").id
    told = await fast_http.emma.wait_for_message(direct, "Request to enable flow #1 Old name expired")
    assert "isn't up to date. C0APPROVALS is archived; unarchive it" in text_of(told)
    assert WAITING in text_of(request)
    fast_http.slack.workspace.channels[APPROVALS].is_archived = False
    await wait_for_status(fast_http, request, "Expired", timeout=10)


async def test_a_bot_that_was_removed_posts_the_outcome_when_it_is_back(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.slack.workspace.channels[APPROVALS].members.remove("U0FLOWBOT")
    fast_http.time.ahead += 72 * 3600
    direct = fast_http.slack.workspace.open_direct_message("U0EMMA").id
    told = await fast_http.emma.wait_for_message(direct, "Request to enable flow #1 Old name expired")
    assert "isn't up to date. flowbot isn't in C0APPROVALS; add it there" in text_of(told)
    fast_http.slack.workspace.channels[APPROVALS].members.append("U0FLOWBOT")
    await wait_for_status(fast_http, request, "Expired", timeout=10)
    assert (
        len([message for message in await fast_http.deniz.list_messages(APPROVALS) if WAITING in text_of(message)]) == 0
    )
