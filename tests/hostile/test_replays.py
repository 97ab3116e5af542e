"""A recording of a request, sent again within the five minutes of its signature, has no effect.

Each act is done, the world moves on, and the recording is played to two flowbots on one database, of which one has
never seen the act: as after a restart, or where there are several.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import pytest

from flowbot.bootstrap import Flowbot
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import SIGNING_SECRET, Message, View, text_of
from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope
from flowbot.sandbox.slack.delivery.http import build_signature_headers
from flowbot.services.policy_files import export_policies
from flowbot.storage.repositories.policies import PolicyRepository
from tests.hostile.attack_steps import FORM
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, is_form, open_form
from tests.journeys.request_steps import (
    approval_policy,
    click_and_read,
    press_and_request,
    read_audit_trail,
    request_change,
    submit_reason,
    wait_for_status,
)
from tests.journeys.setup_steps import open_setup, submit_steps
from tests.journeys.world import APPROVALS, MARKETING, RANDOM, World, on_both_databases

Act = Callable[[World], Awaitable[Delivery]]

NOBODY: Final = '["U0NOBODY"]'
SAID: Final = "Slack sent this"


async def two_bots(world: World) -> list[tuple[Flowbot, str]]:
    """Start two flowbots on one database; Slack delivers to the second."""
    return [await world.start_http() for _ in range(2)]


def last_delivery(world: World, what: str = "") -> Delivery:
    """Return the latest delivery whose name holds `what`."""
    return next(each for each in reversed(world.slack.deliveries) if what in each.label)


async def replay(world: World, bots: list[tuple[Flowbot, str]], recording: Delivery) -> None:
    """Replay a recording to each bot, and wait until they have nothing in hand."""
    signed = recording.request
    assert signed is not None
    async with aiohttp.ClientSession() as session:
        for bot, origin in bots:
            url = f"{origin}/slack/events"
            async with session.post(url, data=signed.body, headers=signed.headers) as answer:
                assert answer.status == 200
            await wait_until_idle(bot)


async def wait_until_idle(bot: Flowbot) -> None:
    """Wait until the bot has done what it took on."""
    async with asyncio.timeout(10):
        while len(bot.tasks):  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)


async def read_everything(world: World) -> dict[str, Any]:
    """Read all that a recording could change: Enkapush, what everybody sees, the policies, the audit trail."""
    channels = (MARKETING, APPROVALS, RANDOM)
    posted = [message for channel in channels for message in world.slack.workspace.messages[channel]]
    async with world.open_database() as database:
        policies = await export_policies(PolicyRepository(database, world.time.now))
    return {
        "flows": {number: repr(flow) for number, flow in world.enkapush.store.flows.items()},
        "writes": [record.path for record in world.enkapush.requests if record.method != "GET"],
        "posts": [(message.ts, text_of(message)) for message in posted if not message.is_ephemeral],
        "policies": policies,
        "audit": await read_audit_trail(world),
    }


async def withdraw(world: World, request: Message) -> None:
    """Let Emma withdraw her request."""
    await world.emma.click(request, "Withdraw")
    await wait_for_status(world, request, "Withdrawn")


# --- acts, each with what came after it ----------------------------------------------------------------------------


async def disable_then_enabled_by_somebody(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    await world.emma.send(MARKETING, "/flows disable 1 For a moment")
    await world.emma.wait_for_message(MARKETING, "Flow #1 is disabled")
    world.enkapush.store.update_flow(1, is_enabled=True)
    return last_delivery(world)


async def request_then_withdraw(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world)
    recording = last_delivery(world)
    await withdraw(world, request)
    return recording


async def request_delete_then_rejected(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world, "delete")
    recording = last_delivery(world)
    await world.burak.click(request, "Reject")
    await submit_reason(world.burak, "No")
    await wait_for_status(world, request, "Rejected")
    return recording


async def request_while_enkapush_is_down(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    add_flow(world)
    world.enkapush.faults.add(Fault.status(401, method="GET"))
    await world.emma.send(MARKETING, "/flows enable 1")
    await world.emma.wait_for_message(MARKETING, "doesn't accept flowbot's API key")
    return last_delivery(world)


async def request_before_the_policy_allows_it(world: World) -> Delivery:
    await world.import_policy(approval_policy(editors=NOBODY))
    add_flow(world)
    await world.emma.send(MARKETING, "/flows enable 1")
    await world.emma.wait_for_message(MARKETING, "can do this.")
    await world.import_policy(approval_policy())
    return last_delivery(world)


async def press_enable_then_withdraw(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    add_flow(world)
    await world.emma.send(MARKETING, "/flows show 1")
    shown = await world.emma.wait_for_message(MARKETING, lambda message: "Enable" in world.emma.list_buttons(message))
    await press_and_request(world.emma, shown, "Enable")
    recording = last_delivery(world)
    request = await world.deniz.wait_for_message(APPROVALS, "Waiting for approval")
    await withdraw(world, request)
    return recording


async def request_again_then_withdraw(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world)
    world.enkapush.store.update_flow(1, title="Other")
    await world.burak.click(request, "Approve")
    over = await wait_for_status(world, request, "Out of date")
    await world.emma.click(over, "Ask again")
    recording = last_delivery(world)
    again = await world.deniz.wait_for_message(APPROVALS, "Waiting for approval")
    await withdraw(world, again)
    return recording


async def restore_in_vain(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world, "delete")
    await world.burak.click(request, "Approve")
    over = await wait_for_status(world, request, "Applied")
    world.enkapush.faults.add(Fault.status(422, method="POST", path="/flows"))
    await world.emma.click(over, "Restore")
    await world.deniz.wait_for_message(MARKETING, "Failed")
    return last_delivery(world)


async def approve_before_the_policy_allows_it(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world)
    await world.import_policy(approval_policy(approvers=NOBODY))
    assert "yalnızca şu kişiler" in await click_and_read(world, world.burak, request, "Approve")
    await world.import_policy(approval_policy())
    return last_delivery(world)


async def reject_before_the_policy_allows_it(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    request = await request_change(world)
    await world.burak.click(request, "Reject")
    await world.burak.wait_for_view(_is_reason_form)
    await world.import_policy(approval_policy(approvers=NOBODY))
    world.time.ahead += 120
    (said,) = await submit_reason(world.burak, "No")
    assert "yetkiniz yok" in said
    await world.import_policy(approval_policy())
    return last_delivery(world)


async def approve_one_of_two(world: World) -> Delivery:
    await world.import_policy(approval_policy("quorum = 2", approvers='["S0LEADS", "U0DENIZ"]'))
    request = await request_change(world)
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "1/2 approvals")
    return last_delivery(world)


async def submit_while_the_flow_is_taken(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    add_flow(world)
    await open_form(world.ayse, "/flows edit 1")
    request = await request_change(world, "enable 1")
    assert (await world.ayse.submit({"Başlık": "Benim"})).response_action == "errors"
    recording = last_delivery(world)
    await withdraw(world, request)
    return recording


async def submit_for_a_website_that_comes_later(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    await open_form(world.emma, "/flows create")
    await world.import_policy(approval_policy(websites="[2]"))
    assert (await world.emma.submit(REQUIRED_FIELDS)).response_action == "errors"
    await world.import_policy(approval_policy())
    return last_delivery(world)


async def create_a_flow_that_is_deleted(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    await open_form(world.emma, "/flows create")
    await world.emma.submit(REQUIRED_FIELDS)
    recording = last_delivery(world)
    await world.emma.wait_for_message(MARKETING, "Flow #1 was created")
    world.enkapush.store.delete_flow(1)
    return recording


async def set_up_and_set_back(world: World) -> Delivery:
    policy = approval_policy()
    await world.import_policy(policy)
    await open_setup(world.deniz, MARKETING)
    assert not (await submit_steps(world.deniz, {"Expiry in hours": "24"})).errors
    recording = last_delivery(world)
    await world.ayse.wait_for_message(MARKETING, "24")
    await world.import_policy(policy)
    return recording


async def share_a_flow(world: World) -> Delivery:
    await world.import_policy(approval_policy())
    add_flow(world)
    await world.emma.send(MARKETING, "/flows show 1")
    shown = await world.emma.wait_for_message(MARKETING, lambda message: "Share" in world.emma.list_buttons(message))
    await world.emma.click(shown, "Share")
    await world.ayse.wait_for_message(MARKETING, _is_public)
    return last_delivery(world)


def _is_public(message: Message) -> bool:
    return not message.is_ephemeral and "Old title" in text_of(message)


def _is_reason_form(view: View) -> bool:
    return view.callback_id == "changes.reason"


async def skip_approval_before_it_is_allowed(world: World) -> Delivery:
    named = 'break_glass = ["U0DENIZ"]'
    await world.import_policy(approval_policy(named))
    request = await request_change(world)
    await world.deniz.click(request, "Skip approval")
    await world.deniz.wait_for_view(_is_reason_form)
    await world.import_policy(approval_policy())
    (said,) = await submit_reason(world.deniz, "Now")
    assert "don't have permission" in said
    await world.import_policy(approval_policy(named))
    return last_delivery(world)


ACTS: Final[dict[str, Act]] = {
    act.__name__: act
    for act in (
        disable_then_enabled_by_somebody,
        request_then_withdraw,
        request_delete_then_rejected,
        request_while_enkapush_is_down,
        request_before_the_policy_allows_it,
        press_enable_then_withdraw,
        request_again_then_withdraw,
        restore_in_vain,
        approve_before_the_policy_allows_it,
        approve_one_of_two,
        reject_before_the_policy_allows_it,
        skip_approval_before_it_is_allowed,
        submit_while_the_flow_is_taken,
        submit_for_a_website_that_comes_later,
        create_a_flow_that_is_deleted,
        set_up_and_set_back,
        share_a_flow,
    )
}


@pytest.mark.parametrize("act", ACTS)
async def test_a_recording_changes_nothing_after_the_world_moved_on(world: World, act: str) -> None:
    bots = await two_bots(world)
    recording = await ACTS[act](world)
    for bot, _ in bots:
        await wait_until_idle(bot)
    before = await read_everything(world)
    await replay(world, bots, recording)
    assert await read_everything(world) == before


@on_both_databases
async def test_the_very_bytes_of_a_request_count_once(world: World) -> None:
    (bot, first), (_, second) = await two_bots(world)
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    fields = {"command": "/flows", "text": "disable 1", "user_id": "U0EMMA", "channel_id": MARKETING}
    body = Envelope("slash_commands", "", fields | {"team_id": "T0LALE", "trigger_id": "1.2.abc"}).http_body()
    headers = {"Content-Type": FORM, **build_signature_headers(SIGNING_SECRET, body)}
    async with aiohttp.ClientSession() as session:
        for origin, said in ((first, "#1 is disabled"), (second, SAID), (first, SAID)):
            async with session.post(f"{origin}/slack/events", data=body, headers=headers) as answer:
                assert answer.status == 200
            await world.emma.wait_for_message(MARKETING, said)
            world.enkapush.store.update_flow(1, is_enabled=True)
    await wait_until_idle(bot)
    assert [record.method for record in world.enkapush.requests].count("POST") == 1


async def test_the_same_request_signed_anew_is_another_act(world: World) -> None:
    bot, origin = await world.start_http()
    await world.import_policy(approval_policy())
    add_flow(world, is_enabled=True)
    fields = {"command": "/flows", "text": "disable 1", "user_id": "U0EMMA", "channel_id": MARKETING}
    body = Envelope("slash_commands", "", fields | {"team_id": "T0LALE", "trigger_id": "1.2.abc"}).http_body()
    async with aiohttp.ClientSession() as session:
        for seconds_ago in (1, 0):
            moment = int(time.time()) - seconds_ago
            headers = {"Content-Type": FORM, **build_signature_headers(SIGNING_SECRET, body, moment)}
            async with session.post(f"{origin}/slack/events", data=body, headers=headers) as answer:
                assert answer.status == 200
            await wait_until_idle(bot)
            assert not world.enkapush.store.flows[1].is_enabled
            world.enkapush.store.update_flow(1, is_enabled=True)


async def test_the_same_words_typed_again_are_another_command(http: World) -> None:
    await http.import_policy(approval_policy())
    for _ in range(2):
        request = await request_change(http, "enable")
        await withdraw(http, request)


async def test_a_form_that_was_put_right_counts(http: World) -> None:
    await open_form(http.emma, "/flows create")
    assert (await http.emma.submit(REQUIRED_FIELDS | {"Name": " "})).response_action == "errors"
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_for_message(MARKETING, "Flow #1 was created")


async def test_a_form_that_was_refused_counts_when_its_button_is_pressed_again(http: World) -> None:
    await open_form(http.emma, "/flows create")
    await http.import_policy(approval_policy(websites="[2]"))
    assert (await http.emma.submit(REQUIRED_FIELDS)).response_action == "errors"
    await http.import_policy(approval_policy())
    assert http.emma.view is not None
    assert is_form(http.emma.view)
    await http.emma.submit(REQUIRED_FIELDS)
    await http.emma.wait_for_message(MARKETING, "Flow #1 was created")
