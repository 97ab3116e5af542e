"""Pending requests: expiry on the dot, reminders, and `/flows approvals`."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import submission_event
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease
from flowbot.domain.flow import DesiredFlow, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.worker.recovery import NOTIFYING_SECONDS
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    list_mentions,
    list_notices,
    list_replies,
    request_change,
    request_change_and_wait,
    speed_up,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import (
    APPROVALS,
    MARKETING,
    RANDOM,
    World,
    in_both_modes,
    on_both_databases,
)

HOUR = 3600
EIGHT_HOURS = "expires_after_hours = 8"
SLOW: Final = NOTIFYING_SECONDS + 0.5
"""Seconds after which who did not know that somebody is telling would tell again."""


@pytest.fixture
async def fast_http(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot that looks for due work many times a second."""
    speed_up(world, monkeypatch)
    await world.start_http()
    return world


# --- expiry --------------------------------------------------------------------------------------------------------


@on_both_databases
async def test_a_request_expires_when_its_time_is_over(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    request = await request_change(fast_http)
    fast_http.time.ahead += 8 * HOUR
    over = await wait_for_status(fast_http, request, "Expired")
    assert "Nobody decided within 8 hours" in text_of(over)
    assert fast_http.deniz.list_buttons(over) == []
    assert list_writes(fast_http) == []
    await wait_for_notice(fast_http, request, "expired")


async def test_a_minute_before_it_may_still_be_approved(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    request = await request_change(fast_http)
    fast_http.time.ahead += 8 * HOUR - 60
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")


async def test_a_click_on_an_expired_request_does_nothing_even_before_its_message_says_so(http: World) -> None:
    await http.import_policy(approval_policy(EIGHT_HOURS, approvers='["U0DENIZ"]'))
    request = await request_change(http)
    http.time.ahead += 8 * HOUR
    assert "This request has expired." in await click_and_read(http, http.deniz, request, "Approve")
    assert list_writes(http) == []


async def test_requests_that_expire_while_slack_is_slow_hold_up_no_recovery(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    requests = [await request_change(fast_http) for _ in range(5)]
    for method in ("chat.update", "chat.postMessage"):
        fast_http.slack.faults.add(method, delay=SLOW, times=None)
    fast_http.time.ahead += 8 * HOUR
    async with fast_http.open_database() as database:
        store = ChangeRepository(database, fast_http.time.now)
        await _wait_for_expiry(store, of=len(requests))
        await _abandon_create(store, fast_http.time.now())
        await fast_http.deniz.wait_until(lambda: len(fast_http.enkapush.store.flows) > len(requests), 8)
        assert await store.waiting() == ()
    for request in requests:
        await wait_for_status(fast_http, request, "Expired", timeout=10)
        await wait_for_notice(fast_http, request, "expired", timeout=10)
    assert [len(list_notices(fast_http, request)) for request in requests] == [1] * len(requests)


async def _wait_for_expiry(store: ChangeRepository, of: int) -> None:
    async with asyncio.timeout(5):
        while len(await store.waiting()) == of:  # noqa: ASYNC110 - the bot does not tell
            await asyncio.sleep(0.01)


async def _abandon_create(store: ChangeRepository, now: datetime) -> None:
    """Store a change that creates a flow, as a process leaves it that is gone."""
    content = FlowContent(WebsiteId(1), "Left behind", "Title", "Text", WaitTime(1, "days"), url="https://lale.example")
    wanted = DesiredFlow(content, WriteOnlyFields(segment="all"))
    emma, where = UserId("U0EMMA"), ChannelId(MARKETING)
    new = ChangeRequest(FormToken("left"), ChangeKind.CREATE, emma, where, content.website_id, wanted=wanted)
    await store.submit(new, Lease("gone", now - timedelta(seconds=1)), submission_event(new, now))


# --- reminders -----------------------------------------------------------------------------------------------------


@on_both_databases
async def test_who_may_approve_is_reminded_a_few_times_and_never_after_the_end(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    request = await request_change_and_wait(fast_http)
    for count in (1, 2, 3):
        fast_http.time.ahead += 2 * HOUR
        await _wait_for_reminders(fast_http, request, count)
    first = list_replies(fast_http, request)[0]
    assert first.text == "Still waiting for approval: enable flow #1 Old name, requested 2 hours ago"
    assert list_mentions(fast_http, first) == [("usergroup", "S0LEADS")]
    fast_http.time.ahead += 2 * HOUR
    await wait_for_status(fast_http, request, "Expired")
    fast_http.time.ahead += 100 * HOUR
    next_one = await request_change(fast_http, "enable 1")
    assert WAITING in text_of(next_one)
    assert len(list_replies(fast_http, request)) == 3 + len(list_notices(fast_http, request))


async def _wait_for_reminders(world: World, request: Message, count: int, timeout: float = 15) -> None:
    await world.deniz.wait_until(lambda: len(list_replies(world, request)) == count, timeout)


async def test_a_bot_that_was_away_reminds_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy(EIGHT_HOURS))
    request = await request_change_and_wait(world)
    world.time.ahead += 7 * HOUR
    await world.deniz.wait_until(lambda: list_replies(world, request))
    world.time.ahead += HOUR
    await wait_for_status(world, request, "Expired")
    assert len(list_replies(world, request)) == 1 + len(list_notices(world, request))


async def test_what_was_decided_is_not_reminded_of(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    decided = await request_change_and_wait(fast_http)
    await fast_http.burak.click(decided, "Approve")
    await wait_for_status(fast_http, decided, "Applied")
    waiting = await request_change_and_wait(fast_http)
    fast_http.time.ahead += 2 * HOUR
    await fast_http.deniz.wait_until(lambda: list_replies(fast_http, waiting))
    assert list_replies(fast_http, decided) == list_notices(fast_http, decided)


async def test_a_reminder_that_slack_refuses_holds_up_nothing_else(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    first, second = await request_change_and_wait(fast_http), await request_change_and_wait(fast_http)
    fast_http.slack.faults.add("chat.postMessage", error="restricted_action")
    fast_http.time.ahead += 2 * HOUR
    await fast_http.deniz.wait_until(lambda: list_replies(fast_http, first) or list_replies(fast_http, second))
    fast_http.time.ahead += 6 * HOUR
    await wait_for_status(fast_http, first, "Expired")
    await wait_for_status(fast_http, second, "Expired")


async def test_who_asked_is_told_why_nobody_can_be_reminded(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    await request_change_and_wait(fast_http)
    fast_http.slack.workspace.channels[APPROVALS].is_archived = True
    fast_http.time.ahead += 2 * HOUR
    told = await wait_for_private_message(fast_http.emma, "C0APPROVALS is archived; unarchive it", MARKETING)
    assert text_of(told).startswith("Enable #1 Old name: Waiting for approval")


@pytest.mark.long
async def test_requests_that_no_channel_takes_hold_up_no_others(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    async with fast_http.open_database() as database:
        store = ChangeRepository(database, fast_http.time.now)
        for number in range(60):
            await _submit_without_channel(store, FlowId(1000 + number), fast_http.time.now())
    request = await request_change_and_wait(fast_http)
    # For as long as all 60 take on a busy machine: a request that is held up stays so while the bot's clock stands.
    fast_http.time.ahead += 2 * HOUR
    await _wait_for_reminders(fast_http, request, 1, timeout=40)
    fast_http.time.ahead += 6 * HOUR
    await wait_for_status(fast_http, request, "Expired", timeout=40)


async def _submit_without_channel(store: ChangeRepository, flow: FlowId, now: datetime) -> None:
    """Submit a request that is due already, and whose approval channel is not there."""
    new = ChangeRequest(
        FormToken(f"t{flow}"), ChangeKind.DISABLE, UserId("U0EMMA"), ChannelId(MARKETING), WebsiteId(1), flow
    )
    record, _ = await store.submit(new, Lease("gone", now + timedelta(seconds=30)), submission_event(new, now))
    draft = record.change
    rule = ApprovalRule(expires_after_hours=300, channel=ChannelId("C0NOWHERE"))
    waiting = replace(draft, state=ChangeState.PENDING, rule=rule, due_at=now, lease_owner=None, lease_until=None)
    await store.replace_if_unchanged(draft, waiting)


async def test_what_has_no_message_yet_is_looked_at_again_and_reminded_of_soon_after_it_has_one(
    fast_http: World,
) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    fast_http.slack.faults.add("chat.postMessage", error="not_in_channel", times=None)
    await fast_http.emma.send(MARKETING, f"/flows enable {add_flow(fast_http)}")
    await wait_for_private_message(fast_http.emma, "Your request is saved", MARKETING)
    fast_http.time.ahead += 2 * HOUR
    await _wait_until_next_is_due(fast_http, lambda change: change.created_at + timedelta(hours=2, minutes=1))
    fast_http.slack.faults.clear()
    request = await fast_http.deniz.wait_for_message(APPROVALS, WAITING, 10)
    fast_http.time.ahead += 60
    await _wait_for_reminders(fast_http, request, 1)


async def test_what_never_had_a_message_expires_on_the_dot(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(EIGHT_HOURS))
    fast_http.slack.faults.add("chat.postMessage", error="not_in_channel", times=None)
    await fast_http.emma.send(MARKETING, f"/flows enable {add_flow(fast_http)}")
    await wait_for_private_message(fast_http.emma, "Your request is saved", MARKETING)
    fast_http.time.ahead += 8 * HOUR - 10
    await _wait_until_next_is_due(fast_http, lambda change: change.created_at + timedelta(hours=8))
    fast_http.time.ahead += 10
    fast_http.slack.faults.clear()
    await fast_http.deniz.wait_for_message(APPROVALS, "Expired", 10)


async def _wait_until_next_is_due(world: World, latest: Callable[[Change], datetime]) -> None:
    """Wait until the one request is due in a moment, and not later than `latest`."""
    async with world.open_database() as database, asyncio.timeout(5):
        store = ChangeRepository(database, world.time.now)
        while True:
            (request,) = await store.waiting()
            change = await store.get(request.id)
            assert change is not None
            if world.time.now() < _due_at(change):
                break
            await asyncio.sleep(0.01)
    assert _due_at(change) <= latest(change)


def _due_at(change: Change) -> datetime:
    assert change.due_at is not None
    return change.due_at


# --- the list ------------------------------------------------------------------------------------------------------


@in_both_modes
async def test_what_waits_is_listed_with_links(running: World) -> None:
    await running.import_policy(approval_policy())
    await request_change(running)
    await request_change(running, "delete")
    await running.emma.send(MARKETING, "/flows approvals")
    mine = await wait_for_private_message(running.emma, "Your requests", MARKETING)
    seen = text_of(mine)
    assert "Enable #1 Old name" in seen
    assert "Delete #2 Old name" in seen
    assert "0/1 approval" in seen
    assert seen.count("Enable #1 Old name") == 1
    links = [block["accessory"]["url"] for block in mine.blocks or [] if "accessory" in block]
    assert links
    assert all(f"/{APPROVALS}/" in link for link in links)
    await running.burak.send(MARKETING, "/flows onaylar")
    theirs = text_of(await wait_for_private_message(running.burak, "Onayınızı bekleyenler", MARKETING))
    assert theirs.index("#1") < theirs.index("#2")


async def test_what_was_decided_or_approved_already_does_not_wait(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["U0DENIZ", "S0LEADS"]'))
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    await http.deniz.send(MARKETING, "/flows approvals")
    seen = text_of(await wait_for_private_message(http.deniz, "Other open requests", MARKETING))
    assert "Needs your approval" not in seen
    await http.emma.click(request, "Withdraw")
    await wait_for_status(http, request, "Withdrawn")
    await http.deniz.send(MARKETING, "/flows approvals")
    await wait_for_private_message(http.deniz, "Nothing needs approval", MARKETING)


@on_both_databases
async def test_what_waits_behind_many_others_is_listed_too(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    for request in [await request_change(http) for _ in range(4)]:
        await http.burak.click(request, "Approve")
        await wait_for_status(http, request, "1/2 approvals")
    await request_change(http, "delete")
    await http.burak.send(MARKETING, "/flows onaylar")
    seen = text_of(await wait_for_private_message(http.burak, "Onayınızı bekleyenler", MARKETING))
    assert "#5" in seen.split("bekleyenler")[1]
    assert seen.count("Old name") == 1 + 4


async def test_after_ones_request_was_applied_none_of_ones_own_is_open(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    await http.emma.send(MARKETING, "/flows approvals")
    await wait_for_private_message(http.emma, "Nothing needs approval here, and you have no open requests.", MARKETING)


async def test_a_website_that_was_taken_from_the_policy_is_not_listed(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    await http.import_policy(approval_policy(websites="[2]"))
    await http.burak.send(MARKETING, "/flows onaylar")
    assert "Old name" not in text_of(await wait_for_private_message(http.burak, "", MARKETING))


async def test_in_a_channel_without_a_policy_nothing_is_listed(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.send(RANDOM, "/flows approvals")
    await http.emma.wait_for_message(RANDOM, "flowbot isn't set up in this channel")


async def test_in_the_channel_where_requests_are_posted_an_approver_finds_what_waits_for_them(http: World) -> None:
    await http.import_policy(approval_policy())
    await request_change(http)
    await http.burak.send(APPROVALS, "/flows onaylar")
    await wait_for_private_message(http.burak, "Old name")
    await http.emma.send(APPROVALS, "/flows approvals")
    assert "Your requests" in text_of(await wait_for_private_message(http.emma, "Old name"))
    await http.emma.send(APPROVALS, "/flows list")
    await wait_for_private_message(http.emma, "are posted here.")
