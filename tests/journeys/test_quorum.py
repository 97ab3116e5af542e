"""Asking where the approvals that a policy wants cannot come together: refused, or posted where it can be skipped."""

import pytest

from flowbot.sandbox.slack import SandboxPerson, text_of
from flowbot.sandbox.slack.models import UserGroup
from tests.journeys.form_steps import add_flow, field_errors, list_writes, open_form, wait_for_reopened_form
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    click_and_read,
    private_messages,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_change_form,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes

TWO_APPROVALS = "quorum = 2"
SKIPPABLE = 'break_glass = ["U0DENIZ"]'


async def ask_in_vain(world: World, person: SandboxPerson, command: str = "/flows enable 1") -> str:
    """Ask for a change, and return the refusal. Nobody else hears of it, and nothing is stored."""
    before = len(private_messages(world, person, MARKETING))
    await person.send(MARKETING, command)
    await person.wait_until(lambda: len(private_messages(world, person, MARKETING)) > before)
    await assert_nothing_was_asked(world)
    return private_messages(world, person, MARKETING)[-1]


async def assert_nothing_was_asked(world: World) -> None:
    assert await world.deniz.list_messages(APPROVALS) == []
    assert [event["action"] for event in await read_audit_trail(world) if event["action"].startswith("change.")] == []
    assert list_writes(world) == []


# --- refused -------------------------------------------------------------------------------------------------------


@in_both_modes
async def test_a_request_that_nobody_can_approve_is_refused_privately(running: World) -> None:
    add_flow(running)
    await running.import_policy(approval_policy("quorum = 3"))
    said = await ask_in_vain(running, running.emma)
    assert said == (
        "Nobody can approve this: it needs 2 more approvers. Ask a workspace admin to add them with /flows setup."
    )
    said = await ask_in_vain(running, running.ayse, "/flows etkinleştir 1")
    assert said == (
        "Bunu kimse onaylayamaz: 2 onaylayan daha gerekiyor. Yöneticinizden /flows ayarlar ile eklemesini isteyin."
    )


async def test_asking_is_refused_where_a_stage_cannot_be_reached(http: World) -> None:
    add_flow(http)
    # Burak, the only lead, is needed in the second stage: the first has nobody else but whoever asks.
    await http.import_policy(approval_policy('stages = [["U0BURAK", "U0EMMA"], ["S0LEADS"]]', approvers="[]"))
    assert await ask_in_vain(http, http.emma) == (
        "Nobody can approve this: stage 2 needs 1 more approver. Ask a workspace admin to add one with /flows setup."
    )
    await http.import_policy(approval_policy('stages = [["U0BURAK", "U0AYSE"], ["S0LEADS"]]', approvers="[]"))
    assert await ask_in_vain(http, http.ayse, "/flows etkinleştir 1") == (
        "Bunu kimse onaylayamaz: 2. aşamaya 1 onaylayan daha gerekiyor. "
        "Yöneticinizden /flows ayarlar ile eklemesini isteyin."
    )
    await request_change(http, "enable 1", by=http.emma)


@in_both_modes
async def test_who_asks_does_not_count_unless_the_policy_lets_them(running: World) -> None:
    add_flow(running)
    policy = approval_policy(approvers='["U0EMMA"]')
    await running.import_policy(policy)
    assert "You can't approve your own request, so 1 more approver is needed" in await ask_in_vain(
        running, running.emma, "/flows delete 1"
    )
    await running.import_policy(approval_policy("self_approval = true", approvers='["U0EMMA"]'))
    request = await request_change(running, "delete 1")
    await running.emma.click(request, "Withdraw")
    await wait_for_status(running, request, "Withdrawn")
    await running.import_policy(policy)
    await request_change(running, "delete 1", by=running.ayse)


@pytest.mark.parametrize(
    ("approvers", "said"),
    [
        ("[]", "this channel has no approvers"),
        ('["U0NOBODY"]', "1 more approver"),
        ('["U0FLOWBOT", "U0JONAS", "U0LEFT"]', "1 more approver"),
        ('["S0GONE", "S0EMPTY", "S0OFF"]', "the approvers' user group is empty or disabled"),
        ('["S0OFF", "U0JONAS"]', "1 more approver"),
    ],
    ids=[
        "none",
        "an id that is nobody's",
        "a bot, an outsider and one who left",
        "groups without members",
        "beside an outsider",
    ],
)
async def test_only_those_count_who_may_approve(http: World, approvers: str, said: str) -> None:
    add_flow(http)
    workspace = http.slack.workspace
    workspace.people["U0LEFT"] = type(workspace.people["U0EMMA"])(
        "U0LEFT", "left", "Lale Gitti", workspace.team, deleted=True
    )
    workspace.groups |= {
        "S0EMPTY": UserGroup("S0EMPTY", "empty", "Empty", []),
        "S0OFF": UserGroup("S0OFF", "off", "Off", ["U0BURAK"], enabled=False),
    }
    await http.import_policy(approval_policy(approvers=approvers))
    assert said in await ask_in_vain(http, http.emma)


