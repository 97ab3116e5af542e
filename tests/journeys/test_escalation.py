"""Escalation: a request that has waited for long may be decided by others, too, who are called once."""

import asyncio
from dataclasses import replace
from typing import Final

import pytest

from flowbot.domain.change import Change
from flowbot.sandbox.slack import Message, text_of
from flowbot.sandbox.slack.models import UserGroup
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import add_flow, list_writes
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    list_mentions,
    list_replies,
    read_audit_trail,
    request_change_and_wait,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, on_both_databases

HOUR: Final = 3600.0
AFTER_FOUR: Final = ("escalate_after_hours = 4", 'escalate_to = ["U0DENIZ"]', "expires_after_hours = 12")
"""Reminders come after three, six and nine hours."""
CALLED: Final = "This request was escalated: you can decide now, too."


@pytest.fixture
async def fast(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot that looks for due work many times a second; two where PostgreSQL is used."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy(*AFTER_FOUR))
    await world.start_http()
    if world.settings.database_url.get_secret_value().startswith("postgresql"):
        await world.start_http()
    return world


async def wait_for_replies(world: World, request: Message, count: int) -> list[Message]:
    await world.deniz.wait_until(lambda: len(list_replies(world, request)) >= count)
    await asyncio.sleep(0.3)
    replies = list_replies(world, request)
    assert len(replies) == count
    return replies


async def read_change(world: World) -> Change:
    """Return the one request that waits, as it is stored."""
    async with world.open_database() as database:
        store = ChangeRepository(database, world.time.now)
        (waiting,) = await store.waiting()
        change = await store.get(waiting.id)
        assert change is not None
        return change


async def wait_past_escalation(world: World) -> Change:
    """Wait until the time of the escalation was dealt with."""
    async with asyncio.timeout(10):
        while True:
            change = await read_change(world)
            if change.due_at is not None and change.due_at > world.time.now():
                return change
            await asyncio.sleep(0.05)


@on_both_databases
async def test_who_a_request_is_escalated_to_is_called_once_and_may_decide(fast: World) -> None:
    request = await request_change_and_wait(fast)
    assert "Only" in await click_and_read(fast, fast.deniz, request, "Approve")
    fast.time.ahead += 3 * HOUR
    await wait_for_notice(fast, request, "Still waiting for approval")
    fast.time.ahead += HOUR + 10
    call = await wait_for_notice(fast, request, CALLED)
    assert "Still waiting for approval: enable flow #1 Old name, requested 4 hours ago" in text_of(call)
    assert list_mentions(fast, call) == [("user", "U0DENIZ")]
    shown = await wait_for_status(fast, request, "can decide, too.")
    assert "Escalated " in text_of(shown)
    await wait_for_replies(fast, request, 2)
    await fast.deniz.click(request, "Approve")
    done = await wait_for_status(fast, request, "Applied")
    assert "approved by U0DENIZ" in text_of(done)
    assert len(list_writes(fast)) == 1
    (told,) = [each for each in await read_audit_trail(fast) if each["action"] == "change.escalated"]
    assert (told["actor"], told["details"]) == (None, {"to": ["U0DENIZ"]})


async def test_reminders_and_expiry_go_on_as_before(fast: World) -> None:
    await fast.import_policy(approval_policy("escalate_after_hours = 3", *AFTER_FOUR[1:]))
    request = await request_change_and_wait(fast)
    # Due for both at once.
    fast.time.ahead += 3 * HOUR
    replies = await wait_for_replies(fast, request, 2)
    assert [CALLED in text_of(reply) for reply in replies] == [True, False]
    fast.time.ahead += 3 * HOUR
    replies = await wait_for_replies(fast, request, 3)
    assert list_mentions(fast, replies[-1]) == [("usergroup", "S0LEADS"), ("user", "U0DENIZ")]
    fast.time.ahead += 6 * HOUR
    over = await wait_for_status(fast, request, "Expired")
    assert "can decide, too" not in text_of(over)


async def test_it_stands_in_home_of_those_who_may_decide_from_then_on(fast: World) -> None:
    request = await request_change_and_wait(fast)
    await fast.deniz.open_home()
    assert "Needs your approval" not in text_of(await fast.deniz.wait_for_home("As of"))
    fast.time.ahead += 4 * HOUR + 10
    await wait_for_notice(fast, request, CALLED)
    await fast.deniz.open_home()
    home = await fast.deniz.wait_for_home("Needs your approval")
    assert "#1 Old name" in text_of(home)
    assert "This request was escalated, so you can decide, too." in text_of(home)


async def test_a_rejection_counts_and_the_approvers_still_decide(fast: World) -> None:
    rejected, approved = await request_change_and_wait(fast), await request_change_and_wait(fast)
    fast.time.ahead += 4 * HOUR + 10
    for request in (rejected, approved):
        await wait_for_notice(fast, request, CALLED)
    await fast.deniz.click(rejected, "Reject")
    assert await submit_reason(fast.deniz, "Too early") == []
    await wait_for_status(fast, rejected, "Rejected")
    await fast.burak.click(approved, "Approve")
    await wait_for_status(fast, approved, "Applied")


async def test_they_join_the_stage_that_waits(fast: World) -> None:
    stages = 'stages = [["S0LEADS"], ["U0AYSE"]]'
    await fast.import_policy(approval_policy(stages, *AFTER_FOUR, approvers="[]"))
    request = await request_change_and_wait(fast)
    fast.time.ahead += 4 * HOUR + 10
    await wait_for_notice(fast, request, CALLED)
    await fast.deniz.click(request, "Approve")
    await wait_for_status(fast, request, "✅ Stage 1")
    # Nobody counts in two stages.
    await click_and_read(fast, fast.deniz, request, "Approve")
    assert list_writes(fast) == []
    await fast.ayse.click(request, "Approve")
    await wait_for_status(fast, request, "Applied")


async def test_nobody_is_called_where_nobody_is_there_and_whoever_joins_is_called_later(fast: World) -> None:
    fast.slack.workspace.groups["S0DIRECTORS"] = UserGroup("S0DIRECTORS", "directors", "Directors", ["U0EMMA"])
    policy = approval_policy(AFTER_FOUR[0], 'escalate_to = ["S0DIRECTORS"]', AFTER_FOUR[2])
    await fast.import_policy(policy)
    request = await request_change_and_wait(fast)
    fast.time.ahead += 3 * HOUR
    await wait_for_replies(fast, request, 1)
    fast.time.ahead += HOUR + 10
    # Only who asked is in that group.
    change = await wait_past_escalation(fast)
    assert change.progress.escalated_at is None
    assert "can decide, too" not in text_of(await wait_for_status(fast, request, WAITING))
    await wait_for_replies(fast, request, 1)
    fast.slack.workspace.groups["S0DIRECTORS"].users.append("U0DENIZ")
    fast.time.ahead += 2 * HOUR
    call = await wait_for_notice(fast, request, CALLED)
    assert list_mentions(fast, call) == [("usergroup", "S0DIRECTORS")]
    assert "S0DIRECTORS can decide, too." in text_of(await wait_for_status(fast, request, "can decide, too."))
    await wait_for_replies(fast, request, 3)


async def test_a_policy_that_escalates_by_now_changes_no_waiting_request_and_today_s_people_count(fast: World) -> None:
    await fast.import_policy(approval_policy(AFTER_FOUR[2]))
    waiting = await request_change_and_wait(fast)
    await fast.import_policy(approval_policy(*AFTER_FOUR))
    request = await request_change_and_wait(fast)
    await fast.import_policy(approval_policy(AFTER_FOUR[0], 'escalate_to = ["U0AYSE"]', AFTER_FOUR[2]))
    fast.time.ahead += 4 * HOUR + 10
    call = await wait_for_notice(fast, request, CALLED)
    assert list_mentions(fast, call) == [("user", "U0AYSE")]
    assert "Only" in await click_and_read(fast, fast.deniz, request, "Approve")
    await fast.ayse.click(request, "Approve")
    await wait_for_status(fast, request, "Applied")
    assert CALLED not in " ".join(text_of(reply) for reply in list_replies(fast, waiting))


async def test_by_direct_message_they_get_a_copy_with_its_buttons(fast: World) -> None:
    await fast.import_policy(approval_policy('notify = "dm"', *AFTER_FOUR))
    request = await request_change_and_wait(fast)
    fast.time.ahead += 4 * HOUR + 10
    copies = fast.slack.workspace.open_direct_message(fast.deniz.id).id
    copy = await fast.deniz.wait_for_message(copies, WAITING)
    assert "This request was escalated, so you can decide, too." in text_of(copy)
    await wait_for_notice(fast, request, CALLED)
    await fast.deniz.click(copy, "Approve")
    await wait_for_status(fast, request, "Applied")
    assert len([each for each in fast.slack.workspace.messages[copies] if "#1 Old name" in text_of(each)]) == 1


async def test_a_quiet_policy_mentions_nobody(fast: World) -> None:
    await fast.import_policy(approval_policy('notify = "none"', *AFTER_FOUR))
    request = await request_change_and_wait(fast)
    fast.time.ahead += 4 * HOUR + 10
    call = await wait_for_notice(fast, request, "This request was escalated: more people can decide now.")
    assert list_mentions(fast, call) == []


async def test_a_clock_that_is_doubted_escalates_nothing(fast: World) -> None:
    request = await request_change_and_wait(fast)
    fast.time.jumped = 5 * HOUR
    await asyncio.sleep(1)
    assert (await read_change(fast)).progress.escalated_at is None
    assert list_replies(fast, request) == []


async def test_what_a_process_escalated_before_it_ended_is_told_by_another(fast: World) -> None:
    request = await request_change_and_wait(fast)
    async with fast.open_database() as database:
        store, change = ChangeRepository(database, fast.time.now), await read_change(fast)
        progress = replace(change.progress, escalated_at=fast.time.now())
        await store.replace_if_unchanged(change, replace(change, progress=progress))
    call = await wait_for_notice(fast, request, CALLED)
    assert list_mentions(fast, call) == [("user", "U0DENIZ")]
    await wait_for_replies(fast, request, 1)


async def test_slack_away_at_that_time_puts_the_call_off(fast: World) -> None:
    request = await request_change_and_wait(fast)
    fast.slack.faults.add("chat.postMessage", error="internal_error", times=None)
    fast.time.ahead += 4 * HOUR + 10
    await wait_for_status(fast, request, "can decide, too.")
    fast.slack.faults.clear()
    await wait_for_notice(fast, request, CALLED)
    assert [CALLED in text_of(reply) for reply in list_replies(fast, request)].count(True) == 1


async def test_in_turkish_it_reads_the_same(fast: World) -> None:
    turkish = f'id = "{MARKETING}"\nlanguage = "tr"'
    await fast.import_policy(approval_policy(*AFTER_FOUR).replace(f'id = "{MARKETING}"', turkish))
    add_flow(fast)
    await fast.emma.send(MARKETING, "/flows enable 1")
    request = await fast.deniz.wait_for_message(APPROVALS, "Onay bekliyor")
    fast.time.ahead += 4 * HOUR + 10
    call = await wait_for_notice(fast, request, "Bu istek üst onaya çıktı: artık siz de karar verebilirsiniz.")
    assert list_mentions(fast, call) == [("user", "U0DENIZ")]
    await wait_for_status(fast, request, "üst onaya çıktı; ayrıca U0DENIZ karar verebilir.")
