"""The Web API over HTTP: tokens, scopes, faults, responses."""

import json
import time
from http import HTTPStatus

from aiohttp import web

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.delivery.socket import SocketModeServer
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.faults import build_fault_response, drop_connection, inject_fault
from flowbot.sandbox.slack.models import Json
from flowbot.sandbox.slack.webapi.registry import METHODS, SOCKET_METHOD


class WebApi:
    """The Web API of one workspace."""

    def __init__(self, context: Context, sockets: SocketModeServer) -> None:
        self._context = context
        self._sockets = sockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Respond to one call, and log it."""
        name, started = request.match_info["method"], time.perf_counter()
        response = await self._respond(request, name)
        self._context.exchange_log.record(
            "from_bot", name, _name_result(response), (time.perf_counter() - started) * 1000
        )
        return response

    async def _respond(self, request: web.Request, name: str) -> web.Response:
        try:
            values = await read_arguments(request)
            fault = self._context.faults.consume(name, values)
            if fault is not None:
                await inject_fault(self._context.feed, fault)
                if fault.status is not None:
                    return build_fault_response(fault)
            body = self._call(name, values, _find_token(request, values))
            if fault is not None and fault.lose_answer:
                drop_connection(request)
        except SlackError as error:
            body = error.body()
        headers = {"x-oauth-scopes": ",".join(sorted(self._context.scopes)), "x-slack-req-id": "sandbox"}
        if name in METHODS:
            headers["x-accepted-oauth-scopes"] = ",".join(METHODS[name].scope)
        return web.json_response(body, headers=headers)

    def _call(self, name: str, values: Json, token: str | None) -> Json:
        credentials, scopes = self._context.credentials, self._context.scopes
        if name == SOCKET_METHOD:
            _check_token(token, credentials.app_token, wrong_kind=credentials.bot_token)
            return {"ok": True, "url": "ws" + self._context.origin.removeprefix("http") + self._sockets.issue_path()}
        if (method := METHODS.get(name)) is None:
            raise SlackError("unknown_method", req_method=name)
        _check_token(token, credentials.bot_token, wrong_kind=credentials.app_token)
        if self._context.token_refusal is not None:
            raise SlackError(self._context.token_refusal)
        if method.scope and not scopes.intersection(method.scope):
            raise SlackError("missing_scope", needed=",".join(method.scope), provided=",".join(sorted(scopes)))
        arguments = {key: value for key, value in values.items() if key != "token" and value is not None}
        return {"ok": True, **method.run(self._context, method.parse(arguments))}


def _name_result(response: web.Response) -> str:
    """Return `ok`, the error code, or the HTTP status of an answer that has neither."""
    try:
        body = json.loads(response.text or "") if response.status == HTTPStatus.OK else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return str(response.status)
    return "ok" if body.get("ok") else str(body.get("error"))


async def read_arguments(request: web.Request) -> Json:
    """Return the arguments of the query and of the form or JSON body.

    Raises:
        SlackError: `invalid_json`, or `json_not_object`.
    """
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        try:
            body = json.loads(text) if text else {}
        except ValueError as error:
            raise SlackError("invalid_json") from error
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        values |= body
    elif request.can_read_body:
        values |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return values


def _find_token(request: web.Request, values: Json) -> str | None:
    """Return the token of the header or, in forms, of the field; None if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    return None if request.content_type == "application/json" else values.get("token")


def _check_token(token: str | None, expected: str, *, wrong_kind: str) -> None:
    if token is None:
        raise SlackError("not_authed")
    if token == wrong_kind:
        raise SlackError("not_allowed_token_type")
    if token != expected:
        raise SlackError("invalid_auth")
