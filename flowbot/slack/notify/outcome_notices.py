"""Notices to requesters of how their requests ended, and that they were put off."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from flowbot.domain.change import OPEN_STATES, Change, ChangeState
from flowbot.domain.ids import ChannelId, UserId
from flowbot.errors import DependencyError, SlackFaultError, Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.channel_privacy import ChannelPrivacy
from flowbot.services.ports import Clock
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore
from flowbot.services.request_details import RequestDetails
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.api.errors import describe_refusal
from flowbot.slack.api.messages import MessageRefusedError, Responder
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.message import Message
from flowbot.slack.views.notices import put_off_message, request_ended_message
from flowbot.slack.views.people import People

ENDED: Final = frozenset(ChangeState) - OPEN_STATES
"""The states of which the requester is told; an unknown end is told again once it is known."""
EPHEMERAL: Final = "ephemeral"
"""The place of a notice that only its reader ever saw."""
MEMBERS_PATIENCE: Final = timedelta(minutes=1)
"""While Slack does not say who is in a channel, a requester is not told a second time, directly, for this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request as its message has just shown it.

    Attributes:
        details: All of it, with the place of the message.
        shows_content: Whether the channel may see the push.
    """

    details: RequestDetails
    shows_content: bool

    @property
    def change(self) -> Change:
        """Return the change as it was then."""
        return self.details.change


@dataclass(frozen=True, slots=True)
class OutcomeNotices:
    """Tells requesters how their requests ended, and that they were put off after their approval."""

    messages: MessageStore
    details: RequestDetailsLoader
    users: UserService
    sender: OnceSender
    responder: Responder
    links: ArchiveLinks
    locales: Translators
    privacy: ChannelPrivacy
    clock: Clock

    @staticmethod
    def is_due(change: Change) -> bool:
        """Check whether a request has come to an end, or was put off, of which its requester is told."""
        return change.is_put_off or (change.has_waited and change.state in ENDED)

    async def send(self, change: Change, shown: ShownRequest | None = None) -> None:
        """Tell the requester in the request's thread, and directly where they are not in that channel.

        Give up on a person who cannot be reached in any way, as Slack says for certain.

        Args:
            change: the change.
            shown: what its message shows; None where it could not be sent.

        Raises:
            DependencyError: not all could be told; it will be tried again.
        """
        if not self.is_due(change) or change.progress.requester_notified_version == change.version:
            return
        request, channel = change.request, change.message_channel
        direct = _notice_key(change, MessageRole.DIRECT_NOTICE, request.requester)
        if await self.sender.was_sent(direct):
            # It is the last one: its thread may have refused the other then, and take it now.
            return
        if shown is None or shown.change.version != change.version:
            shown = await self.load(change)
        details = replace(shown.details, change=change)
        public = details if shown.shows_content else details.without_content()
        people = People(await self.users.find_names(details.people))
        refusal: Text | None = None
        build_notice = put_off_message if change.is_put_off else request_ended_message

        def build(shown: RequestDetails, t: Translator, link: str | None = None, *, mentions: bool = False) -> Message:
            return build_notice(shown, t, people, link=link, mentions=mentions, refusal=refusal)

        if channel is not None and change.message_ts is not None:
            key = _notice_key(change, MessageRole.NOTICE)
            t = self.locales.for_channel(details.policy, request.locale)
            thread = await self.find_thread(change) or change.message_ts
            try:
                await self.sender.send(
                    key, change.version, channel, lambda mentions: build(public, t, mentions=mentions), thread=thread
                )
            except MessageRefusedError as refused:
                log.warning("telling.thread_refused", change=change.id, channel=channel, error=refused.reason)
                refusal = describe_refusal(channel, refused.reason)
            else:
                if await self.can_see(change, channel):
                    return
        elif await self.sender.was_sent(_notice_key(change, MessageRole.NOTICE)):
            # Another process has posted the message meanwhile, and this in its thread.
            return
        link = await self.links.find_one(change)
        notice = build(details, self.locales.for_reader(request.locale, request.timezone), link)
        await self.send_directly(direct, change, notice)

    async def load(self, change: Change) -> ShownRequest:
        """Load a request as its message may show it."""
        details = await self.details.load(change)
        return ShownRequest(details, await self.privacy.may_show(change.posted_channel, details.policy))

    async def is_current(self, shown: ShownRequest) -> bool:
        """Check whether a request's channel may still see as much as it was shown."""
        may_show = await self.privacy.may_show(shown.change.posted_channel, shown.details.policy)
        return may_show == shown.shows_content

    async def find_thread(self, change: Change) -> str | None:
        """Find the thread in which the message of a planned end is: that of its enable."""
        enable = None if change.request.ends is None else await self.details.store.get(change.request.ends)
        return None if enable is None else enable.message_ts

    async def can_see(self, change: Change, channel: ChannelId) -> bool:
        """Check whether the requester is in the channel whose thread has the notice.

        Raises:
            DependencyError: Slack never said; it will be asked again, for a minute.
        """
        is_member = await self.users.is_member(channel, change.request.requester)
        if is_member is None and change.request.channel == channel:
            return True
        if is_member is None and self.clock() - change.changed_at < MEMBERS_PATIENCE:
            raise SlackFaultError("members_unknown")
        return bool(is_member)

    async def send_directly(self, key: MessageKey, change: Change, message: Message) -> None:
        """Send the notice as a direct message; to who takes none, privately in the channel where they asked."""
        request = change.request
        try:
            await self.sender.send(key, change.version, request.requester, lambda _: message)
        except MessageRefusedError as refused:
            log.info("telling.direct_refused", change=change.id, error=refused.reason)
            # Where an earlier attempt was cut off, its claim is still there; or another process has told it meanwhile.
            if not await self.messages.claim(key, change.version) and await self.sender.was_sent(key):
                return
            try:
                await self.responder.notify_person(request.channel, request.requester, message)
            except DependencyError:
                await self.messages.release(key)
                raise
            await self.messages.record(key, (request.channel, EPHEMERAL), change.version)


def _notice_key(change: Change, role: MessageRole, recipient: UserId | None = None) -> MessageKey:
    """Return the key of a notice: of an end one for each state, of a request that was put off one each time."""
    if change.is_put_off:
        return MessageKey(change.id, f"{role}.{change.progress.put_off_version}", recipient)
    return MessageKey.for_state(change.id, role, change.state, recipient)
