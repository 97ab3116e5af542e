"""Into Bolt, by whatever way a request of Slack's came: its body is parsed already, and may be anything."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from flowbot.slack.payloads import DELIVERY, Envelope, parse, without_nulls

log = structlog.get_logger(__name__)


async def dispatch(
    bolt: AsyncApp, body: Mapping[str, Any], headers: Mapping[str, str | Sequence[str]], *, delivery: str
) -> BoltResponse:
    """Bolt's answer; status 400 for a body over which Bolt's own code would stumble.

    The body goes in as a parsed one, as it does in Socket Mode: Bolt's own parser stays out.

    Args:
        bolt: where it goes.
        body: what Slack sent.
        headers: what came with it.
        delivery: what a recording of this request would share with it, and nothing else would.
    """
    if parse(Envelope, body) is None:
        return _malformed()
    try:
        fields = {**without_nulls(body), DELIVERY: delivery}
        request = AsyncBoltRequest(mode="socket_mode", body=fields, headers=dict(headers))
    except (AttributeError, LookupError, TypeError, ValueError):
        return _malformed()
    return await bolt.async_dispatch(request)


def is_envelope(message: str) -> bool:
    """Whether Slack's Socket Mode client can read it: an object, and in it an object where there is a payload."""
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        return False
    return isinstance(envelope, dict) and isinstance(envelope.get("payload", {}), dict)


def _malformed() -> BoltResponse:
    log.warning("payload.malformed")
    return BoltResponse(status=HTTPStatus.BAD_REQUEST, body="malformed payload")
