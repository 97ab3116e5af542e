"""Messages: post, update, reply, ephemeral, direct, by response URL."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import DependencyError, UserError
from flowbot.slack.api.client import LONGEST_PAUSE_SECONDS, CallCounter, is_slack_url, proxy_for
from flowbot.slack.api.errors import REFUSED, SLACK_ERRORS, UNREACHABLE, error_code, error_detail
from flowbot.slack.views.block_kit import Message

log = structlog.get_logger(__name__)


async def send_message(client: AsyncWebClient, method: str, message: Message, **params: Any) -> Any:
    """What Slack answers to `method`, such as `chat.postMessage`, with `message` as its content.

    Raises:
        SlackApiError: Slack refuses it.
        Any other of SLACK_ERRORS: Slack did not answer.
    """
    try:
        return await _call_method(client, method, message, params)
    except SlackApiError as error:
        if error_code(error) != "invalid_blocks":
            raise
        log.warning("slack.blocks_refused", method=method, detail=error_detail(error))
        return await _call_method(client, method, message.without_pictures(), params)


async def _call_method(client: AsyncWebClient, method: str, message: Message, params: dict[str, Any]) -> Any:
    body = {**params, "text": message.text, "blocks": list(message.blocks)}
    return await client.api_call(method, json=body)


RESPONSE_URL: Final = "response_url"


TRIES: Final = 3


NOT_THERE: Final = frozenset({"not_in_channel", "channel_not_found"})


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """The place of an answer: a person in a channel, and the response URL that came with what they did.

    Attributes:
        channel: None on the Home tab, from where answers go to the person directly.
    """

    channel: ChannelId | None
    user: UserId
    response_url: str

    def require_channel(self) -> ChannelId:
        """Return the channel.

        Raises:
            UserError: there is none, and what was asked for needs one.
        """
        if self.channel is None:
            raise UserError("home.needs_channel")
        return self.channel


class Responder:
    """Sends answers.

    Args:
        client: the Web API, as the bot.
        session: for response URLs.
        api_url: the Web API's base, whose origin may also serve response URLs.
        counts: is told of every call to a response URL.
    """

    def __init__(
        self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str, counts: CallCounter | None = None
    ) -> None:
        self._client = client
        self._session = session
        self._api_url = api_url
        self._counts = counts

    async def reply_privately(self, place: ReplyTarget, message: Message, *, replacing: bool = False) -> None:
        """Answer for the person's eyes alone; `replacing` puts it in the place of the message they pressed.

        Where the response URL is used up, forbidden or broken, the answer comes as a new ephemeral message; where there
        is no channel, as a direct one.

        Raises:
            DependencyError: Slack took neither.
        """
        body = {"response_type": "ephemeral", "replace_original": replacing}
        if place.response_url and await self._by_url(place.response_url, message, body):
            return
        try:
            if place.channel is None:
                await self._directly(place.user, message)
            else:
                await self._by_method("chat.postEphemeral", message, channel=place.channel, user=place.user)
        except SLACK_ERRORS as error:
            raise DependencyError("fault.slack", error=error_code(error)) from error

    async def notify_person(self, channel: ChannelId, user: UserId, message: Message) -> None:
        """Tell a person something they did not just ask for: privately in the channel, else by a direct message.

        Who cannot be reached in either way, as Slack says for certain, is not told, and that is all: whoever waits for
        a word to somebody who left would wait for ever.

        Raises:
            DependencyError: Slack took neither; it may do so later.
        """
        refused = await self._error_of(self._by_method("chat.postEphemeral", message, channel=channel, user=user))
        if refused is None:
            return
        log.info("slack.direct_message", error=error_code(refused))
        refused_too = await self._error_of(self._directly(user, message))
        if refused_too is None:
            return
        if not {error_code(refused), error_code(refused_too)} <= UNREACHABLE:
            raise DependencyError("fault.slack", error=error_code(refused_too)) from refused_too
        log.warning("slack.unreachable", user=user, error=error_code(refused_too))

    async def reply_publicly(self, place: ReplyTarget, message: Message) -> None:
        """Post to the channel for all to see. Where the bot is not in the channel, the response URL can still do it.

        Raises:
            UserError: the channel does not take it (archived, say).
            DependencyError: Slack failed.
        """
        try:
            await self._by_method(
                "chat.postMessage", message, channel=place.require_channel(), unfurl_links=False, unfurl_media=False
            )
        except SlackApiError as error:
            body = {"response_type": "in_channel", "replace_original": False}
            if error_code(error) in NOT_THERE and await self._by_url(place.response_url, message, body):
                return
            raise UserError("share.refused", error=error_code(error)) from error
        except SLACK_ERRORS as error:
            raise DependencyError("fault.slack", error=error_code(error)) from error

    async def _directly(self, user: UserId, message: Message) -> None:
        await self._by_method("chat.postMessage", message, channel=user, unfurl_links=False)

    async def _error_of(self, sending: Awaitable[None]) -> SlackApiError | None:
        """What Slack has against what is sent; None where it took it.

        Raises:
            DependencyError: it did not answer.
        """
        try:
            await sending
        except SlackApiError as error:
            return error
        except SLACK_ERRORS as error:
            raise DependencyError("fault.slack", error=error_code(error)) from error
        return None

    async def _by_method(self, method: str, message: Message, **params: Any) -> None:
        await send_message(self._client, method, message, **params)

    async def _by_url(self, url: str, message: Message, body: dict[str, Any]) -> bool:
        """Whether the response URL took it."""
        if not is_slack_url(url, self._api_url):
            log.warning("slack.response_url_foreign")
            return False
        refused = await self._post(url, message, body)
        if refused and "invalid_blocks" in refused:
            log.warning("slack.blocks_refused", method="response_url", detail=refused[:200])
            refused = await self._post(url, message.without_pictures(), body)
        if refused:
            log.warning("slack.response_url_refused", detail=refused[:200])
        return refused is None

    async def _post(self, url: str, message: Message, body: dict[str, Any]) -> str | None:
        """None where Slack took it, else what it said. Limits and failures of its servers are tried again, briefly."""
        payload = {**body, "text": message.text, "blocks": list(message.blocks)}
        said = ""
        for attempt in range(TRIES):
            started = time.perf_counter()
            try:
                status, said, pause = await self._post_once(url, payload)
            except (aiohttp.ClientError, TimeoutError) as error:
                status, said, pause = HTTPStatus.INTERNAL_SERVER_ERROR, type(error).__name__, None
            self._count(status, said, time.perf_counter() - started)
            if status < HTTPStatus.TOO_MANY_REQUESTS:
                return _refused_reason(status, said)
            if attempt + 1 < TRIES:
                await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, 0.5 * 2**attempt if pause is None else pause))
        return said or "no answer"

    def _count(self, status: int, said: str, seconds: float) -> None:
        if self._counts is None:
            return
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._counts.count_slack_throttle(RESPONSE_URL)
        result = "refused" if _refused_reason(status, said) else "ok"
        self._counts.count_slack_call(RESPONSE_URL, f"http_{status}" if status != HTTPStatus.OK else result, seconds)

    async def _post_once(self, url: str, payload: dict[str, Any]) -> tuple[int, str, float | None]:
        async with self._session.post(url, json=payload, allow_redirects=False, proxy=proxy_for(url)) as answer:
            after = answer.headers.get("Retry-After", "")
            return answer.status, await answer.text(errors="replace"), float(after) if after.isdecimal() else None


def _refused_reason(status: int, said: str) -> str | None:
    """None for Slack's `ok`, which it says in plain text or in JSON; else what it said."""
    if status == HTTPStatus.OK and '"ok":false' not in said.replace(" ", ""):
        return None
    return said or f"HTTP {status}"


GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})


class MessageGoneError(Exception):
    """The message is not there any more, or may not be edited."""


class MessageRefusedError(Exception):
    """The channel does not take the message; `reason` is Slack's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MessagePoster:
    """Posts and edits.

    Args:
        client: the Web API, as the bot.
        replies: for what is told to one person.
    """

    def __init__(self, client: AsyncWebClient, replies: Responder) -> None:
        self._client = client
        self._replies = replies

    async def post(self, channel: ChannelId, message: Message, thread: str | None = None) -> tuple[ChannelId, str]:
        """Post to a channel, or into a thread of it. The message's channel and ts.

        Raises:
            PostRefusedError: the channel does not take it.
            DependencyError: Slack failed.
        """
        extra = {"thread_ts": thread} if thread else {}
        try:
            answer = await self._call("chat.postMessage", message, channel=channel, unfurl_links=False, **extra)
        except SlackApiError as error:
            if error_code(error) in REFUSED:
                raise MessageRefusedError(error_code(error)) from error
            raise DependencyError("fault.slack", error=error_code(error)) from error
        return ChannelId(str(answer.get("channel") or channel)), str(answer["ts"])

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None:
        """Put a message in the place of another.

        Raises:
            PostGoneError: that one is not there any more.
            PostRefusedError: the channel does not take it.
            DependencyError: Slack failed.
        """
        try:
            await self._call("chat.update", message, channel=channel, ts=ts)
        except SlackApiError as error:
            if error_code(error) in GONE:
                raise MessageGoneError from error
            if error_code(error) in REFUSED:
                raise MessageRefusedError(error_code(error)) from error
            raise DependencyError("fault.slack", error=error_code(error)) from error

    async def notify_person(self, channel: ChannelId, user: UserId, message: Message) -> None:
        """Tell one person, privately, or nobody where Slack says for certain that they cannot be reached.

        Raises:
            DependencyError: Slack failed; it may go well later.
        """
        await self._replies.notify_person(channel, user, message)

    async def find_permalink(self, channel: ChannelId, ts: str) -> str | None:
        """The address of a message, for people; None where Slack does not tell it."""
        try:
            answer = await self._client.chat_getPermalink(channel=channel, message_ts=ts)
        except SLACK_ERRORS as error:
            log.info("post.no_link", error=error_code(error))
            return None
        return str(answer.get("permalink") or "") or None

    async def _call(self, method: str, message: Message, **params: Any) -> Any:
        try:
            return await send_message(self._client, method, message, **params)
        except SlackApiError:
            raise
        except SLACK_ERRORS as error:
            raise DependencyError("fault.slack", error=error_code(error)) from error
