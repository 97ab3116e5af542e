"""The stand-ins in a process of their own: `python -m benchmarks.stage FLOWS`."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from benchmarks.people import Office
from benchmarks.wire import API_KEY, BACK_DOOR, BOLT_APP_TOKEN, Addresses, Answers, Bot, Order, Shots, Sockets
from flowbot.sandbox.enkapush import EnkapushSandbox, generate_flows
from flowbot.sandbox.slack import APP_TOKEN, SlackSandbox
from flowbot.serving import stop_on_signals

HOST: Final = "127.0.0.1"
ANSWERS: Final = ("/commands/", "/actions/", "/app/")
CONNECTIONS_OPEN: Final = "/api/apps.connections.open"
NAMES: Final = {APP_TOKEN: "flowbot", BOLT_APP_TOKEN: "bolt"}
"""Who connects by Socket Mode, by the token."""


class Watch:
    """Notes when the bot did what."""

    def __init__(self) -> None:
        self._count = 0
        self._last = 0.0
        self._at: dict[str, float] = {}

    def note(self, path: str, body: bytes) -> None:
        """The bot was answered just now. What can be pressed is a finished answer; that one is on its way is none."""
        self._count, self._last = self._count + 1, time.monotonic()
        if path.startswith(ANSWERS) and b'"action_id"' in body:
            self._at[path] = self._last

    def told(self) -> Answers:
        """All that was noted since it was last told."""
        answers = Answers(count=self._count, last=self._last, at=self._at)
        self._at = {}
        return answers


class BackDoor:
    """What the measuring side may ask for."""

    def __init__(self, slack: SlackSandbox, enkapush: EnkapushSandbox) -> None:
        self._slack = slack
        self._enkapush = enkapush
        self._office = Office(slack)
        self._sockets = ""
        self.watch = Watch()

    def attach(self, app: web.Application) -> None:
        """Put it on the stand-in's server."""
        app.middlewares.append(self._watching)
        app.router.add_post(f"{BACK_DOOR}/begin", self._begin)
        app.router.add_post(f"{BACK_DOOR}/shots", self._shots)
        app.router.add_post(f"{BACK_DOOR}/sockets", self._lead)
        app.router.add_post(f"{BACK_DOOR}/forget", self._forget)
        app.router.add_get(f"{BACK_DOOR}/answers", self._answers)

    @web.middleware
    async def _watching(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == CONNECTIONS_OPEN and self._sockets:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return web.json_response({"ok": True, "url": f"{self._sockets}/{NAMES[token]}"})
        try:
            return await handler(request)
        finally:
            if not request.path.startswith(BACK_DOOR):
                self.watch.note(request.path, await request.read())

    async def _begin(self, request: web.Request) -> web.Response:
        bot = Bot.model_validate_json(await request.read())
        self._slack.deliver_to(bot.url)
        if bot.requests:
            await self._office.ask_for(bot.requests)
            return web.Response()
        await self._office.list_and_turn()
        if bot.forms:
            await self._office.send_a_form()
        return web.Response()

    async def _shots(self, request: web.Request) -> web.Response:
        order = Order.model_validate_json(await request.read())
        made = Shots(shots=tuple(self._office.shot(order.what, number) for number in range(order.count)))
        return web.Response(body=made.model_dump_json())

    async def _lead(self, request: web.Request) -> web.Response:
        self._sockets = Sockets.model_validate_json(await request.read()).url
        return web.Response()

    async def _forget(self, _request: web.Request) -> web.Response:
        self._office.forget()
        self._enkapush.requests.clear()
        return web.Response()

    async def _answers(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.watch.told().model_dump_json())


@asynccontextmanager
async def opened(flows: int) -> AsyncIterator[Addresses]:
    """Both stand-ins, listening."""
    slack, enkapush = SlackSandbox(), EnkapushSandbox(api_key=API_KEY, flows=generate_flows(flows))
    door, app, api = BackDoor(slack, enkapush), slack.web_app(), enkapush.web_app()
    door.attach(app)
    async with AsyncExitStack() as stack:
        slack.origin = await stack.enter_async_context(_listening(app))
        origin = await stack.enter_async_context(_listening(api))
        yield Addresses(slack=slack.origin, enkapush=f"{origin}/api")


@asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def main(flows: int) -> None:
    """Serve until SIGTERM; the addresses are the one line on standard output."""
    stop = stop_on_signals()
    async with opened(flows) as addresses:
        sys.stdout.write(f"{addresses.model_dump_json()}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