async def test_a_group_that_is_switched_off_approves_nothing(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.slack.workspace.groups["S0LEADS"].enabled = False
    http.time.ahead += 4
    assert "onaylayabilir" in await click_and_read(http, http.burak, request, "Approve")
    assert WAITING in text_of(request)


async def test_the_small_form_says_so_before_anything_is_typed(http: World) -> None:
    add_flow(http)
    await http.import_policy(approval_policy(TWO_APPROVALS))
    await http.emma.send(MARKETING, "/flows show 1")
    shown = await http.emma.wait_for_message(MARKETING, lambda message: "Enable" in http.emma.list_buttons(message))
    await http.emma.click(shown, "Enable")
    await http.emma.wait_for_view(lambda view: "1 more approver" in text_of(view))
    await assert_nothing_was_asked(http)


async def test_the_small_form_stays_open_where_the_policy_changed_meanwhile(http: World) -> None:
    add_flow(http)
    await http.import_policy(approval_policy())
    await http.emma.send(MARKETING, "/flows show 1")
    shown = await http.emma.wait_for_message(MARKETING, lambda message: "Enable" in http.emma.list_buttons(message))
    await http.emma.click(shown, "Enable")
    await wait_for_change_form(http.emma)
    await http.import_policy(approval_policy(TWO_APPROVALS))
    refused = await http.emma.submit({"Reason": "Now"})
    assert "1 more approver" in "".join(refused.errors.values())
    await assert_nothing_was_asked(http)


@in_both_modes
async def test_an_edit_of_a_live_flow_stays_open_with_what_was_typed(running: World) -> None:
    add_flow(running, is_enabled=True)
    await running.import_policy(approval_policy(TWO_APPROVALS))
    await open_form(running.emma, "/flows edit 1")
    refused = await running.emma.submit({"Title": "Typed"})
    said = field_errors(running.emma, refused.errors)["Name"]
    assert said.startswith("Nobody can approve this: it needs 1 more approver.")
    await assert_nothing_was_asked(running)
    await running.import_policy(approval_policy())
    await running.emma.submit()
    assert "Typed" in text_of(await running.deniz.wait_for_message(APPROVALS, WAITING))


async def test_an_edit_comes_back_where_slack_was_too_slow_to_say_so_at_once(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy(approvers='["U0FLOWBOT"]'))
    await open_form(http.emma, "/flows edit 1")
    http.slack.faults.add("users.info", delay=0.8)
    assert (await http.emma.submit({"Title": "Typed"})).errors == {}
    await wait_for_reopened_form(http.emma, "Nobody can approve this: it needs 1 more approver.")
    assert http.emma.read_field("Title") == "Typed"
    assert await http.deniz.list_messages(APPROVALS) == []


async def test_asking_again_in_the_approval_channel_names_the_channel_that_lacks_approvers(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    http.enkapush.store.update_flow(1, title="Changed")
    await http.burak.click(request, "Approve")
    ended = await wait_for_status(http, request, "Out of date")
    await http.import_policy(approval_policy(TWO_APPROVALS))
    await http.emma.click(ended, "Ask again")
    said = await wait_for_private_message(http.emma, "Nobody can approve this")
    assert "C0MARKETING needs 1 more approver" in text_of(said)


async def test_what_needs_no_approval_is_done_all_the_same(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy(approvers="[]"))
    await http.emma.send(MARKETING, "/flows disable 1")
    await http.emma.wait_for_message(MARKETING, "is disabled")


# --- posted --------------------------------------------------------------------------------------------------------


@in_both_modes
async def test_where_only_a_skip_is_left_the_request_is_posted_and_who_asked_is_told(running: World) -> None:
    await running.import_policy(approval_policy(TWO_APPROVALS, SKIPPABLE))
    request = await request_change(running)
    told = await wait_for_private_message(running.emma, "Nobody can approve this request.", MARKETING)
    assert "can skip approval" in text_of(told)
    assert "U0DENIZ" in text_of(told)
    assert "Nobody could approve this when it was requested. It needs somebody to skip approval." in text_of(request)
    await running.deniz.click(request, "Skip approval")
    assert await submit_reason(running.deniz, "Nobody else is there") == []
    ended = await wait_for_status(running, request, "Applied")
    assert "Nobody could approve this" not in text_of(ended)


async def test_an_edit_is_posted_for_a_skip_too_and_says_so_in_turkish(http: World) -> None:
    add_flow(http, is_enabled=True)
    await http.import_policy(approval_policy(TWO_APPROVALS, SKIPPABLE))
    await open_form(http.ayse, "/flows düzenle 1")
    assert (await http.ayse.submit({"Başlık": "Yeni"})).errors == {}
    told = await wait_for_private_message(http.ayse, "Bu isteği kimse onaylayamaz.", MARKETING)
    assert "Onayı atlayabilecekler: " in text_of(told)
    await http.deniz.wait_for_message(APPROVALS, "İstendiğinde bunu onaylayabilecek kimse yoktu.")


async def test_a_skip_that_only_a_bot_may_do_is_none(http: World) -> None:
    add_flow(http)
    await http.import_policy(approval_policy(TWO_APPROVALS, 'break_glass = ["U0FLOWBOT"]'))
    assert "1 more approver" in await ask_in_vain(http, http.emma)


async def test_a_membership_that_slack_does_not_tell_refuses_nothing_and_is_no_vote(http: World) -> None:
    await http.import_policy(approval_policy(TWO_APPROVALS, editors='["U0EMMA"]'))
    http.slack.faults.add("usergroups.list", error="internal_error", times=None)
    request = await request_change(http)
    assert "Nobody could approve" not in text_of(request)
    await http.burak.click(request, "Approve")
    await wait_for_private_message(http.burak, "Slack şu anda kullanıcı gruplarınızı göstermiyor")
    assert "0/2 approvals" in text_of(await wait_for_status(http, request, WAITING))
