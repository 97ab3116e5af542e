"""The stand-in Enkapush as a server."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from flowbot.sandbox.enkapush.api import Api
from flowbot.sandbox.enkapush.faults import AS_SENT, FaultInjector, Faults, Write
from flowbot.sandbox.enkapush.models import WEBSITES, Clock, Flow, Segment
from flowbot.sandbox.enkapush.request_log import API_PREFIX, LoggedRequest, read_request
from flowbot.sandbox.enkapush.responses import error_response
from flowbot.sandbox.enkapush.store import Store

_MEDIA_PREFIX = "/media/"
_SHUTDOWN_SECONDS = 2.0
_MAX_BODY = 64 * 1024 * 1024


class EnkapushSandbox:
    """A stand-in Enkapush in memory: strict as its documentation, and breakable on order.

    Args:
        api_key: The key that a `Bearer` must carry.
        flows: What is there from the start; see `seeds`.
        segments: What is there from the start.
        websites: The account's websites, id to name.
        clock: Returns the present, aware.

    Attributes:
        store: The flows, segments and images; change it to act "from outside".
        faults: The rules of what goes wrong.
        requests: The requests so far, oldest first.
        date: The header `Date` of the responses: None for the right one, empty for none at all.
    """

    def __init__(
        self,
        *,
        api_key: str,
        flows: Iterable[Flow] = (),
        segments: Iterable[Segment] = (),
        websites: Mapping[int, str] = WEBSITES,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.api_key = api_key
        self.store = Store(flows, segments, websites, clock)
        self.faults = Faults()
        self.requests: list[LoggedRequest] = []
        self.date: str | None = None
        self._clock = clock
        self._injector = FaultInjector()

    def web_app(self) -> web.Application:
        """Return an application with the API under `/api` and the images under `/media`."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(self._set_date)
        app.on_startup.append(self._injector.open)
        app.on_shutdown.append(self._injector.close)
        return app

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the block ends, and yield the API's base URL without a slash at the end.

        Port 0 takes a free one. Requests that still hang at the end are cut off without effect.
        """
        runner = web.AppRunner(self.web_app(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield f"http://{host}:{runner.addresses[0][1]}{API_PREFIX}"
        finally:
            await runner.cleanup()

    def request_count(self, method: str | None = None, path_prefix: str | None = None) -> int:
        """Count the requests of this method whose path begins with this prefix, such as `/flows`."""
        return sum(
            (method is None or request.method == method) and request.path.startswith(path_prefix or "")
            for request in self.requests
        )

    def release(self) -> None:
        """Let the requests that hang at this moment go on.

        Those whose sender has gone have no effect, unless their fault outlives the sender.
        """
        self._injector.release()

    async def _set_date(self, _request: web.Request, response: web.StreamResponse) -> None:
        if self.date is not None:
            response.headers["Date"] = self.date
        if self.date == "":
            del response.headers["Date"]

    async def _handle(self, request: web.Request) -> web.Response:
        logged = await read_request(request, api_key=self.api_key, started_at=self._clock())
        self.requests.append(logged)
        action = self.faults.next_action(logged.method, logged.path)
        if isinstance(action, Write):
            outcome, action = self._carry_out(logged, request, action), action.answer
            response = await self._injector.apply(action, request, lambda: outcome)
        else:
            response = await self._injector.apply(action, request, lambda: self._carry_out(logged, request))
        if response is None:
            # The connection is gone already; aiohttp wants something to throw away.
            return web.Response()
        logged.status = response.status
        return response

    def _carry_out(self, logged: LoggedRequest, request: web.Request, write: Write = AS_SENT) -> web.Response:
        if not request.path.startswith(f"{API_PREFIX}/"):
            image = self.store.image(logged.path.removeprefix(_MEDIA_PREFIX))
            if image is None or request.method != "GET":
                return error_response(404, "There is nothing here.")
            return web.Response(body=image.content, content_type=image.content_type)
        origin = request.url.origin()
        return Api(self.store, f"{origin}{API_PREFIX}", f"{origin}{_MEDIA_PREFIX}").respond(logged, write)
