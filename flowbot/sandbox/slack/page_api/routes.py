"""The endpoints of the page's private API."""

from pathlib import Path
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field, ValidationError

from flowbot.sandbox.slack import serializers
from flowbot.sandbox.slack.blocks import Values
from flowbot.sandbox.slack.client_actions import ClientActions, ClientError
from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.dispatcher import Dispatcher
from flowbot.sandbox.slack.models import Json, Message, Person
from flowbot.sandbox.slack.page_api.events import stream_events

PAGE_FOLDER = Path(__file__).parents[2] / "page"
_DELIVERY_ERRORS = frozenset({"operation_timeout", "dispatch_failed", "app_offline"})


class _Body(BaseModel):
    as_: str = Field(alias="as")


class _SendBody(_Body):
    channel: str
    text: str
    thread_ts: str | None = None


class _ElementBody(_Body):
    container: Json
    block_id: str
    action_id: str


class _ActionBody(_ElementBody):
    element: Json = Field(default_factory=dict)
    state: Json = Field(default_factory=dict)


class _ShortcutBody(_Body):
    callback_id: str
    container: Json | None = None


class _StepBody(_Body):
    callback_id: str
    inputs: Json


class _OptionsBody(_ElementBody):
    value: str = ""


class _SubmitBody(_Body):
    view_id: str
    values: Values = Field(default_factory=dict)


class _CloseBody(_Body):
    view_id: str
    clear: bool = False


_BodyT = TypeVar("_BodyT", bound=_Body)

routes = web.RouteTableDef()
_CONTEXT = web.AppKey("context", Context)
_DISPATCHER = web.AppKey("dispatcher", Dispatcher)
_CLIENT = web.AppKey("client", ClientActions)


def add_page(app: web.Application, context: Context, dispatcher: Dispatcher, client: ClientActions) -> None:
    """Add the page and its API to an application."""
    app[_CONTEXT], app[_DISPATCHER], app[_CLIENT] = context, dispatcher, client
    app.add_routes(routes)


@routes.get("/")
async def get_index(_request: web.Request) -> web.StreamResponse:
    """Return the page."""
    return _file_response("index.html")


@routes.get("/page/{file:.+}")
async def get_page_file(request: web.Request) -> web.StreamResponse:
    """Return one of the page's files."""
    return _file_response(request.match_info["file"])


@routes.get("/sandbox/state")
async def get_state(request: web.Request) -> web.StreamResponse:
    """Return the workspace as the reader sees it; without a reader, as the first person does."""
    workspace, people = request.app[_CONTEXT].workspace, request.app[_CONTEXT].workspace.people
    me = _find_reader(request) if "as" in request.query else next(iter(people.values()))
    bot = {"user_id": workspace.bot.id, "name": workspace.bot.name, "online": request.app[_DISPATCHER].is_online}
    return web.json_response(
        {
            "team": {"id": workspace.team.id, "name": workspace.team.name},
            "bot": bot,
            "people": [serializers.serialize_page_person(workspace, p) for p in people.values()],
            "groups": [serializers.serialize_page_group(g) for g in workspace.groups.values()],
            "me": serializers.serialize_page_person(workspace, me),
            "channels": [serializers.serialize_page_channel(c) for c in workspace.list_channels(me.id)],
            "default_as": next(iter(people)),
            "last_event": request.app[_CONTEXT].feed.last_id,
            "guide": workspace.guide.model_dump() if workspace.guide else {},
            "languages": sorted(path.stem.removeprefix("words_") for path in PAGE_FOLDER.glob("words_*.js")),
        }
    )


@routes.get("/sandbox/messages")
async def list_messages(request: web.Request) -> web.StreamResponse:
    """Return the messages of a channel that the reader sees."""
    context, person, channel = request.app[_CONTEXT], _find_reader(request), request.query.get("channel", "")
    if not any(c.id == channel for c in context.workspace.list_channels(person.id)):
        raise ClientError("not_in_channel")
    messages = context.workspace.list_visible_messages(channel, person.id)
    return web.json_response({"messages": [serializers.serialize_page_message(m, context.origin) for m in messages]})


@routes.post("/sandbox/send")
async def send_message(request: web.Request) -> web.StreamResponse:
    """Send a message or a command."""
    body = await _read_body(request, _SendBody)
    command = await request.app[_CLIENT].send(body.as_, body.channel, body.text, body.thread_ts)
    return web.json_response({"ok": True, "command": command})


@routes.post("/sandbox/action")
async def trigger_action(request: web.Request) -> web.StreamResponse:
    """Act on an element of a message or view."""
    body, client = await _read_body(request, _ActionBody), request.app[_CLIENT]
    container = client.find_container(body.as_, body.container)
    state = body.state.get("values", body.state)
    await client.trigger_action(body.as_, container, (body.block_id, body.action_id), body.element, state)
    return web.json_response({"ok": True})


