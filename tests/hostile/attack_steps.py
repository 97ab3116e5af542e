"""Steps of attacks on a bot: signed requests, a trap for calls that it must not make, and what must hold after."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web

from flowbot.bootstrap import Flowbot
from flowbot.sandbox.slack import SIGNING_SECRET
from flowbot.sandbox.slack.delivery.envelope import Delivery
from tests.journeys.form_steps import REQUIRED_FIELDS, add_flow, open_form
from tests.journeys.request_steps import approval_policy, press_and_request, request_change
from tests.journeys.setup_steps import go_back, press, submit_steps
from tests.journeys.world import MARKETING, World

FORM: Final = "application/x-www-form-urlencoded"
ACK_SECONDS: Final = 3.0
"""What Slack waits."""
ALLOWED_STATUSES: Final = frozenset({200, 400, 401, 404, 413})


async def wait_until_idle(bot: Flowbot) -> None:
    """Wait until the bot has done what it took on."""
    async with asyncio.timeout(15):
        while len(bot.tasks):  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.002)


class _ErrorRecorder(logging.Handler):
    """Records whatever the libraries log as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"{record.name}: {record.getMessage()} {record.exc_info or ''}")


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """Check that the block logs no error, neither flowbot's nor a library's: an unexpected one is logged."""
    cries = _ErrorRecorder()
    logging.getLogger().addHandler(cries)
    try:
        with structlog.testing.capture_logs() as lines:
            yield
    finally:
        logging.getLogger().removeHandler(cries)
    wrong = [line for line in lines if line["log_level"] in {"error", "critical"} or line.get("exc_info")]
    assert not wrong
    assert not cries.heard


@dataclass
class Trap:
    """An address of nobody's that must never be called."""

    origin: str
    calls: list[str] = field(default_factory=list)


@asynccontextmanager
async def run_trap() -> AsyncIterator[Trap]:
    """Run a server that records every call."""
    app = web.Application()
    trap = Trap("")

    async def caught(request: web.Request) -> web.Response:
        trap.calls.append(str(request.url))
        return web.Response(text="caught")

    app.router.add_route("*", "/{path:.*}", caught)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    trap.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield trap
    finally:
        await runner.cleanup()


def sign(body: bytes) -> dict[str, str]:
    """Return Slack's headers for bytes that need not be text."""
    moment = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


@dataclass
class ReceiverClient:
    """Posts signed requests to one bot, and checks that it answers properly."""

    world: World
    bot: Flowbot
    origin: str
    session: aiohttp.ClientSession

    async def post(self, body: bytes, content_type: str = FORM) -> tuple[int, str]:
        """Post signed bytes; check that the answer is in time, no server error, and that what follows ends well."""
        headers = {"Content-Type": content_type, **sign(body)}
        with no_errors_logged():
            async with (
                asyncio.timeout(ACK_SECONDS),
                self.session.post(f"{self.origin}/slack/events", data=body, headers=headers) as answer,
            ):
                status, said = answer.status, await answer.text()
            await wait_until_idle(self.bot)
        assert status in ALLOWED_STATUSES
        assert "Traceback" not in said
        return status, said

    async def deliver(self, kind: str, payload: dict[str, Any]) -> str:
        """Post a payload as Slack does, and return the acknowledgement."""
        if kind == "events_api":
            return (await self.post(json.dumps(payload).encode(), "application/json"))[1]
        if kind == "slash_commands":
            texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in payload.items()}
            return (await self.post(urlencode(texts, errors="surrogatepass").encode()))[1]
        return (await self.post(urlencode({"payload": json.dumps(payload)}).encode()))[1]


async def record_deliveries(world: World) -> list[Delivery]:
    """Record one of everything that an editor and an admin can send, none of it approved."""
    await world.import_policy(approval_policy())
    world.add_flows(12)
    emma, deniz = world.emma, world.deniz
    await emma.send(MARKETING, "/flows list")
    page = await emma.wait_for_message(MARKETING, "Page 1 of 2")
    await emma.click(page, "Next")
    await emma.wait_for_message(MARKETING, "Page 2 of 2")
    await emma.click(page, "Share")
    await emma.send(MARKETING, "/flows show 1")
    shown = await emma.wait_for_message(MARKETING, lambda message: "Duplicate" in emma.list_buttons(message))
    await emma.click(shown, "Duplicate")
    await emma.click(await emma.wait_for_view(lambda view: view.submit is not None), "Preview")
    await emma.close(everything=True)
    await press_and_request(emma, shown, "Enable", "Why not")
    await emma.send(MARKETING, "@flowbot list")
    request = await request_change(world, f"enable {add_flow(world)} Why not")
    for label in ("Approve", "Reject"):
        await emma.click(request, label)
    await open_form(emma, "/flows create")
    await emma.submit(REQUIRED_FIELDS | {"Name": " "})
    await emma.close()
    await open_form(emma, "/flows edit 2")
    await emma.submit({"Title": "Other"})
    await open_form(deniz, "/flows setup")
    await press(deniz, "Edit names", "Name of website")
    await submit_steps(deniz, {"Quorum": "0", "Expiry in hours": "5"})
    await go_back(deniz)
    await emma.open_home()
    await emma.wait_for_home("")
    await world.slack.dispatcher.wait_until_idle()
    return list(world.slack.deliveries)


def forge_reason_forms(change: str) -> list[dict[str, Any]]:
    """Forge submits of the form that asks for a reason."""
    return [
        {
            "type": "view_submission",
            "user": {"id": "U0EMMA", "team_id": "T0LALE"},
            "team": {"id": "T0LALE"},
            "trigger_id": f"1.{purpose}",
            "view": {
                "id": "V1",
                "type": "modal",
                "callback_id": "changes.reason",
                "private_metadata": json.dumps({"purpose": purpose, "change": change, "channel": MARKETING}),
                "state": {"values": {"reason": {"changes.reason": {"type": "plain_text_input", "value": "Now"}}}},
            },
        }
        for purpose in ("reject", "break_glass")
    ]


def is_untouched(world: World) -> bool:
    """Check that nothing reached subscribers: no flow was enabled, none deleted."""
    methods = {record.method for record in world.enkapush.requests}
    return "DELETE" not in methods and not any(flow.is_enabled for flow in world.enkapush.store.flows.values())
