"""Messages: post, update, reply, ephemeral, direct, by response URL."""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Annotated, Any, Final

import aiohttp
import structlog
from pydantic import BaseModel, StringConstraints, ValidationError
from slack_sdk.errors import SlackApiError

from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import SlackFaultError, UserError
from flowbot.slack.api.client import LONGEST_PAUSE_SECONDS, CallCounter, is_slack_url, proxy_for
from flowbot.slack.api.errors import BLOCKS_REFUSED, PASSING, SLACK_ERRORS, UNREACHABLE, describe_refusal, error_code
from flowbot.slack.api.message_sender import BlocksRefusedError, MessageSender
from flowbot.slack.payloads.incoming import ReplyTarget
from flowbot.slack.views.cached_block import dump_blocks
from flowbot.slack.views.message import Message

TS: Final = r"^[0-9]{1,20}\.[0-9]{1,11}$"
"""A message's time, which is its name within its channel; rows have room for 32 characters."""
RESPONSE_URL: Final = "response_url"
JSON: Final = {"Content-Type": "application/json"}
TRIES: Final = 3
NOT_THERE: Final = frozenset({"not_in_channel", "channel_not_found"})
GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})

log = structlog.get_logger(__name__)


class MessageGoneError(Exception):
    """The message is not there any more, or may not be edited."""


class MessageRefusedError(Exception):
    """The channel does not take the message; `reason` is Slack's error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Posted(BaseModel):
    channel: ChannelId
    ts: Annotated[str, StringConstraints(pattern=TS)]


class AnswerLostError(SlackFaultError):
    """Slack's answer was lost: it may have carried the call out."""


class Responder:
    """Sends private replies, notifications and public posts.

    Args:
        sender: sends their messages.
        session: for response URLs.
        api_url: the Web API's base, whose origin may also serve response URLs.
        counts: counts the calls of response URLs.
    """

    def __init__(
        self, sender: MessageSender, session: aiohttp.ClientSession, api_url: str, counts: CallCounter | None = None
    ) -> None:
        self._sender = sender
        self._session = session
        self._api_url = api_url
        self._counts = counts

    async def reply_privately(self, target: ReplyTarget, message: Message, *, replacing: bool = False) -> None:
        """Answer in a message that the person alone sees; `replacing` puts it in the place of the one they pressed.

        Where the response URL is used up, forbidden, broken or missing, the answer comes as a new ephemeral message;
        where there is no channel, or flowbot is not in it, as a direct one.

        Raises:
            DependencyError: Slack took none of them.
        """
        body: dict[str, Any] = {"response_type": "ephemeral", "replace_original": replacing}
        if target.thread and not replacing:
            body["thread_ts"] = target.thread
        if target.response_url and await self._send_by_url(target.response_url, message, body):
            return
        if target.channel is not None:
            await self.notify_person(target.channel, target.user, message, thread=target.thread)
            return
        try:
            await self._send_directly(target.user, message)
        except SLACK_ERRORS as error:
            raise SlackFaultError(error_code(error)) from error

    async def notify_person(
        self, channel: ChannelId, user: UserId, message: Message, *, thread: str | None = None
    ) -> None:
        """Notify a person: privately in the thread or the channel, else by direct message.

        Give up on a person who cannot be reached in any way, as Slack says for certain: they may have left.

        Raises:
            DependencyError: Slack took none of them; it may do so later.
        """
        refusal = await self._send_ephemeral(message, channel=channel, user=user, thread_ts=thread)
        if refusal and thread:
            refusal = await self._send_ephemeral(message, channel=channel, user=user)
        if refusal is None:
            return
        log.info("slack.direct_message", error=refusal)
        try:
            await self._send_directly(user, message)
        except SLACK_ERRORS as error:
            if not (isinstance(error, SlackApiError) and {refusal, error_code(error)} <= UNREACHABLE):
                raise SlackFaultError(error_code(error)) from error
            log.warning("slack.unreachable", user=user, error=error_code(error))

    async def _send_ephemeral(self, message: Message, **params: str | None) -> str | None:
        """Return None where Slack took it, else its error code.

        Raises:
            DependencyError: Slack did not answer.
        """
        given = {name: value for name, value in params.items() if value}
        try:
            await self._sender.call("chat.postEphemeral", message, **given)
        except SlackApiError as error:
            return error_code(error)
        except SLACK_ERRORS as error:
            raise SlackFaultError(error_code(error)) from error
        return None

    async def reply_publicly(self, target: ReplyTarget, message: Message) -> None:
        """Post to the channel for all to see; by the response URL where the bot is not in the channel.

        Raises:
            UserError: the channel does not take it (archived, say).
            DependencyError: Slack failed.
        """
        channel = target.require_channel()
        try:
            await self._sender.call(
                "chat.postMessage", message, channel=channel, unfurl_links=False, unfurl_media=False
            )
        except SlackApiError as error:
            code, body = error_code(error), {"response_type": "in_channel", "replace_original": False}
            if code in NOT_THERE and await self._send_by_url(target.response_url, message, body):
                return
            if code in PASSING:
                raise SlackFaultError(code) from error
            raise UserError("share.refused", why=describe_refusal(channel, code)) from error
        except SLACK_ERRORS as error:
            raise SlackFaultError(error_code(error)) from error

    async def _send_directly(self, user: UserId, message: Message) -> None:
        await self._sender.call("chat.postMessage", message, channel=user, unfurl_links=False)

    async def _send_by_url(self, url: str, message: Message, body: dict[str, Any]) -> bool:
        """Post to the response URL, and return whether Slack took it."""
        if not is_slack_url(url, self._api_url):
            log.warning("slack.response_url_foreign")
            return False

        async def post(version: Message) -> str | None:
            refusal = await self._post(url, version, body)
            if refusal and (code := next((code for code in BLOCKS_REFUSED if code in refusal), None)):
                raise BlocksRefusedError(code)
            return refusal

        try:
            refusal = await self._sender.send(RESPONSE_URL, message, post)
        except BlocksRefusedError as error:
            refusal = error.reason
        if refusal:
            log.warning("slack.response_url_refused", detail=refusal[:200])
        return refusal is None

    async def _post(self, url: str, message: Message, body: dict[str, Any]) -> str | None:
        """Return None where Slack took it, else its answer. Rate limits and failures of its servers are tried again."""
        fields = json.dumps({**body, "text": message.text})
        payload = f'{fields[:-1]}, "blocks": {dump_blocks(message.blocks)}}}'.encode()
        refusal: str | None = None
        for attempt in range(TRIES):
            status, refusal, pause = await self._post_once(url, payload)
            if status < HTTPStatus.TOO_MANY_REQUESTS:
                return refusal
            if attempt + 1 < TRIES:
                await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, 0.5 * 2**attempt if pause is None else pause))
        return refusal

    async def _post_once(self, url: str, payload: bytes) -> tuple[int, str | None, float | None]:
        """Post and count the call.

        Returns:
            The status, 500 where there was no answer; None where Slack took it, else its answer; the pause it asks for.
        """
        started, pause = time.perf_counter(), None
        try:
            async with self._session.post(
                url, data=payload, headers=JSON, allow_redirects=False, proxy=proxy_for(url)
            ) as answer:
                status, text = answer.status, await answer.text(errors="replace")
                after = answer.headers.get("Retry-After", "")
                pause = float(after) if after.isdecimal() else None
        except (aiohttp.ClientError, TimeoutError) as error:
            status, text = HTTPStatus.INTERNAL_SERVER_ERROR, type(error).__name__
        # Slack says `ok` in plain text or in JSON; a page is somebody else's.
        is_page = text.lstrip().startswith("<")
        is_ok = status == HTTPStatus.OK and not is_page and '"ok":false' not in text.replace(" ", "")
        if self._counts is not None:
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._counts.count_slack_throttle(RESPONSE_URL)
            refused = f"http_{status}" if status != HTTPStatus.OK else "refused"
            self._counts.count_slack_call(RESPONSE_URL, "ok" if is_ok else refused, time.perf_counter() - started)
        return status, None if is_ok else text or f"HTTP {status}", pause