@routes.post("/sandbox/shortcut")
async def run_shortcut(request: web.Request) -> web.StreamResponse:
    """Choose a shortcut, of a message if one is given."""
    body, client = await _read_body(request, _ShortcutBody), request.app[_CLIENT]
    found = client.find_container(body.as_, body.container) if body.container else None
    await client.run_shortcut(body.as_, body.callback_id, found if isinstance(found, Message) else None)
    return web.json_response({"ok": True})


@routes.post("/sandbox/step")
async def run_step(request: web.Request) -> web.StreamResponse:
    """Run a workflow with a step of the app's, which asks the reader."""
    body = await _read_body(request, _StepBody)
    person = _find_person(request, body.as_)
    run = request.app[_CLIENT].run_step(body.callback_id, {"person": person.id, **body.inputs})
    return web.json_response({"ok": True, "run": run.id})


@routes.post("/sandbox/options")
async def load_options(request: web.Request) -> web.StreamResponse:
    """Return the options that the bot offers in a menu."""
    body, client = await _read_body(request, _OptionsBody), request.app[_CLIENT]
    container = client.find_container(body.as_, body.container)
    options = await client.load_options(body.as_, container, (body.block_id, body.action_id), body.value)
    return web.json_response(options)


@routes.post("/sandbox/view/submit")
async def submit_view(request: web.Request) -> web.StreamResponse:
    """Submit a form; return what happens to it, and the errors by field."""
    body = await _read_body(request, _SubmitBody)
    result = await request.app[_CLIENT].submit_view(body.as_, body.view_id, body.values)
    if result.error:
        raise ClientError(result.error)
    response: Json = {"ok": True, "response_action": result.response_action}
    return web.json_response(response | ({"errors": result.errors} if result.errors else {}))


@routes.post("/sandbox/view/close")
async def close_view(request: web.Request) -> web.StreamResponse:
    """Close a form, or all that are open."""
    body = await _read_body(request, _CloseBody)
    await request.app[_CLIENT].close_view(body.as_, body.view_id, clear=body.clear)
    return web.json_response({"ok": True})


@routes.post("/sandbox/upload")
async def upload_file(request: web.Request) -> web.StreamResponse:
    """Upload a file for a form: the body holds its bytes, the query its name."""
    person = _find_reader(request)
    try:
        content = await request.read()
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError) as error:
        raise ClientError("malformed_upload") from error
    client = request.app[_CLIENT]
    stored = client.upload_file(person.id, request.query.get("name", "file"), request.content_type, content)
    return web.json_response({"file": serializers.serialize_file(stored, request.app[_CONTEXT].origin, person.team.id)})


@routes.get("/sandbox/files/{id}")
async def get_file(request: web.Request) -> web.StreamResponse:
    """Return a file's bytes, for a picture on the page."""
    if (stored := request.app[_CONTEXT].workspace.files.get(request.match_info["id"])) is None:
        raise web.HTTPNotFound
    kind = stored.mimetype if stored.mimetype.startswith("image/") else "application/octet-stream"
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return web.Response(body=stored.content, content_type=kind, headers=headers)


@routes.post("/sandbox/home")
async def open_home(request: web.Request) -> web.StreamResponse:
    """Open a person's App Home and return it, or null if there is none yet."""
    person = _find_person(request, (await _read_body(request, _Body)).as_)
    home = request.app[_CLIENT].open_home(person.id)
    return web.json_response({"view": request.app[_CONTEXT].mutations.serialize_view(home) if home else None})


@routes.get("/sandbox/events")
async def get_events(request: web.Request) -> web.StreamResponse:
    """Stream the events that the reader notices."""
    return await stream_events(request.app[_CONTEXT].feed, request, _find_reader(request).id)


@routes.get("/sandbox/log")
async def list_exchanges(request: web.Request) -> web.StreamResponse:
    """Return the last exchanges with the bot, 100 unless a `limit` is given."""
    limit = request.query.get("limit", "100")
    return web.json_response(request.app[_CONTEXT].exchange_log.list_latest(int(limit) if limit.isdecimal() else 100))


def _find_reader(request: web.Request) -> Person:
    return _find_person(request, request.query.get("as", ""))


def _find_person(request: web.Request, user_id: str) -> Person:
    person = request.app[_CONTEXT].workspace.people.get(user_id)
    if person is None:
        raise ClientError("user_not_found")
    return person


def _file_response(name: str) -> web.StreamResponse:
    path = (PAGE_FOLDER / name).resolve()
    if not path.is_relative_to(PAGE_FOLDER.resolve()) or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _read_body(request: web.Request, model: type[_BodyT]) -> _BodyT:
    try:
        body = await request.json()
    except ValueError as error:
        raise ClientError("invalid_json") from error
    return model.model_validate(body)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return errors of the page's API as `{"error", "message"}`; the bot's failures carry `"ok": false`."""
    try:
        return await handler(request)
    except ClientError as error:
        body: Json = {"error": error.code, "message": error.message}
        if error.code in _DELIVERY_ERRORS:
            return web.json_response({"ok": False, **body})
        return web.json_response(body, status=400)
    except ValidationError as error:
        return web.json_response({"error": "invalid_request", "message": str(error)}, status=400)
