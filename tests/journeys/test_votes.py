"""Approve, Reject, Withdraw: who may, how often it counts, and that it happens once."""

import asyncio
import json

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, text_of
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from tests.journeys.form_steps import list_writes
from tests.journeys.request_steps import (
    WAITING,
    add_people,
    all_sent_fields,
    approval_policy,
    click_and_read,
    list_mentions,
    list_requests,
    private_messages,
    request_change,
    submit_reason,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import (
    AGENCY,
    APPROVALS,
    MARKETING,
    World,
    in_both_modes,
    on_both_databases,
)

TWO_APPROVALS = "quorum = 2"


# --- approving -----------------------------------------------------------------------------------------------------


@in_both_modes
async def test_an_approval_has_its_effect_once_and_the_buttons_go(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    assert running.deniz.list_buttons(request) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw"]
    await running.burak.click(request, "Approve")
    done = await wait_for_status(running, request, "Applied")
    assert running.deniz.list_buttons(done) == []
    assert all_sent_fields(running) == [{"is_enabled": "1"}]
    assert running.enkapush.store.flow(1).is_enabled
    assert "Flow #1 Old name is live · approved by U0BURAK" in text_of(done)


@in_both_modes
@pytest.mark.parametrize("kind", ["enable", "delete"])
async def test_while_enkapush_is_slow_the_message_says_what_happens_and_has_no_buttons(
    running: World, kind: str
) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running, kind)
    running.enkapush.faults.add(Fault.hang(method="POST" if kind == "enable" else "DELETE"))
    await running.burak.click(request, "Approve")
    shown = await wait_for_status(running, request, "Approved, being applied")
    assert running.deniz.list_buttons(shown) == []
    running.enkapush.release()
    done = await wait_for_status(running, request, "Applied")
    assert running.deniz.list_buttons(done) == (["Restore"] if kind == "delete" else [])


async def test_from_the_approval_to_the_effect_enkapush_is_asked_three_times(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    before = len(http.enkapush.requests)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert list_requests(http, before) == [("GET", "/flows/1"), ("POST", "/flows/1"), ("GET", "/flows/1")]


@in_both_modes
async def test_two_are_needed_where_the_policy_says_so(running: World) -> None:
    await running.import_policy(approval_policy(TWO_APPROVALS, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(running)
    assert "0/2 approvals" in text_of(request)
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "1/2 approvals")
    assert list_writes(running) == []
    await running.deniz.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    assert all_sent_fields(running) == [{"is_enabled": "1"}]


async def test_the_same_person_counts_once(http: World) -> None:
    await http.import_policy(approval_policy(TWO_APPROVALS, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(http)
    await http.burak.click(request, "Approve")
    again = await wait_for_status(http, request, "1/2 approvals")
    await http.burak.click(again, "Approve")
    await wait_for_private_message(http.burak, "zaten onayladınız")
    assert "1/2 approvals" in text_of(again)
    assert list_writes(http) == []


@pytest.mark.usefixtures("patient_locks")
@on_both_databases
async def test_twenty_approvers_in_the_same_instant_make_one_effect(http: World) -> None:
    crowd = add_people(http, 20)
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await asyncio.gather(*(person.click(request, "Approve") for person in crowd))
    await wait_for_status(http, request, "Applied")
    await http.deniz.wait_until(lambda: sum(len(private_messages(http, person)) for person in crowd) == 19)
    assert all(len(private_messages(http, person)) <= 1 for person in crowd)
    assert all("Too late" in said for person in crowd for said in private_messages(http, person))
    assert len(list_writes(http)) == 1


@pytest.mark.usefixtures("patient_locks")
async def test_twenty_approvers_where_two_are_needed_make_one_effect(http: World) -> None:
    crowd = add_people(http, 20)
    await http.import_policy(approval_policy(TWO_APPROVALS))
    request = await request_change(http)
    await asyncio.gather(*(person.click(request, "Approve") for person in crowd))
    await wait_for_status(http, request, "Applied")
    await http.deniz.wait_until(lambda: sum(len(private_messages(http, person)) for person in crowd) == 18)
    assert len(list_writes(http)) == 1


async def test_one_click_that_is_delivered_three_times_counts_once(running: World) -> None:
    await running.import_policy(approval_policy(TWO_APPROVALS, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(running)
    click = await running.burak.click(request, "Approve")
    await asyncio.gather(*(_redeliver(running, click) for _ in range(2)))
    await running.burak.wait_until(lambda: len(private_messages(running, running.burak)) == 2)
    assert "1/2 approvals" in text_of(await wait_for_status(running, request, "1/2 approvals"))
    assert list_writes(running) == []


async def test_two_clicks_of_the_last_approver_make_one_effect(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await asyncio.gather(*(running.burak.click(request, "Approve") for _ in range(2)))
    await wait_for_status(running, request, "Applied")
    await wait_for_private_message(running.burak, "")
    assert len(list_writes(running)) == 1


@pytest.mark.parametrize("ending", ["Approve", "Reject", "Withdraw", "expired"])
async def test_a_late_click_is_told_privately_what_has_become_of_it(http: World, ending: str) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    old_screen = await http.deniz.click(request, "Approve")
    await wait_for_private_message(http.deniz, "can approve or reject this request")
    await http.import_policy(approval_policy(approvers='["S0LEADS", "U0DENIZ"]'))
    said = await _end_request(http, request, ending)
    before = len(private_messages(http, http.deniz))
    old_screen.payload["trigger_id"] += ".late"
    await http.slack.dispatcher.redeliver(old_screen)
    await http.deniz.wait_until(lambda: len(private_messages(http, http.deniz)) > before)
    assert said in private_messages(http, http.deniz)[-1]
    assert len(list_writes(http)) == (ending == "Approve")


async def _end_request(world: World, request: Message, ending: str) -> str:
    """End a request; return the message for whoever clicks after that."""
    if ending == "expired":
        world.time.ahead += 72 * 3600
        await wait_for_status(world, request, "Expired")
        return "This request has expired."
    if ending == "Withdraw":
        await world.emma.click(request, "Withdraw")
        await wait_for_status(world, request, "Withdrawn")
        return "withdrew this request"
    await world.burak.click(request, ending)
    if ending == "Approve":
        await wait_for_status(world, request, "Applied")
        return "Too late: it was already applied."
    await submit_reason(world.burak, "No")
    await wait_for_status(world, request, "Rejected")
    return "rejected this request"


async def _redeliver(world: World, click: Delivery) -> Delivery:
    return await world.slack.dispatcher.redeliver(click)


# --- who may -------------------------------------------------------------------------------------------------------


@in_both_modes
async def test_nobody_approves_their_own_request_where_the_policy_does_not_allow_it(running: World) -> None:
    await running.import_policy(approval_policy(approvers='["S0LEADS", "U0EMMA"]'))
    request = await request_change(running)
    await running.emma.click(request, "Approve")
    await wait_for_private_message(running.emma, "You can't decide on your own request")
    await running.emma.click(request, "Reject")
    await running.emma.wait_until(lambda: len(private_messages(running, running.emma)) == 2)
    assert running.emma.view is None
    assert list_writes(running) == []


async def test_who_asked_and_may_not_approve_is_told_that_the_request_is_their_own(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    told = await click_and_read(http, http.emma, request, "Approve")
    assert "You can't decide on your own request" in told
    assert "you can withdraw it" in told


async def test_a_refusal_elsewhere_does_not_speak_of_this_channel(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    told = await click_and_read(http, http.deniz, request, "Approve")
    assert "can approve or reject this request." in told
    assert "This channel" not in told


async def test_somebody_approves_their_own_request_where_the_policy_allows_it(http: World) -> None:
    await http.import_policy(approval_policy("self_approval = true", approvers='["U0EMMA"]'))
    request = await request_change(http)
    await http.emma.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert len(list_writes(http)) == 1


@pytest.mark.parametrize("button", ["Approve", "Reject", "Withdraw"])
async def test_who_is_not_entitled_is_told_and_nothing_happens(http: World, button: str) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.deniz.click(request, button)
    is_withdrawal = button == "Withdraw"
    refusal = "can withdraw this request." if is_withdrawal else "can approve or reject this request."
    told = await wait_for_private_message(http.deniz, refusal)
    assert set(list_mentions(http, told)) == {("user", "U0EMMA") if is_withdrawal else ("usergroup", "S0LEADS")}
    assert http.deniz.view is None
    assert WAITING in text_of(request)
    assert list_writes(http) == []


async def test_an_approver_cannot_withdraw_what_another_asked_for(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.click(request, "Withdraw")
    await wait_for_private_message(http.burak, "geri çekebilir.")
    assert WAITING in text_of(request)


@pytest.mark.parametrize("approvers", ['["*"]', '["U0JONAS", "U0BURAK"]', '["*", "U0JONAS", "S0LEADS"]'])
async def test_people_of_another_company_decide_nothing(http: World, approvers: str) -> None:
    http.slack.workspace.groups["S0LEADS"].users.append("U0JONAS")
    await http.import_policy(approval_policy("break_glass = ['U0JONAS']", approvers=approvers, where=AGENCY))
    request = await request_change(http, where=AGENCY)
    for label in ("Approve", "Reject", "Skip approval"):
        assert "Only people of this organisation" in await click_and_read(http, http.jonas, request, label, AGENCY)
    assert http.jonas.view is None
    assert list_writes(http) == []


@pytest.mark.parametrize("trait", ["deleted", "is_bot"])
async def test_deactivated_people_and_bots_decide_nothing(http: World, trait: str) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    setattr(http.slack.workspace.people["U0BURAK"], trait, True)
    http.time.ahead += 4
    assert "Botlar ve devre dışı bırakılmış hesaplar" in await click_and_read(http, http.burak, request, "Approve")
    assert WAITING in text_of(request)
    assert list_writes(http) == []


async def test_who_has_left_the_group_since_decides_nothing(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.slack.workspace.groups["S0LEADS"].users.remove("U0BURAK")
    http.time.ahead += 61
    await http.burak.click(request, "Approve")
    await wait_for_private_message(http.burak, "yalnızca şu kişiler onaylayabilir ya da reddedebilir")
    assert list_writes(http) == []


async def test_where_slack_cannot_tell_the_groups_nobody_approves_by_a_group(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.time.ahead += 61
    http.slack.faults.add("usergroups.list", error="internal_error", times=None)
    await http.burak.click(request, "Approve")
    await wait_for_private_message(http.burak, "kullanıcı gruplarınızı göstermiyor")
    assert WAITING in text_of(request)


async def test_an_approval_lapses_with_the_rights_of_who_gave_it(http: World) -> None:
    await http.import_policy(approval_policy(TWO_APPROVALS, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(http)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    await http.import_policy(approval_policy(TWO_APPROVALS, approvers='["U0DENIZ"]'))
    await http.deniz.click(request, "Approve")
    failed = await wait_for_status(http, request, "Failed")
    assert "the approvals no longer suffice" in text_of(failed)
    assert http.deniz.list_buttons(failed) == ["Ask again"]
    assert list_writes(http) == []


async def test_everyone_means_the_members_of_the_channel_where_it_was_asked(http: World) -> None:
    (stranger,) = add_people(http, 1, "S0LEADS")
    http.slack.workspace.channels[MARKETING].members.remove(stranger.id)
    await http.import_policy(approval_policy(approvers='["*"]'))
    request = await request_change(http)
    await stranger.click(request, "Approve")
    told = await wait_for_private_message(stranger, "can approve or reject this request.")
    assert "Only people in" in text_of(told)
    assert set(list_mentions(http, told)) == {("channel", MARKETING)}
    assert list_writes(http) == []
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_who_approves_by_a_group_need_not_be_in_the_channel(http: World) -> None:
    (lead,) = add_people(http, 1, "S0LEADS")
    http.slack.workspace.channels[MARKETING].members.remove(lead.id)
    await http.import_policy(approval_policy(approvers='["*", "S0LEADS"]'))
    request = await request_change(http)
    await lead.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


async def test_who_joined_the_channel_a_moment_ago_is_everyone_too(http: World) -> None:
    await http.import_policy(approval_policy(TWO_APPROVALS, approvers='["*"]', where=MARKETING))
    (stranger,) = add_people(http, 1, "S0LEADS")
    members = http.slack.workspace.channels[MARKETING].members
    members.remove(stranger.id)
    request = await request_change(http, where=MARKETING)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    members.append(stranger.id)
    http.time.ahead += 4
    await stranger.click(request, "Approve")
    await wait_for_status(http, request, "Applied")


@pytest.mark.parametrize("seconds", [4, 61])
async def test_who_has_left_the_channel_since_is_not_everyone_any_more(http: World, seconds: int) -> None:
    await http.import_policy(approval_policy(TWO_APPROVALS, approvers='["*"]'))
    request = await request_change(http)
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    http.slack.workspace.channels[MARKETING].members.remove("U0BURAK")
    http.time.ahead += seconds
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "the approvals no longer suffice")
    assert list_writes(http) == []


async def test_the_approval_channels_own_policy_gives_nobody_a_say(http: World) -> None:
    elsewhere = f'[[channels]]\nid = "{APPROVALS}"\nwebsites = "all"\napprovers = ["U0DENIZ"]\n'
    await http.import_policy(approval_policy() + elsewhere)
    request = await request_change(http)
    await http.deniz.click(request, "Approve")
    await wait_for_private_message(http.deniz, "can approve or reject this request.")
    assert list_writes(http) == []


@pytest.mark.parametrize("button", ["Approve", "Reject"])
async def test_a_website_that_was_taken_from_the_policy_takes_its_requests_along(http: World, button: str) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    request = await request_change(http)
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]', websites="[2]"))
    assert "C0MARKETING no longer has that website" in await click_and_read(http, http.deniz, request, button)
    assert list_writes(http) == []


async def test_a_website_that_was_taken_while_the_reason_is_typed_is_said_at_the_field(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    request = await request_change(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view(lambda view: view.callback_id == "changes.reason")
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]', websites="[2]"))
    assert await submit_reason(http.deniz, "Not now") == [
        "This channel no longer has that website, so nothing was saved."
    ]


async def test_a_channel_that_lost_its_policy_decides_nothing(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    request = await request_change(http)
    await http.import_policy("")
    await http.deniz.click(request, "Approve")
    await wait_for_private_message(http.deniz, "flowbot is no longer set up in the channel this came from")
    assert list_writes(http) == []


# --- rejecting and withdrawing -------------------------------------------------------------------------------------


@in_both_modes
async def test_a_request_is_rejected_with_a_reason(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.burak.click(request, "Reject")
    await submit_reason(running.burak, "Not before the sale")
    over = await wait_for_status(running, request, "Rejected")
    assert "Not before the sale" in text_of(over)
    assert running.deniz.list_buttons(over) == []
    assert list_writes(running) == []
    await wait_for_notice(running, request, "was rejected · by Burak Demir")


async def test_a_rejection_needs_a_reason(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ"]'))
    request = await request_change(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here sees your reason.")
    refused = await http.deniz.submit({"Reason": "   "})
    assert refused.errors
    assert WAITING in text_of(request)


async def test_a_rejection_that_comes_too_late_is_told(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["U0DENIZ", "S0LEADS"]'))
    request = await request_change(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here sees your reason.")
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    said = (await http.deniz.submit({"Reason": "Please not"})).errors
    assert list(said.values()) == ["Too late: it was already applied."]
    assert http.deniz.read_field("Reason") == "Please not"
    assert "Please not" not in text_of(request)


@pytest.mark.parametrize("ending", ["Reject", "Withdraw", "Skip approval"])
async def test_who_gives_a_reason_too_late_reads_what_has_become_of_it(http: World, ending: str) -> None:
    await http.import_policy(approval_policy('break_glass = ["U0BURAK"]', approvers='["U0DENIZ", "S0LEADS"]'))
    request = await request_change(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here sees your reason.")
    await (http.emma if ending == "Withdraw" else http.burak).click(request, ending)
    if ending != "Withdraw":
        assert await submit_reason(http.burak, "No") == []
    await wait_for_status(
        http, request, {"Reject": "Rejected", "Withdraw": "Withdrawn", "Skip approval": "Applied"}[ending]
    )
    said = await submit_reason(http.deniz, "Please not")
    assert said == [
        {
            "Reject": "This request was rejected.",
            "Withdraw": "This request was withdrawn.",
            "Skip approval": "Too late: somebody skipped approval.",
        }[ending]
    ]


async def test_a_reason_that_is_sent_once_more_leaves_it_as_it_was_decided(world: World) -> None:
    await world.start_socket()
    await world.import_policy(approval_policy())
    request = await request_change(world)
    await world.burak.click(request, "Reject")
    assert await submit_reason(world.burak, "Not before the sale") == []
    await wait_for_status(world, request, "Rejected")
    sent = next(each for each in world.slack.deliveries if each.payload.get("type") == "view_submission")
    again = await world.slack.dispatcher.redeliver(sent)
    assert again.ok
    assert "errors" not in again.body
    other = json.dumps(sent.payload).replace("Not before the sale", "Too dear")
    again = await world.slack.dispatcher.deliver(Envelope(sent.kind, sent.label, json.loads(other)))
    assert "Bu istek reddedildi." in again.body
    assert "Not before the sale" in text_of(request)


@in_both_modes
async def test_who_asked_takes_it_back(running: World) -> None:
    await running.import_policy(approval_policy())
    request = await request_change(running)
    await running.emma.click(request, "Withdraw")
    over = await wait_for_status(running, request, "Withdrawn")
    assert running.deniz.list_buttons(over) == []
    assert list_writes(running) == []


async def test_of_an_approval_and_a_withdrawal_in_the_same_instant_one_counts(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await asyncio.gather(http.burak.click(request, "Approve"), http.emma.click(request, "Withdraw"))
    await http.deniz.wait_until(lambda: private_messages(http, http.burak) or private_messages(http, http.emma))
    over = await wait_for_status(http, request, "Withdrawn" if private_messages(http, http.burak) else "Applied")
    assert http.deniz.list_buttons(over) == []
    assert len(list_writes(http)) == (not private_messages(http, http.burak))
