"""Socket Mode: the line comes back, whatever cut it, and a refused token stops the start."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from flowbot.bootstrap import run_flowbot
from flowbot.config import Settings
from flowbot.errors import ConfigurationError
from flowbot.sandbox.slack import APP_TOKEN, text_of
from flowbot.server.socket_mode import ReconnectPolicy, serve_socket_mode
from tests.journeys.world import MARKETING, World

QUICK: Final = ReconnectPolicy(ping_interval=0.1, connect_timeout=0.5, retry_delays=(0.05,))


@asynccontextmanager
async def run_socket_mode(
    world: World, reconnect: ReconnectPolicy = QUICK, **changed: object
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a bot that connects, and stops at the end."""
    settings = Settings.model_validate({**world.settings.model_dump(), **changed})
    stop = asyncio.Event()
    async with run_flowbot(settings, drain_seconds=0.2) as bot:
        running = asyncio.create_task(serve_socket_mode(bot, stop, reconnect=reconnect))
        try:
            yield running
        finally:
            stop.set()
            await asyncio.wait({running}, timeout=5)
            assert running.done()


@asynccontextmanager
async def run_connected(world: World) -> AsyncIterator[None]:
    async with run_socket_mode(world):
        await wait_for_connection(world)
        yield


async def wait_for_connection(world: World) -> None:
    await world.emma.wait_until(lambda: world.slack.sockets.connection_count)


def has_connection(world: World) -> bool:
    """Drop the stand-in's closed connections, and check whether one is open."""
    lines = world.slack.sockets._connections
    lines[:] = [line for line in lines if not line.socket.closed]
    return bool(lines)


async def check_answers(world: World) -> None:
    """Check that a command and a button work."""
    before = {message.ts for message in await world.emma.list_messages(MARKETING)}
    await world.emma.send(MARKETING, "/flows list")
    page = await world.emma.wait_for_message(MARKETING, lambda message: message.ts not in before)
    assert "Page 1 of 2" in text_of(page)
    await world.emma.click(page, "Next")
    await world.emma.wait_for_message(
        MARKETING, lambda message: message.ts == page.ts and "Page 2 of 2" in text_of(message)
    )


async def test_commands_and_buttons_work(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world):
        await check_answers(world)
    assert {delivery.transport for delivery in world.slack.deliveries} == {"socket"}


async def test_an_ack_takes_milliseconds(world: World) -> None:
    async with run_connected(world):
        await world.emma.send(MARKETING, "/flows help")
        assert world.slack.deliveries[-1].seconds < 2


async def test_a_line_that_is_cut_comes_back(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world):
        await check_answers(world)
        world.slack.sockets.drop_all()
        await world.emma.wait_until(lambda: not world.slack.sockets.connection_count)
        await wait_for_connection(world)
        await check_answers(world)


async def test_a_refresh_is_followed(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world):
        await world.slack.sockets.refresh()
        await world.emma.wait_until(lambda: has_connection(world))
        await check_answers(world)


async def test_a_warning_ahead_of_a_refresh_loses_nothing(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world):
        await world.slack.sockets.send_disconnect()
        await check_answers(world)


async def test_a_line_that_went_deaf_is_replaced(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world):
        deaf = world.slack.sockets._connections[0]
        world.slack.sockets.go_silent()
        await world.emma.wait_until(lambda: [c for c in world.slack.sockets._connections if c is not deaf])
        await world.emma.wait_until(lambda: deaf not in world.slack.sockets._connections)
        await check_answers(world)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda world: world.slack.faults.add("apps.connections.open", error="internal_error", times=3),
        lambda world: world.slack.faults.add("apps.connections.open", status=503, times=3),
        lambda world: world.slack.faults.add("apps.connections.open", lose_answer=True, times=3),
        lambda world: world.slack.faults.add("apps.connections.open", retry_after=0, times=2),
        lambda world: world.slack.faults.add("auth.test", error="internal_error"),
    ],
    ids=["an error", "503", "no answer", "429", "no greeting"],
)
async def test_a_start_while_slack_is_away_is_tried_again(world: World, trouble: Callable[[World], object]) -> None:
    trouble(world)
    async with run_connected(world):
        await world.emma.send(MARKETING, "/flows help")
        await world.emma.wait_for_message(MARKETING, "You can")


