"""The fake Slack and Enkapush in a process of their own: `python -m benchmarks.fake_servers FLOWS`."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from benchmarks.protocol import (
    API_KEY,
    CONTROL_PATH,
    NAIVE_APP_TOKEN,
    Activity,
    Addresses,
    MovingOrder,
    RecordingOrder,
    RequestOrder,
    SlackRequests,
    SocketUrl,
)
from benchmarks.recorder import RequestRecorder
from flowbot.sandbox.enkapush import EnkapushSandbox, generate_flows
from flowbot.sandbox.slack import APP_TOKEN, SlackSandbox
from flowbot.server.signals import stop_on_signals

HOST: Final = "127.0.0.1"
RESPONSE_URLS: Final = ("/commands/", "/actions/", "/app/")
CONNECTIONS_OPEN: Final = "/api/apps.connections.open"
NAMES: Final = {APP_TOKEN: "flowbot", NAIVE_APP_TOKEN: "naive"}
"""The names of those who connect by Socket Mode, by token."""


class ControlApi:
    """The API by which the measuring process controls the fake servers."""

    def __init__(self, slack: SlackSandbox, enkapush: EnkapushSandbox) -> None:
        self._slack = slack
        self._enkapush = enkapush
        self._recorder = RequestRecorder(slack)
        self._socket_url = ""
        self._last = 0.0
        self._moves = 0
        self._answered_at: dict[str, float] = {}

    def attach(self, app: web.Application) -> None:
        """Add the routes to the fake Slack's server, and watch its requests."""
        app.middlewares.append(self._watch)
        app.router.add_post(f"{CONTROL_PATH}/record", self._record)
        app.router.add_post(f"{CONTROL_PATH}/requests", self._repeat_requests)
        app.router.add_post(f"{CONTROL_PATH}/sockets", self._set_socket_url)
        app.router.add_post(f"{CONTROL_PATH}/move", self._move_totals)
        app.router.add_post(f"{CONTROL_PATH}/clear", self._clear)
        app.router.add_get(f"{CONTROL_PATH}/activity", self._take_activity)

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == CONNECTIONS_OPEN and self._socket_url:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return web.json_response({"ok": True, "url": f"{self._socket_url}/{NAMES[token]}"})
        try:
            return await handler(request)
        finally:
            if not request.path.startswith(CONTROL_PATH):
                self._last = time.monotonic()
                # A finished answer has buttons; a loading message has none.
                if request.path.startswith(RESPONSE_URLS) and b'"action_id"' in await request.read():
                    self._answered_at[request.path] = self._last

    async def _record(self, request: web.Request) -> web.Response:
        order = RecordingOrder.model_validate_json(await request.read())
        self._slack.deliver_to(order.url)
        await self._recorder.record_lists()
        if order.with_form:
            await self._recorder.record_form()
        return web.Response()

    async def _repeat_requests(self, request: web.Request) -> web.Response:
        order = RequestOrder.model_validate_json(await request.read())
        repeated = SlackRequests(requests=tuple(self._recorder.repeat(order.kind) for _ in range(order.count)))
        return web.Response(body=repeated.model_dump_json())

    async def _set_socket_url(self, request: web.Request) -> web.Response:
        self._socket_url = SocketUrl.model_validate_json(await request.read()).url
        return web.Response()

    async def _move_totals(self, request: web.Request) -> web.Response:
        step = round(1 / MovingOrder.model_validate_json(await request.read()).share)
        store = self._enkapush.store
        for number in list(store.flows)[self._moves % step :: step]:
            flow = store.flow(number)
            store.update_flow(
                number,
                total_sent_push_notifications=flow.total_sent_push_notifications + 3,
                total_displayed_push_notifications=flow.total_displayed_push_notifications + 2,
                total_clicked_push_notifications=flow.total_clicked_push_notifications + 1,
                last_datetime=flow.last_datetime,
            )
        self._moves += 1
        return web.Response()

    async def _clear(self, _request: web.Request) -> web.Response:
        self._recorder.clear()
        self._enkapush.requests.clear()
        return web.Response()

    async def _take_activity(self, _request: web.Request) -> web.Response:
        activity = Activity(last=self._last, answered_at=self._answered_at, flows=len(self._enkapush.store.flows))
        self._answered_at = {}
        return web.Response(body=activity.model_dump_json())


@asynccontextmanager
async def open_servers(flows: int) -> AsyncIterator[Addresses]:
    """Serve both until the block ends."""
    slack, enkapush = SlackSandbox(), EnkapushSandbox(api_key=API_KEY, flows=generate_flows(flows))
    app = slack.web_app()
    ControlApi(slack, enkapush).attach(app)
    async with AsyncExitStack() as stack:
        slack.origin = await stack.enter_async_context(_listen(app))
        origin = await stack.enter_async_context(_listen(enkapush.web_app()))
        yield Addresses(slack=slack.origin, enkapush=f"{origin}/api")


@asynccontextmanager
async def _listen(app: web.Application) -> AsyncIterator[str]:
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
    async with open_servers(flows) as addresses:
        sys.stdout.write(f"{addresses.model_dump_json()}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
