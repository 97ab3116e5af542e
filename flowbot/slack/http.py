"""`POST /slack/events`: from aiohttp to Bolt, with the body parsed by its fields.

Bolt's own parser takes any form with the word `payload` in it for an interaction: `/flows list payload` would be lost.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.response import BoltResponse

from flowbot.slack.entry import Entry

MOST_FIELDS: Final = 200
OLDEST_SECONDS: Final = 300
"""Slack's rule: an older request may be somebody's recording."""


class SlackEvents:
    """The handler of `/slack/events`.

    Args:
        entry: where requests go.
        signing_secret: what Slack signs them with.
    """

    def __init__(self, entry: Entry, signing_secret: str) -> None:
        self._entry = entry
        self._secret = signing_secret.encode()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request of Slack's: 401 without a good signature, 400 for what is none of Slack's."""
        try:
            raw = await request.read()
        except (web.RequestPayloadError, ConnectionError):
            # The line broke off, or what came is no HTTP: before any signature, so anybody's doing.
            return _malformed()
        if not self._is_signed(raw, request):
            return web.json_response({"error": "invalid request"}, status=HTTPStatus.UNAUTHORIZED)
        body = parse_body(raw, request.content_type)
        if body is None:
            return _malformed()
        if body.get("ssl_check") == "1":
            # Slack asks now and then whether the address can be reached; there is nothing to do.
            return web.Response()
        headers: dict[str, str | Sequence[str]] = {name: request.headers.getall(name) for name in request.headers}
        # The signature is of the time and of every byte: whoever cannot sign can only send the very same again.
        signature = request.headers.get("X-Slack-Signature", "")
        return _to_aiohttp(await self._entry.answer(body, headers, delivery=signature))

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
            return _object(text)
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        return _object(fields["payload"]) if "payload" in fields and "command" not in fields else dict(fields)
    except (ValueError, RecursionError):
        return None


def _malformed() -> web.Response:
    return web.Response(status=HTTPStatus.BAD_REQUEST, text="malformed body")


def _object(text: str) -> dict[str, Any] | None:
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def _to_aiohttp(answer: BoltResponse) -> web.Response:
    response = web.Response(status=answer.status, text=answer.body or "")
    for name, values in answer.headers.items():
        if name.lower() == "content-type":
            response.headers["Content-Type"] = values[0]
    return response