@pytest.mark.parametrize("error", ["internal_error", "service_unavailable"])
async def test_a_line_that_is_cut_while_slack_is_away_comes_back_later(world: World, error: str) -> None:
    async with run_connected(world):
        world.slack.faults.add("apps.connections.open", error=error, times=3)
        world.slack.sockets.drop_all()
        await world.emma.wait_until(lambda: not world.slack.sockets.connection_count)
        await wait_for_connection(world)
        await world.emma.send(MARKETING, "/flows help")
        await world.emma.wait_for_message(MARKETING, "You can")


async def test_an_address_that_is_no_good_is_not_tried_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good = world.slack.sockets.issue_path
    paths = iter(["/link/?ticket=stale", "/link/?ticket=stale"])
    monkeypatch.setattr(world.slack.sockets, "issue_path", lambda: next(paths, None) or good())
    async with run_connected(world):
        await world.emma.send(MARKETING, "/flows help")
        await world.emma.wait_for_message(MARKETING, "You can")


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "not_allowed_token_type"])
async def test_a_refused_app_token_stops_the_start(world: World, code: str) -> None:
    world.slack.faults.add("apps.connections.open", error=code, times=None)
    async with run_socket_mode(world) as running:
        with pytest.raises(ConfigurationError, match="SLACK_APP_TOKEN") as refused:
            await asyncio.wait_for(running, 5)
    assert code in str(refused.value)
    assert "\n" not in str(refused.value)
    assert APP_TOKEN not in str(refused.value)


async def test_another_apps_token_is_named_too(world: World) -> None:
    async with run_socket_mode(world, slack_app_token=SecretStr("xapp-1-another")) as running:
        with pytest.raises(ConfigurationError, match="SLACK_APP_TOKEN"):
            await asyncio.wait_for(running, 5)


async def test_a_refused_bot_token_stops_the_start(world: World) -> None:
    async with run_socket_mode(world, slack_bot_token=SecretStr("xoxb-another")) as running:
        with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN"):
            await asyncio.wait_for(running, 5)


async def test_a_stop_while_slack_is_away_is_a_stop(world: World) -> None:
    world.slack.faults.add("apps.connections.open", hang=True, times=None)
    async with run_socket_mode(world, ReconnectPolicy()) as running:
        done, _ = await asyncio.wait({running}, timeout=0.3)
        assert not done
    assert running.exception() is None


async def test_two_bots_share_the_work(world: World) -> None:
    world.add_flows(12)
    async with run_connected(world), run_socket_mode(world):
        await world.emma.wait_until(lambda: world.slack.sockets.connection_count == 2)
        await check_answers(world)
        await check_answers(world)


async def test_what_cannot_be_read_is_counted_by_its_kind(world: World) -> None:
    bot = await world.start_socket()
    (line,) = world.slack.sockets._connections
    payloads = {"payload": {"type": "view_submission", "view": "x"}, "unknown": {"type": "martian \ud800"}}
    sent = {"envelope": "[1]"} | {
        kind: json.dumps({"envelope_id": kind, "type": "interactive", "payload": payload})
        for kind, payload in payloads.items()
    }

    def count(kind: str) -> float | None:
        return bot.metrics.registry.get_sample_value("flowbot_malformed_requests_total", {"kind": kind})

    with capture_logs() as logged:
        for kind, text in sent.items():
            await line.socket.send_str(text)
            async with asyncio.timeout(5):
                while count(kind) != 1:  # noqa: ASYNC110 - no message tells of it
                    await asyncio.sleep(0.01)
    assert [(each["kind"], each["type"]) for each in logged if each["event"] == "entry.malformed"] == [
        ("envelope", None), ("payload", "'view_submission'"), ("unknown", r"'martian \ud800'"),
    ]  # fmt: skip
