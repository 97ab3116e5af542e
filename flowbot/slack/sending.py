"""Sending a message by a method of the Web API, with its pictures or, where Slack refuses those, without them."""

from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.slack.errors import detail_of, word_for
from flowbot.slack.views.kit import Message

log = structlog.get_logger(__name__)


async def send(client: AsyncWebClient, method: str, message: Message, **params: Any) -> Any:
    """What Slack answers to `method`, such as `chat.postMessage`, with `message` as its content.

    Raises:
        SlackApiError: Slack refuses it.
        Any other of SLACK_TROUBLE: Slack did not answer.
    """
    try:
        return await _call(client, method, message, params)
    except SlackApiError as error:
        if word_for(error) != "invalid_blocks":
            raise
        log.warning("slack.blocks_refused", method=method, detail=detail_of(error))
        return await _call(client, method, message.without_pictures(), params)


async def _call(client: AsyncWebClient, method: str, message: Message, params: dict[str, Any]) -> Any:
    body = {**params, "text": message.text, "blocks": list(message.blocks)}
    return await client.api_call(method, json=body)
