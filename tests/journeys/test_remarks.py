"""Comments on a request, and changes that an approver asks for."""

import asyncio
import json
from typing import Final

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, is_form, list_writes, open_form
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    list_mentions,
    list_replies,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.test_absences import ask
from tests.journeys.test_home import open_home
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

TWO: Final = "quorum = 2"
APPROVERS: Final = '["S0LEADS", "U0DENIZ"]'


async def comment(person: SandboxPerson, request: Message, text: str, label: str = "Comment") -> list[str]:
    """Press the button and send the form that opens; return its errors."""
    await person.click(request, label)
    return await submit_reason(person, text)


async def wait_for_reply(world: World, request: Message, sentence: str) -> Message:
    """Wait for a reply in the request's thread."""
    return await wait_for_notice(world, request, sentence)


def direct_channel(world: World, person: SandboxPerson) -> str:
    """Return the channel of the bot's direct messages with a person."""
    return str(world.slack.workspace.open_direct_message(person.id).id)


# --- Comment -------------------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_comment_replies_in_the_thread_by_name_and_stays_in_history(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.burak.click(request, "Comment")
    form = await running.burak.wait_for_view(lambda view: view.callback_id == "changes.reason")
    assert "Yorum yap" in text_of(form)
    assert running.burak.list_fields() == ["Yorum"]
    assert await submit_reason(running.burak, "Why not in *June*?") == []
    reply = await wait_for_reply(running, request, "Burak")
    assert "commented on #1 Old name" in text_of(reply)
    assert "Why not in *June*?" in text_of(reply)
    assert list_mentions(running, reply) == [("user", "U0EMMA")]
    assert await comment(running.emma, request, "In May, then") == []
    own = await wait_for_reply(running, request, "In May, then")
    assert list_mentions(running, own) == []
    assert WAITING in text_of(request)
    await running.emma.send(MARKETING, "/flows history 1")
    said = text_of(await wait_for_private_message(running.emma, "Why not in", MARKETING))
    assert said.index("Why not in *June*?") < said.index("In May, then")
    events = [event for event in await read_audit_trail(running) if event["action"] == "change.commented"]
    assert [(event["actor"], event["details"]["text"]) for event in events] == [
        ("U0BURAK", "Why not in *June*?"),
        ("U0EMMA", "In May, then"),
    ]


async def test_whoever_sees_the_request_may_comment_and_nobody_else(http: World) -> None:
    await http.import_policy(approval_policy().replace('viewers = ["*"]', 'viewers = ["U0DENIZ"]'))
    request = await request_change(http)
    assert await comment(http.deniz, request, "Nice") == []
    await wait_for_reply(http, request, "Nice")
    await http.import_policy(approval_policy().replace('viewers = ["*"]', 'viewers = ["U0AYSE"]'))
    refused = await click_and_read(http, http.deniz, request, "Comment")
    assert "Only" in refused
    assert http.deniz.view is None
    assert len(list_replies(http, request)) == 1


async def test_a_comment_changes_no_vote_and_neither_is_lost(http: World) -> None:
    await http.import_policy(approval_policy(TWO, approvers=APPROVERS))
    request = await request_change(http)
    await http.emma.click(request, "Comment")
    await http.emma.wait_for_view(lambda view: view.callback_id == "changes.reason")
    await http.ayse.click(request, "Comment")
    await http.ayse.wait_for_view(lambda view: view.callback_id == "changes.reason")
    await asyncio.gather(
        http.burak.click(request, "Approve"),
        submit_reason(http.emma, "One"),
        submit_reason(http.ayse, "Two"),
    )
    await wait_for_status(http, request, "1/2 approvals")
    await wait_for_reply(http, request, "One")
    await wait_for_reply(http, request, "Two")
    assert len(list_replies(http, request)) == 2
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


