"""Messages around approvals: where to look, who was faster, and one line for the outcome of a click."""

import json
from datetime import timedelta

import pytest

from flowbot.sandbox.slack import Message, text_of
from flowbot.worker import recovery
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, list_writes, open_form
from tests.journeys.request_steps import (
    approval_policy,
    list_mentions,
    list_requests,
    press_and_request,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.test_history import read_history
from tests.journeys.world import APPROVALS, MARKETING, POLICY, World

# --- asking twice --------------------------------------------------------------------------------------------------


async def test_a_second_request_for_a_flow_leads_to_the_first(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, f"enable {add_flow(http)}")
    await http.ayse.send(MARKETING, "/flows delete 1")
    told = await wait_for_private_message(http.ayse, "1 numaralı akış için zaten açık bir istek var", MARKETING)
    assert http.ayse.list_buttons(told) == ["Mesaja git"]
    assert request.ts.replace(".", "") in json.dumps(told.blocks)


async def test_a_second_request_is_a_sentence_where_the_first_has_no_message_yet(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    http.slack.faults.add("chat.postMessage", error="is_archived", times=None)
    await http.emma.send(MARKETING, "/flows enable 1")
    await wait_for_private_message(http.emma, "Your request is saved", MARKETING)
    await http.emma.send(MARKETING, "/flows enable 1")
    told = await wait_for_private_message(http.emma, "Flow #1 already has an open request", MARKETING)
    assert http.emma.list_buttons(told) == []


# --- who was faster ------------------------------------------------------------------------------------------------


async def test_who_comes_too_late_reads_by_name_who_was_faster(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(http)
    pressed = await http.deniz.click(request, "Reject")
    await submit_reason(http.deniz, "Not now")
    await wait_for_status(http, request, "Rejected")
    pressed.payload["trigger_id"] += ".late"
    await http.slack.dispatcher.redeliver(pressed)
    told = await wait_for_private_message(http.deniz, "rejected this request")
    assert set(list_mentions(http, told)) == {("user", "U0DENIZ")}


# --- buttons of a direct message -----------------------------------------------------------------------------------


async def test_the_buttons_of_a_direct_message_are_judged_where_the_flow_was_made(http: World) -> None:
    await http.import_policy(approval_policy())
    direct = await create_flow_with_direct_reply(http)
    http.slack.faults.clear()
    await http.emma.click(direct, "Edit")
    await http.emma.wait_for_view(lambda view: view.submit is not None)
    await http.emma.close()
    await press_and_request(http.emma, direct, "Enable")
    request = await http.deniz.wait_for_message(APPROVALS, "Waiting for approval")
    assert "Emma Clarke asks" in text_of(request)


async def test_who_has_left_the_channel_has_no_rights_there_that_are_everyones(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    direct = await create_flow_with_direct_reply(http)
    http.slack.faults.clear()
    http.slack.workspace.channels[MARKETING].members.remove("U0EMMA")
    http.time.ahead += 3600
    await http.emma.click(direct, "Enable")
    await http.emma.wait_for_message(direct.channel, "can do this.")
    assert await http.deniz.list_messages(APPROVALS) == []


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (approval_policy(editors='["U0AYSE"]'), "In C0MARKETING, only U0AYSE can do this."),
        ("", "flowbot isn't set up in C0MARKETING."),
    ],
)
@pytest.mark.parametrize("button", ["Edit", "Enable"])
async def test_a_refusal_in_a_direct_message_names_the_channel(
    http: World, button: str, policy: str, said: str
) -> None:
    await http.import_policy(approval_policy())
    direct = await create_flow_with_direct_reply(http)
    await http.import_policy(policy)
    await http.emma.click(direct, button)
    told = await http.emma.wait_for_message(direct.channel, said)
    assert "This channel" not in text_of(told)


async def test_what_cannot_be_asked_for_in_a_direct_message_names_the_channel_too(http: World) -> None:
    await http.import_policy(approval_policy())
    direct = await create_flow_with_direct_reply(http)
    await http.import_policy(approval_policy(approvers="[]"))
    await http.emma.click(direct, "Enable")
    told = await http.emma.wait_for_view(lambda view: "Nobody can approve this: C0MARKETING has" in text_of(view))
    assert "this channel" not in text_of(told)


async def test_who_has_just_been_given_the_right_has_it_in_a_direct_message(http: World) -> None:
    await http.import_policy(approval_policy())
    direct = await create_flow_with_direct_reply(http)
    http.slack.faults.clear()
    editors = http.slack.workspace.groups["S0EDITORS"].users
    editors.remove("U0EMMA")
    http.time.ahead += 61
    await http.emma.click(direct, "Enable")
    await http.emma.wait_for_message(direct.channel, "can do this.")
    editors.append("U0EMMA")
    http.time.ahead += 4
    await press_and_request(http.emma, direct, "Enable")
    assert "Emma Clarke asks" in text_of(await http.deniz.wait_for_message(APPROVALS, "Waiting for approval"))


async def create_flow_with_direct_reply(world: World) -> Message:
    await open_form(world.emma, "/flows create")
    world.slack.faults.add("chat.postEphemeral", error="not_in_channel", times=None)
    await world.emma.submit(REQUIRED_FIELDS)
    direct = world.slack.workspace.open_direct_message("U0EMMA")
    told = await world.emma.wait_for_message(direct.id, "Flow #1 was created")
    await world.emma.close(everything=True)
    return told


# --- the history ---------------------------------------------------------------------------------------------------


async def test_everybody_who_approved_is_in_the_history_of_the_flow(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(http, f"enable {add_flow(http)} For spring")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert await read_history(http.emma, "/flows history 1") == [
        "✅ Enable · Applied",
        "Requested by U0EMMA, WHEN · approved by U0BURAK, WHEN · approved by U0DENIZ, WHEN · Applied, WHEN · Open",
        "Reason: “For spring”",
    ]
    assert [event["action"] for event in await read_audit_trail(http) if event["action"].startswith("change.")] == [
        "change.submitted",
        "change.pending",
        "change.vote",
        "change.vote",
        "change.approved",
        "change.applied",
    ]


async def test_what_went_ahead_without_an_approval_stands_out(http: World) -> None:
    await http.import_policy(approval_policy('break_glass = ["U0DENIZ"]'))
    request = await request_change(http, f"enable {add_flow(http)}")
    await http.deniz.click(request, "Skip approval")
    await submit_reason(http.deniz, "The shop is down")
    await wait_for_status(http, request, "Applied")
    assert await read_history(http.emma, "/flows history 1") == [
        "🚨 Enable · Applied",
        "Requested by U0EMMA, WHEN · approval skipped by U0DENIZ · Applied, WHEN · Open",
        "Reason for skipping: “The shop is down”",
    ]
    loud = {event["action"]: event["details"].get("break_glass") for event in await read_audit_trail(http)}
    assert loud["change.applied"] == loud["change.break_glass"] == "U0DENIZ"
    assert loud["change.submitted"] is None


# --- no delay ------------------------------------------------------------------------------------------------------


async def test_from_the_last_approval_to_the_message_nothing_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def never(seconds: float) -> None:
        waited.append(seconds)

    world.sleep = never
    monkeypatch.setattr(recovery, "ROUND_SECONDS", timedelta(days=1).total_seconds())
    await world.start_http()
    await world.import_policy(approval_policy())
    request = await request_change(world)
    before = len(world.enkapush.requests)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    assert list_requests(world, before) == [("GET", "/flows/1"), ("POST", "/flows/1"), ("GET", "/flows/1")]
    assert waited == []


# --- websites and addresses ----------------------------------------------------------------------------------------


async def test_a_website_that_there_is_not_is_a_sentence_where_the_channel_works_with_all(http: World) -> None:
    await http.import_policy(POLICY.replace("websites = [1, 2]", 'websites = "all"'))
    add_flow(http, website_id=7)
    await http.emma.send(MARKETING, "/flows list website:99")
    told = text_of(await http.emma.wait_for_message(MARKETING, "no website “99”"))
    assert all(name in told for name in ("Lale Moda", "Northbound Outdoor", "Kitap Durağı", "7"))
    await http.emma.send(MARKETING, "/flows list website:7")
    await http.emma.wait_for_message(MARKETING, "Old name")


@pytest.mark.parametrize("label", ["URL", "Button 1 URL"])
async def test_an_address_that_could_not_be_saved_has_no_preview(http: World, label: str) -> None:
    view = await open_form(http.emma, "/flows create")
    for name, value in {**REQUIRED_FIELDS, "Button 1 title": "Buy", label: "ftp://lale.example/sale"}.items():
        http.emma.fill(name, value)
    await http.emma.click(view, "Preview")
    refused = text_of(await http.emma.wait_for_view("Fix this to see the preview"))
    assert f"{label}: This isn't a full web address." in refused
    assert "Look at what is new." not in refused
    assert list_writes(http) == []


async def test_a_duplicates_form_says_that_the_picture_is_not_taken_over(http: World) -> None:
    add_flow(http)
    assert "Pictures aren't copied" in json.dumps((await open_form(http.emma, "/flows duplicate 1")).blocks)