class MessagePoster:
    """Posts and edits messages.

    Args:
        sender: sends them.
    """

    def __init__(self, sender: MessageSender) -> None:
        self._sender = sender

    async def post(
        self, channel: ChannelId | UserId, message: Message, thread: str | None = None
    ) -> tuple[ChannelId, str]:
        """Post to a channel, into a thread of it, or directly to a person; return the message's channel and ts.

        Raises:
            MessageRefusedError: the channel or the person does not take it.
            AnswerLostError: Slack may have taken it.
            DependencyError: Slack failed.
        """
        extra = {"thread_ts": thread} if thread else {}
        try:
            answer = await self._call("chat.postMessage", message, channel=channel, unfurl_links=False, **extra)
        except SlackApiError as error:
            raise _refusal_or_fault(error) from error
        try:
            posted = _Posted.model_validate({name: answer.get(name) for name in ("channel", "ts")})
        except ValidationError as error:
            raise AnswerLostError(error_code(error)) from error
        return posted.channel, posted.ts

    async def edit(self, channel: ChannelId, ts: str, message: Message) -> None:
        """Put a message in the place of another.

        Raises:
            MessageGoneError: that one is not there any more.
            MessageRefusedError: the channel does not take it.
            DependencyError: Slack failed.
        """
        try:
            await self._call("chat.update", message, channel=channel, ts=ts)
        except SlackApiError as error:
            if error_code(error) in GONE:
                raise MessageGoneError from error
            raise _refusal_or_fault(error) from error

    async def _call(self, method: str, message: Message, **params: Any) -> Any:
        try:
            return await self._sender.call(method, message, **params)
        except SlackApiError:
            raise
        except aiohttp.ClientConnectorError as error:
            raise SlackFaultError(error_code(error)) from error
        except SLACK_ERRORS as error:
            raise AnswerLostError(error_code(error)) from error


def _refusal_or_fault(error: SlackApiError) -> MessageRefusedError | SlackFaultError:
    """Return what to raise for a refusal: one of this message here, or one that may be over later."""
    code = error_code(error)
    return SlackFaultError(code) if code in PASSING else MessageRefusedError(code)
