"""Serves the Web API over HTTP: tokens, scopes, faults, answers."""

import json
import time

from aiohttp import web

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.delivery.socket import SocketHub
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import befall, broken_answer, cut
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi.registry import METHODS, SOCKET_METHOD, Method


async def read_values(request: web.Request) -> Json:
    """Return the arguments: query, then form or JSON body.

    Raises:
        SlackError: `invalid_json`, or `json_not_object`.
    """
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        return values | _json_object(await request.text())
    if request.can_read_body:
        values |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return values


def _json_object(text: str) -> Json:
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


class WebApi:
    """The Web API of one workspace."""

    def __init__(self, core: Core, sockets: SocketHub) -> None:
        self._core = core
        self._sockets = sockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        name, started = request.match_info["method"], time.perf_counter()
        response = await self._answer(request, name)
        status = _status(response)
        self._core.journal.note("from_bot", name, status, (time.perf_counter() - started) * 1000)
        return response

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        try:
            values = await read_values(request)
            fault = self._core.faults.take(name, values)
            if fault is not None:
                await befall(self._core.feed, fault)
                if fault.status is not None:
                    return broken_answer(fault)
            answer = self._call(request, name, values)
            if fault is not None and fault.lose_answer:
                cut(request)
        except SlackError as refusal:
            answer = refusal.body()
        return web.json_response(answer, headers=self._headers(name))

    def _call(self, request: web.Request, name: str, values: Json) -> Json:
        token = _token(request, values)
        if name == SOCKET_METHOD:
            return {"ok": True, "url": self._socket_url(token)}
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._authorize(method, token)
        return {"ok": True, **method.run(self._core, method.parse(_decoded(values)))}

    def _socket_url(self, token: str | None) -> str:
        credentials = self._core.credentials
        if token is None:
            raise SlackError("not_authed")
        if token == credentials.bot_token:
            raise SlackError("not_allowed_token_type")
        if token != credentials.app_token:
            raise SlackError("invalid_auth")
        return "ws" + self._core.origin.removeprefix("http") + self._sockets.new_path()

    def _authorize(self, method: Method, token: str | None) -> None:
        if token is None:
            raise SlackError("not_authed")
        if token == self._core.credentials.app_token:
            raise SlackError("not_allowed_token_type")
        if token != self._core.credentials.bot_token:
            raise SlackError("invalid_auth")
        if method.scope and not self._core.scopes.intersection(method.scope):
            needed, provided = ",".join(method.scope), ",".join(sorted(self._core.scopes))
            raise SlackError("missing_scope", needed=needed, provided=provided)

    def _headers(self, name: str) -> dict[str, str]:
        headers = {"x-oauth-scopes": ",".join(sorted(self._core.scopes)), "x-slack-req-id": "sandbox"}
        method = METHODS.get(name)
        return headers | ({"x-accepted-oauth-scopes": ",".join(method.scope)} if method else {})


def _decoded(values: Json) -> Json:
    return {key: value for key, value in values.items() if key != "token" and value is not None}


def _token(request: web.Request, values: Json) -> str | None:
    """Return the token of the header or, in forms, of the field; None if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    return None if request.content_type == "application/json" else values.get("token")


def _status(response: web.Response) -> str:
    if response.status != 200:  # noqa: PLR2004 - Slack's rule is the number itself
        return str(response.status)
    body = json.loads(response.text or "{}")
    return "ok" if body.get("ok") else str(body.get("error"))