@pytest.mark.usefixtures("patient_locks")
@on_both_databases
async def test_comments_of_many_in_the_same_instant_are_all_there_once(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    people = (http.emma, http.ayse, http.burak, http.deniz)
    for person in people:
        await person.click(request, "Comment")
        await person.wait_for_view(lambda view: view.callback_id == "changes.reason")
    errors = await asyncio.gather(*(submit_reason(person, f"By {person.id}") for person in people))
    assert errors == [[]] * len(people)
    for person in people:
        await wait_for_reply(http, request, f"By {person.id}")
    assert len(list_replies(http, request)) == len(people)


async def test_text_of_people_becomes_no_mention_link_or_formatting(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    text = "<!channel> <@U0DENIZ> @here <https://evil.example|click> *bold* `code`"
    await comment(http.burak, request, text)
    reply = await wait_for_reply(http, request, "<!channel>")
    assert text in text_of(reply)
    assert list_mentions(http, reply) == [("user", "U0EMMA")]
    await comment(http.burak, request, text, "Request changes")
    await wait_for_status(http, request, "Changes requested by")
    assert not {("user", "U0DENIZ"), ("range", "channel")} & set(list_mentions(http, request))
    for each in list_replies(http, request):
        assert set(list_mentions(http, each)) == {("user", "U0EMMA")}


async def test_a_blank_comment_is_refused_at_its_field_and_too_late_a_one_too(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    assert await comment(http.emma, request, "   ") != []
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    (error,) = await submit_reason(http.emma, "Wait")
    assert "already applied" in error
    assert not [each for each in list_replies(http, request) if "Wait" in text_of(each)]


async def test_who_asked_is_told_directly_where_they_are_not_in_that_channel(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.slack.workspace.channels[APPROVALS].members.remove(http.emma.id)
    http.time.ahead += 61
    await comment(http.burak, request, "Look here")
    await wait_for_reply(http, request, "Look here")
    told = await http.emma.wait_for_message(direct_channel(http, http.emma), "Look here")
    assert "commented on #1 Old name" in text_of(told)


async def test_a_comment_that_slack_did_not_take_at_once_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ROUND_SECONDS", 0.1)
    await world.start_http()
    await world.import_policy(approval_policy())
    request = await request_change(world)
    world.slack.faults.add("chat.postMessage", error="internal_error", times=2)
    await comment(world.burak, request, "Once, please")
    await wait_for_reply(world, request, "Once, please")
    await asyncio.sleep(0.5)
    assert len(list_replies(world, request)) == 1


# --- Request changes -----------------------------------------------------------------------------------------------


@in_both_modes
async def test_changes_are_requested_of_an_enable_which_stays_open(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.burak.click(request, "Request changes")
    await running.burak.wait_for_view(lambda view: view.callback_id == "changes.reason")
    assert running.burak.list_fields() == ["Ne değişmeli?"]
    await submit_reason(running.burak, "A shorter title")
    shown = await wait_for_status(running, request, "Changes requested by")
    assert "A shorter title" in text_of(shown)
    assert WAITING in text_of(shown)
    assert "Approve" in running.burak.list_buttons(shown)
    await wait_for_reply(running, request, "requested changes to #1 Old name")
    assert "Changes requested by @U0BURAK" in await ask(running, running.emma, "approvals")
    await open_home(running.emma, "Changes requested by U0BURAK")
    told = await running.emma.wait_for_message(direct_channel(running, running.emma), "A shorter title")
    assert running.emma.list_buttons(told)[0] == "Open form"
    await running.emma.click(told, "Open form")
    form = await running.emma.wait_for_view(is_form)
    assert running.emma.read_field("Title") == "Old title", text_of(form)
    assert list_writes(running) == []


async def test_changes_are_requested_of_an_edit_whose_own_form_opens(http: World) -> None:
    await http.import_policy(approval_policy())
    flow = add_flow(http, is_enabled=True)
    await open_form(http.ayse, f"/flows edit {flow}")
    await http.ayse.submit({"Başlık": "Yeni başlık"})
    request = await http.deniz.wait_for_message(APPROVALS, lambda each: "changes.approve" in json.dumps(each.blocks))
    await comment(http.burak, request, "Daha kısa", "Değişiklik iste")
    told = await http.ayse.wait_for_message(direct_channel(http, http.ayse), "Daha kısa")
    assert "değişiklik istedi" in text_of(told)
    await http.ayse.click(told, "Formu aç")
    await http.ayse.wait_for_view(is_form)
    assert http.ayse.read_field("Başlık") == "Yeni başlık"


@pytest.mark.parametrize("kind", ["enable", "edit"])
async def test_the_form_of_an_authors_message_opens_after_the_channels_got_other_ids(http: World, kind: str) -> None:
    await http.import_policy(approval_policy())
    if kind == "edit":
        await open_form(http.emma, f"/flows edit {add_flow(http, is_enabled=True)}")
        await http.emma.submit({"Title": "New title"})
        request = await http.deniz.wait_for_message(
            APPROVALS, lambda each: "changes.approve" in json.dumps(each.blocks)
        )
        await http.emma.close(everything=True)
    else:
        request = await request_change(http)
    await comment(http.burak, request, "Shorter", "Request changes")
    told = await http.emma.wait_for_message(direct_channel(http, http.emma), "Shorter")
    await wait_for_reply(http, request, "Shorter")
    http.slack.admin.change_channel_id(APPROVALS, "C0APPROVALS2")
    http.slack.admin.change_channel_id(MARKETING, "C0MARKETING2")
    await http.slack.dispatcher.wait_until_idle()
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert http.emma.read_field("Title") == ("New title" if kind == "edit" else "Old title")
    await http.emma.submit({"Title": "Short"})
    await http.deniz.wait_for_message("C0APPROVALS2", "Approval starts over.")


async def test_only_who_may_decide_may_ask_for_changes_and_not_of_a_delete(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    for person in (http.ayse, http.emma):
        assert await click_and_read(http, person, request, "Request changes")
        assert person.view is None
    delete = await request_change(http, "delete")
    assert http.burak.list_buttons(delete) == ["Approve", "Reject", "Comment", "Withdraw"]


async def test_a_right_that_was_lost_while_the_form_was_open_asks_for_nothing(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.click(request, "Request changes")
    await http.burak.wait_for_view(lambda view: view.callback_id == "changes.reason")
    http.slack.workspace.groups["S0LEADS"].users.remove(http.burak.id)
    http.time.ahead += 4
    assert await submit_reason(http.burak, "A shorter title") != []
    assert "Changes requested" not in text_of(request)


# --- shared channels -----------------------------------------------------------------------------------------------


async def test_in_a_shared_channel_the_text_is_shown_privately(http: World) -> None:
    http.slack.admin.share_channel(APPROVALS, http.jonas.id, is_told=False)
    await http.import_policy(approval_policy())
    request = await request_change(http)
    refused = await click_and_read(http, http.jonas, request, "Comment")
    assert "Only people of this organisation" in refused
    assert http.jonas.view is None
    await comment(http.burak, request, "Zqxmark one")
    await comment(http.burak, request, "Zqxmark two", "Request changes")
    await wait_for_status(http, request, "Changes requested by")
    reply = await wait_for_reply(http, request, "requested changes")
    assert http.emma.list_buttons(reply) == ["Show"]
    events = http.slack.context.feed.list_since(0, http.jonas.id)
    assert "Zqxmark" not in json.dumps([event.data for event in events])
    await http.emma.click(reply, "Show")
    window = text_of(await http.emma.wait_for_view("Zqxmark one"))
    assert "Zqxmark two" in window
    await http.emma.wait_for_message(direct_channel(http, http.emma), "Zqxmark two")


async def test_a_channel_that_becomes_shared_loses_the_text_of_its_comments(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ROUND_SECONDS", 0.1)
    await world.start_http()
    await world.import_policy(approval_policy())
    request = await request_change(world)
    await comment(world.burak, request, "Zqxmark")
    reply = await wait_for_reply(world, request, "Zqxmark")
    world.slack.admin.share_channel(APPROVALS, world.jonas.id)
    await world.deniz.wait_until(lambda: "Zqxmark" not in text_of(reply))
