"""The stand-in Enkapush as a server."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from flowbot.sandbox.enkapush.api import Api
from flowbot.sandbox.enkapush.faults import Faults, Trouble
from flowbot.sandbox.enkapush.models import WEBSITES, Clock, Flow, Segment
from flowbot.sandbox.enkapush.request_log import API_PREFIX, Record, read_request
from flowbot.sandbox.enkapush.responses import media_answer, refusal
from flowbot.sandbox.enkapush.store import Store

_MEDIA_PREFIX = "/media/"
_SHUTDOWN_SECONDS = 2.0
_MAX_BODY = 64 * 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class EnkapushSandbox:
    """An Enkapush of one's own: strict as its documentation, in memory, and breakable on order.

    Args:
        api_key: The key that a `Bearer` must carry.
        flows: What is there from the start; see `seeds` and `synthetic`.
        segments: What is there from the start.
        websites: The account's websites, id to name.
        clock: Gives the present, aware.

    Attributes:
        store: What is kept; change it to act "from outside".
        faults: What goes wrong.
        requests: What was asked so far, oldest first.
    """

    def __init__(
        self,
        *,
        api_key: str,
        flows: Iterable[Flow] = (),
        segments: Iterable[Segment] = (),
        websites: Mapping[int, str] = WEBSITES,
        clock: Clock = _utc_now,
    ) -> None:
        self.api_key = api_key
        self.store = Store(flows, segments, websites, clock)
        self.faults = Faults()
        self.requests: list[Record] = []
        self._clock = clock
        self._trouble = Trouble()

    def web_app(self) -> web.Application:
        """Return an application with the API under `/api` and the pictures under `/media`."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_startup.append(self._opened)
        app.on_shutdown.append(self._closed)
        return app

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the block ends, and give the API's base URL, without a slash at the end.

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
        """Return how many requests came, of this method and with this beginning of the path, such as `/flows`."""
        return sum(
            (method is None or record.method == method) and record.path.startswith(path_prefix or "")
            for record in self.requests
        )

    def release(self) -> None:
        """Let the requests that hang at this moment go on.

        Those whose sender has gone have no effect, unless their fault outlives the sender.
        """
        self._trouble.release()

    async def _serve(self, request: web.Request) -> web.Response:
        record = await read_request(request, api_key=self.api_key, started_at=self._clock())
        self.requests.append(record)
        happening = self.faults.happening(record.method, record.path)
        answer = await self._trouble.meet(happening, request, lambda: self._carry_out(record, request))
        if answer is None:
            # The connection is gone already; aiohttp wants something to throw away.
            return web.Response()
        record.status = answer.status
        return answer

    def _carry_out(self, record: Record, request: web.Request) -> web.Response:
        """Answer a request, and note which flows it changed."""
        if record.method == "GET":
            return self._answer(record, request)
        before = dict(self.store.flows)
        answer = self._answer(record, request)
        flows = before.keys() | self.store.flows.keys()
        record.changed = tuple(sorted(flow for flow in flows if before.get(flow) is not self.store.flows.get(flow)))
        return answer

    def _answer(self, record: Record, request: web.Request) -> web.Response:
        if request.path.startswith(f"{API_PREFIX}/"):
            origin = str(request.url.origin())
            return Api(self.store, f"{origin}{API_PREFIX}", f"{origin}{_MEDIA_PREFIX}").answer(record)
        image = self.store.media(record.path.removeprefix(_MEDIA_PREFIX))
        if request.method != "GET" or image is None:
            return refusal(404, "There is nothing here.")
        return media_answer(image)

    async def _opened(self, _: web.Application) -> None:
        self._trouble.open()

    async def _closed(self, _: web.Application) -> None:
        self._trouble.close()
