"""The receiver of Slack's requests: verifies, parses by field, and hands a parsed body to Bolt."""

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from flowbot.observability.metrics import Metrics
from flowbot.slack.payloads.incoming import (
    ACKED,
    DELIVERY,
    INCOMING,
    RECEIVED,
    BlockActions,
    SlashCommand,
)
from flowbot.slack.payloads.parser import parse_incoming
from flowbot.slack.tracked_tasks import TrackedTasks

MALFORMED: Final = "malformed body"
MAX_AGE_SECONDS: Final = 300
"""An older request may be a replay (Slack: Verifying requests)."""
MOST_FIELDS: Final = 200
MOST_OF_TYPE: Final = 60
"""The characters of a type that the log gets."""

Headers = Mapping[str, str | Sequence[str]]
SignatureProblem = Literal["missing", "wrong", "old"]
MalformedKind = Literal["unread", "body", "envelope", "payload", "unknown"]

log = structlog.get_logger(__name__)


def report_malformed(metrics: Metrics, kind: MalformedKind, body: Mapping[str, Any] | None = None) -> None:
    """Log and count a request that cannot be read, with the type that its body names."""
    named = body.get("command") or body.get("type") if body else None
    log.warning("entry.malformed", kind=kind, type=ascii(named)[:MOST_OF_TYPE] if isinstance(named, str) else None)
    metrics.malformed_requests.labels(kind).inc()


class Receiver:
    """Acknowledges requests of both ways in, HTTP and Socket Mode.

    Args:
        bolt: handles the requests.
        tasks: run what goes on after an acknowledgement.
        metrics: count those that cannot be read.
    """

    def __init__(self, bolt: AsyncApp, tasks: TrackedTasks, metrics: Metrics) -> None:
        self._metrics = metrics
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
        # Bolt's own code fails on some fields that are null.
        fields = {name: value for name, value in body.items() if value is not None} | {DELIVERY: delivery}
        incoming = parse_incoming(fields)
        try:
            # As over a socket: verified and parsed. Bolt's own parser takes `/flows list payload` for an interaction.
            request = AsyncBoltRequest(
                mode="socket_mode", body=fields, headers=dict(headers), context={INCOMING: incoming, RECEIVED: started}
            )
        except (AttributeError, LookupError, TypeError, ValueError):
            incoming = None
        if incoming is None:
            report_malformed(self._metrics, "payload", body)
            return BoltResponse(status=HTTPStatus.BAD_REQUEST, body="malformed payload")
        if not isinstance(incoming, SlashCommand | BlockActions):
            answer = await self._bolt.async_dispatch(request)
            if answer.status == HTTPStatus.NOT_FOUND:
                report_malformed(self._metrics, "unknown", body)
            return answer

        async def dispatch() -> None:
            answer = await self._bolt.async_dispatch(request)
            if answer.status != HTTPStatus.OK:
                log.error("entry.acknowledged_in_vain", status=answer.status)

        # Their acknowledgement says nothing, so it need not wait for Bolt, which runs in the loop's next turn.
        request.context[ACKED] = time.perf_counter() - started
        self._tasks.start(dispatch(), name="entry")
        return BoltResponse(status=HTTPStatus.OK, body="")


def is_envelope(message: str) -> bool:
    """Check whether Slack's Socket Mode client can read the message: an object, its payload an object too."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(envelope, dict) and isinstance(envelope.get("payload", {}), dict)


class SlackEventsHandler:
    """The handler of `/slack/events`.

    Args:
        receiver: acknowledges the requests.
        signing_secret: signs them.
        metrics: count those that are not signed, or cannot be read.
    """

    def __init__(self, receiver: Receiver, signing_secret: str, metrics: Metrics) -> None:
        self._receiver = receiver
        self._metrics = metrics
        self._verifier = SignatureVerifier(signing_secret)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request: 401 without a good signature, 400 for a body that is not Slack's."""
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            report_malformed(self._metrics, "unread")
            raise
        except (web.RequestPayloadError, ConnectionError):
            # The connection broke, or this is not HTTP. Anybody can do that: no signature was checked yet.
            report_malformed(self._metrics, "unread")
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=MALFORMED)
        if (problem := self._find_problem(raw, request)) is not None:
            # What Slack did sign tells by how much: this machine's clock is off, or it is a recording.
            age = {"seconds_old": round(time.time()) - int(timestamp_of(request))} if problem == "old" else {}
            log.warning("entry.not_signed", signature=problem, **age)
            self._metrics.unsigned_requests.labels(problem).inc()
            return web.json_response({"error": "invalid request"}, status=HTTPStatus.UNAUTHORIZED)
        body = parse_body(raw, request.content_type)
        if body is None:
            report_malformed(self._metrics, "body")
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

    def _find_problem(self, raw: bytes, request: web.Request) -> SignatureProblem | None:
        """Find what is wrong with the signature; None where Slack signed these bytes within the last five minutes.

        It is `old` only where Slack did sign them.
        """
        timestamp = timestamp_of(request)
        signature = request.headers.get("X-Slack-Signature", "")
        if not (timestamp and signature):
            return "missing"
        if not (timestamp.isascii() and timestamp.isdigit()):
            return "wrong"
        try:
            signed = self._verifier.generate_signature(timestamp=timestamp, body=raw) or ""
            if not hmac.compare_digest(signed.encode(), signature.encode()):
                return "wrong"
            return "old" if abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS else None
        except (OverflowError, TypeError, ValueError):
            # What is no text, or no time.
            return "wrong"


def timestamp_of(request: web.Request) -> str:
    """Return when Slack says that it signed a request, in seconds; empty where it does not."""
    return request.headers.get("X-Slack-Request-Timestamp", "")


def parse_body(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """Return the fields of a command, or the JSON of an interaction or event; None for anything else."""
    try:
        text = raw.decode()
        if content_type != "application/json":
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
            if "payload" not in fields or "command" in fields:
                return dict(fields)
            text = fields["payload"]
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
