"""The sync of a request's message with its row."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId, GroupId, UserId
from flowbot.errors import DependencyError, SlackFaultError, Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.approver_rights import add_groups
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore, Place
from flowbot.services.request_details import RequestDetails
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.errors import describe_refusal
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError, Responder
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.notify.outcome_notices import EPHEMERAL, OutcomeNotices, ShownRequest
from flowbot.slack.views import sentences
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.request_blocks import format_named_title
from flowbot.slack.views.request_message import format_state, request_message

MOST_ROUNDS: Final = 5
PATIENCE_SECONDS: Final = 5.0
"""A first message that somebody else has begun to post is left to them for this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestMessageSync:
    """Posts and edits the one message of each request.

    Attributes:
        find_group_names: Finds the names of user groups, for a new message that mentions none.
        _unrecorded: The places of messages that could not be recorded yet.
    """

    store: ChangeStore
    messages: MessageStore
    details: RequestDetailsLoader
    users: UserService
    find_group_names: Callable[[], Awaitable[Mapping[GroupId, str]]]
    sender: OnceSender
    poster: MessagePoster
    responder: Responder
    locales: Translators
    privacy: ChannelPrivacy
    clock: Clock
    _locks: WeakValueDictionary[ChangeId, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _unrecorded: dict[ChangeId, tuple[ChannelId, str]] = field(default_factory=dict)

    async def sync(self, change: Change, *, counts_as_shown: bool = True) -> ShownRequest:
        """Post or edit the change's message until it shows the newest version. Return what it shows then.

        Args:
            change: any version of it.
            counts_as_shown: whether this version counts as shown to people once it is in the message. Not so where
                somebody still has to hear of it separately; a newer version never does, whoever wrote it notifies.

        Raises:
            DependencyError: Slack did not take it; it will be tried again.
        """
        # Where somebody still has to hear of this version, only the one before it counts.
        shown_version = change.version if counts_as_shown else change.version - 1
        async with self._locks.setdefault(change.id, asyncio.Lock()):
            for _ in range(MOST_ROUNDS):
                details = await self.details.load_newest(change.id)
                newest = details.change
                # Cancelled half-way it would leave a message that nobody knows of.
                sending = asyncio.ensure_future(self._post_or_edit(details, shown_version))
                # Where this task is cancelled meanwhile, nobody else asks what became of it.
                sending.add_done_callback(lambda done: done.cancelled() or done.exception())
                change, showed_content, is_shared = await asyncio.shield(sending)
                may_show = await self.privacy.may_show(change.posted_channel, details.policy, is_shared)
                # Shown: nobody has moved the change, or shared its channel, while its message was sent.
                if change.version == newest.version and may_show == showed_content:
                    break
            return ShownRequest(replace(details, change=change), may_show)

    async def record_location(
        self, change_id: ChangeId, channel: ChannelId, ts: str, reader: UserId, change: Change | None = None
    ) -> bool:
        """Record where a change's message is, if that is not known yet, so that no second one is posted.

        Args:
            change_id: the change.
            channel: where a message of it was found; `reader`'s direct messages for a copy.
            ts: the message's ts.
            reader: who found it.
            change: the change, where it has just been read.

        Returns:
            Whether it is a duplicate of the recorded one: a process that died between posting and recording may have
            left it.
        """
        if channel.is_direct:
            copy = await self.messages.get(MessageKey(change_id, MessageRole.DIRECT, reader))
            if copy is not None:
                if copy.place is None:
                    await self.messages.record(copy.key, (channel, ts), copy.shown_version)
                return copy.place not in {None, (channel, ts)}
        change = change or await self.store.get(change_id)
        if change is not None and change.message_ts is None:
            change, _ = await self.store.mark_posted(change_id, 0, (channel, ts))
        return change is not None and (change.message_channel, change.message_ts) != (channel, ts)

    async def sync_duplicate(self, change_id: ChangeId, channel: ChannelId, ts: str) -> None:
        """Let a duplicate show the change as it is now; nothing keeps it in step after that."""
        message = self._render(
            await self.privacy.redact_for_channel(await self.details.load_newest(change_id), channel)
        )
        try:
            await self.poster.edit(channel, ts, message)
        except (DependencyError, MessageGoneError, MessageRefusedError) as error:
            log.warning("projection.twin_not_drawn", change=change_id, error=str(error))

    async def redraw(self, change_id: ChangeId) -> None:
        """Let a change's message show what has become of it since, though the change itself stays as it is.

        Raises:
            DependencyError: Slack did not take it; it will be tried again.
        """
        async with self._locks.setdefault(change_id, asyncio.Lock()):
            details = await self.details.load_newest(change_id)
            channel, ts = details.change.message_channel, details.change.message_ts
            if channel is None or ts is None:
                return
            try:
                await self.poster.edit(
                    channel, ts, self._render(await self.privacy.redact_for_channel(details, channel))
                )
            except (MessageGoneError, MessageRefusedError) as error:
                log.warning("projection.not_redrawn", change=change_id, error=str(error))

    async def report_refusal(self, change: Change, refusal: MessageRefusedError) -> None:
        """Tell the requester that the channel does not take a message of the change; once a state.

        Raises:
            DependencyError: Slack did not take it either, or the database did not answer.
        """
        channel, request = change.posted_channel, change.request
        log.warning("projection.refused", change=change.id, channel=channel, error=refusal.reason)
        if OutcomeNotices.is_due(change):
            # Of this its requester is told anyway.
            return
        notice = MessageKey.for_state(change.id, MessageRole.REFUSAL, change.state, request.requester)
        if (told := await self.messages.get(notice)) is not None and told.place is not None:
            return
        await self.messages.claim(notice, change.version)
        t = self.locales.for_reader(request.locale, request.timezone)
        state = format_state(await self.details.load(change), t)
        key = "request.not_posted" if change.message_ts is None else "request.not_shown"
        params = {
            "what": format_named_title(change, t),
            "state": state,
            "why": describe_refusal(channel, refusal.reason),
        }
        message = sentences.sentence_message(t, Text(key, params))
        await self.responder.notify_person(request.channel, request.requester, message)
        await self.messages.record(notice, (request.channel, EPHEMERAL), change.version)

    def translator(self, details: RequestDetails) -> Translator:
        """Return the language of a change's message: its policy's, else the configured one, else the requester's."""
        return self.locales.for_channel(details.policy, details.change.request.locale)

    def _render(self, details: RequestDetails, *, mentions: bool = False) -> Message:
        return request_message(details, self.translator(details), self.clock(), mentions=mentions)

    async def _post_or_edit(
        self, details: RequestDetails, shown_version: int
    ) -> tuple[Change, bool | None, bool | None]:
        """Edit the change's message, or post one where there is none any more; record its place and version.

        Returns:
            The change as it is then; whether the message shows the push, or None where it does not show this version
            yet; and whether its channel is shared, as far as the database tells.
        """
        change = details.change
        location = self._unrecorded.get(change.id)
        if location is None and change.message_channel is not None and change.message_ts is not None:
            location = (change.message_channel, change.message_ts)
        channel = change.approval_channel if location is None else location[0]
        shown = await self.privacy.redact_for_channel(details, channel)
        try:
            if location is not None:
                try:
                    mentions = await self._mentions_approvers(change, location)
                    await self.poster.edit(*location, self._render(shown, mentions=mentions))
                except MessageGoneError:
                    shown = await self.privacy.redact_for_channel(details, change.approval_channel)
                    location = await self._replace(shown, location)
            else:
                location, is_new = await self._post_first(shown)
                if not is_new:
                    # A process that ended at once, or an older one, has posted it.
                    recorded, is_shared = await self.store.mark_posted(change.id, 0, location)
                    return recorded, None, is_shared
        except MessageRefusedError as refusal:
            await self.report_refusal(change, refusal)
            raise SlackFaultError(refusal.reason) from refusal
        # If this cannot be recorded now, the next round edits this message and posts no other.
        self._unrecorded[change.id] = location
        version, is_first = _version_to_mark(change, shown_version), change.message_ts is None
        recorded, is_shared = await self.store.mark_posted(change.id, version, location, is_first=is_first)
        del self._unrecorded[change.id]
        return recorded, shown.shows_content, is_shared

    async def _replace(self, details: RequestDetails, gone: Place) -> Place:
        """Edit a message that is gone where its channel has another id by now, else post another; return its place."""
        change, (old, ts) = details.change, gone
        channel = change.approval_channel
        if channel != old:
            with suppress(MessageGoneError):
                await self.poster.edit(channel, ts, self._render(details))
                return channel, ts
        log.warning("projection.message_gone", change=change.id)
        return await self.poster.post(channel, await self._render_new(details, mentions=False))

    async def _mentions_approvers(self, change: Change, location: Place) -> bool:
        """Check whether the message at that place is the one that mentioned the approvers, and still does."""
        if change.state is not ChangeState.PENDING or change.notify_mode is not NotifyMode.MENTION:
            return False
        mentioning = await self.messages.get(MessageKey(change.id, MessageRole.REQUEST))
        return mentioning is not None and mentioning.place == location

    async def _post_first(self, details: RequestDetails) -> tuple[Place, bool]:
        """Post the message of a change that has none yet. The approvers are mentioned once, whatever is cut off.

        Returns:
            Where it is, and whether it was posted just now.
        """
        change = details.change
        # A planned end goes into the thread of its enable.
        enable = None if change.request.ends is None else await self.store.get(change.request.ends)
        with_mentions = await self._render_new(details, mentions=change.notify_mode is NotifyMode.MENTION)
        without_mentions = await self._render_new(details, mentions=False)
        is_new = False

        def build(mentions: bool) -> Message:
            nonlocal is_new
            is_new = True
            return with_mentions if mentions else without_mentions

        place = await self.sender.send(
            MessageKey(change.id, MessageRole.REQUEST),
            change.version,
            change.approval_channel if enable is None else enable.posted_channel,
            build,
            thread=None if enable is None else enable.message_ts,
            patience=PATIENCE_SECONDS,
        )
        return place, is_new

    async def _render_new(self, details: RequestDetails, *, mentions: bool) -> Message:
        """Build the message as a new one: people go by their names, since a mention would notify them."""
        groups = await self.find_group_names() if details.has_stages else {}
        people = People(await self.users.find_names(details.people), groups)
        t = self.translator(details)
        details = await add_groups(self.users, details) if mentions else details
        return request_message(details, t, self.clock(), people=people, mentions=mentions)


def _version_to_mark(change: Change, shown_version: int) -> int:
    """Return the shown version, none newer than the change's, and none older than the store has: it would refuse it."""
    return max(change.shown_version, min(change.version, shown_version))
