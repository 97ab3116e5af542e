"""Approvals that do not hold any more, or of which Slack does not tell, by the time the change is to be applied."""

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

TWO = "quorum = 2"
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
def hurried(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose bot looks after what is due many times a second; it is not started yet."""
    speed_up(world, monkeypatch)
    return world


@pytest.fixture
async def quick(hurried: World) -> World:
    """A hurried world in which the bot runs."""
    await hurried.start_http()
    return hurried


# --- what Slack says for certain -----------------------------------------------------------------------------------


async def test_everyone_of_a_private_channel_that_the_bot_was_removed_from_is_nobody(quick: World) -> None:
    await quick.import_policy(EVERYONE_OF_A_PRIVATE_CHANNEL)
    members = quick.slack.workspace.channels[APPROVALS].members
    await quick.emma.send(APPROVALS, f"/flows enable {add_flow(quick, is_enabled=False)}")
    request = await quick.deniz.wait_for_message(
        APPROVALS, lambda message: "Approve" in quick.deniz.list_buttons(message)
    )
    members.remove("U0FLOWBOT")
    await quick.burak.click(request, "Approve")
    told = await quick.emma.wait_for_message(
        quick.slack.workspace.open_direct_message("U0EMMA").id, "Enable #1: Failed"
    )
    assert "does not let flowbot show that" in text_of(told)
    quick.time.ahead += 10 * DAYS
    members.append("U0FLOWBOT")
    over = await wait_for_status(quick, request, "flowbot is not in the channel where this was asked for", timeout=10)
    assert list_writes(quick) == []
    assert quick.emma.list_buttons(over) == ["Ask again"]


async def test_an_approver_whom_slack_does_not_know_any_more_does_not_count(quick: World) -> None:
    first, second = add_people(quick, 2)
    await quick.import_policy(approval_policy(TWO))
    request = await request_change(quick)
    await first.click(request, "Approve")
    await wait_for_status(quick, request, "1 of 2 approvals")
    del quick.slack.workspace.people[first.id]
    quick.time.ahead += 4
    await second.click(request, "Approve")
    over = await wait_for_status(quick, request, "Slack does not know somebody any more who decided on this")
    assert "Failed" in text_of(over)
    assert list_writes(quick) == []


@pytest.mark.parametrize("method", ["users.info", "usergroups.list", "conversations.members"])
async def test_where_flowbot_may_not_look_up_who_approved_the_approval_does_not_count(
    quick: World, method: str
) -> None:
    by = "*" if method == "conversations.members" else "S0LEADS"
    request = await approved_while(quick, method, "missing_scope", approvers=f'["{by}", "U0DENIZ"]')
    over = await wait_for_status(quick, request, "Slack does not let flowbot look up whether the approvals still count")
    assert "missing_scope" in text_of(over)
    assert "Failed" in text_of(over)
    assert list_writes(quick) == []


# --- what Slack does not say for now -------------------------------------------------------------------------------


@on_both_databases
async def test_while_slack_does_not_say_the_request_is_shown_as_approved(quick: World) -> None:
    request = await approved_while(quick, "users.info", "internal_error")
    held = await wait_for_status(quick, request, "Approved by U0BURAK, U0DENIZ")
    assert WAITING not in text_of(held)
    assert quick.emma.list_buttons(held) == []
    await wait_for_private_message(quick.deniz, "Slack does not say at the moment whether those who decided still may")
    assert list_writes(quick) == []
    quick.slack.faults.clear()
    quick.time.ahead += 4
    await wait_for_status(quick, request, "Applied", timeout=10)
    assert all_sent_fields(quick) == [{"is_enabled": "1"}]


@on_both_databases
async def test_what_slack_did_not_say_before_the_request_expired_is_not_done_any_more(quick: World) -> None:
    request = await approved_while(quick, "users.info", "internal_error")
    await wait_for_status(quick, request, "Approved by U0BURAK, U0DENIZ")
    quick.time.ahead += 3 * DAYS
    over = await wait_for_status(quick, request, "expired before it could be done", timeout=10)
    assert "Failed" in text_of(over)
    assert quick.emma.list_buttons(over) == ["Ask again"]
    quick.slack.faults.clear()
    await quick.emma.click(over, "Ask again")
    await asked_anew(quick, over)
    assert list_writes(quick) == []


async def test_a_message_that_shows_the_approvals_is_left_alone_while_slack_does_not_say(quick: World) -> None:
    request = await approved_while(quick, "users.info", "internal_error")
    await wait_for_status(quick, request, "Approved by U0BURAK, U0DENIZ")
    quick.slack.faults.clear()
    quick.slack.faults.add("users.info", error="internal_error")
    drawn = quick.slack.faults.add("chat.update", delay=0.001, times=2)
    quick.time.ahead += 4
    await wait_for_status(quick, request, "Applied", timeout=10)
    assert drawn.times == 1


# --- who is named --------------------------------------------------------------------------------------------------


async def test_an_approval_that_does_not_count_any_more_is_named_as_such(quick: World) -> None:
    first, second = add_people(quick, 2)
    request = await loses_the_right(quick, first, second)
    over = text_of(await wait_for_status(quick, request, "Failed"))
    assert f"Approved by {first.id}" not in over
    assert f"1 of 2 approvals: {second.id}" in over
    assert f"Does not count any more: {first.id}" in over


async def test_what_lapsed_is_asked_for_again(quick: World) -> None:
    first, second = add_people(quick, 2)
    request = await loses_the_right(quick, first, second)
    over = await wait_for_status(quick, request, "Failed")
    assert quick.emma.list_buttons(over) == ["Ask again"]
    await quick.emma.click(over, "Ask again")
    anew = await asked_anew(quick, over)
    for person in (second, quick.burak):
        await person.click(anew, "Approve")
    await wait_for_status(quick, anew, "Applied")
    assert all_sent_fields(quick) == [{"is_enabled": "1"}]


# --- helpers -------------------------------------------------------------------------------------------------------


async def approved_while(
    world: World, method: str, error: str, *, approvers: str = '["S0LEADS", "U0DENIZ"]'
) -> Message:
    """A request that Burak and Deniz have approved, of whose rights Slack says nothing else any more than `error`."""
    await world.import_policy(approval_policy(TWO, approvers=approvers))
    request = await request_change(world)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "1 of 2 approvals")
    await world.deniz.send(MARKETING, "/flows help")
    await world.deniz.wait_for_message(MARKETING, "flowbot")
    world.slack.faults.add(method, error=error, times=None)
    world.time.ahead += 4
    await world.deniz.click(request, "Approve")
    return request


async def asked_anew(world: World, over: Message) -> Message:
    """The request that follows another one."""
    return await world.deniz.wait_for_message(APPROVALS, lambda each: each.ts != over.ts and WAITING in text_of(each))


async def loses_the_right(world: World, first: SandboxPerson, second: SandboxPerson) -> Message:
    """A request that two have approved, the first of whom had left the approvers by then."""
    await world.import_policy(approval_policy(TWO))
    request = await request_change(world)
    await first.click(request, "Approve")
    await wait_for_status(world, request, "1 of 2 approvals")
    world.slack.workspace.groups["S0LEADS"].users.remove(first.id)
    world.time.ahead += 4
    await second.click(request, "Approve")
    return request
