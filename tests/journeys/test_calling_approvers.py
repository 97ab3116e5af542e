"""How approvers hear of a request: a mention, a direct message, or nothing, by the policy."""

from typing import Any, Final

import pytest

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import UserId
from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.services.ports.messages import MessageKey, MessageRole
from flowbot.slack.notify import direct_copies, message_sync
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.messages import MessageRepository
from tests.journeys.form_steps import add_flow, open_form
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    approval_policy,
    list_mentions,
    list_replies,
    list_requests,
    remove_person,
    request_change,
    request_change_and_wait,
    speed_up,
    submit_reason,
    wait_for_notice,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, World, in_both_modes

BY_DIRECT_MESSAGE: Final = 'notify = "dm"'
PASSING: Final[dict[str, dict[str, Any]]] = {
    "429": {"retry_after": 30},
    "503": {"status": 503},
    "no answer": {"error": "internal_error"},
}
HOUR = 3600


@pytest.fixture
async def fast_http(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a bot that looks for due work many times a second, and waits for no other for long."""
    speed_up(world, monkeypatch)
    monkeypatch.setattr(direct_copies, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(message_sync, "PATIENCE_SECONDS", 0.2)
    await world.start_http()
    return world


def direct_messages(world: World, person: SandboxPerson) -> list[Message]:
    """List what flowbot has sent a person directly, oldest first."""
    return world.slack.workspace.messages[world.slack.workspace.open_direct_message(person.id).id]


async def wait_for_copy(world: World, person: SandboxPerson, word: str = "") -> Message:
    """Wait for a person's copy of a request, and return it once it says the word."""
    direct = world.slack.workspace.open_direct_message(person.id)
    return await person.wait_for_message(direct.id, word)


def count_mentions(world: World, channel: str = APPROVALS) -> list[list[tuple[str, str]]]:
    """List the mentions of each message of a channel that has any."""
    found = [list_mentions(world, message) for message in world.slack.workspace.messages[channel]]
    return [mentions for mentions in found if mentions]


# --- a mention -----------------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_new_request_mentions_groups_and_people_but_not_everyone_and_not_who_asked(running: World) -> None:
    await running.import_policy(approval_policy(approvers='["*", "U0EMMA", "S0LEADS", "U0DENIZ"]'))
    request = await request_change(running)
    assert list_mentions(running, request) == [("usergroup", "S0LEADS"), ("user", "U0DENIZ")]
    assert request.text == "Emma Clarke asks to enable flow #1 Old name"
    assert text_of(request).startswith(f"{request.text}\n⏳ {WAITING}")


async def test_ten_people_are_mentioned_at_most(http: World) -> None:
    people = [person.id for person in add_people(http, 12)]
    await http.import_policy(approval_policy(approvers=str(people).replace("'", '"')))
    request = await request_change(http)
    assert list_mentions(http, request) == [("user", person) for person in people[:10]]


async def test_a_request_in_turkish_mentions_its_approvers_in_turkish(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await _request_in_turkish(http)
    assert request.text == "Ayşe Yılmaz, #1 Old name akışı için etkinleştirme onayı istiyor"
    assert "Onayı beklenenler: S0LEADS" in text_of(request)


async def _request_in_turkish(world: World) -> Message:
    await world.ayse.send(MARKETING, f"/flows etkinleştir {add_flow(world)}")
    return await world.deniz.wait_for_message(APPROVALS, "Onay bekliyor")


@in_both_modes
async def test_a_vote_and_an_edit_of_the_message_mention_nobody_anew(running: World) -> None:
    await running.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(running)
    await running.burak.click(request, "Approve")
    seen = await wait_for_status(running, request, "1/2 approvals")
    assert "Needs approval from S0LEADS U0DENIZ" in text_of(seen)
    assert len(count_mentions(running)) == 1
    await running.deniz.click(request, "Approve")
    done = await wait_for_status(running, request, "Applied")
    assert "Needs approval" not in text_of(done)


async def test_where_the_policy_says_so_nobody_is_mentioned_nor_by_reminders(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy('notify = "none"', "expires_after_hours = 8"))
    request = await request_change_and_wait(fast_http)
    fast_http.time.ahead += 2 * HOUR
    await fast_http.deniz.wait_until(lambda: list_replies(fast_http, request))
    assert count_mentions(fast_http) == []
    assert direct_messages(fast_http, fast_http.burak) == []


@pytest.mark.parametrize("case", PASSING)
async def test_a_request_that_slack_does_not_take_now_mentions_once_it_does(fast_http: World, case: str) -> None:
    await fast_http.import_policy(approval_policy())
    fault = fast_http.slack.faults.add("chat.postMessage", **PASSING[case], times=3)
    request = await request_change(fast_http)
    assert fault.times == 0
    assert count_mentions(fast_http) == [list_mentions(fast_http, request)] == [[("usergroup", "S0LEADS")]]


async def test_a_request_whose_channel_lets_the_bot_in_later_mentions_then(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy())
    fast_http.slack.workspace.channels[APPROVALS].members.remove("U0FLOWBOT")
    await fast_http.emma.send(MARKETING, f"/flows enable {add_flow(fast_http)}")
    await fast_http.emma.wait_for_message(MARKETING, "Your request is saved")
    fast_http.slack.workspace.channels[APPROVALS].members.append("U0FLOWBOT")
    request = await fast_http.deniz.wait_for_message(APPROVALS, WAITING, 15)
    assert list_mentions(fast_http, request) == [("usergroup", "S0LEADS")]


async def test_where_the_answer_was_lost_the_message_that_comes_again_mentions_nobody(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy())
    fast_http.slack.faults.add("chat.postMessage", lose_answer=True)
    await fast_http.emma.send(MARKETING, f"/flows enable {add_flow(fast_http)}")
    await fast_http.deniz.wait_until(lambda: len(fast_http.slack.workspace.messages[APPROVALS]) == 2, 15)
    assert count_mentions(fast_http) == [[("usergroup", "S0LEADS")]]
    _, again = fast_http.slack.workspace.messages[APPROVALS]
    await fast_http.burak.click(again, "Approve")
    assert "Needs approval" not in text_of(await wait_for_status(fast_http, again, "Applied"))


async def test_a_request_that_somebody_deleted_is_posted_again_without_a_mention(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change_and_wait(fast_http)
    fast_http.slack.faults.add("chat.update", error="message_not_found")
    await fast_http.burak.click(request, "Approve")
    again = await fast_http.deniz.wait_for_message(APPROVALS, "1/2 approvals: Burak Demir")
    assert again.ts != request.ts
    assert list_mentions(fast_http, again) == []


# --- a direct message ----------------------------------------------------------------------------------------------


@in_both_modes
async def test_each_approver_gets_a_copy_with_the_same_buttons_which_end_with_the_request(running: World) -> None:
    approvers = '["U0DENIZ", "S0LEADS", "U0EMMA", "U0JONAS", "*"]'
    await running.import_policy(approval_policy(BY_DIRECT_MESSAGE, approvers=approvers))
    request = await request_change(running)
    copies = [await wait_for_copy(running, person) for person in (running.burak, running.deniz)]
    for person, copy in zip((running.burak, running.deniz), copies, strict=True):
        assert len(person.list_buttons(copy)) == len(running.deniz.list_buttons(request)) == 5
    assert running.deniz.list_buttons(copies[1]) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw"]
    assert "Onay bekliyor" in text_of(copies[0])
    await running.burak.click(copies[0], "Onayla")
    await wait_for_status(running, request, "Applied")
    for person in (running.burak, running.deniz):
        await _wait_until_over(running, person)
    assert "Flow #1 Old name is live · approved by Burak Demir" in text_of(copies[1])
    assert [list_mentions(running, copy) for copy in copies] == [[], []]
    assert [direct_messages(running, person) for person in (running.emma, running.jonas)] == [[], []]
    assert all("S0LEADS" not in str(mentions) for mentions in count_mentions(running))


async def _wait_until_over(world: World, person: SandboxPerson) -> None:
    """Wait until the buttons of a person's one copy have ended."""
    (copy,) = direct_messages(world, person)
    await person.wait_until(lambda: person.list_buttons(copy) == [])


async def test_copies_follow_the_votes(fast_http: World) -> None:
    policy = approval_policy(BY_DIRECT_MESSAGE, "quorum = 2", approvers='["U0DENIZ", "S0LEADS"]')
    await fast_http.import_policy(policy)
    await request_change(fast_http)
    copy = await wait_for_copy(fast_http, fast_http.deniz, "0/2 approvals")
    await fast_http.burak.click(await wait_for_copy(fast_http, fast_http.burak), "Onayla")
    await fast_http.deniz.wait_until(lambda: "1/2 approvals: Burak Demir" in text_of(copy))
    await fast_http.deniz.click(copy, "Reject")
    await submit_reason(fast_http.deniz, "Not now")
    await fast_http.deniz.wait_until(lambda: "was rejected · by Deniz Kaya" in text_of(copy))
    assert fast_http.deniz.list_buttons(copy) == []


async def test_ten_people_get_a_copy_at_most(fast_http: World) -> None:
    people = add_people(fast_http, 12)
    await fast_http.import_policy(approval_policy(BY_DIRECT_MESSAGE))
    await request_change(fast_http)
    await fast_http.deniz.wait_until(lambda: sum(bool(direct_messages(fast_http, each)) for each in people) >= 9)
    approvers = [*people, fast_http.burak]
    assert sum(len(direct_messages(fast_http, each)) for each in approvers) == 10


async def test_an_edit_that_needs_approval_is_copied_too(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(BY_DIRECT_MESSAGE))
    add_flow(fast_http, is_enabled=True)
    await open_form(fast_http.emma, "/flows edit 1")
    await fast_http.emma.submit({"Title": "Mine"})
    await wait_for_copy(fast_http, fast_http.burak, "Old title → Mine")


async def test_who_takes_no_direct_messages_holds_up_nobody(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(BY_DIRECT_MESSAGE, approvers='["U0BURAK", "U0DENIZ"]'))
    closed = fast_http.slack.faults.add("chat.postMessage", delay=0.001)
    fast_http.slack.faults.add("chat.postMessage", error="messages_tab_disabled")
    request = await request_change(fast_http)
    assert closed.times == 0
    copy = await wait_for_copy(fast_http, fast_http.deniz)
    await fast_http.deniz.click(copy, "Approve")
    await wait_for_notice(fast_http, request, "is live")
    assert direct_messages(fast_http, fast_http.burak) == []


@pytest.mark.parametrize("case", PASSING)
async def test_a_copy_that_slack_does_not_take_now_is_sent_once_later(fast_http: World, case: str) -> None:
    await fast_http.import_policy(approval_policy(BY_DIRECT_MESSAGE))
    fast_http.slack.faults.add("chat.postMessage", delay=0.001)
    fault = fast_http.slack.faults.add("chat.postMessage", **PASSING[case], times=2)
    request = await request_change(fast_http)
    copy = await wait_for_copy(fast_http, fast_http.burak)
    assert fault.times == 0
    await fast_http.burak.click(copy, "Onayla")
    await wait_for_notice(fast_http, request, "is live")
    assert len(direct_messages(fast_http, fast_http.burak)) == 1
    assert len(fast_http.slack.workspace.messages[APPROVALS]) == 2


async def test_two_processes_send_each_copy_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.start_http()
    await world.import_policy(approval_policy(BY_DIRECT_MESSAGE, approvers='["U0BURAK", "U0DENIZ"]'))
    world.slack.faults.add("chat.postMessage", delay=1.5, times=None)
    request = await request_change(world)
    await wait_for_copy(world, world.deniz)
    world.slack.faults.clear()
    await world.burak.click(await wait_for_copy(world, world.burak), "Onayla")
    await wait_for_notice(world, request, "is live")
    assert [len(direct_messages(world, person)) for person in (world.burak, world.deniz)] == [1, 1]
    assert len(world.slack.workspace.messages[APPROVALS]) == 2


async def test_a_press_in_a_copy_that_slack_did_not_confirm_ends_its_buttons(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy(BY_DIRECT_MESSAGE))
    fast_http.slack.faults.add("chat.postMessage", delay=0.001)
    fast_http.slack.faults.add("chat.postMessage", lose_answer=True)
    fast_http.slack.faults.add("chat.postMessage", error="messages_tab_disabled", times=None)
    request = await request_change(fast_http)
    copy = await wait_for_copy(fast_http, fast_http.burak)
    fast_http.slack.faults.clear()
    await fast_http.burak.click(copy, "Onayla")
    await wait_for_status(fast_http, request, "Applied")
    await fast_http.burak.wait_until(lambda: fast_http.burak.list_buttons(copy) == [])


# --- who asked -----------------------------------------------------------------------------------------------------


@in_both_modes
async def test_who_asked_is_mentioned_once_in_the_thread_and_not_told_twice(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.burak.click(request, "Approve")
    notice = await wait_for_notice(running, request, "is live")
    assert notice.text == "Flow #1 Old name is live · approved by Burak Demir"
    assert list_mentions(running, notice) == [("user", "U0EMMA")]
    assert direct_messages(running, running.emma) == []


@in_both_modes
async def test_who_asked_and_is_not_in_that_channel_is_told_directly_too(running: World) -> None:
    await running.import_policy(approval_policy())
    running.slack.workspace.channels[APPROVALS].members.remove("U0EMMA")
    request = await request_change(running, "delete")
    await running.burak.click(request, "Reject")
    await submit_reason(running.burak, "We still need it")
    notice = await wait_for_notice(running, request, "was rejected")
    told = await wait_for_copy(running, running.emma, "We still need it")
    assert told.text == notice.text == "Request to delete flow #1 Old name was rejected · by Burak Demir"
    assert running.emma.list_buttons(told) == ["Open"]
    assert list_mentions(running, told) == []
    assert len(direct_messages(running, running.emma)) == 1


async def test_the_notice_is_in_the_channels_words_and_the_direct_one_in_the_readers(http: World) -> None:
    await http.import_policy(approval_policy())
    http.slack.workspace.channels[APPROVALS].members.remove("U0AYSE")
    request = await _request_in_turkish(http)
    await http.burak.click(request, "Onayla")
    told = await wait_for_copy(http, http.ayse, "yayında")
    assert told.text == "#1 Old name akışı yayında · onaylayan: Burak Demir"
    assert "Yeni aboneler bu bildirimi abonelikten 3 saat sonra alır." in text_of(told)


async def test_who_takes_no_direct_messages_is_told_where_they_asked(http: World) -> None:
    await http.import_policy(approval_policy())
    http.slack.workspace.channels[APPROVALS].members.remove("U0EMMA")
    request = await request_change(http)
    http.slack.faults.add("chat.postMessage", delay=0.001)
    http.slack.faults.add("chat.postMessage", error="cannot_dm_bot", times=None)
    await http.burak.click(request, "Approve")
    told = await http.emma.wait_for_message(MARKETING, "is live · approved by Burak Demir")
    assert told.is_ephemeral


async def test_who_takes_no_direct_message_after_one_was_cut_off_is_told_where_they_asked(http: World) -> None:
    await http.import_policy(approval_policy())
    http.slack.workspace.channels[APPROVALS].members.remove("U0EMMA")
    request = await request_change(http)
    async with http.open_database() as database:
        store = ChangeRepository(database, http.time.now)
        (change_id,) = {event.change async for event in store.all_events() if event.change is not None}
        emma = UserId(http.emma.id)
        cut_off = MessageKey.for_state(change_id, MessageRole.DIRECT_NOTICE, ChangeState.APPLIED, emma)
        assert await MessageRepository(database).claim(cut_off, 2)
    http.slack.faults.add("chat.postMessage", delay=0.001)
    http.slack.faults.add("chat.postMessage", error="cannot_dm_bot", times=None)
    await http.burak.click(request, "Approve")
    told = await http.emma.wait_for_message(MARKETING, "is live · approved by Burak Demir")
    assert told.is_ephemeral


async def test_a_withdrawal_is_told_like_every_end(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.emma.click(request, "Withdraw")
    notice = await wait_for_notice(http, request, "was withdrawn")
    assert list_mentions(http, notice) == [("user", "U0EMMA")]


async def test_who_has_left_is_told_nothing_and_holds_up_nothing(fast_http: World) -> None:
    await fast_http.import_policy(approval_policy())
    request = await request_change(fast_http)
    remove_person(fast_http, fast_http.emma)
    await fast_http.burak.click(request, "Approve")
    await wait_for_status(fast_http, request, "Applied")
    calls = len(list_requests(fast_http, 0))
    await wait_until(lambda: len(list_requests(fast_http, 0)) == calls)


async def test_two_processes_tell_an_end_once_however_slow_slack_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.start_http()
    await world.start_http()
    await world.import_policy(approval_policy())
    requests = [await request_change(world) for _ in range(3)]
    world.slack.faults.add("chat.postMessage", delay=3, times=None)
    await world.burak.click(requests[0], "Approve")
    await world.burak.click(requests[1], "Reject")
    await submit_reason(world.burak, "No")
    await world.emma.click(requests[2], "Withdraw")
    for request, word in zip(requests, ("is live", "was rejected", "was withdrawn"), strict=True):
        await wait_for_notice(world, request, word)
    assert [len(list_replies(world, request)) for request in requests] == [1, 1, 1]


async def test_in_a_shared_channel_nobody_of_another_organisation_is_called(http: World) -> None:
    await http.import_policy(approval_policy(BY_DIRECT_MESSAGE, approvers='["U0JONAS", "S0LEADS"]', where=AGENCY))
    await request_change(http, where=AGENCY)
    await wait_for_copy(http, http.burak)
    assert direct_messages(http, http.jonas) == []
