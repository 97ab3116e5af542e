"""Remarks, told in a request's thread and to who asked for it."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import structlog

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import WAITING_STATES, Change, ChangeState
from flowbot.domain.ids import UserId
from flowbot.domain.remarks import Remark
from flowbot.i18n.translator import Translator
from flowbot.services.approver_rights import add_groups
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.messages import NOWHERE, MessageKey, MessageRole
from flowbot.services.request_details import RequestDetails
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError
from flowbot.slack.notify.outcome_notices import OutcomeNotices, ShownRequest
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.remarks import remark_notice, remark_reply

ROLE: Final = "remark"
PATIENCE_SECONDS: Final = 2.0
"""A reply that somebody else has begun to post is left to them for this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RemarkNotices:
    """Tells each remark once, in their order.

    Attributes:
        outcomes: The notices to requesters, who are reached in the same ways.
        _hidden: The replies that are known to show no text.
    """

    store: ChangeStore
    outcomes: OutcomeNotices
    poster: MessagePoster
    _hidden: set[MessageKey] = field(default_factory=set)

    async def send(self, change: Change, shown: ShownRequest | None) -> None:
        """Reply in the thread with each remark that was not told yet, and tell the requester where they miss that.

        Where another organisation came into the channel since, the text of earlier replies is taken out.

        Args:
            change: the change.
            shown: what its message shows; None where it could not be sent.

        Raises:
            DependencyError: not all could be told; it will be tried again.
        """
        if not change.progress.remarks or change.message_ts is None:
            return
        remarks = (await self.store.list_remarks([change]))[change.id]
        shown = shown or await self.outcomes.load(change)
        people = People(await self.outcomes.users.find_names([*shown.details.people, *(each.by for each in remarks)]))
        told = len(remarks)
        while told and not await self.outcomes.sender.was_sent(_reply_key(change, told)):
            told -= 1
        if not shown.shows_content:
            for number, remark in enumerate(remarks[:told], start=1):
                await self._hide_text(shown, remark, _reply_key(change, number), people)
        for number, remark in enumerate(remarks[told:], start=told + 1):
            await self._tell(shown, remark, number, people)

    async def _tell(self, shown: ShownRequest, remark: Remark, number: int, people: People) -> None:
        """Tell the requester first where the reply is not enough: once that is there, all was told."""
        change, key = shown.change, _reply_key(shown.change, number)
        requester, channel = change.request.requester, change.posted_channel
        is_open, is_other = change.state in WAITING_STATES, remark.by != requester
        may_mention = not remark.is_revision or _calls_approvers(change)
        if remark.is_revision:
            await self._tell_copies(shown.details, remark, number, people)
        if is_other and ((remark.asks_for_changes and is_open) or not await self.outcomes.can_see(change, channel)):
            await self._tell_requester(shown.details, remark, number, people)
        details = await add_groups(self.outcomes.users, shown.details) if remark.is_revision else shown.details
        public = details if shown.shows_content else details.without_content()
        t = self.outcomes.locales.for_channel(public.policy, change.request.locale)
        thread, version = await self.outcomes.find_thread(change) or change.message_ts, change.version
        try:
            await self.outcomes.sender.send(
                key,
                version,
                channel,
                lambda mentions: remark_reply(public, remark, t, people, mentions=mentions and may_mention),
                thread=thread,
                patience=PATIENCE_SECONDS,
            )
        except MessageRefusedError as refused:
            log.warning("telling.remark_refused", change=change.id, channel=channel, error=refused.reason)
            if is_other:
                await self._tell_requester(shown.details, remark, number, people)
            await self.outcomes.messages.claim(key, version)
            await self.outcomes.messages.record(key, NOWHERE, version)
        if not shown.shows_content:
            self._hidden.add(key)

    async def _tell_requester(self, details: RequestDetails, remark: Remark, number: int, people: People) -> None:
        change, request = details.change, details.change.request
        key = _reply_key(change, number, request.requester)
        if await self.outcomes.sender.was_sent(key):
            return
        t = self.outcomes.locales.for_reader(request.locale, request.timezone)
        link = await self.outcomes.links.find_one(change)
        shown = replace(details, shows_content=True)
        await self.outcomes.send_directly(key, change, remark_notice(shown, remark, t, people, link))

    async def _tell_copies(self, details: RequestDetails, remark: Remark, number: int, people: People) -> None:
        """Reply to the copies that approvers have of a request, which they would not look at again by themselves."""
        change, outcomes = details.change, self.outcomes
        for copy in await outcomes.messages.list_of(change.id, MessageRole.DIRECT):
            if copy.place is None or copy.is_given_up or not isinstance(copy.key.recipient, UserId):
                continue
            channel, ts = copy.place
            profile = await outcomes.users.get_profile(copy.key.recipient)
            t = outcomes.locales.for_reader(profile.locale, profile.timezone)
            key = _reply_key(change, number, copy.key.recipient)
            build = partial(_build_in_copy, details, remark, t, people)
            with suppress(MessageRefusedError):
                await outcomes.sender.send(key, change.version, channel, build, thread=ts)

    async def _hide_text(self, shown: ShownRequest, remark: Remark, key: MessageKey, people: People) -> None:
        """Take the text out of a reply that was posted before another organisation came into the channel."""
        sent = await self.outcomes.messages.get(key)
        if key in self._hidden or sent is None or sent.place is None or sent.is_given_up:
            return
        public = shown.details.without_content()
        t = self.outcomes.locales.for_channel(public.policy, shown.change.request.locale)
        try:
            await self.poster.edit(*sent.place, remark_reply(public, remark, t, people))
        except (MessageGoneError, MessageRefusedError) as error:
            log.warning("telling.remark_not_hidden", change=shown.change.id, error=str(error))
        self._hidden.add(key)


def _calls_approvers(change: Change) -> bool:
    """Check whether a revision mentions the approvers, as a new request does."""
    return change.notify_mode is NotifyMode.MENTION and change.state is ChangeState.PENDING


def _build_in_copy(details: RequestDetails, remark: Remark, t: Translator, people: People, _mentions: bool) -> Message:
    return remark_reply(details, remark, t, people)


def _reply_key(change: Change, number: int, recipient: UserId | None = None) -> MessageKey:
    return MessageKey(change.id, f"{ROLE}.{number}", recipient)
