"""Asking for approval: what needs one, who may ask, what the request shows, and where it is told."""

from typing import Any, Final

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from tests.journeys.form_steps import add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    WAITING,
    all_sent_fields,
    approval_policy,
    list_mentions,
    list_replies,
    press_and_request,
    private_messages,
    request_change,
    submit_reason,
    wait_for_faults,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, in_both_modes

ALL_GATES: Final = 'required_for = ["enable", "disable", "delete", "edit_enabled"]'
HOSTILE: Final = (
    "<!channel> <!here> <@U0AYSE> <#C0RANDOM> <!subteam^S0LEADS> @everyone #random",
    "*bold* _italic_ ~strike~ `code` > quote & &lt;!channel&gt; :tada:",
    "<https://evil.example|our shop> https://evil.example www.evil.example evil.com \N{RIGHT-TO-LEFT OVERRIDE}abc",
)


# --- what needs an approval ----------------------------------------------------------------------------------------


@in_both_modes
@pytest.mark.parametrize("kind", ["enable", "delete"])
async def test_enabling_and_deleting_wait_for_an_approval(running: World, kind: str) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running, kind)
    assert WAITING in text_of(request)
    answer = await wait_for_private_message(running.emma, "Approval requested in", MARKETING)
    assert running.emma.list_buttons(answer) == ["Open"]
    assert list_writes(running) == []
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    assert [record.method for record in list_writes(running)] == ["POST" if kind == "enable" else "DELETE"]


async def test_disabling_is_done_at_once_and_told_to_the_channel(running: World) -> None:
    await running.import_policy(approval_policy())
    add_flow(running, is_enabled=True)
    await running.emma.send(MARKETING, "/flows disable 1 Out of stock")
    told = await running.burak.wait_for_message(MARKETING, "Applied")
    assert not told.is_ephemeral
    assert text_of(told).startswith("Flow #1 Old name is disabled · by Emma Clarke\n✅ Applied")
    assert list_mentions(running, told) == []
    assert list_replies(running, told) == []
    assert "Out of stock" in text_of(told)
    await wait_for_private_message(running.emma, "Flow #1 is disabled.", MARKETING)
    assert all_sent_fields(running) == [{"is_enabled": "0"}]


async def test_disabling_once_more_while_it_is_being_done_says_so(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=True)
    http.enkapush.faults.add(Fault.hang(method="POST"))
    await http.emma.send(MARKETING, "/flows disable 1")
    await wait_for_faults(http)
    await http.emma.send(MARKETING, "/flows disable 1")
    await wait_for_private_message(http.emma, "Being applied now.", MARKETING)
    http.enkapush.release()
    await wait_for_private_message(http.emma, "Flow #1 is disabled.", MARKETING)
    assert all_sent_fields(http) == [{"is_enabled": "0"}]


async def test_disabling_waits_where_the_policy_says_so(http: World) -> None:
    await http.import_policy(approval_policy(ALL_GATES))
    request = await request_change(http, "disable")
    assert list_writes(http) == []
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert not http.enkapush.store.flow(1).is_enabled


@in_both_modes
async def test_an_edit_of_an_enabled_flow_waits_and_is_applied_as_exactly_that_edit(running: World) -> None:
    await running.import_policy(approval_policy())
    add_flow(running, is_enabled=True)
    request = await _request_edit(running, {"Title": "Yeni başlık", "Time to live": "1 hour"})
    seen = text_of(request)
    assert "Title: Old title → Yeni başlık" in seen
    assert "Time to live: 1 day → 1 hour" in seen
    assert list_writes(running) == []
    await running.emma.wait_for_view("approval was requested in")
    await running.burak.click(request, "Approve")
    done = await wait_for_status(running, request, "Applied")
    assert all_sent_fields(running) == [{"title": "Yeni başlık", "ttl": "3600"}]
    assert running.enkapush.store.flow(1).is_enabled
    assert "Title: Old title → Yeni başlık" in text_of(done)


async def _request_edit(world: World, values: dict[str, Any]) -> Message:
    await open_form(world.emma, "/flows edit 1")
    await world.emma.submit(values)
    return await world.deniz.wait_for_message(APPROVALS, WAITING)


