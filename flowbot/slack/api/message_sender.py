"""The sender of messages, which shortens them as far as Slack needs it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.slack.api.client import CallCounter
from flowbot.slack.api.errors import BLOCKS_REFUSED, INVALID_BLOCKS, error_code, error_detail
from flowbot.slack.views.cached_block import count_characters
from flowbot.slack.views.message import Message

T = TypeVar("T")

SHORT_MAX: Final = 3000
"""For a message that Slack refused although it is no longer than it is known to take."""

log = structlog.get_logger(__name__)


class BlocksRefusedError(Exception):
    """A response URL does not take the message's blocks; `reason` is Slack's error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def find_fallback(message: Message, refusal: str) -> Message | None:
    """Return the message to send after Slack refused one, or None where none is left.

    It is without charts, cards or images, or in short.

    Args:
        message: the refused message.
        refusal: Slack's error code.
    """
    candidates = []
    if refusal == INVALID_BLOCKS:
        candidates += [message.without_charts(), message.without_cards(), message.without_images()]
    if refusal in BLOCKS_REFUSED and count_characters(message.blocks) > SHORT_MAX:
        candidates.append(message.without_images().shortened(SHORT_MAX))
    return next((each for each in candidates if each != message), None)


class MessageSender:
    """Sends each message as long as Slack takes it, and in classic blocks once the workspace has refused cards.

    Args:
        client: the Web API, as the bot.
        counts: counts the messages that were shortened.
    """

    def __init__(self, client: AsyncWebClient, counts: CallCounter | None = None) -> None:
        self._client = client
        self._counts = counts
        self._takes_cards = True

    async def call(self, method: str, message: Message, **params: Any) -> Any:
        """Call `method`, such as `chat.postMessage`, with `message` as its content, and return Slack's answer.

        Raises:
            SlackApiError: Slack refuses it.
            Any other of SLACK_ERRORS: Slack did not answer.
        """

        async def attempt(version: Message) -> Any:
            body = {**params, "text": version.text, "blocks": list(version.blocks)}
            return await self._client.api_call(method, json=body)

        return await self.send(method, message, attempt)

    async def send(self, method: str, message: Message, attempt: Callable[[Message], Awaitable[T]]) -> T:
        """Send a message by `attempt`; a shorter one where it is too long, or where its blocks are refused.

        Args:
            method: names the way in the log and the metrics.
            message: what to send.
            attempt: sends a version of it, and raises SlackApiError or BlocksRefusedError where Slack refuses that.

        Raises:
            SlackApiError, BlocksRefusedError: Slack refuses the shortest version, or for another reason.
        """
        version = message.fitted()
        if version is not message:
            self._report(method, "length", "")
        if not self._takes_cards:
            version = version.without_cards()
        refused: Message | None = None
        while True:
            try:
                answer = await attempt(version)
            except (SlackApiError, BlocksRefusedError) as error:
                code = error.reason if isinstance(error, BlocksRefusedError) else error_code(error)
                shorter = find_fallback(version, code)
                if shorter is None:
                    raise
                if shorter != version.without_cards():
                    self._report(method, code, str(error_detail(error)) if isinstance(error, SlackApiError) else "")
                refused, version = version, shorter
            else:
                # Without an image Slack may have refused the picture, not the card.
                if refused is not None and version == refused.without_cards():
                    self._takes_cards = False
                    log.info("slack.no_cards")
                return answer

    def _report(self, method: str, reason: str, detail: str) -> None:
        log.warning("slack.shortened", method=method, reason=reason, detail=detail)
        if self._counts is not None:
            self._counts.count_shortened(method, reason)
