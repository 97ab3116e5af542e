"""Delivery to a bot: signatures, time limits, repeated events, sockets that fail."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from flowbot.sandbox.slack import APP_TOKEN, SIGNING_SECRET, ClientError, SlackSandbox

MARKETING = "C0MARKETING"
Answer = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def bot_that(answer: Answer, sandbox: SlackSandbox) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/slack/events", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sandbox.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox(ack_seconds=0.3)
    async with sandbox.serve():
        yield sandbox


async def test_requests_are_signed_forms(sandbox: SlackSandbox) -> None:
    requests: list[tuple[dict[str, str], str]] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append((dict(request.headers), await request.text()))
        return web.Response()

    async with bot_that(answer, sandbox):
        await sandbox.person("U0AYSE").send(MARKETING, "/flows list payload")
    headers, body = requests[0]
    base = f"v0:{headers['X-Slack-Request-Timestamp']}:{body}"
    expected = hmac.new(SIGNING_SECRET.encode(), base.encode(), hashlib.sha256).hexdigest()
    assert headers["X-Slack-Signature"] == f"v0={expected}"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body)["text"] == ["list payload"]


@pytest.mark.parametrize(
    ("behaviour", "code"), [("slow", "operation_timeout"), ("broken", "dispatch_failed"), ("gone", "dispatch_failed")]
)
async def test_a_bot_that_does_not_acknowledge_is_told_to_the_person(
    sandbox: SlackSandbox, behaviour: str, code: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if behaviour == "slow":
            await asyncio.Event().wait()
        return web.Response(status=500)

    async with bot_that(answer, sandbox):
        if behaviour == "gone":
            sandbox.deliver_to("http://127.0.0.1:1/slack/events")
        with pytest.raises(ClientError) as failed:
            await sandbox.person("U0AYSE").send(MARKETING, "/flows")
    assert failed.value.code == code
    assert sandbox.deliveries[-1].error == code


async def test_nobody_at_home_is_app_offline(sandbox: SlackSandbox) -> None:
    with pytest.raises(ClientError, match="app_offline"):
        await sandbox.person("U0AYSE").send(MARKETING, "/flows")


async def test_an_event_is_repeated_three_times(sandbox: SlackSandbox) -> None:
    sandbox.dispatcher.event_retry_seconds = (0, 0, 0)
    tries: list[tuple[str | None, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        tries.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        body = await request.json()
        assert (body["type"], body["event"]["type"]) == ("event_callback", "app_home_opened")
        return web.Response(status=500)

    async with bot_that(answer, sandbox):
        await sandbox.person("U0AYSE").open_home()
        await sandbox.dispatcher.wait_until_idle()
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_a_bot_may_refuse_repetitions(sandbox: SlackSandbox) -> None:
    sandbox.dispatcher.event_retry_seconds = (0, 0, 0)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with bot_that(answer, sandbox):
        await sandbox.person("U0AYSE").open_home()
        await sandbox.dispatcher.wait_until_idle()
    assert len(sandbox.deliveries) == 1


async def socket_url(session: aiohttp.ClientSession, sandbox: SlackSandbox, token: str = APP_TOKEN) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{sandbox.origin}/api/apps.connections.open", headers=headers) as answer:
        body = await answer.json()
    return str(body.get("url") or body["error"])


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_socket_url_needs_the_app_token_and_works_once(
    sandbox: SlackSandbox, session: aiohttp.ClientSession
) -> None:
    assert await socket_url(session, sandbox, "xoxb-sandbox-flowbot") == "not_allowed_token_type"
    assert await socket_url(session, sandbox, "xapp-wrong") == "invalid_auth"
    url = await socket_url(session, sandbox)
    async with session.ws_connect(url) as socket:
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)


async def test_an_envelope_is_acknowledged_by_its_id(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await socket_url(session, sandbox)) as socket:
        await socket.receive_json()
        typing = asyncio.create_task(sandbox.person("U0AYSE").send(MARKETING, "/flows"))
        envelope = await socket.receive_json()
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
        assert envelope["payload"]["command"] == "/flows"
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hello"}})
        await typing
    assert (await sandbox.person("U0AYSE").list_messages(MARKETING))[0].text == "hello"


async def test_pings_are_answered(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await socket_url(session, sandbox), autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"there?")
        answer = await socket.receive()
    assert (answer.type, answer.data) == (WSMsgType.PONG, b"there?")


async def test_a_silent_socket_times_out(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await socket_url(session, sandbox)) as socket:
        await socket.receive_json()
        sandbox.sockets.go_silent()
        with pytest.raises(ClientError, match="operation_timeout"):
            await sandbox.person("U0AYSE").send(MARKETING, "/flows")


async def test_a_refresh_is_announced(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await socket_url(session, sandbox)) as socket:
        await socket.receive_json()
        await sandbox.sockets.send_disconnect()
        warning = await socket.receive_json()
        assert (warning["type"], warning["reason"]) == ("disconnect", "warning")
        refresh = asyncio.create_task(sandbox.sockets.refresh())
        assert json.loads((await socket.receive()).data)["reason"] == "refresh_requested"
        assert (await socket.receive()).type in {WSMsgType.CLOSE, WSMsgType.CLOSING}
        await refresh


async def test_a_line_may_be_cut_without_a_word(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await socket_url(session, sandbox)) as socket:
        await socket.receive_json()
        sandbox.sockets.drop_all()
        assert (await socket.receive()).type in {WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR}
        await sandbox.person("U0AYSE").wait_until(lambda: sandbox.sockets.connection_count == 0)


async def test_ten_sockets_are_the_most(sandbox: SlackSandbox, session: aiohttp.ClientSession) -> None:
    sockets = [await session.ws_connect(await socket_url(session, sandbox)) for _ in range(11)]
    greetings = [await socket.receive_json() for socket in sockets]
    assert [g["type"] for g in greetings] == ["hello"] * 10 + ["disconnect"]
    for socket in sockets:
        await socket.close()