async def test_an_edit_of_a_disabled_flow_needs_none(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    await http.emma.submit({"Title": "New"})
    await http.emma.wait_for_message(MARKETING, "Flow #1 was changed")
    assert await http.deniz.list_messages(APPROVALS) == []


# --- what the request shows ----------------------------------------------------------------------------------------


async def test_a_request_shows_who_asks_why_and_what_subscribers_would_get(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, f"enable {add_flow(http)} The sale starts")
    seen = text_of(request)
    for part in (
        "Emma Clarke asks to enable flow #1 Old name",
        "The sale starts",
        "Old title",
        "Old text",
        "https://lale.example/old",
        "Old button → https://lale.example/button",
        "Website: Lale Moda",
        "3 hours after subscribing",
        "Time to live: 1 day",
        "Silent: Yes",
        "0/1 approval",
        "Expires",
    ):
        assert part in seen, part


@pytest.mark.parametrize("text", HOSTILE)
async def test_foreign_text_calls_nobody_and_leads_nowhere(http: World, text: str) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    add_flow(http, is_enabled=True, name=text, title=text, description=text, button_title_1=text)
    request = await _request_edit(http, {"Description": f"{text} again"})
    assert text in text_of(request)
    assert list_mentions(http, request) == [("user", "U0DENIZ")]
    await http.deniz.click(request, "Reject")
    assert list_mentions(http, await http.deniz.wait_for_view("Everyone here sees")) == []
    await submit_reason(http.deniz, text)
    over = await wait_for_status(http, request, "Rejected")
    assert text in text_of(over)
    assert set(list_mentions(http, over)) == {("user", "U0EMMA"), ("user", "U0DENIZ")}
    await http.emma.send(MARKETING, f"/flows delete 1 {text}")
    again = await http.deniz.wait_for_message(APPROVALS, WAITING)
    assert list_mentions(http, again) == [("user", "U0DENIZ")]
    assert [list_mentions(http, each) for each in list_replies(http, request)] == [[("user", "U0EMMA")]]
    await wait_for_private_message(http.emma, "Approval requested in", MARKETING)
    told = await http.emma.list_messages(MARKETING)
    called = {mention for message in told for mention in list_mentions(http, message)}
    assert called == {("channel", APPROVALS)}


async def test_a_request_is_in_the_requesters_language(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.ayse.send(MARKETING, "/flows etkinleştir 1 Kampanya başladı")
    request = await http.emma.wait_for_message(APPROVALS, "Onay bekliyor")
    assert http.emma.list_buttons(request) == ["Onayla", "Reddet", "Değişiklik iste", "Yorum yap", "Geri çek"]
    await http.burak.click(request, "Onayla")
    await wait_for_status(http, request, "Uygulandı")


async def test_a_request_is_in_the_workspaces_language_where_that_is_set(world: World) -> None:
    world.settings = world.settings.model_copy(update={"flowbot_language": "en"})
    await world.start_http()
    await world.import_policy(approval_policy())
    add_flow(world)
    await world.ayse.send(MARKETING, "/flows etkinleştir 1")
    request = await world.emma.wait_for_message(APPROVALS, WAITING)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")


async def test_without_a_channel_of_its_own_a_request_stands_where_it_was_asked(http: World) -> None:
    await http.import_policy(approval_policy(where=MARKETING))
    request = await request_change(http, where=MARKETING)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


# --- who may ask ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["enable", "disable", "delete"])
async def test_who_may_not_edit_may_not_ask(http: World, command: str) -> None:
    await http.import_policy(approval_policy())
    add_flow(http, is_enabled=command == "disable")
    await http.deniz.send(MARKETING, f"/flows {command} 1")
    await wait_for_private_message(http.deniz, "Only S0EDITORS can do this.", MARKETING)
    assert http.enkapush.requests == []


async def test_in_a_channel_without_a_policy_nobody_asks(http: World) -> None:
    add_flow(http)
    await http.emma.send(RANDOM, "/flows enable 1")
    await http.emma.wait_for_message(RANDOM, "flowbot isn't set up in this channel")
    assert http.enkapush.requests == []


async def test_a_flow_of_another_website_does_not_exist_here(http: World) -> None:
    await http.import_policy(approval_policy(websites="[2]"))
    add_flow(http)
    answers = []
    for flow in (1, 2):
        await http.emma.send(MARKETING, f"/flows delete {flow}")
        answers.append((await wait_for_private_message(http.emma, f"There is no flow #{flow} here.", MARKETING)).text)
    assert answers[0].replace("1", "2") == answers[1]
    assert list_writes(http) == []


@pytest.mark.parametrize(("is_enabled", "command"), [(True, "enable"), (False, "disable")])
async def test_what_is_so_already_is_not_asked_for(http: World, is_enabled: bool, command: str) -> None:
    await http.import_policy(approval_policy(ALL_GATES))
    add_flow(http, is_enabled=is_enabled)
    await http.emma.send(MARKETING, f"/flows {command} 1")
    await wait_for_private_message(http.emma, f"Flow #1 is already {command}d.", MARKETING)
    assert await http.deniz.list_messages(APPROVALS) == []


async def test_where_nobody_may_approve_nothing_waits_for_ever(http: World) -> None:
    await http.import_policy(approval_policy(approvers="[]"))
    add_flow(http)
    await http.emma.send(MARKETING, "/flows enable 1")
    await wait_for_private_message(http.emma, "Nobody can approve this: this channel has no approvers.", MARKETING)


@in_both_modes
async def test_a_second_request_for_the_same_flow_points_to_the_first(running: World) -> None:
    await running.import_policy(approval_policy())
    await request_change(running)
    await running.ayse.send(MARKETING, "/flows sil 1")
    await wait_for_private_message(running.ayse, "/flows", MARKETING)
    assert "1 numaralı" in private_messages(running, running.ayse, MARKETING)[-1]
    assert len(await running.deniz.list_messages(APPROVALS)) == 1


async def test_a_new_request_is_possible_once_the_first_is_over(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.emma.click(request, "Withdraw")
    await wait_for_status(http, request, "Withdrawn")
    await request_change(http, "enable 1")


# --- by button -----------------------------------------------------------------------------------------------------


async def test_a_flow_is_enabled_from_the_answer_to_its_making(http: World) -> None:
    await http.import_policy(approval_policy())
    await open_form(http.emma, "/flows create")
    await http.emma.submit({"Name": "Spring", "Title": "Spring is here", "Description": "Look."})
    made = await http.emma.wait_for_message(MARKETING, "Flow #1 was created")
    await _request_by_button(http, made, "Enable")


@pytest.mark.parametrize(("command", "button"), [("show 1", "Enable"), ("show 1", "Delete"), ("list", "Enable")])
async def test_a_request_is_made_from_where_a_flow_is_shown(http: World, command: str, button: str) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await http.emma.send(MARKETING, f"/flows {command}")
    shown = await http.emma.wait_for_message(MARKETING, lambda message: button in http.emma.list_buttons(message))
    await _request_by_button(http, shown, button)


async def _request_by_button(world: World, shown: Message, button: str) -> None:
    before = len(list_writes(world))
    await press_and_request(world.emma, shown, button, "Because")
    request = await world.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Because" in text_of(request)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    assert [record.method for record in list_writes(world)[before:]] == ["POST" if button == "Enable" else "DELETE"]
