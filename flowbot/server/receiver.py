"""The early door: verify, parse by field, hand to Bolt."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from flowbot.slack.app import ACKED, COMMAND_NAME
from flowbot.slack.payloads.incoming import DELIVERY, BlockActions, Envelope, SlashCommand, drop_nulls, parse_payload
from flowbot.slack.runner import TrackedTasks

Headers = Mapping[str, str | Sequence[str]]


log = structlog.get_logger(__name__)


class Receiver:
    """Where both ways in meet.

    Args:
        bolt: where requests go.
        tasks: what is acknowledged already goes on in these.
    """

    def __init__(self, bolt: AsyncApp, tasks: TrackedTasks) -> None:
        self._bolt = bolt
        self._tasks = tasks

    async def answer(self, body: Mapping[str, Any], headers: Headers, *, delivery: str) -> BoltResponse:
        """The acknowledgement; status 400 for a body over which Bolt's own code would stumble.

        Args:
            body: what Slack sent.
            headers: what came with it.
            delivery: what a recording of this request would share with it, and nothing else would.
        """
        began = time.perf_counter()
        fields = {**drop_nulls(body), DELIVERY: delivery}
        request = _request(fields, headers)
        if request is None:
            return _reject_malformed()
        if not _waits_for_nothing(fields):
            return await self._bolt.async_dispatch(request)
        request.context[ACKED] = time.perf_counter() - began
        # Begun in the loop's next turn: by then the acknowledgement is on its way.
        self._tasks.start(self._dispatch(request), name="entry")
        return BoltResponse(status=HTTPStatus.OK, body="")

    async def _dispatch(self, request: AsyncBoltRequest) -> None:
        """Let Bolt find whom it is for, after the acknowledgement."""
        answer = await self._bolt.async_dispatch(request)
        if answer.status != HTTPStatus.OK:
            log.error("entry.acknowledged_in_vain", status=answer.status)


def _request(fields: dict[str, Any], headers: Headers) -> AsyncBoltRequest | None:
    """As Bolt takes it, with a parsed body, as in Socket Mode: Bolt's own parser stays out. None if it would fail."""
    if parse_payload(Envelope, fields) is None:
        return None
    try:
        return AsyncBoltRequest(mode="socket_mode", body=fields, headers=dict(headers))
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _waits_for_nothing(fields: Mapping[str, Any]) -> bool:
    """Whether it is acknowledged with nothing, whatever comes of it."""
    if fields.get("command") == COMMAND_NAME:
        return parse_payload(SlashCommand, fields) is not None
    return fields.get("type") == "block_actions" and parse_payload(BlockActions, fields) is not None


def is_envelope(message: str) -> bool:
    """Whether Slack's Socket Mode client can read it: an object, and in it an object where there is a payload."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(envelope, dict) and isinstance(envelope.get("payload", {}), dict)


def _reject_malformed() -> BoltResponse:
    log.warning("payload.malformed")
    return BoltResponse(status=HTTPStatus.BAD_REQUEST, body="malformed payload")


MOST_FIELDS: Final = 200


OLDEST_SECONDS: Final = 300
"""Slack's rule: an older request may be somebody's recording."""


class SlackEventsView:
    """The handler of `/slack/events`.

    Args:
        entry: where requests go.
        signing_secret: what Slack signs them with.
    """

    def __init__(self, entry: Receiver, signing_secret: str) -> None:
        self._entry = entry
        self._secret = signing_secret.encode()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request of Slack's: 401 without a good signature, 400 for what is none of Slack's."""
        try:
            raw = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            # The line broke off, or what came is no HTTP: before any signature, so anybody's doing.
            return _bad_request()
        if not self._is_signed(raw, request):
            return web.json_response({"error": "invalid request"}, status=HTTPStatus.UNAUTHORIZED)
        body = parse_body(raw, request.content_type)
        if body is None:
            return _bad_request()
        if body.get("ssl_check") == "1":
            # Slack asks now and then whether the address can be reached; there is nothing to do.
            return web.Response()
        headers: dict[str, str | Sequence[str]] = {name: request.headers.getall(name) for name in request.headers}
        # The signature is of the time and of every byte: whoever cannot sign can only send the very same again.
        signature = request.headers.get("X-Slack-Signature", "")
        return _to_web_response(await self._entry.answer(body, headers, delivery=signature))

    def _is_signed(self, raw: bytes, request: web.Request) -> bool:
        """Whether Slack signed these very bytes, and lately; slack_sdk's verifier stumbles over what is no text."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > OLDEST_SECONDS:
            return False
        digest = hmac.new(self._secret, b"v0:%b:%b" % (timestamp.encode(), raw), hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v0={digest}".encode(), signature.encode(errors="surrogateescape"))


def parse_body(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The fields of a command, or the JSON of an interaction or event; None where it is neither."""
    try:
        text = raw.decode()
        if content_type == "application/json":
            return _load_object(text)
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        return _load_object(fields["payload"]) if "payload" in fields and "command" not in fields else dict(fields)
    except (ValueError, RecursionError):
        return None


def _bad_request() -> web.Response:
    return web.Response(status=HTTPStatus.BAD_REQUEST, text="malformed body")


def _load_object(text: str) -> dict[str, Any] | None:
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def _to_web_response(answer: BoltResponse) -> web.Response:
    response = web.Response(status=answer.status, text=answer.body or "")
    for name, values in answer.headers.items():
        if name.lower() == "content-type":
            response.headers["Content-Type"] = values[0]
    return response
