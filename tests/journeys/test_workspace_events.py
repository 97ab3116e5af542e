"""Channels that get another id, and a bot token that Slack takes back."""

import asyncio

import aiohttp
import pytest

from flowbot.errors import DatabaseFaultError
from flowbot.sandbox.slack import text_of
from flowbot.slack.api import token
from flowbot.storage.repositories.channels import ChannelRepository
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, list_writes, open_form, read_fields
from tests.journeys.request_steps import (
    WAITING,
    approval_policy,
    read_audit_trail,
    request_change,
    request_change_and_wait,
    speed_up,
    wait_for_notice,
    wait_for_private_message,
    wait_for_status,
    wait_until,
)
from tests.journeys.world import APPROVALS, MARKETING, World, in_both_modes, on_both_databases

MOVED = "C0MOVED"


async def move_channel(world: World, old: str) -> None:
    """Give a channel another id, and wait until the bot has acknowledged that."""
    world.slack.admin.change_channel_id(old, MOVED)
    await world.slack.dispatcher.wait_until_idle()


# --- a channel's id changes ----------------------------------------------------------------------------------------


@in_both_modes
async def test_the_policy_of_a_channel_moves_along(running: World) -> None:
    await running.import_policy(approval_policy())
    add_flow(running, name="Winter sale")
    await move_channel(running, MARKETING)
    await running.emma.send(MOVED, "/flows show 1")
    assert "Winter sale" in text_of(await wait_for_private_message(running.emma, "Winter sale", MOVED))
    assert [event["action"] for event in await read_audit_trail(running)].count("channel.moved") == 1


