"""Rights and rules that change between a request and its decision: the stricter ones count."""

import asyncio
import json

import pytest

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import text_of
from tests.journeys.form_steps import add_flow, is_form, list_writes, open_form
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    change_meanwhile,
    click_and_read,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_faults,
    wait_for_private_message,
    wait_for_status,
)
from tests.journeys.world import APPROVALS, MARKETING, World, on_both_databases

TWO_APPROVERS = '["S0LEADS", "U0DENIZ"]'


@on_both_databases
async def test_a_quorum_that_was_raised_meanwhile_is_asked_for(http: World) -> None:
    await http.import_policy(approval_policy(approvers=TWO_APPROVERS))
    request = await request_change(http)
    await http.import_policy(approval_policy("quorum = 2", approvers=TWO_APPROVERS))
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    assert list_writes(http) == []
    await http.deniz.click(request, "Approve")
    await wait_for_status(http, request, "Applied")
    assert len(list_writes(http)) == 1


@on_both_databases
async def test_an_open_request_says_what_an_import_changes_for_it(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 1", approvers='["S0LEADS"]'))
    request = await request_change(http)
    await http.import_policy(approval_policy("quorum = 2", approvers='["U0DENIZ", "U0AYSE"]'))
    shown = text_of(await wait_for_status(http, request, "Rules changed since the request"))
    for part in ("can approve", "S0LEADS can no longer approve", "2 approvals needed, not 1", "0/2 approvals"):
        assert part in shown
    (told,) = [each for each in await read_audit_trail(http) if each["action"] == "change.rules_changed"]
    assert told["details"]["quorum"] == {"before": 1, "after": 2}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], ['stages = [["S0LEADS"], ["U0DENIZ"]]'], "the stages changed, so approval starts over"),
        (["quorum = 2"], ["stand_ins = false"], "stand-ins can no longer approve"),
        (["quorum_over = { 1000 = 2 }"], ["quorum_over = { 10 = 2 }"], "large audiences need more approvals"),
    ],
)
async def test_an_open_request_says_which_rules_count_for_it_now(
    http: World, before: list[str], after: list[str], told: str
) -> None:
    await http.import_policy(approval_policy(*before, approvers=TWO_APPROVERS))
    request = await request_change(http)
    approvers = "[]" if "stages" in after[0] else TWO_APPROVERS
    await http.import_policy(approval_policy(*after, approvers=approvers))
    assert told in text_of(await wait_for_status(http, request, "Rules changed since the request"))
    await http.import_policy(approval_policy(*after, "reason_required = true", approvers=approvers))
    await http.burak.click(request, "Approve")
    # A reason that is required from now on is none that the request lacks.
    await wait_for_status(http, request, "1/")


async def test_a_quorum_that_was_lowered_meanwhile_changes_nothing_for_the_request(http: World) -> None:
    await http.import_policy(approval_policy("quorum = 2", approvers=TWO_APPROVERS))
    request = await request_change(http)
    await http.import_policy(approval_policy(approvers=TWO_APPROVERS))
    await http.burak.click(request, "Approve")
    await wait_for_status(http, request, "1/2 approvals")
    assert list_writes(http) == []


async def test_self_approval_that_was_taken_back_meanwhile_is_refused(http: World) -> None:
    await http.import_policy(approval_policy("self_approval = true", approvers='["S0EDITORS"]'))
    request = await request_change(http)
    await http.import_policy(approval_policy(approvers='["S0EDITORS"]'))
    assert "decide on your own request" in await click_and_read(http, http.emma, request, "Approve")
    assert list_writes(http) == []


