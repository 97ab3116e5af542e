"""Approve, Reject, Withdraw: who may, how often it counts, and that it happens once."""

import asyncio
import json

import pytest

from flowbot.sandbox.slack import Message, text_of
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from tests.journeys.form_steps import writes
from tests.journeys.request_steps import (
    WAITS,
    answer_to,
    asked_enkapush,
    asks,
    ends,
    gives_reason,
    hire,
    is_told,
    private,
    rules,
    sent_texts,
)
from tests.journeys.world import AGENCY, APPROVALS, MARKETING, World, on_both_databases

TWO = "quorum = 2"


# --- approving -----------------------------------------------------------------------------------------------------


@on_both_databases
async def test_an_approval_has_its_effect_once_and_the_buttons_go(running: World) -> None:
    await running.policy(rules())
    request = await asks(running)
    assert running.deniz.list_buttons(request) == ["Approve", "Reject", "Withdraw"]
    await running.burak.click(request, "Approve")
    done = await ends(running, request, "Applied")
    assert running.deniz.list_buttons(done) == []
    assert sent_texts(running) == [{"is_enabled": "1"}]
    assert running.enkapush.store.flow(1).is_enabled
    assert "Approved by U0BURAK" in text_of(done)


async def test_from_the_approval_to_the_effect_enkapush_is_asked_three_times(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    before = len(http.enkapush.requests)
    await http.burak.click(request, "Approve")
    await ends(http, request, "Applied")
    assert asked_enkapush(http, before) == [("GET", "/flows/1"), ("POST", "/flows/1"), ("GET", "/flows/1")]


@on_both_databases
async def test_two_are_needed_where_the_policy_says_so(running: World) -> None:
    await running.policy(rules(TWO, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await asks(running)
    assert "0 of 2 approvals" in text_of(request)
    await running.burak.click(request, "Approve")
    await ends(running, request, "1 of 2 approvals")
    assert writes(running) == []
    await running.deniz.click(request, "Approve")
    await ends(running, request, "Applied")
    assert sent_texts(running) == [{"is_enabled": "1"}]


async def test_the_same_person_counts_once(http: World) -> None:
    await http.policy(rules(TWO))
    request = await asks(http)
    await http.burak.click(request, "Approve")
    again = await ends(http, request, "1 of 2 approvals")
    await http.burak.click(again, "Approve")
    await is_told(http.burak, "zaten onayladınız")
    assert "1 of 2 approvals" in text_of(again)
    assert writes(http) == []


@on_both_databases
async def test_twenty_approvers_in_the_same_instant_make_one_effect(http: World) -> None:
    crowd = hire(http, 20)
    await http.policy(rules())
    request = await asks(http)
    await asyncio.gather(*(person.click(request, "Approve") for person in crowd))
    await ends(http, request, "Applied")
    await http.deniz.wait_until(lambda: sum(len(private(http, person)) for person in crowd) == 19)
    assert all(len(private(http, person)) <= 1 for person in crowd)
    assert all("Somebody was faster" in said for person in crowd for said in private(http, person))
    assert len(writes(http)) == 1


async def test_twenty_approvers_where_two_are_needed_make_one_effect(http: World) -> None:
    crowd = hire(http, 20)
    await http.policy(rules(TWO))
    request = await asks(http)
    await asyncio.gather(*(person.click(request, "Approve") for person in crowd))
    await ends(http, request, "Applied")
    await http.deniz.wait_until(lambda: sum(len(private(http, person)) for person in crowd) == 18)
    assert len(writes(http)) == 1


async def test_one_click_that_is_delivered_three_times_counts_once(running: World) -> None:
    await running.policy(rules(TWO))
    request = await asks(running)
    click = await running.burak.click(request, "Approve")
    await asyncio.gather(*(_again(running, click) for _ in range(2)))
    await running.burak.wait_until(lambda: len(private(running, running.burak)) == 2)
    assert "1 of 2 approvals" in text_of(await ends(running, request, "1 of 2 approvals"))
    assert writes(running) == []


async def test_two_clicks_of_the_last_approver_make_one_effect(running: World) -> None:
    await running.policy(rules())
    request = await asks(running)
    await asyncio.gather(*(running.burak.click(request, "Approve") for _ in range(2)))
    await ends(running, request, "Applied")
    await is_told(running.burak, "")
    assert len(writes(running)) == 1


@pytest.mark.parametrize("ending", ["Approve", "Reject", "Withdraw", "expired"])
async def test_a_late_click_is_told_privately_what_has_become_of_it(http: World, ending: str) -> None:
    await http.policy(rules())
    request = await asks(http)
    old_screen = await http.deniz.click(request, "Approve")
    await is_told(http.deniz, "policy does not let you")
    await http.policy(rules(approvers='["S0LEADS", "U0DENIZ"]'))
    said = await _finish(http, request, ending)
    before = len(private(http, http.deniz))
    old_screen.payload["trigger_id"] += ".late"
    await http.slack.dispatcher.redeliver(old_screen)
    await http.deniz.wait_until(lambda: len(private(http, http.deniz)) > before)
    assert said in private(http, http.deniz)[-1]
    assert len(writes(http)) == (ending == "Approve")


async def _finish(world: World, request: Message, ending: str) -> str:
    """End a request; what somebody is told who clicks after that."""
    if ending == "expired":
        world.time.ahead += 72 * 3600
        await ends(world, request, "Expired")
        return "This request has expired."
    if ending == "Withdraw":
        await world.emma.click(request, "Withdraw")
        await ends(world, request, "Withdrawn")
        return "withdrew this request"
    await world.burak.click(request, ending)
    if ending == "Approve":
        await ends(world, request, "Applied")
        return "Somebody was faster: it is applied already."
    await gives_reason(world.burak, "No")
    await ends(world, request, "Rejected")
    return "rejected this request"


async def _again(world: World, click: Delivery) -> Delivery:
    return await world.slack.dispatcher.redeliver(click)


# --- who may -------------------------------------------------------------------------------------------------------


@on_both_databases
async def test_nobody_approves_their_own_request_where_the_policy_does_not_allow_it(running: World) -> None:
    await running.policy(rules(approvers='["S0LEADS", "U0EMMA"]'))
    request = await asks(running)
    await running.emma.click(request, "Approve")
    await is_told(running.emma, "You asked for this yourself, so somebody else has to decide.")
    await running.emma.click(request, "Reject")
    await running.emma.wait_until(lambda: len(private(running, running.emma)) == 2)
    assert running.emma.view is None
    assert writes(running) == []


async def test_who_asked_and_may_not_approve_is_told_that_the_request_is_their_own(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    told = await answer_to(http, http.emma, request, "Approve")
    assert "You asked for this yourself, so somebody else has to decide. You can withdraw it." in told


async def test_a_refusal_elsewhere_does_not_speak_of_this_channel(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    told = await answer_to(http, http.deniz, request, "Approve")
    assert "Where this was asked for, the policy does not let you do that." in told
    assert "This channel" not in told


async def test_somebody_approves_their_own_request_where_the_policy_allows_it(http: World) -> None:
    await http.policy(rules("self_approval = true", approvers='["U0EMMA"]'))
    request = await asks(http)
    await http.emma.click(request, "Approve")
    await ends(http, request, "Applied")
    assert len(writes(http)) == 1


@pytest.mark.parametrize("button", ["Approve", "Reject", "Withdraw"])
async def test_who_is_not_entitled_is_told_and_nothing_happens(http: World, button: str) -> None:
    await http.policy(rules())
    request = await asks(http)
    await http.deniz.click(request, button)
    refusal = "Only the one who asked can withdraw this." if button == "Withdraw" else "policy does not let you do that"
    await is_told(http.deniz, refusal)
    assert http.deniz.view is None
    assert WAITS in text_of(request)
    assert writes(http) == []


async def test_an_approver_cannot_withdraw_what_another_asked_for(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    await http.burak.click(request, "Withdraw")
    await is_told(http.burak, "Bunu yalnızca isteyen")
    assert WAITS in text_of(request)


@pytest.mark.parametrize("approvers", ['["*"]', '["U0JONAS"]', '["*", "U0JONAS", "S0LEADS"]'])
async def test_people_of_another_company_decide_nothing(http: World, approvers: str) -> None:
    http.slack.workspace.groups["S0LEADS"].users.append("U0JONAS")
    await http.policy(rules("break_glass = ['U0JONAS']", approvers=approvers, where=AGENCY))
    request = await asks(http, where=AGENCY)
    for label in ("Approve", "Reject", "Break glass"):
        assert "people of this organisation only" in await answer_to(http, http.jonas, request, label, AGENCY)
    assert http.jonas.view is None
    assert writes(http) == []


@pytest.mark.parametrize("trait", ["deleted", "is_bot"])
async def test_deactivated_people_and_bots_decide_nothing(http: World, trait: str) -> None:
    await http.policy(rules())
    request = await asks(http)
    setattr(http.slack.workspace.people["U0BURAK"], trait, True)
    assert "yalnızca etkin kişiler" in await answer_to(http, http.burak, request, "Approve")
    assert WAITS in text_of(request)
    assert writes(http) == []


async def test_who_has_left_the_group_since_decides_nothing(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    http.slack.workspace.groups["S0LEADS"].users.remove("U0BURAK")
    http.time.ahead += 61
    await http.burak.click(request, "Approve")
    await is_told(http.burak, "politikası")
    assert writes(http) == []


async def test_where_slack_cannot_tell_the_groups_nobody_approves_by_a_group(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    http.time.ahead += 61
    http.slack.faults.add("usergroups.list", error="internal_error", times=None)
    await http.burak.click(request, "Approve")
    await is_told(http.burak, "hangi kullanıcı gruplarında")
    assert WAITS in text_of(request)


async def test_an_approval_lapses_with_the_rights_of_who_gave_it(http: World) -> None:
    await http.policy(rules(TWO, approvers='["S0LEADS", "U0DENIZ"]'))
    request = await asks(http)
    await http.burak.click(request, "Approve")
    await ends(http, request, "1 of 2 approvals")
    await http.policy(rules(TWO, approvers='["U0DENIZ"]'))
    await http.deniz.click(request, "Approve")
    failed = await ends(http, request, "Failed")
    assert "the approvals do not suffice any more" in text_of(failed)
    assert http.deniz.list_buttons(failed) == ["Ask again"]
    assert writes(http) == []


async def test_everyone_means_the_members_of_the_channel_where_it_was_asked(http: World) -> None:
    (stranger,) = hire(http, 1, "S0LEADS")
    http.slack.workspace.channels[MARKETING].members.remove(stranger.id)
    await http.policy(rules(approvers='["*"]'))
    request = await asks(http)
    await stranger.click(request, "Approve")
    await is_told(stranger, "policy does not let you do that")
    assert writes(http) == []
    await http.deniz.click(request, "Approve")
    await ends(http, request, "Applied")


async def test_who_approves_by_a_group_need_not_be_in_the_channel(http: World) -> None:
    (lead,) = hire(http, 1, "S0LEADS")
    http.slack.workspace.channels[MARKETING].members.remove(lead.id)
    await http.policy(rules(approvers='["*", "S0LEADS"]'))
    request = await asks(http)
    await lead.click(request, "Approve")
    await ends(http, request, "Applied")


async def test_who_joined_the_channel_a_moment_ago_is_everyone_too(http: World) -> None:
    await http.policy(rules(TWO, approvers='["*"]', where=MARKETING))
    (stranger,) = hire(http, 1, "S0LEADS")
    members = http.slack.workspace.channels[MARKETING].members
    members.remove(stranger.id)
    request = await asks(http, where=MARKETING)
    await http.burak.click(request, "Approve")
    await ends(http, request, "1 of 2 approvals")
    members.append(stranger.id)
    http.time.ahead += 4
    await stranger.click(request, "Approve")
    await ends(http, request, "Applied")


@pytest.mark.parametrize("seconds", [4, 61])
async def test_who_has_left_the_channel_since_is_not_everyone_any_more(http: World, seconds: int) -> None:
    await http.policy(rules(TWO, approvers='["*"]'))
    request = await asks(http)
    await http.burak.click(request, "Approve")
    await ends(http, request, "1 of 2 approvals")
    http.slack.workspace.channels[MARKETING].members.remove("U0BURAK")
    http.time.ahead += seconds
    await http.deniz.click(request, "Approve")
    await ends(http, request, "the approvals do not suffice any more")
    assert writes(http) == []


async def test_the_approval_channels_own_policy_gives_nobody_a_say(http: World) -> None:
    elsewhere = f'[[channels]]\nid = "{APPROVALS}"\nwebsites = "all"\napprovers = ["U0DENIZ"]\n'
    await http.policy(rules() + elsewhere)
    request = await asks(http)
    await http.deniz.click(request, "Approve")
    await is_told(http.deniz, "policy does not let you do that")
    assert writes(http) == []


@pytest.mark.parametrize("button", ["Approve", "Reject"])
async def test_a_website_that_was_taken_from_the_policy_takes_its_requests_along(http: World, button: str) -> None:
    await http.policy(rules(approvers='["U0DENIZ"]'))
    request = await asks(http)
    await http.policy(rules(approvers='["U0DENIZ"]', websites="[2]"))
    assert "C0MARKETING no longer works with that website" in await answer_to(http, http.deniz, request, button)
    assert writes(http) == []


async def test_a_website_that_was_taken_while_the_reason_is_typed_is_said_at_the_field(http: World) -> None:
    await http.policy(rules(approvers='["U0DENIZ"]'))
    request = await asks(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view(lambda view: view.callback_id == "changes.reason")
    await http.policy(rules(approvers='["U0DENIZ"]', websites="[2]"))
    assert await gives_reason(http.deniz, "Not now") == [
        "This channel no longer works with that website. Nothing was saved."
    ]


async def test_a_channel_that_lost_its_policy_decides_nothing(http: World) -> None:
    await http.policy(rules(approvers='["U0DENIZ"]'))
    request = await asks(http)
    await http.policy("")
    await http.deniz.click(request, "Approve")
    await is_told(http.deniz, "The channel where this was asked for has no policy any more")
    assert writes(http) == []


# --- rejecting and withdrawing -------------------------------------------------------------------------------------


@on_both_databases
async def test_a_request_is_rejected_with_a_reason(running: World) -> None:
    await running.policy(rules())
    request = await asks(running)
    await running.burak.click(request, "Reject")
    await gives_reason(running.burak, "Not before the sale")
    over = await ends(running, request, "Rejected")
    assert "Not before the sale" in text_of(over)
    assert running.deniz.list_buttons(over) == []
    assert writes(running) == []
    await is_told(running.emma, "Enable #1: Rejected", MARKETING)


async def test_a_rejection_needs_a_reason(http: World) -> None:
    await http.policy(rules(approvers='["U0DENIZ"]'))
    request = await asks(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here will see your reason.")
    refused = await http.deniz.submit({"Reason": "   "})
    assert refused.errors
    assert WAITS in text_of(request)


async def test_a_rejection_that_comes_too_late_is_told(http: World) -> None:
    await http.policy(rules(approvers='["U0DENIZ", "S0LEADS"]'))
    request = await asks(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here will see your reason.")
    await http.burak.click(request, "Approve")
    await ends(http, request, "Applied")
    said = (await http.deniz.submit({"Reason": "Please not"})).errors
    assert list(said.values()) == ["Somebody was faster: it is applied already."]
    assert http.deniz.read_field("Reason") == "Please not"
    assert "Please not" not in text_of(request)


@pytest.mark.parametrize("ending", ["Reject", "Withdraw", "Break glass"])
async def test_who_gives_a_reason_too_late_reads_what_has_become_of_it(http: World, ending: str) -> None:
    await http.policy(rules('break_glass = ["U0BURAK"]', approvers='["U0DENIZ", "S0LEADS"]'))
    request = await asks(http)
    await http.deniz.click(request, "Reject")
    await http.deniz.wait_for_view("Everyone here will see your reason.")
    await (http.emma if ending == "Withdraw" else http.burak).click(request, ending)
    if ending != "Withdraw":
        assert await gives_reason(http.burak, "No") == []
    await ends(http, request, {"Reject": "Rejected", "Withdraw": "Withdrawn", "Break glass": "Applied"}[ending])
    said = await gives_reason(http.deniz, "Please not")
    assert said == [
        {
            "Reject": "This request was rejected.",
            "Withdraw": "This request was withdrawn.",
            "Break glass": "Too late: somebody broke the glass, so this request needs no approval any more.",
        }[ending]
    ]


async def test_a_reason_that_is_sent_once_more_leaves_it_as_it_was_decided(world: World) -> None:
    await world.start_socket()
    await world.policy(rules())
    request = await asks(world)
    await world.burak.click(request, "Reject")
    assert await gives_reason(world.burak, "Not before the sale") == []
    await ends(world, request, "Rejected")
    sent = next(each for each in world.slack.deliveries if each.payload.get("type") == "view_submission")
    again = await world.slack.dispatcher.redeliver(sent)
    assert again.ok
    assert "errors" not in again.body
    other = json.dumps(sent.payload).replace("Not before the sale", "Too dear")
    again = await world.slack.dispatcher.deliver(Envelope(sent.kind, sent.label, json.loads(other)))
    assert "Bu istek reddedildi." in again.body
    assert "Not before the sale" in text_of(request)


@on_both_databases
async def test_who_asked_takes_it_back(running: World) -> None:
    await running.policy(rules())
    request = await asks(running)
    await running.emma.click(request, "Withdraw")
    over = await ends(running, request, "Withdrawn")
    assert running.deniz.list_buttons(over) == []
    assert writes(running) == []


async def test_of_an_approval_and_a_withdrawal_in_the_same_instant_one_counts(http: World) -> None:
    await http.policy(rules())
    request = await asks(http)
    await asyncio.gather(http.burak.click(request, "Approve"), http.emma.click(request, "Withdraw"))
    await http.deniz.wait_until(lambda: private(http, http.burak) or private(http, http.emma))
    over = await ends(http, request, "Withdrawn" if private(http, http.burak) else "Applied")
    assert http.deniz.list_buttons(over) == []
    assert len(writes(http)) == (not private(http, http.burak))
