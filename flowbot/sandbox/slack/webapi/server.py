"""Serves the Web API over HTTP: tokens, scopes, faults, answers."""

import json
import time

from aiohttp import web

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.socket import SocketModeServer
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import build_fault_response, drop_connection, inject_fault
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi.registry import METHODS, SOCKET_METHOD, Method


async def read_arguments(request: web.Request) -> Json:
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

    def __init__(self, context: Context, sockets: SocketModeServer) -> None:
        self._context = context
        self._sockets = sockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        name, started = request.match_info["method"], time.perf_counter()
        response = await self._answer(request, name)
        status = _status(response)
        self._context.exchange_log.record("from_bot", name, status, (time.perf_counter() - started) * 1000)
        return response

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        try:
            values = await read_arguments(request)
            fault = self._context.faults.consume(name, values)
            if fault is not None:
                await inject_fault(self._context.feed, fault)
                if fault.status is not None:
                    return build_fault_response(fault)
            answer = self._call(request, name, values)
            if fault is not None and fault.lose_answer:
                drop_connection(request)
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
        return {"ok": True, **method.run(self._context, method.parse(_decoded(values)))}

    def _socket_url(self, token: str | None) -> str:
        credentials = self._context.credentials
        if token is None:
            raise SlackError("not_authed")
        if token == credentials.bot_token:
            raise SlackError("not_allowed_token_type")
        if token != credentials.app_token:
            raise SlackError("invalid_auth")
        return "ws" + self._context.origin.removeprefix("http") + self._sockets.issue_path()

    def _authorize(self, method: Method, token: str | None) -> None:
        if token is None:
            raise SlackError("not_authed")
        if token == self._context.credentials.app_token:
            raise SlackError("not_allowed_token_type")
        if token != self._context.credentials.bot_token:
            raise SlackError("invalid_auth")
        if method.scope and not self._context.scopes.intersection(method.scope):
            needed, provided = ",".join(method.scope), ",".join(sorted(self._context.scopes))
            raise SlackError("missing_scope", needed=needed, provided=provided)

    def _headers(self, name: str) -> dict[str, str]:
        headers = {"x-oauth-scopes": ",".join(sorted(self._context.scopes)), "x-slack-req-id": "sandbox"}
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
