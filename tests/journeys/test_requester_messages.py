"""Messages to requesters about the outcome; nothing waits for a requester who can't reach Enkapush."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from flowbot.errors import DatabaseFaultError
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from flowbot.storage.repositories.changes import ChangeRepository
from tests.journeys.form_steps import add_flow, open_form
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    list_notices,
    list_replies,
    remove_person,
    request_change,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World

HOUR = 3600
UNREACHABLE: Final = [
    "cannot_dm_bot",
    "channel_not_found",
    "is_archived",
    "messages_tab_disabled",
    "not_in_channel",
    "user_disabled",
    "user_not_found",
]
PASSING: Final[dict[str, dict[str, Any]]] = {
    "429": {"status": 429, "retry_after": 30},
    "503": {"status": 503},
    "no answer": {"error": "internal_error"},
}


@pytest.fixture
async def fast_http(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot that looks for due work many times a second."""
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.import_policy(approval_policy())
    return world


async def _approve(world: World, request: Message) -> None:
    await world.burak.click(request, "Approve")


async def _reject(world: World, request: Message) -> None:
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "Not before June")


async def _let_expire(world: World, request: Message) -> None:
    assert WAITING in text_of(request)
    world.time.ahead += 72 * HOUR


ENDS: Final[dict[str, Callable[[World, Message], Awaitable[None]]]] = {
    "Applied": _approve,
    "Rejected": _reject,
    "Expired": _let_expire,
}


async def _wait_until_shown(world: World) -> None:
    """Wait until every change is shown in its latest version."""
    async with world.open_database() as database, asyncio.timeout(5):
        store = ChangeRepository(database, world.time.now)
        while any(change.shown_version < change.version for change in await store.closed()):  # noqa: ASYNC110 - the bot does not tell
            await asyncio.sleep(0.01)


# --- who cannot be told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
async def test_a_request_of_somebody_who_left_shows_how_it_ended(fast_http: World, end: str) -> None:
    request = await request_change(fast_http)
    remove_person(fast_http, fast_http.emma)
    await ENDS[end](fast_http, request)
    over = await wait_for_status(fast_http, request, end)
    assert fast_http.deniz.list_buttons(over) == []
    await _wait_until_shown(fast_http)


@pytest.mark.parametrize("error", UNREACHABLE)
async def test_a_word_that_slack_refuses_for_good_is_not_tried_again(fast_http: World, error: str) -> None:
    request = await request_change(fast_http)
    for method in ("chat.postEphemeral", "chat.postMessage"):
        fast_http.slack.faults.add(method, error=error, times=None)
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")
    await _wait_until_shown(fast_http)


@pytest.mark.parametrize("case", PASSING)
async def test_a_word_that_slack_does_not_take_now_is_given_later_and_the_message_does_not_wait(
    fast_http: World, case: str
) -> None:
    request = await request_change(fast_http)
    for method in ("chat.postEphemeral", "chat.postMessage"):
        fast_http.slack.faults.add(method, **PASSING[case], times=None)
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")
    fast_http.slack.faults.clear()
    notice = await wait_for_notice(fast_http, request, "is live")
    await _wait_until_shown(fast_http)
    assert list_replies(fast_http, request) == list_notices(fast_http, request) == [notice]


async def test_a_word_is_not_given_again_after_a_restart_where_the_message_can_never_show_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    async with _run_bot(world):
        request = await request_change(world)
        world.slack.faults.add("chat.update", error="is_archived", times=None)
        async with _wait_for_failed_update():
            await _approve(world, request)
    async with _run_bot(world), _wait_for_failed_update():
        pass
    assert len(list_notices(world, request)) == 1


async def test_a_channel_that_takes_no_request_is_told_of_once_over_restarts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    world.slack.faults.add("chat.postMessage", error="is_archived", channel=APPROVALS, times=None)
    async with _run_bot(world), _wait_for_failed_update():
        await world.emma.send(MARKETING, f"/flows enable {add_flow(world)}")
    async with _run_bot(world), _wait_for_failed_update():
        pass
    told = [text_of(each) for each in await world.emma.list_messages(MARKETING)]
    assert sum("not posted yet" in text for text in told) == 1


async def test_who_was_told_directly_is_not_told_again_once_the_thread_takes_it(
    fast_http: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise DatabaseFaultError

    monkeypatch.setattr(ChangeRepository, "mark_requester_notified", fail)
    request = await request_change(fast_http)
    fast_http.slack.faults.add("chat.update", error="not_in_channel", times=None)
    fast_http.slack.faults.add("chat.postMessage", error="not_in_channel", times=1)
    async with _wait_for_failed_update():
        await _approve(fast_http, request)
    fast_http.slack.faults.clear()
    await _wait_until_shown(fast_http)
    workspace = fast_http.slack.workspace
    direct = workspace.messages[workspace.open_direct_message(fast_http.emma.id).id]
    assert ["is live" in text_of(each) for each in direct] == [True]
    assert list_replies(fast_http, request) == []


@asynccontextmanager
async def _run_bot(world: World) -> AsyncIterator[None]:
    """Run one process, from its start to its end."""
    async with AsyncExitStack() as world.stack:
        await world.start_http()
        yield


@asynccontextmanager
async def _wait_for_failed_update() -> AsyncIterator[None]:
    """Leave the block once flowbot has tried, in vain, to show how a request ended."""
    with capture_logs() as logs:
        yield
        await wait_until(lambda: any(line["event"] == "telling.later" for line in logs))


# --- what is told --------------------------------------------------------------------------------------------------


async def test_a_rejection_is_told_with_its_name_and_reason(fast_http: World) -> None:
    request = await request_change(fast_http, "delete")
    await _reject(fast_http, request)
    told = text_of(await wait_for_notice(fast_http, request, "was rejected"))
    assert told.splitlines() == [
        "Request to delete flow #1 Old name was rejected · by Burak Demir",
        "Reason for rejecting: Not before June",
        "U0EMMA Nothing was changed. You can request it again.",
    ]


async def test_an_approval_is_told_with_its_name(fast_http: World) -> None:
    request = await request_change(fast_http)
    await _approve(fast_http, request)
    told = await wait_for_notice(fast_http, request, "is live")
    assert told.text == "Flow #1 Old name is live · approved by Burak Demir"
    assert "U0EMMA New subscribers get it 3 hours after subscribing." in text_of(told)


async def test_what_is_out_of_date_is_told_with_what_differs(fast_http: World) -> None:
    request = await request_change(fast_http)
    fast_http.enkapush.store.update_flow(1, title="Other")
    await _approve(fast_http, request)
    told = text_of(await wait_for_notice(fast_http, request, "is out of date"))
    assert "Title: Old title → Other" in told


async def test_what_has_failed_is_told_with_its_reason_and_opens_again(fast_http: World) -> None:
    add_flow(fast_http, is_enabled=True)
    await open_form(fast_http.emma, "/flows edit 1")
    await fast_http.emma.submit({"Title": "Mine"})
    request = await fast_http.deniz.wait_for_message(APPROVALS, WAITING)
    fast_http.enkapush.faults.add(
        Fault.status(422, '{"errors": {"title": ["Too long."]}}', method="POST", path="/flows/1")
    )
    await _approve(fast_http, request)
    told = await wait_for_notice(fast_http, request, "could not be changed")
    assert "title: Too long." in text_of(told)
    assert fast_http.emma.list_buttons(told) == ["Open form"]