@in_both_modes
async def test_an_open_request_goes_on_where_its_messages_are_now(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(running, monkeypatch)
    await running.import_policy(approval_policy())
    request = await request_change_and_wait(running)
    await move_channel(running, APPROVALS)
    await running.deniz.wait_until(lambda: request.edited_ts is not None)
    assert WAITING in text_of(request)
    assert len(running.slack.workspace.messages[MOVED]) == 1
    await running.burak.click(request, "Approve")
    await wait_for_status(running, request, "Applied")
    assert (await wait_for_notice(running, request, "is live")).channel == MOVED
    # So do new ones.
    add_flow(running, name="Another")
    await running.emma.send(MARKETING, "/flows enable 2")
    await running.deniz.wait_for_message(MOVED, lambda message: "Another" in text_of(message))


@on_both_databases
async def test_a_request_is_decided_where_its_channel_moved(bots: World) -> None:
    request = await request_change_and_wait(bots)
    await move_channel(bots, MARKETING)
    await bots.burak.click(request, "Approve")
    await wait_for_status(bots, request, "Applied")
    assert bots.enkapush.store.flow(1).is_enabled


async def test_a_request_whose_message_is_gone_is_posted_anew(bots: World) -> None:
    request = await request_change_and_wait(bots)
    bots.slack.workspace.messages[APPROVALS].remove(request)
    await move_channel(bots, APPROVALS)
    again = await bots.deniz.wait_for_message(MOVED, lambda message: WAITING in text_of(message))
    await bots.burak.click(again, "Approve")
    await wait_for_status(bots, again, "Applied")


async def test_what_was_typed_moves_along(world: World) -> None:
    bot, _ = await world.start_http()
    await open_form(world.emma, "/flows create")
    world.emma.fill("Name", "Half a flow")
    await world.emma.close()
    await wait_until(lambda: not len(bot.tasks))
    await move_channel(world, MARKETING)
    await open_form(world.emma, "/flows create", MOVED)
    assert read_fields(world.emma)["Name"] == "Half a flow"


async def test_a_form_that_is_open_meanwhile_is_saved(http: World) -> None:
    await open_form(http.emma, "/flows create")
    await move_channel(http, MARKETING)
    assert not (await http.emma.submit(REQUIRED_FIELDS)).errors
    await wait_until(lambda: [flow.name for flow in http.enkapush.store.flows.values()] == ["Spring"])


async def test_an_event_is_sent_again_while_the_database_fails(http: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add_flow(http, name="Winter sale")
    http.slack.dispatcher.event_retry_seconds = (0.0, 0.0, 0.0)
    move, calls = ChannelRepository.move, 0

    async def fail_first(*args: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise DatabaseFaultError
        return await move(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(ChannelRepository, "move", fail_first)
    await move_channel(http, MARKETING)
    assert calls == 2
    await http.emma.send(MOVED, "/flows show 1")
    await wait_for_private_message(http.emma, "Winter sale", MOVED)


# --- the token is taken back ---------------------------------------------------------------------------------------


async def read_readiness(origin: str) -> tuple[int, dict[str, str]]:
    """Ask whether the bot is ready."""
    async with aiohttp.ClientSession() as session, session.get(f"{origin}/readyz") as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("removal", ["uninstall_app", "revoke_bot_token"])
async def test_a_token_that_is_taken_back_stops_work_and_readiness(
    world: World, removal: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    speed_up(world, monkeypatch)
    bot, origin = await world.start_http()
    await world.import_policy(approval_policy("expires_after_hours = 1"))
    await request_change(world)
    assert (await read_readiness(origin))[0] == 200
    getattr(world.slack.admin, removal)()
    await world.slack.dispatcher.wait_until_idle()
    world.time.ahead += 3
    status, states = await read_readiness(origin)
    assert (status, states["slack_token"]) == (503, "revoked")
    await asyncio.sleep(0.2)
    calls = len(world.slack.context.exchange_log.list_latest(500))
    world.time.ahead += 7200
    await asyncio.sleep(0.5)
    # Nothing expires unseen, and Slack is asked once whether that was all.
    asked = [entry["what"] for entry in world.slack.context.exchange_log.list_latest(500)[calls:]]
    assert asked.count("auth.test") <= 1
    assert set(asked) <= {"auth.test"}
    assert "change.expired" not in [event["action"] for event in await read_audit_trail(world)]
    assert list_writes(world) == []
    assert "Traceback" not in caplog.text
    assert not len(bot.tasks)


async def test_a_token_that_slack_refuses_is_noticed_without_an_event(world: World) -> None:
    _, origin = await world.start_http()
    world.slack.context.token_refusal = "token_revoked"
    await world.emma.send(MARKETING, "/flows approvals")
    async with asyncio.timeout(10):
        while (await read_readiness(origin))[0] != 503:
            world.time.ahead += 3
            await asyncio.sleep(0.05)


async def test_a_refused_token_is_named_and_offers_no_button_that_cannot_work(world: World) -> None:
    await world.start_http()
    await world.deniz.send(MARKETING, "/flows help")
    await world.deniz.wait_for_message(MARKETING, "You can")
    world.slack.context.token_refusal = "token_revoked"
    await world.deniz.send(MARKETING, "/flows setup")
    await world.deniz.wait_for_message(MARKETING, "Slack doesn't accept flowbot's token any more")


async def test_work_goes_on_once_slack_takes_the_token_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token, "RECHECK_SECONDS", 30.0)
    _, origin = await world.start_http()
    world.slack.admin.revoke_bot_token("account_inactive")
    await world.slack.dispatcher.wait_until_idle()
    assert (await read_readiness(origin))[0] == 503
    world.slack.context.token_refusal = None
    world.time.ahead += 40
    assert (await read_readiness(origin))[0] == 200


@in_both_modes
async def test_a_persons_token_does_not_matter(running: World) -> None:
    add_flow(running, name="Winter sale")
    running.slack.admin.revoke_user_token("U0EMMA")
    await running.slack.dispatcher.wait_until_idle()
    await running.emma.send(MARKETING, "/flows show 1")
    await wait_for_private_message(running.emma, "Winter sale", MARKETING)
