"""What flowbot is compared to: `python -m benchmarks.controls NAME [ADDRESS]`.

Each takes the very requests that flowbot takes, checks what Slack demands, acknowledges, and does nothing else.
"""

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import aiohttp
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.wire import BOLT_APP_TOKEN
from flowbot.sandbox.slack import BOT_TOKEN, SIGNING_SECRET

HOST: Final = "127.0.0.1"
NOTHING: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ANYTHING: Final = re.compile("", re.DOTALL)


async def aiohttp_http(_address: str) -> None:
    """A bare aiohttp handler that checks the signature and answers."""
    verifier = SignatureVerifier(SIGNING_SECRET)

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if not verifier.is_valid_request(body, dict(request.headers)):
            return web.Response(status=401)
        return web.Response()

    app = web.Application()
    app.router.add_post("/slack/events", handle)
    app.router.add_get("/readyz", _ready)
    await _serve(app)


async def aiohttp_socket(address: str) -> None:
    """A bare aiohttp WebSocket that acknowledges every envelope by its id."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        _say("connected")
        async for message in socket:
            envelope = json.loads(message.data)
            if "envelope_id" in envelope:
                await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))


async def bolt_http(_address: str) -> None:
    """Bolt with its defaults, behind aiohttp as its documentation embeds it."""
    app = _bolt(AsyncWebClient(token=BOT_TOKEN)).web_app(path="/slack/events")
    app.router.add_get("/readyz", _ready)
    await _serve(app)


async def bolt_socket(address: str) -> None:
    """Bolt with its defaults, by its own Socket Mode handler."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{address}/api/")
    handler = AsyncSocketModeHandler(_bolt(client), BOLT_APP_TOKEN, web_client=client)
    await handler.connect_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped
    _say("connected")
    await _stopped()
    await handler.close_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped


async def nothing(_address: str) -> None:
    """Fixed bytes for whatever comes: what is left is the client's own cost."""

    class Fixed(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = transport

        def data_received(self, _data: bytes) -> None:
            if isinstance(self._transport, asyncio.WriteTransport):
                self._transport.write(NOTHING)

    server = await asyncio.get_running_loop().create_server(Fixed, HOST, 0)
    _say(f"port={server.sockets[0].getsockname()[1]}")
    await _stopped()
    server.close()


CONTROLS: Final[dict[str, Callable[[str], Coroutine[Any, Any, None]]]] = {
    "aiohttp-http": aiohttp_http,
    "aiohttp-socket": aiohttp_socket,
    "bolt-http": bolt_http,
    "bolt-socket": bolt_socket,
    "nothing": nothing,
}


def _bolt(client: AsyncWebClient) -> AsyncApp:
    """An app as the tutorials write it; only that it asks Slack nothing, which no control has to answer for."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=BOT_TOKEN)

    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, authorize=authorize)

    async def listener(ack: AsyncAck) -> None:
        await ack()

    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        del body
        await ack()

    app.command("/flows")(listener)
    app.action(ANYTHING)(listener)
    app.view(ANYTHING)(submitted)
    return app


async def _ready(_request: web.Request) -> web.Response:
    return web.Response()


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    _say(f"port={runner.addresses[0][1]}")
    await _stopped()
    await runner.cleanup()


async def _stopped() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(CONTROLS[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else ""))  # noqa: PLR2004 - both are there
