"""The one message of a request, kept in step with its row."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.flow import WriteOnlyFields
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.lint import lint
from flowbot.errors import DependencyError, Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.forms import FormService
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore, PolicyStore
from flowbot.services.request_details import RequestDetails, since_approved
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError
from flowbot.slack.views import sentences
from flowbot.slack.views.block_kit import Message
from flowbot.slack.views.request_blocks import format_title
from flowbot.slack.views.request_message import format_state, request_message

MOST_ROUNDS: Final = 5


log = structlog.get_logger(__name__)


def is_public(change: Change) -> bool:
    """Whether the team sees the change in a message: what was asked for approval, and what changes a flow's state."""
    return change.rule is not None or change.request.kind not in {ChangeKind.CREATE, ChangeKind.EDIT}


@dataclass(frozen=True, slots=True)
class RequestMessage:
    """Draws changes."""

    store: ChangeStore
    policies: PolicyStore
    forms: FormService
    poster: MessagePoster
    locales: Translators
    clock: Clock
    _locks: WeakValueDictionary[ChangeId, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _told: set[tuple[ChangeId, ChangeState]] = field(default_factory=set)
    _posted: dict[ChangeId, tuple[ChannelId, str]] = field(default_factory=dict)

    async def sync(self, change: Change, *, is_told: bool = True) -> Change:
        """Post or edit the change's message until it shows the newest version. The change as it is then.

        Args:
            change: which one.
            is_told: whether whoever else has to hear of this version has heard of it, so that people count as told of
                it once it is drawn. Where not, or where a newer one is drawn, the rest is left to who tells of that.

        Raises:
            DependencyError: Slack did not take it; it will be tried again.
        """
        lock = self._locks.setdefault(change.id, asyncio.Lock())
        async with lock:
            return await self._draw(change, told=change.version if is_told else change.version - 1)

    async def record_location(self, change_id: ChangeId, channel: ChannelId, ts: str) -> bool:
        """Note where a change's message is, where that is not known yet, so that no second one is posted.

        Whether it is a twin: a process that died between posting and noting may have left one.
        """
        change = await self.store.get(change_id)
        if change is not None and change.message_ts is None:
            change = await self.store.mark_shown(change_id, 0, channel=channel, ts=ts)
        return change is not None and (change.message_channel, change.message_ts) != (channel, ts)

    async def sync_duplicate(self, change_id: ChangeId, channel: ChannelId, ts: str) -> None:
        """Let a second message of a change show what the first one shows; once, since nobody knows of it."""
        change = await self.store.get(change_id)
        if change is None:
            return
        message = request_message(await self.load(change), self.words(change), self.clock())
        try:
            await self.poster.edit(channel, ts, message)
        except (DependencyError, MessageGoneError) as error:
            log.warning("projection.twin_not_drawn", change=change_id, error=str(error))

    async def load(self, change: Change) -> RequestDetails:
        """Everything that is shown of a change.

        Raises:
            DependencyError: the database did not answer.
        """
        scope = await self.policies.get_scope(change.request.channel)
        approved = await self.store.last_approved_before(change)
        bare = RequestDetails(
            change=change,
            votes=await self.store.votes(change.id),
            website_names=scope.website_names,
            since_approved=since_approved(change, approved, scope.policy),
            approvers=scope.policy.approvers if scope.policy else (),
        )
        return replace(bare, remarks=self._remarks(bare))

    async def link(self, change: Change) -> str | None:
        """The address of a change's message, where it has one and Slack tells it."""
        if change.message_channel is None or change.message_ts is None:
            return None
        return await self.poster.find_permalink(change.message_channel, change.message_ts)

    def words(self, change: Change) -> Translator:
        """The language of the change's message: the fixed one, else the requester's."""
        return self.locales.for_channel(change.request.locale)

    async def _draw(self, change: Change, *, told: int) -> Change:
        newest = await self.store.get(change.id) or change
        for _ in range(MOST_ROUNDS):
            message = request_message(await self.load(newest), self.words(newest), self.clock())
            # Whoever is cancelled half-way would leave a message that nobody knows of.
            noted = await asyncio.shield(self._put_and_note(newest, message, told))
            if noted.version == newest.version and noted.shown_version <= newest.version:
                return noted
            newest = noted
        return newest

    async def _put_and_note(self, change: Change, message: Message, told: int) -> Change:
        channel, ts = await self._put(change, message)
        # Where it cannot be noted now, the next round shall edit this message and not post another.
        self._posted[change.id] = (channel, ts)
        # Never less than was told before: with that, the message's new place would not be noted.
        version = max(change.shown_version, min(change.version, told))
        noted = await self.store.mark_shown(change.id, version, channel=channel, ts=ts)
        del self._posted[change.id]
        return noted

    async def _put(self, change: Change, message: Message) -> tuple[ChannelId, str]:
        """Edit the message, or post it where there is none (any more). Its channel and ts."""
        try:
            if (edited := await self._edited(change, message)) is not None:
                return edited
            return await self.poster.post(change.approval_channel, message)
        except MessageRefusedError as refusal:
            await self._tell_refusal(change, change.posted_channel, refusal)
            raise DependencyError("fault.slack", error=refusal.reason) from refusal

    async def _edited(self, change: Change, message: Message) -> tuple[ChannelId, str] | None:
        """Edit the message. Its channel and ts; None where there is none (any more)."""
        channel, ts = self._posted.get(change.id) or (change.message_channel, change.message_ts)
        if channel is None or ts is None:
            return None
        try:
            await self.poster.edit(channel, ts, message)
        except MessageGoneError:
            log.warning("projection.message_gone", change=change.id)
            return None
        return channel, ts

    async def _tell_refusal(self, change: Change, channel: ChannelId, refusal: MessageRefusedError) -> None:
        """Tell the one who asked that the channel does not take the message; once a process and state."""
        log.warning("projection.refused", change=change.id, channel=channel, error=refusal.reason)
        if (change.id, change.state) in self._told:
            return
        asked = change.request
        t = self.locales.for_reader(asked.locale, asked.timezone)
        said = {"what": format_title(change, t), "state": format_state(await self.load(change), t)}
        key = "request.not_posted" if change.message_ts is None else "request.not_shown"
        sentence = sentences.sentence_message(t, key, {**said, "channel": channel, "error": refusal.reason})
        await self.poster.notify_person(asked.channel, asked.requester, sentence)
        self._told.add((change.id, change.state))

    def _remarks(self, request: RequestDetails) -> tuple[Text, ...]:
        """What is worth another look, where subscribers would get it."""
        asked = request.change.request
        if request.content is None or asked.kind not in {ChangeKind.ENABLE, ChangeKind.EDIT}:
            return ()
        unread = asked.wanted.unread if asked.wanted else WriteOnlyFields()
        hosts = self.forms.known_hosts(request.content.website_id, asked.flow)
        return lint(request.content, unread, sibling_hosts=hosts, utm_may_be_set=True)
