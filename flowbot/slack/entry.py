"""Into Bolt, by whatever way a request of Slack's came: its body is parsed already, and may be anything.

What is acknowledged with nothing whatever comes of it, a command or a press, is acknowledged here, before Bolt takes
its time to find whom it is for.
"""

import json
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from flowbot.slack.bolt import ACKED, COMMAND
from flowbot.slack.payloads import DELIVERY, BlockActions, Envelope, SlashCommand, parse, without_nulls
from flowbot.slack.tasks import TrackedTasks

Headers = Mapping[str, str | Sequence[str]]

log = structlog.get_logger(__name__)


class Entry:
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
        fields = {**without_nulls(body), DELIVERY: delivery}
        request = _request(fields, headers)
        if request is None:
            return _malformed()
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
    if parse(Envelope, fields) is None:
        return None
    try:
        return AsyncBoltRequest(mode="socket_mode", body=fields, headers=dict(headers))
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _waits_for_nothing(fields: Mapping[str, Any]) -> bool:
    """Whether it is acknowledged with nothing, whatever comes of it."""
    if fields.get("command") == COMMAND:
        return parse(SlashCommand, fields) is not None
    return fields.get("type") == "block_actions" and parse(BlockActions, fields) is not None


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
