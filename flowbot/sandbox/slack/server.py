"""The stand-in Slack as one server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from flowbot.sandbox.slack import demo_workspace as demo
from flowbot.sandbox.slack.admin_actions import AdminActions
from flowbot.sandbox.slack.client_actions import ClientActions
from flowbot.sandbox.slack.context import Context, Credentials
from flowbot.sandbox.slack.delivery.dispatcher import Dispatcher
from flowbot.sandbox.slack.delivery.envelope import Delivery
from flowbot.sandbox.slack.delivery.http import HttpTransport
from flowbot.sandbox.slack.delivery.socket import SocketModeServer
from flowbot.sandbox.slack.event_feed import EventFeed
from flowbot.sandbox.slack.faults import Faults
from flowbot.sandbox.slack.file_host import FileHost
from flowbot.sandbox.slack.mentions import Mention, find_mentions
from flowbot.sandbox.slack.models import Clock, Message, View
from flowbot.sandbox.slack.page_api.origins import refuse_foreign_pages
from flowbot.sandbox.slack.page_api.routes import add_page, errors_as_json
from flowbot.sandbox.slack.people.person import SandboxPerson
from flowbot.sandbox.slack.response_urls import handle_response_url
from flowbot.sandbox.slack.webapi.server import WebApi
from flowbot.sandbox.slack.workflows import Workflows
from flowbot.sandbox.slack.workspace import Workspace

_MAX_BODY = 64 * 1024 * 1024


class SlackSandbox:
    """A stand-in for Slack that a bot reaches by its Web API base URL alone.

    Args:
        workspace: The workspace; the demo workspace if not given.
        bot_token: The bot token that the Web API takes.
        app_token: The app-level token for Socket Mode.
        signing_secret: Signs the requests to the bot.
        clock: The workspace's time; its own if not given.
        ack_seconds: Seconds that Slack waits for an acknowledgement.

    Attributes:
        date: The header `Date` of the responses: None for the right one, empty for none at all.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        bot_token: str = demo.BOT_TOKEN,
        app_token: str = demo.APP_TOKEN,
        signing_secret: str = demo.SIGNING_SECRET,
        clock: Clock | None = None,
        ack_seconds: float = 3.0,
    ) -> None:
        self.workspace = workspace or demo.build_demo_workspace()
        if clock is not None:
            self.workspace.clock = clock
        self.date: str | None = None
        self._ack_seconds = ack_seconds
        self.context = Context(self.workspace, Credentials(bot_token, app_token, signing_secret))
        self.sockets = SocketModeServer(self.workspace.app_id, self.context.feed, ack_seconds)
        self.dispatcher = Dispatcher(self.sockets, self.context.feed, self.context.exchange_log)
        self.client = ClientActions(self.context, self.dispatcher)
        self.admin = AdminActions(self.context, self.dispatcher)

    @property
    def origin(self) -> str:
        """Origin of the server, such as `http://127.0.0.1:5555`; the Web API base is `origin + "/api/"`."""
        return self.context.origin

    @origin.setter
    def origin(self, origin: str) -> None:
        self.context.origin = origin

    @property
    def clock(self) -> Clock:
        """The workspace's time."""
        return self.context.clock

    @property
    def faults(self) -> Faults:
        """Faults that tests inject."""
        return self.context.faults

    @property
    def reading_faults(self) -> list[str]:
        """What was wrong with the bot's messages and views, for those who read or hear them."""
        return self.context.mutations.reading_faults

    @property
    def feed(self) -> EventFeed:
        """Events of the workspace, for those who wait."""
        return self.context.feed

    @property
    def scopes(self) -> set[str]:
        """Scopes of the bot token."""
        return self.context.scopes

    @property
    def deliveries(self) -> list[Delivery]:
        """Every command, interaction and event sent to the bot, with its response and latency."""
        return self.dispatcher.deliveries

    def deliver_to(self, url: str) -> None:
        """Deliver by signed HTTP to this request URL from now on."""
        self.dispatcher.use_http(HttpTransport(url, self.context.credentials.signing_secret, self._ack_seconds))
        self.feed.publish(None, {"type": "bot", "online": True})

    def person(self, user_id: str) -> SandboxPerson:
        """Return a person who can act in tests; raises `user_not_found`."""
        return SandboxPerson(self.context, self.client, self.workspace.get_person(user_id))

    @property
    def workflows(self) -> Workflows:
        """The app's steps in workflows, and how they ended."""
        return self.context.workflows

    def find_mentions(self, message: Message | View) -> list[Mention]:
        """Return the mentions, broadcasts and links that Slack would make of a text."""
        return find_mentions(message, self.workspace)

    def web_app(self) -> web.Application:
        """Return the whole server; its origin is the one set, that of `serve`, or that of the first request."""
        app = web.Application(
            client_max_size=_MAX_BODY, middlewares=[refuse_foreign_pages, self._learn_origin, errors_as_json]
        )
        api, files = WebApi(self.context, self.sockets), FileHost(self.context)
        app.router.add_route("*", "/api/{method}", api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        for kind in ("commands", "actions", "app"):
            path = f"/{kind}/{{team}}/{{number}}/{{secret}}"
            app.router.add_post(path, partial(handle_response_url, self.context))
        app.add_routes(files.routes())
        add_page(app, self.context, self.dispatcher, self.client)
        app.on_response_prepare.append(self._set_date)
        app.on_shutdown.append(self._shut_down)
        return app

    @web.middleware
    async def _learn_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Take the origin from the first request if it is not set."""
        if not self.origin:
            self.origin = str(request.url.origin())
        return await handler(request)

    async def _set_date(self, _request: web.Request, response: web.StreamResponse) -> None:
        if self.date is not None:
            response.headers["Date"] = self.date
        if self.date == "":
            del response.headers["Date"]

    async def _shut_down(self, _app: web.Application) -> None:
        self.feed.close()
        await self.dispatcher.close()

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the block ends, and yield the origin; port 0 takes a free one."""
        runner = web.AppRunner(self.web_app(), handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            self.origin = f"http://{host}:{runner.addresses[0][1]}"
            yield self.origin
        finally:
            await runner.cleanup()
