"""`@flowbot show 12` in channels and threads: as the command, for its author alone."""

import asyncio

import pytest

from flowbot.sandbox.slack import Message, SandboxPerson, text_of
from flowbot.sandbox.slack.delivery.envelope import Envelope
from flowbot.slack.api import references
from tests.journeys.form_steps import add_flow, is_form, list_writes
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    list_mentions,
    press_and_request,
    request_change,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, RANDOM, World, in_both_modes, on_both_databases


async def mention(world: World, text: str, *, by: SandboxPerson | None = None, where: str = MARKETING) -> Message:
    """Write a message that mentions flowbot, and return the private answer."""
    person = by or world.emma
    before = {message.ts for message in await person.list_messages(where)}
    await person.send(where, text)
    return await person.wait_for_message(where, lambda message: message.is_ephemeral and message.ts not in before)


async def post(person: SandboxPerson, text: str, where: str = MARKETING) -> Message:
    """Write a message for all, and return it."""
    await person.send(where, text)
    return await person.wait_for_message(where, lambda message: message.user == person.id)


def answers(world: World, where: str = MARKETING) -> list[Message]:
    """List what the bot has written in a channel."""
    return [message for message in world.slack.workspace.messages[where] if message.bot_id]


async def wait_until_idle(world: World) -> None:
    """Wait until every event was acknowledged, and a little longer for an answer that must not come."""
    await world.slack.dispatcher.wait_until_idle()
    await asyncio.sleep(0.3)


@in_both_modes
async def test_a_mention_works_like_the_command_for_its_author_alone(running: World) -> None:
    add_flow(running, name="Winter sale")
    shown = await mention(running, "@flowbot show 1")
    assert "Winter sale" in text_of(shown)
    assert (shown.ephemeral_to, shown.thread_ts) == ("U0EMMA", None)
    assert "Enable" in running.emma.list_buttons(shown)


@in_both_modes
async def test_in_a_thread_the_answer_is_in_that_thread(running: World) -> None:
    add_flow(running, name="Winter sale")
    question = await post(running.burak, "Is the sale ready?")
    await running.emma.send(MARKETING, "@flowbot show 1", thread=question)
    shown = await wait_for_private_message(running.emma, "Winter sale", MARKETING)
    assert shown.thread_ts == question.ts
    # So is what follows from its buttons.
    await running.emma.click(shown, "Share")
    told = await running.emma.wait_for_message(
        MARKETING, lambda message: message.is_ephemeral and message.ts > shown.ts
    )
    assert told.thread_ts == question.ts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@flowbot göster 1", "Winter sale"),
        ("@flowbot LİSTE winter", "Winter sale"),
        ("Hey @flowbot show 1", "Winter sale"),
        ("show 1 @flowbot", "Winter sale"),
        ("@flowbot", "flowbot"),
        ("@flowbot list payload & <more>", "payload & <more>"),
        ("@flowbot approvals", "Nothing"),
        ("@flowbot shwo 1", "“shwo”"),
        ("@flowbot show @burak", "U0BURAK"),
    ],
)
async def test_any_text_of_a_command_is_understood(http: World, text: str, said: str) -> None:
    add_flow(http, name="Winter sale")
    assert said in text_of(await mention(http, text))


async def test_a_mention_answers_in_its_authors_language(http: World) -> None:
    told = await mention(http, "@flowbot yardım", by=http.ayse)
    assert "yerine @flowbot da" in text_of(told)


@pytest.mark.parametrize(
    ("text", "fields"),
    [("create", "Name"), ("edit 1", "Name"), ("duplicate 1", "Name")],
)
async def test_what_needs_a_form_answers_with_a_button(http: World, text: str, fields: str) -> None:
    add_flow(http)
    told = await mention(http, f"@flowbot {text}")
    assert text_of(told).startswith("Press Open form to continue.")
    assert http.emma.list_buttons(told) == ["Open form"]
    assert http.emma.view is None
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    assert fields in http.emma.list_fields()


async def test_the_form_of_a_policy_is_opened_by_a_button(http: World) -> None:
    told = await mention(http, "@flowbot setup", by=http.deniz)
    await http.deniz.click(told, "Open form")
    await http.deniz.wait_for_view(is_form)
    assert "Only workspace admins" in text_of(await mention(http, "@flowbot setup"))


async def test_who_may_not_edit_gets_no_button(http: World) -> None:
    told = await mention(http, "@flowbot create", by=http.deniz)
    assert "can do this." in text_of(told)
    assert http.deniz.list_buttons(told) == []


