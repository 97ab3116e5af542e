"""The bot that flowbot is compared with: `python -m benchmarks.naive_bot http|socket ENKAPUSH SLACK`.

It lists flows as the tutorials would have it, by Bolt's defaults: it asks Enkapush for a page, and answers with ten
flows and their buttons. It asks nobody's permission and remembers nothing.
"""

import asyncio
import contextlib
import re
import signal
import sys
from typing import Any, Final

import httpx
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.protocol import API_KEY, NAIVE_APP_TOKEN
from flowbot.sandbox.slack import BOT_TOKEN, SIGNING_SECRET

HOST: Final = "127.0.0.1"
ANYTHING: Final = re.compile("")
PAGE_SIZE: Final = 10


def build_app(client: AsyncWebClient, enkapush: httpx.AsyncClient) -> AsyncApp:
    """Build an app that lists flows; a press of any button lists them again."""

    # Bolt would ask Slack who it is at each start.
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=BOT_TOKEN)

    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, authorize=authorize)

    async def list_flows(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        response = await enkapush.get("/flows/", params={"page": 1, "results_per_page": PAGE_SIZE})
        response.raise_for_status()
        page = response.json()
        await respond(text="Flows", blocks=build_blocks(page["data"], page["meta"]["total"]))

    app.command("/flows")(list_flows)
    app.action(ANYTHING)(list_flows)
    return app


def build_blocks(flows: list[dict[str, Any]], total: int) -> list[dict[str, Any]]:
    """Build a list: a line and a menu for each flow, and a button for the next page."""
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{total} flows*"}}]
    for flow in flows:
        state = "Enabled" if flow["is_enabled"] else "Disabled"
        wait = f"{flow['wait_time']} {flow['wait_time_type']}"
        sent, clicked = flow["total_sent_push_notifications"], flow["total_clicked_push_notifications"]
        text = (
            f"*#{flow['id']} {flow['name']}* · {state}\n{flow['title']} · {wait} · {sent:,} sent · {clicked:,} clicked"
        )
        labels = ("Show", "Edit", "Disable" if flow["is_enabled"] else "Enable", "Duplicate", "Delete")
        options = [
            {"text": {"type": "plain_text", "text": label}, "value": f"{label.lower()}:{flow['id']}"}
            for label in labels
        ]
        menu = {"type": "overflow", "action_id": f"flow-{flow['id']}", "options": options}
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}, "accessory": menu})
    following = {"type": "button", "action_id": "next", "text": {"type": "plain_text", "text": "Next"}, "value": "2"}
    return [*blocks, {"type": "actions", "elements": [following]}]


async def main(mode: str, enkapush_url: str, slack: str) -> None:
    """Serve behind aiohttp, as Bolt's documentation embeds it, or connect by Bolt's own Socket Mode handler."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{slack}/api/")
    headers = {"Authorization": f"Bearer {API_KEY}"}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with httpx.AsyncClient(base_url=enkapush_url, headers=headers) as enkapush:
        app = build_app(client, enkapush)
        if mode == "http":
            runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
            await runner.setup()
            await web.TCPSite(runner, HOST, 0).start()
            write_line(f"port={runner.addresses[0][1]}")
            await stop.wait()
            await runner.cleanup()
        else:
            handler = AsyncSocketModeHandler(app, NAIVE_APP_TOKEN, web_client=client)
            await handler.connect_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped
            write_line("connected")
            await stop.wait()
            await handler.close_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it untyped


def write_line(line: str) -> None:
    """Write a line to standard output at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
