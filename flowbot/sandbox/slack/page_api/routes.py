"""The endpoints of the page's private API."""

from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field, ValidationError

from flowbot.sandbox.slack import serializers
from flowbot.sandbox.slack.blocks import Values
from flowbot.sandbox.slack.client_actions import ClientActions, ClientError
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.dispatcher import Dispatcher
from flowbot.sandbox.slack.models import Json, Person
from flowbot.sandbox.slack.page_api.events import stream_events
from flowbot.sandbox.slack.serializers import serialize_file

PAGE_FOLDER = Path(__file__).parents[2] / "page"


class _Body(BaseModel):
    as_: str = Field(alias="as")


class _Send(_Body):
    channel: str
    text: str
    thread_ts: str | None = None


class _Element(_Body):
    container: Json
    block_id: str
    action_id: str


class _Action(_Element):
    element: Json = Field(default_factory=dict)
    state: Json = Field(default_factory=dict)


class _Options(_Element):
    value: str = ""


class _Submit(_Body):
    view_id: str
    values: Values = Field(default_factory=dict)


class _Close(_Body):
    view_id: str
    clear: bool = False


class PageApi:
    """Answers the page."""

    def __init__(self, context: Context, dispatcher: Dispatcher, client: ClientActions) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self._client = client

    def routes(self) -> list[web.RouteDef]:
        """Return all routes of the page and its API."""
        return [
            web.get("/", self._index),
            web.get("/page/{file:.+}", self._static),
            web.get("/sandbox/state", self._state),
            web.get("/sandbox/messages", self._messages),
            web.post("/sandbox/send", self._send),
            web.post("/sandbox/action", self._action),
            web.post("/sandbox/options", self._options),
            web.post("/sandbox/view/submit", self._submit),
            web.post("/sandbox/view/close", self._close),
            web.post("/sandbox/upload", self._upload),
            web.post("/sandbox/home", self._home),
            web.get("/sandbox/events", self._events),
            web.get("/sandbox/log", self._log),
        ]

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        return _file("index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return _file(request.match_info["file"])

    def _reader(self, request: web.Request) -> Person:
        return self._somebody(request.query.get("as", ""))

    def _somebody(self, user_id: str) -> Person:
        person = self._context.workspace.people.get(user_id)
        if person is None:
            raise ClientError("user_not_found")
        return person

    async def _state(self, request: web.Request) -> web.StreamResponse:
        workspace, people = self._context.workspace, self._context.workspace.people
        me = self._reader(request) if "as" in request.query else next(iter(people.values()))
        return web.json_response(
            {
                "team": {"id": workspace.team.id, "name": workspace.team.name},
                "bot": {"user_id": workspace.bot.id, "name": workspace.bot.name, "online": self._dispatcher.is_online},
                "people": [serializers.serialize_page_person(workspace, p) for p in people.values()],
                "groups": [serializers.serialize_page_group(g) for g in workspace.groups.values()],
                "me": serializers.serialize_page_person(workspace, me),
                "channels": [serializers.serialize_page_channel(c) for c in workspace.list_channels(me.id)],
                "default_as": next(iter(people)),
                "guide": workspace.guide.model_dump() if workspace.guide else {},
            }
        )

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        channel, person = request.query.get("channel", ""), self._reader(request)
        if not any(c.id == channel for c in self._context.workspace.list_channels(person.id)):
            raise ClientError("not_in_channel")
        seen = self._context.workspace.list_visible_messages(channel, person.id)
        return web.json_response(
            {"messages": [serializers.serialize_page_message(m, self._context.origin) for m in seen]}
        )

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = _Send.model_validate(await _json(request))
        command = await self._client.send(body.as_, body.channel, body.text, body.thread_ts)
        return web.json_response({"ok": True, "command": command})

    async def _action(self, request: web.Request) -> web.StreamResponse:
        body = _Action.model_validate(await _json(request))
        where = self._client.find_container(body.as_, body.container)
        state = body.state.get("values", body.state)
        await self._client.trigger_action(body.as_, where, (body.block_id, body.action_id), body.element, state)
        return web.json_response({"ok": True})

    async def _options(self, request: web.Request) -> web.StreamResponse:
        body = _Options.model_validate(await _json(request))
        where = self._client.find_container(body.as_, body.container)
        ids = (body.block_id, body.action_id)
        return web.json_response(await self._client.load_options(body.as_, where, ids, body.value))

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        body = _Submit.model_validate(await _json(request))
        outcome = await self._client.submit_view(body.as_, body.view_id, body.values)
        if outcome.error:
            raise ClientError(outcome.error)
        answer: Json = {"ok": True, "response_action": outcome.response_action}
        return web.json_response(answer | ({"errors": outcome.errors} if outcome.errors else {}))

    async def _close(self, request: web.Request) -> web.StreamResponse:
        body = _Close.model_validate(await _json(request))
        await self._client.close_view(body.as_, body.view_id, clear=body.clear)
        return web.json_response({"ok": True})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        part, person = form.get("file"), self._somebody(str(form.get("as", "")))
        if not isinstance(part, web.FileField):
            raise ClientError("no_file")
        stored = self._client.upload_file(person.id, part.filename, part.content_type, part.file.read())
        part.file.close()
        return web.json_response({"file": serialize_file(stored, self._context.origin, person.team.id)})

    async def _home(self, request: web.Request) -> web.StreamResponse:
        person = self._somebody(_Body.model_validate(await _json(request)).as_)
        home = self._client.open_home(person.id)
        return web.json_response({"view": self._context.mutations.serialize_view(home) if home else None})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await stream_events(self._context.feed, request, self._reader(request).id)

    async def _log(self, request: web.Request) -> web.StreamResponse:
        limit = request.query.get("limit", "100")
        return web.json_response(self._context.exchange_log.list_last(int(limit) if limit.isdecimal() else 100))


def _file(name: str) -> web.StreamResponse:
    path = (PAGE_FOLDER / name).resolve()
    if not path.is_relative_to(PAGE_FOLDER.resolve()) or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise ClientError("invalid_json") from error


_DELIVERY_ERRORS = frozenset({"operation_timeout", "dispatch_failed", "app_offline"})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors of the page's API as `{"error", "message"}`; the bot's failures carry `"ok": false`."""
    try:
        return await handler(request)
    except ClientError as error:
        body: Json = {"error": error.code, "message": error.message}
        if error.code in _DELIVERY_ERRORS:
            return web.json_response({"ok": False, **body})
        return web.json_response(body, status=400)
    except ValidationError as error:
        return web.json_response({"error": "invalid_request", "message": str(error)}, status=400)