@on_both_databases
async def test_a_request_is_made_by_a_mention_and_approved_by_none(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    assert "Approval requested in" in text_of(await mention(http, "@flowbot enable 1 The sale begins"))
    request = await http.deniz.wait_for_message(APPROVALS, WAITING)
    assert "The sale begins" in text_of(request)
    for text in ("approve", "approve 1", "approvals 1", "onayla 1"):
        await mention(http, f"@flowbot {text}", by=http.burak, where=APPROVALS)
    assert WAITING in text_of(request)
    assert list_writes(http) == []
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_a_request_by_a_button_in_a_thread_is_answered_there(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    question = await post(http.burak, "Is the sale ready?")
    await http.emma.send(MARKETING, "@flowbot show 1", thread=question)
    shown = await wait_for_private_message(http.emma, "Old title", MARKETING)
    await press_and_request(http.emma, shown, "Enable")
    assert (await wait_for_private_message(http.emma, "Approval requested", MARKETING)).thread_ts == question.ts


# --- what is ignored -----------------------------------------------------------------------------------------------


async def test_an_edited_message_is_not_answered_again(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy())
    await mention(http, "@flowbot show 1")
    written = await http.emma.wait_for_message(MARKETING, lambda message: message.user == "U0EMMA")
    before = len(answers(http))
    await http.emma.edit(written, "@flowbot disable 1")
    await wait_until_idle(http)
    assert len(answers(http)) == before
    assert http.enkapush.store.flow(1).is_enabled


@pytest.mark.parametrize("fields", [{"bot_id": "B0OTHER"}, {"edited": {"user": "U0EMMA", "ts": "2.2"}}, {"user": None}])
async def test_bots_and_odd_events_are_ignored(http: World, fields: dict[str, object]) -> None:
    add_flow(http)
    await mention(http, "@flowbot show 1")
    payload = http.slack.deliveries[-1].payload
    event = {**payload["event"], "ts": "1234.5678", **fields}
    before = len(answers(http))
    http.slack.dispatcher.deliver_event(Envelope("events_api", "app_mention", {**payload, "event": event}))
    await wait_until_idle(http)
    assert len(answers(http)) == before


@on_both_databases
async def test_an_event_that_slack_sends_again_is_answered_once(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await mention(http, "@flowbot enable 1")
    sent = http.slack.deliveries[-1]
    before = len(answers(http))
    sent.payload["event_time"] += 1
    for _ in range(2):
        await http.slack.dispatcher.redeliver(sent)
    await wait_until_idle(http)
    assert len(answers(http)) == before
    assert len(await http.deniz.list_messages(APPROVALS)) == 1


async def test_a_mention_that_somebody_typed_as_text_is_none(http: World) -> None:
    await http.emma.send(MARKETING, "&lt;@U0FLOWBOT&gt; show 1 and <@U0FLOWBOT> show 1")
    await wait_until_idle(http)
    assert answers(http) == []


@in_both_modes
async def test_who_is_named_in_a_reason_is_shown_by_name_and_not_mentioned(running: World) -> None:
    await running.import_policy(approval_policy())
    number = add_flow(running)
    await running.emma.send(
        MARKETING, f"@flowbot enable {number} Ask @burak, @leads or @here in #random or #kampanya-onay"
    )
    request = await running.deniz.wait_for_message(APPROVALS, WAITING)
    assert "Ask @Burak Demir, @leads or @here in #random or #" in text_of(request)
    # Its approvers are; the reason mentions nobody.
    assert set(list_mentions(running, request)) <= {("usergroup", "S0LEADS")}


async def test_what_slack_does_not_name_in_time_goes_by_its_id(http: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "ANSWER_SECONDS", 0.2)
    await http.import_policy(approval_policy())
    number = add_flow(http)
    http.slack.faults.add("conversations.info", channel=RANDOM, hang=True, times=None)
    await http.emma.send(MARKETING, f"@flowbot enable {number} Ask @burak in #random")
    request = await http.deniz.wait_for_message(APPROVALS, WAITING)
    assert f"Ask @Burak Demir in #{RANDOM}" in text_of(request)


# --- who and where -------------------------------------------------------------------------------------------------


async def test_people_of_another_company_get_nothing(http: World) -> None:
    add_flow(http, website_id=3, name="Secret")
    told = await mention(http, "@flowbot list", by=http.jonas, where=AGENCY)
    assert "Only people of this organisation" in text_of(told)
    assert "Secret" not in text_of(told)


async def test_where_flowbot_is_not_in_the_channel_nothing_comes(http: World) -> None:
    await http.emma.send(RANDOM, "@flowbot help")
    await wait_until_idle(http)
    assert answers(http, RANDOM) == []


async def test_where_the_thread_takes_no_answer_it_stands_in_the_channel(http: World) -> None:
    add_flow(http, name="Winter sale")
    question = await post(http.burak, "Is the sale ready?")
    http.slack.faults.add("chat.postEphemeral", error="thread_not_found")
    await http.emma.send(MARKETING, "@flowbot show 1", thread=question)
    shown = await wait_for_private_message(http.emma, "Winter sale", MARKETING)
    assert shown.thread_ts is None


async def test_in_the_thread_of_a_request_its_channel_counts(http: World) -> None:
    await http.import_policy(approval_policy(where=MARKETING))
    request = await request_change(http, where=MARKETING)
    await http.emma.send(MARKETING, "@flowbot show 1", thread=request)
    shown = await wait_for_private_message(http.emma, "Old title", MARKETING)
    assert shown.thread_ts == request.ts
