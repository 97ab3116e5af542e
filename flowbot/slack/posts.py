"""Messages that flowbot posts to channels on its own, and edits."""

from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import Fault
from flowbot.slack.errors import REFUSED, SLACK_TROUBLE, word_for
from flowbot.slack.replies import Replies
from flowbot.slack.sending import send
from flowbot.slack.views.kit import Message

GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})

log = structlog.get_logger(__name__)


class PostGoneError(Exception):
    """The message is not there any more, or may not be edited."""


class PostRefusedError(Exception):
    """The channel does not take the message; `reason` is Slack's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Posts:
    """Posts and edits.

    Args:
        client: the Web API, as the bot.
        replies: for what is told to one person.
    """

    def __init__(self, client: AsyncWebClient, replies: Replies) -> None:
        self._client = client
        self._replies = replies

    async def post(self, channel: ChannelId, message: Message, thread: str | None = None) -> tuple[ChannelId, str]:
        """Post to a channel, or into a thread of it. The message's channel and ts.

        Raises:
            PostRefusedError: the channel does not take it.
            Fault: Slack failed.
        """
        extra = {"thread_ts": thread} if thread else {}
        try:
            answer = await self._call("chat.postMessage", message, channel=channel, unfurl_links=False, **extra)
        except SlackApiError as error:
            if word_for(error) in REFUSED:
                raise PostRefusedError(word_for(error)) from error
            raise Fault("fault.slack", error=word_for(error)) from error
        return ChannelId(str(answer.get("channel") or channel)), str(answer["ts"])

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None:
        """Put a message in the place of another.

        Raises:
            PostGoneError: that one is not there any more.
            PostRefusedError: the channel does not take it.
            Fault: Slack failed.
        """
        try:
            await self._call("chat.update", message, channel=channel, ts=ts)
        except SlackApiError as error:
            if word_for(error) in GONE:
                raise PostGoneError from error
            if word_for(error) in REFUSED:
                raise PostRefusedError(word_for(error)) from error
            raise Fault("fault.slack", error=word_for(error)) from error

    async def to_person(self, channel: ChannelId, user: UserId, message: Message) -> None:
        """Tell one person, privately, or nobody where Slack says for certain that they cannot be reached.

        Raises:
            Fault: Slack failed; it may go well later.
        """
        await self._replies.to_person(channel, user, message)

    async def link(self, channel: ChannelId, ts: str) -> str | None:
        """The address of a message, for people; None where Slack does not tell it."""
        try:
            answer = await self._client.chat_getPermalink(channel=channel, message_ts=ts)
        except SLACK_TROUBLE as error:
            log.info("post.no_link", error=word_for(error))
            return None
        return str(answer.get("permalink") or "") or None

    async def _call(self, method: str, message: Message, **params: Any) -> Any:
        try:
            return await send(self._client, method, message, **params)
        except SlackApiError:
            raise
        except SLACK_TROUBLE as error:
            raise Fault("fault.slack", error=word_for(error)) from error
