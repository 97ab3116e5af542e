"""The receiver of Slack's requests: verifies, parses by field, and hands a parsed body to Bolt."""

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
from flowbot.slack.tracked_tasks import TrackedTasks

MALFORMED: Final = "malformed body"
MOST_FIELDS: Final = 200
OLDEST_SECONDS: Final = 300
"""Slack's rule: an older request may be a replay."""

Headers = Mapping[str, str | Sequence[str]]

log = structlog.get_logger(__name__)


class Receiver:
    """Acknowledges requests of both ways in, HTTP and Socket Mode.

    Args:
        bolt: handles the requests.
        tasks: run what goes on after an acknowledgement.
    """

    def __init__(self, bolt: AsyncApp, tasks: TrackedTasks) -> None:
        self._bolt = bolt
        self._tasks = tasks

    async def answer(self, body: Mapping[str, Any], headers: Headers, *, delivery: str) -> BoltResponse:
        """Return the acknowledgement; status 400 for a body over which Bolt's own code would stumble.

        Args:
            body: as Slack sent it, parsed.
            headers: of the request.
            delivery: tells this request from all others, but not from a recording of it.
        """
        started = time.perf_counter()
        fields = {**drop_nulls(body), DELIVERY: delivery}
        request = _to_bolt_request(fields, headers)
        if request is None:
            log.warning("payload.malformed")
            return BoltResponse(status=HTTPStatus.BAD_REQUEST, body="malformed payload")
        if not _is_acked_at_once(fields):
            return await self._bolt.async_dispatch(request)

        async def dispatch() -> None:
            answer = await self._bolt.async_dispatch(request)
            if answer.status != HTTPStatus.OK:
                log.error("entry.acknowledged_in_vain", status=answer.status)

        request.context[ACKED] = time.perf_counter() - started
        # Runs in the loop's next turn: by then the acknowledgement is on its way.
        self._tasks.start(dispatch(), name="entry")
        return BoltResponse(status=HTTPStatus.OK, body="")


def _to_bolt_request(fields: dict[str, Any], headers: Headers) -> AsyncBoltRequest | None:
    """Return the request with a parsed body, so that Bolt's own parser stays out, or None if Bolt would fail on it."""
    if parse_payload(Envelope, fields) is None:
        return None
    try:
        return AsyncBoltRequest(mode="socket_mode", body=fields, headers=dict(headers))
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _is_acked_at_once(fields: Mapping[str, Any]) -> bool:
    """Check whether the acknowledgement says nothing, so that it need not wait for Bolt."""
    if fields.get("command") == COMMAND_NAME:
        return parse_payload(SlashCommand, fields) is not None
    return fields.get("type") == "block_actions" and parse_payload(BlockActions, fields) is not None


def is_envelope(message: str) -> bool:
    """Check whether Slack's Socket Mode client can read the message: an object, its payload an object too."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(envelope, dict) and isinstance(envelope.get("payload", {}), dict)


class SlackEventsView:
    """The view of `/slack/events`.

    Args:
        receiver: acknowledges the requests.
        signing_secret: signs them.
    """

    def __init__(self, receiver: Receiver, signing_secret: str) -> None:
        self._receiver = receiver
        self._secret = signing_secret.encode()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request: 401 without a good signature, 400 for a body that is not Slack's."""
        try:
            raw = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            # The connection broke, or this is not HTTP. Anybody can do that: no signature was checked yet.
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=MALFORMED)
        if not self._is_signed(raw, request):
            return web.json_response({"error": "invalid request"}, status=HTTPStatus.UNAUTHORIZED)
        body = parse_body(raw, request.content_type)
        if body is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=MALFORMED)
        if body.get("ssl_check") == "1":
            # Slack checks now and then whether the address can be reached.
            return web.Response()
        headers: dict[str, str | Sequence[str]] = {name: request.headers.getall(name) for name in request.headers}
        # The signature covers the time and every byte: whoever cannot sign can only send the same request again.
        signature = request.headers.get("X-Slack-Signature", "")
        answer = await self._receiver.answer(body, headers, delivery=signature)
        response = web.Response(status=answer.status, text=answer.body or "")
        if content_types := answer.headers.get("content-type"):
            response.headers["Content-Type"] = content_types[0]
        return response

    def _is_signed(self, raw: bytes, request: web.Request) -> bool:
        """Check whether Slack signed these bytes lately; slack_sdk's verifier raises on a body that is not text."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > OLDEST_SECONDS:
            return False
        digest = hmac.new(self._secret, b"v0:%b:%b" % (timestamp.encode(), raw), hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v0={digest}".encode(), signature.encode(errors="surrogateescape"))


def parse_body(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """Return the fields of a command, or the JSON of an interaction or event; None for anything else."""
    try:
        text = raw.decode()
        if content_type == "application/json":
            return _load_object(text)
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        return _load_object(fields["payload"]) if "payload" in fields and "command" not in fields else dict(fields)
    except (ValueError, RecursionError):
        return None


def _load_object(text: str) -> dict[str, Any] | None:
    value = json.loads(text)
    return value if isinstance(value, dict) else None