async def test_who_left_the_group_seconds_ago_does_not_approve(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.send(MARKETING, "/flows help")
    await http.burak.wait_for_message(MARKETING, "flowbot")
    http.slack.workspace.groups["S0LEADS"].users.clear()
    http.time.ahead += 5
    assert "yalnızca şu kişiler onaylayabilir" in await click_and_read(http, http.burak, request, "Approve")
    assert list_writes(http) == []


async def test_who_was_deactivated_seconds_ago_does_not_approve(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await http.burak.send(MARKETING, "/flows help")
    await http.burak.wait_for_message(MARKETING, "flowbot")
    http.burak.person.deleted = True
    http.time.ahead += 5
    await http.burak.click(request, "Approve")
    await wait_for_private_message(http.burak, "devre dışı bırakılmış hesaplar")
    assert list_writes(http) == []


async def test_who_left_the_channel_with_the_form_open_does_not_reject_by_the_right_of_everyone(http: World) -> None:
    await http.import_policy(approval_policy(approvers='["*"]', where=MARKETING))
    request = await request_change(http, where=MARKETING)
    await http.burak.open_home()
    await http.burak.wait_for_home("Old name")
    await http.burak.click(request, "Reject")
    http.slack.workspace.channels[MARKETING].members.remove("U0BURAK")
    http.time.ahead += 4
    (said,) = await submit_reason(http.burak, "Not before the sale")
    assert "için yetkiniz yok" in said
    assert WAITING in text_of(request)


@pytest.mark.parametrize("where", [MARKETING, APPROVALS])
async def test_who_is_in_the_channel_rejects_by_the_right_of_everyone_wherever_the_request_is(
    http: World, where: str
) -> None:
    await http.import_policy(approval_policy(approvers='["*"]', where=where))
    request = await request_change(http, where=where)
    await http.burak.click(request, "Reject")
    assert await submit_reason(http.burak, "Not before the sale") == []
    await wait_for_status(http, request, "Rejected")


async def remove_from_editors(world: World) -> None:
    """Remove Emma from the editors' group, seconds after flowbot has seen her in it."""
    await world.emma.send(MARKETING, "/flows help")
    await world.emma.wait_for_message(MARKETING, "flowbot")
    world.slack.workspace.groups["S0EDITORS"].users.remove("U0EMMA")
    world.time.ahead += 4


@pytest.mark.parametrize("asked", ["disable", "enable"])
async def test_who_left_the_editors_seconds_ago_asks_for_nothing(http: World, asked: str) -> None:
    await http.import_policy(approval_policy())
    flow = add_flow(http, is_enabled=asked == "disable")
    await remove_from_editors(http)
    await http.emma.send(MARKETING, f"/flows {asked} {flow}")
    await http.emma.wait_for_message(MARKETING, "Only S0EDITORS can do this.")
    assert list_writes(http) == []


async def test_the_form_of_who_left_the_editors_seconds_ago_is_not_saved(http: World) -> None:
    await http.import_policy(approval_policy())
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    await remove_from_editors(http)
    await http.emma.submit({"Title": "Another"})
    await http.emma.wait_for_message(MARKETING, "don't have permission")
    assert list_writes(http) == []


def direct_channel(world: World) -> str:
    """Return the channel of Emma's direct messages."""
    return world.slack.workspace.open_direct_message("U0EMMA").id


def remove_from_channel(world: World) -> None:
    """Remove Emma, who has only the rights of everyone in the channel, from it."""
    world.slack.workspace.channels[MARKETING].members.remove("U0EMMA")
    world.time.ahead += 61


@pytest.mark.parametrize("command", ["edit", "duplicate"])
async def test_the_form_of_who_left_the_channel_is_not_saved_by_the_right_of_everyone(
    http: World, command: str
) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows {command} {flow}")
    remove_from_channel(http)
    await http.emma.submit({"Title": "Another"})
    told = await http.emma.wait_for_message(
        direct_channel(http), "You don't have permission to do that in C0MARKETING."
    )
    assert http.emma.list_buttons(told) == ["Open form"]
    assert list_writes(http) == []


async def test_the_form_of_who_left_the_channel_seconds_ago_is_not_saved(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    await http.emma.submit({"Title": "Another"})
    await http.emma.wait_for_message(MARKETING, "Flow #1 was changed")
    await http.emma.close()
    await open_form(http.emma, f"/flows edit {flow}")
    http.slack.workspace.channels[MARKETING].members.remove("U0EMMA")
    http.time.ahead += 4
    await http.emma.submit({"Title": "One more"})
    await http.emma.wait_for_message(direct_channel(http), "don't have permission")
    assert len(list_writes(http)) == 1


async def test_who_left_the_channel_and_is_named_saves_the_form(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*", "S0EDITORS"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    remove_from_channel(http)
    await http.emma.submit({"Title": "Another"})
    await http.emma.wait_for_message(direct_channel(http), "Flow #1 was changed")


async def test_who_left_the_channel_and_is_named_goes_on_by_the_buttons_in_their_direct_messages(http: World) -> None:
    await http.import_policy(approval_policy())
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    remove_from_channel(http)
    http.slack.faults.add("chat.postEphemeral", error="not_in_channel", times=None)
    await http.emma.submit({"Title": "Another"})
    told = await http.emma.wait_for_message(direct_channel(http), "Flow #1 was changed")
    await http.emma.close(everything=True)
    await http.emma.click(told, "Share")
    await http.emma.wait_for_message(direct_channel(http), "You don't have permission to do that in C0MARKETING.")
    await http.emma.click(told, "Edit")
    await http.emma.wait_for_view(is_form)


async def test_a_form_of_everyones_is_saved_only_where_slack_tells_who_is_in_the_channel(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    http.slack.faults.add("conversations.members", error="internal_error", times=None)
    await http.emma.submit({"Title": "Another"})
    told = await http.emma.wait_for_message(MARKETING, "don't have permission")
    assert list_writes(http) == []
    http.slack.faults.clear()
    await http.emma.close(everything=True)
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_view(is_form)
    await http.emma.submit()
    await http.emma.wait_for_message(MARKETING, "Flow #1 was changed")


async def test_a_form_of_a_private_channel_that_flowbot_is_not_in_is_saved(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    http.slack.faults.add("conversations.members", error="channel_not_found", times=None)
    await http.emma.submit({"Title": "Another"})
    await http.emma.wait_for_message(MARKETING, "Flow #1 was changed")


async def test_who_left_the_channel_does_not_open_a_form_again_by_the_right_of_everyone(http: World) -> None:
    await http.import_policy(approval_policy(editors='["*"]'))
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    http.enkapush.faults.add(Fault.status(422, method="POST"))
    http.slack.faults.add("views.update", error="not_found", times=None)
    http.slack.faults.add("chat.postEphemeral", error="not_in_channel", times=None)
    await http.emma.submit({"Title": "Another"})
    told = await http.emma.wait_for_message(
        direct_channel(http), lambda message: "Open form" in http.emma.list_buttons(message)
    )
    http.slack.faults.clear()
    await http.emma.close(everything=True)
    remove_from_channel(http)
    await http.emma.click(told, "Open form")
    await http.emma.wait_for_message(direct_channel(http), "Only people in C0MARKETING can do this.")
    assert http.emma.view is None


async def test_what_slack_said_within_the_minute_counts_for_a_form_where_it_is_away_now(http: World) -> None:
    await http.import_policy(approval_policy())
    flow = add_flow(http)
    await open_form(http.emma, f"/flows edit {flow}")
    http.slack.faults.add("users.info", error="internal_error", times=None)
    http.time.ahead += 4
    await http.emma.submit({"Title": "Another"})
    await http.emma.wait_until(lambda: list_writes(http))


async def test_a_flow_that_moved_to_a_hidden_website_is_gone_and_shows_nothing_of_itself(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    await change_meanwhile(http, request, website_id=3, title="SECRET OF ANOTHER SITE")
    await http.burak.click(request, "Approve")
    over = text_of(await wait_for_status(http, request, "Out of date"))
    assert "SECRET" not in over
    assert "Kitap" not in over
    assert list_writes(http) == []


@on_both_databases
@pytest.mark.parametrize(
    ("asked", "open_end"),
    [("enable", "Flow #1 doesn't show as enabled in Enkapush yet"), ("delete", "Enkapush still shows flow #1.")],
)
async def test_a_flow_that_moves_to_a_hidden_website_while_it_is_written_shows_nothing_of_itself(
    http: World, asked: str, open_end: str
) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http, asked)
    http.enkapush.faults.add(Fault.hang(method="GET", path="/flows/1", skip=1))
    if asked == "delete":
        http.enkapush.faults.add(Fault.empty(204, method="DELETE", path="/flows/1"))
    await http.burak.click(request, "Approve")
    await wait_for_faults(http)
    http.enkapush.store.update_flow(1, website_id=3, title="SECRET OF ANOTHER SITE", url="https://kitap.example/secret")
    http.enkapush.release()
    over = await wait_for_status(http, request, "not known")
    shown = json.dumps([over.blocks, over.text])
    assert open_end in text_of(over)
    assert not [word for word in ("SECRET", "Kitap", "kitap.example") if word in shown]
    assert "Still not known" in await click_and_read(http, http.emma, over, "Check again")
    recorded = json.dumps(await read_audit_trail(http), ensure_ascii=False)
    assert not [word for word in ("SECRET", "kitap.example", "website_id") if word in recorded]


async def test_an_edit_of_a_flow_that_moves_to_a_hidden_website_names_no_field_of_it(http: World) -> None:
    await http.import_policy(approval_policy())
    add_flow(http)
    await open_form(http.emma, "/flows edit 1")
    http.enkapush.faults.add(Fault.hang(method="GET", path="/flows/1", skip=1))
    submitting = asyncio.create_task(http.emma.submit({"Title": "Mine"}))
    await wait_for_faults(http)
    http.enkapush.store.update_flow(1, website_id=3, description="SECRET OF ANOTHER SITE")
    http.enkapush.release()
    await submitting
    await http.emma.wait_for_message(MARKETING, "Your change doesn't show in Enkapush yet.")
    assert "SECRET" not in json.dumps(await read_audit_trail(http))


async def test_a_create_that_names_a_flow_of_old_is_not_taken_for_made(http: World) -> None:
    http.add_flows(1)
    form = {"Name": "Mine", "Title": "Mine", "Description": "Mine"}
    await open_form(http.emma, "/flows create")
    http.enkapush.faults.add(Fault.status(200, '{"data": {"id": 1}}', method="POST", path="/flows"))
    await http.emma.submit(form)
    told = await http.emma.wait_for_message(MARKETING, "“Mine” doesn't show in Enkapush yet", timeout=10)
    assert "Open form" in http.emma.list_buttons(told)
    assert len(http.enkapush.store.flows) == 1


async def test_a_twin_of_the_message_shows_the_outcome_once_it_is_pressed(http: World) -> None:
    await http.import_policy(approval_policy())
    request = await request_change(http)
    posted = {"channel": APPROVALS, "text": request.text, "blocks": request.blocks}
    bot, _ = await http.start_http()
    await bot.slack.api_call("chat.postMessage", json=posted)
    twin = await http.deniz.wait_for_message(
        APPROVALS, lambda message: message.ts != request.ts and WAITING in text_of(message) and not message.is_ephemeral
    )
    await http.burak.click(twin, "Approve")
    await wait_for_status(http, request, "Applied")
    over = await wait_for_status(http, twin, "Applied")
    assert http.deniz.list_buttons(over) == []
    assert len(list_writes(http)) == 1
