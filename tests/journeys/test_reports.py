"""Reports: one message a channel, posted once and edited in place, whatever fails meanwhile."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.ids import FlowId, UserId
from flowbot.domain.report import ReportState
from flowbot.errors import DatabaseFaultError
from flowbot.sandbox.slack import text_of
from flowbot.storage.repositories.messages import MessageRepository
from flowbot.worker import recovery
from tests.journeys.report_steps import (
    BEFORE,
    ENABLED,
    is_shown,
    list_told,
    rewrite,
    tell,
    wait_for_told,
    wait_until_shown,
)
from tests.journeys.request_steps import approval_policy, list_mentions, speed_up, wait_until
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, in_both_modes, on_both_databases

MOVED = "C0MOVED"


@pytest.fixture
async def told(http: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a quick bot whose approvals are elsewhere."""
    speed_up(http, monkeypatch)
    await http.import_policy(approval_policy())
    return http


@in_both_modes
async def test_a_report_is_posted_once_and_edited_in_place(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    report = await tell(running)
    message = await wait_for_told(running)
    assert text_of(message).startswith("Flow #40 Winter sale was enabled outside flowbot")
    await wait_until_shown(running)
    edited = replace(ENABLED, after=replace(BEFORE, title="Warm socks", is_enabled=True))
    report = await rewrite(running, report, edited)
    await wait_for_told(running, word="Title: Warm coats → Warm socks")
    closing = FindingClosing(FindingEnd.ACCEPTED, UserId("U0BURAK"))
    await rewrite(running, report, replace(edited, closing=closing), ReportState.CLOSED)
    await wait_for_told(running, word="Accepted by U0BURAK")
    await wait_until_shown(running)
    assert list_told(running) == [message]
    assert list_mentions(running, message) == [("user", "U0BURAK")]


async def test_two_policies_of_one_approval_channel_are_told_once_and_others_each(told: World) -> None:
    others = f"""
[[channels]]
id = "C0AGENCY"
websites = [1]
viewers = ["*"]
[channels.approval]
channel = "{APPROVALS}"

[[channels]]
id = "{RANDOM}"
websites = "all"
language = "tr"
"""
    await told.import_policy(approval_policy() + others)
    await tell(told)
    await told.deniz.wait_for_message(RANDOM, "#40 Winter sale akışı flowbot dışında etkinleştirildi")
    await wait_until_shown(told)
    assert [len(list_told(told, where)) for where in (APPROVALS, "C0AGENCY", MARKETING)] == [1, 0, 0]


async def test_a_finding_that_ended_before_anybody_heard_of_it_is_not_told(told: World) -> None:
    told.slack.faults.add("chat.postMessage", status=500)
    report = await tell(told)
    await rewrite(told, report, replace(ENABLED, closing=FindingClosing(FindingEnd.GONE)), ReportState.CLOSED)
    await wait_until_shown(told)
    assert len(list_told(told)) <= 1


async def test_a_report_that_slack_did_not_take_comes_later(told: World) -> None:
    faults: dict[str, dict[str, Any]] = {
        "a rate limit": {"retry_after": 1},
        "an outage": {"status": 500, "times": 2},
        "a lost answer": {"lose_answer": True},
    }
    for number, (name, fault) in enumerate(faults.items(), 1):
        told.slack.faults.add("chat.postMessage", **fault)
        flow = replace(BEFORE, id=FlowId(number), name=name)
        await tell(told, Finding(flow, replace(flow, is_enabled=True)), token=name)
        await wait_for_told(told, word=name)
        for _ in range(40):
            told.time.ahead += 5
            if await is_shown(told):
                break
            await asyncio.sleep(0.1)
        await wait_until_shown(told)
        # Slack may have posted the one whose answer was lost: nothing tells.
        said = [each for each in list_told(told) if name in text_of(each)]
        assert len(said) == (2 if name == "a lost answer" else 1)


async def test_a_channel_that_refuses_holds_up_no_other(told: World) -> None:
    await told.import_policy(approval_policy() + f'\n[[channels]]\nid = "{RANDOM}"\nwebsites = "all"\n')
    told.slack.faults.add("chat.postMessage", error="is_archived", channel=APPROVALS, times=None)
    await tell(told)
    await wait_for_told(told, RANDOM)
    await wait_until_shown(told)
    assert list_told(told) == []


@on_both_databases
async def test_a_channel_whose_policy_names_the_website_no_more_is_left_as_it_is(told: World) -> None:
    report = await tell(told)
    message = await wait_for_told(told)
    await told.import_policy(approval_policy(websites="[2]"))
    await rewrite(told, report, replace(ENABLED, after=replace(BEFORE, title="Warm socks", is_enabled=True)))
    await wait_until_shown(told)
    assert list_told(told) == [message]
    assert "Warm socks" not in text_of(message)


async def test_what_two_processes_find_unshown_is_posted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    for number in range(8):
        flow = replace(BEFORE, id=FlowId(40 + number))
        await tell(world, Finding(flow, replace(flow, is_enabled=True)), token=str(number))
    world.slack.faults.add("chat.postMessage", delay=0.1, times=None)
    for _ in range(2 if world.settings.database_url.get_secret_value().startswith("postgresql") else 1):
        await world.start_http()
    await wait_until_shown(world)
    assert sorted(text_of(each).split()[1] for each in list_told(world)) == [f"#{40 + number}" for number in range(8)]


async def test_a_message_whose_place_was_not_recorded_is_not_posted_again(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, failures = MessageRepository.record, iter([True, True])

    async def fail_twice(*args: object) -> None:
        if next(failures, False):
            raise DatabaseFaultError
        await record(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(MessageRepository, "record", fail_twice)
    await tell(told)
    await wait_for_told(told)
    await wait_until_shown(told)
    assert len(list_told(told)) == 1


async def test_a_message_that_was_deleted_is_posted_anew_while_its_report_is_open(told: World) -> None:
    report = await tell(told)
    for state, count in ((ReportState.OPEN, 1), (ReportState.CLOSED, 0)):
        message = await wait_for_told(told)
        await wait_until_shown(told)
        told.slack.workspace.messages[APPROVALS].remove(message)
        closing = None if state is ReportState.OPEN else FindingClosing(FindingEnd.GONE)
        report = await rewrite(told, report, replace(ENABLED, closing=closing), state)
        await wait_until_shown(told)
        assert len(list_told(told)) == count


@in_both_modes
async def test_reports_move_along_with_their_channel(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    report = await tell(running)
    message = await wait_for_told(running)
    await wait_until_shown(running)
    running.slack.admin.change_channel_id(APPROVALS, MOVED)
    await running.slack.dispatcher.wait_until_idle()
    await running.deniz.wait_until(lambda: message.edited_ts is not None)
    await rewrite(running, report, replace(ENABLED, closing=FindingClosing(FindingEnd.GONE)), ReportState.CLOSED)
    await wait_for_told(running, MOVED, "as it was before")
    assert list_told(running, MOVED) == [message]


async def test_a_channel_that_is_shared_meanwhile_loses_the_push(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "CHANNEL_ROUNDS", 3)
    await tell(told, Finding(BEFORE, replace(BEFORE, title="Zqxmark")))
    message = await wait_for_told(told, word="Zqxmark")
    await wait_until_shown(told)
    told.time.ahead += 61
    told.slack.admin.share_channel(APPROVALS, told.jonas.id, is_told=False)
    await wait_until(lambda: "Zqxmark" not in text_of(message))
    assert "Title" in text_of(message)
    assert list_told(told) == [message]
