"""Approvals that do not hold any more, or that Slack says nothing of, by the time the change is to be applied."""

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    all_sent_fields,
    approval_policy,
    request_change,
    speed_up,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, on_both_databases

TWO_APPROVALS = "quorum = 2"
EVERYONE_OF_A_PRIVATE_CHANNEL = f"""
[[channels]]
id = "{APPROVALS}"
websites = [1]
viewers = ["*"]
editors = ["*"]
approvers = ["*"]
"""
DAYS = 24 * 3600


@pytest.fixture
def fast_world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose bot looks for due work many times a second; it is not started yet."""
    speed_up(world, monkeypatch)
    return world


@pytest.fixture
async def fast_http(fast_world: World) -> World:
    """Start a bot that looks for due work many times a second."""
    await fast_world.start_http()
    return fast_world


# --- what Slack says for certain -----------------------------------------------------------------------------------


async def test_everyone_of_a_private_channel_that_the_bot_was_removed_from_is_nobody(fast_http: World) -> None:
    await fast_http.import_policy(EVERYONE_OF_A_PRIVATE_CHANNEL)
    members = fast_http.slack.workspace.channels[APPROVALS].members
    await fast_http.emma.send(APPROVALS, f"/flows enable {add_flow(fast_http, is_enabled=False)}")
    request = await fast_http.deniz.wait_for_message(
        APPROVALS, lambda message: "Approve" in fast_http.deniz.list_buttons(message)
    )
    members.remove("U0FLOWBOT")
    await fast_http.burak.click(request, "Approve")
    told = await fast_http.emma.wait_for_message(
        fast_http.slack.workspace.open_direct_message("U0EMMA").id, "Flow #1 Old name could not be enabled"
    )
    assert "isn't up to date" in text_of(told)
    fast_http.time.ahead += 10 * DAYS
    members.append("U0FLOWBOT")
    over = await wait_for_status(fast_http, request, "flowbot isn't in the request's channel", timeout=10)
    assert list_writes(fast_http) == []
    assert fast_http.emma.list_buttons(over) == ["Ask again"]


async def test_an_approver_whom_slack_does_not_know_any_more_does_not_count(fast_http: World) -> None:
    first, second = add_people(fast_http, 2)
    await fast_http.import_policy(approval_policy(TWO_APPROVALS))
    request = await request_change(fast_http)
    await first.click(request, "Approve")
    await wait_for_status(fast_http, request, "1/2 approvals")
    del fast_http.slack.workspace.people[first.id]
    fast_http.time.ahead += 4
    await second.click(request, "Approve")
    over = await wait_for_status(fast_http, request, "Slack no longer knows one of the approvers")
    assert "Failed" in text_of(over)
    assert list_writes(fast_http) == []


@pytest.mark.parametrize("method", ["users.info", "usergroups.list", "conversations.members"])
async def test_where_flowbot_may_not_look_up_who_approved_the_approval_does_not_count(
    fast_http: World, method: str
) -> None:
    by = "*" if method == "conversations.members" else "S0LEADS"
    request = await approve_while_slack_fails(fast_http, method, "missing_scope", approvers=f'["{by}", "U0DENIZ"]')
    over = await wait_for_status(fast_http, request, "Slack didn't let flowbot check the approvals")
    assert "missing_scope" in text_of(over)
    assert "Failed" in text_of(over)
    assert list_writes(fast_http) == []


# --- what Slack does not say for now -------------------------------------------------------------------------------


@on_both_databases
async def test_while_slack_does_not_say_the_request_is_shown_as_approved(fast_http: World) -> None:
    request = await approve_while_slack_fails(fast_http, "users.info", "internal_error")
    held = await wait_for_status(fast_http, request, "approved by U0BURAK, U0DENIZ")
    assert WAITING not in text_of(held)
    assert fast_http.emma.list_buttons(held) == []
    await wait_for_private_message(fast_http.deniz, "Slack can't confirm the approvers' permissions")
    assert list_writes(fast_http) == []
    fast_http.slack.faults.clear()
    fast_http.time.ahead += 4
    await wait_for_status(fast_http, request, "Applied", timeout=10)
    assert all_sent_fields(fast_http) == [{"is_enabled": "1"}]


@on_both_databases
async def test_what_slack_did_not_say_before_the_request_expired_is_not_done_any_more(fast_http: World) -> None:
    request = await approve_while_slack_fails(fast_http, "users.info", "internal_error")
    await wait_for_status(fast_http, request, "approved by U0BURAK, U0DENIZ")
    fast_http.time.ahead += 3 * DAYS
    over = await wait_for_status(fast_http, request, "expired before it could be applied", timeout=10)
    assert "Failed" in text_of(over)
    assert fast_http.emma.list_buttons(over) == ["Ask again"]
    fast_http.slack.faults.clear()
    await fast_http.emma.click(over, "Ask again")
    await wait_for_next_request(fast_http, over)
    assert list_writes(fast_http) == []


async def test_a_message_that_shows_the_approvals_is_left_alone_while_slack_does_not_say(fast_http: World) -> None:
    request = await approve_while_slack_fails(fast_http, "users.info", "internal_error")
    await wait_for_status(fast_http, request, "approved by U0BURAK, U0DENIZ")
    fast_http.slack.faults.clear()
    fast_http.slack.faults.add("users.info", error="internal_error")
    drawn = fast_http.slack.faults.add("chat.update", delay=0.001, times=2)
    fast_http.time.ahead += 4
    await wait_for_status(fast_http, request, "Applied", timeout=10)
    assert drawn.times == 1


# --- who is named --------------------------------------------------------------------------------------------------


async def test_an_approval_that_does_not_count_any_more_is_named_as_such(fast_http: World) -> None:
    first, second = add_people(fast_http, 2)
    request = await approve_and_lose_right(fast_http, first, second)
    over = text_of(await wait_for_status(fast_http, request, "Failed"))
    assert f"approved by {first.id}" not in over
    assert f"1/2 approvals: {second.id}" in over
    assert f"No longer counted: {first.id}" in over


async def test_what_lapsed_is_asked_for_again(fast_http: World) -> None:
    first, second = add_people(fast_http, 2)
    request = await approve_and_lose_right(fast_http, first, second)
    over = await wait_for_status(fast_http, request, "Failed")
    assert fast_http.emma.list_buttons(over) == ["Ask again"]
    await fast_http.emma.click(over, "Ask again")
    anew = await wait_for_next_request(fast_http, over)
    for person in (second, fast_http.burak):
        await person.click(anew, "Approve")
    await wait_for_status(fast_http, anew, "Applied")
    assert all_sent_fields(fast_http) == [{"is_enabled": "1"}]


# --- helpers -------------------------------------------------------------------------------------------------------


async def approve_while_slack_fails(
    world: World, method: str, error: str, *, approvers: str = '["S0LEADS", "U0DENIZ"]'
) -> Message:
    """Let Burak and Deniz approve a request while Slack answers `error` to `method`."""
    await world.import_policy(approval_policy(TWO_APPROVALS, approvers=approvers))
    request = await request_change(world)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "1/2 approvals")
    await world.deniz.send(MARKETING, "/flows help")
    await world.deniz.wait_for_message(MARKETING, "flowbot")
    world.slack.faults.add(method, error=error, times=None)
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    return request


async def wait_for_next_request(world: World, over: Message) -> Message:
    """Wait for the request that follows another one."""
    return await world.deniz.wait_for_message(APPROVALS, lambda each: each.ts != over.ts and WAITING in text_of(each))


async def approve_and_lose_right(world: World, first: SandboxPerson, second: SandboxPerson) -> Message:
    """Let two people approve a request, the first of whom leaves the approvers before the second approves."""
    await world.import_policy(approval_policy(TWO_APPROVALS))
    request = await request_change(world)
    await first.click(request, "Approve")
    await wait_for_status(world, request, "1/2 approvals")
    world.slack.workspace.groups["S0LEADS"].users.remove(first.id)
    world.time.ahead += 4
    await second.click(request, "Approve")
    return request
