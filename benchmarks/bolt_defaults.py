"""The app that flowbot is compared with: `python -m benchmarks.bolt_defaults http|socket [ADDRESS]`.

It takes the same requests by Bolt's defaults, acknowledges them and does nothing else.
"""

import asyncio
import contextlib
import re
import signal
import sys
from typing import Final

from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.protocol import BOLT_APP_TOKEN
from flowbot.sandbox.slack import BOT_TOKEN, SIGNING_SECRET

HOST: Final = "127.0.0.1"
ANYTHING: Final = re.compile("", re.DOTALL)


async def serve_http() -> None:
    """Serve behind aiohttp, as Bolt's documentation embeds it."""
    app = _build_app(AsyncWebClient(token=BOT_TOKEN)).web_app(path="/slack/events")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    _write_line(f"port={runner.addresses[0][1]}")
    await _wait_for_stop()
    await runner.cleanup()


async def serve_socket(address: str) -> None:
    """Connect by Bolt's own Socket Mode handler."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{address}/api/")
    handler = AsyncSocketModeHandler(_build_app(client), BOLT_APP_TOKEN, web_client=client)
    await handler.connect_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped
    _write_line("connected")
    await _wait_for_stop()
    await handler.close_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped


def _build_app(client: AsyncWebClient) -> AsyncApp:
    """Build an app as the tutorials do, except that it never asks Slack anything."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=BOT_TOKEN)

    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, authorize=authorize)

    async def acknowledge(ack: AsyncAck) -> None:
        await ack()

    app.command("/flows")(acknowledge)
    app.action(ANYTHING)(acknowledge)
    return app


async def _wait_for_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_http() if sys.argv[1] == "http" else serve_socket(sys.argv[2]))
