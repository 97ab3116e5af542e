"""Direct copies of requests, for approvers whom the policy calls by direct message."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

import structlog

from flowbot.domain.approval import PEOPLE_CALLED_MAX, escalation_policy, stage_policy
from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, UserId
from flowbot.errors import DependencyError, SlackFaultError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.approver_rights import find_right, list_called
from flowbot.services.listed_rights import ListedRight
from flowbot.services.ports import Clock
from flowbot.services.ports.messages import NOWHERE, MessageRole, MessageStore, SentMessage
from flowbot.services.request_details import RequestDetails
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.errors import UNREACHABLE
from flowbot.slack.api.messages import MessageGoneError, MessagePoster, MessageRefusedError
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views import block_kit
from flowbot.slack.views.approver_rights import right_elements
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.request_message import request_message

MOST_ROUNDS: Final = 5
PATIENCE_SECONDS: Final = 12.0
"""Longer than a call of Slack's may take: no other process is still sending by then."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DirectCopies:
    """Sends approvers their copies of a request, and keeps them in step with it."""

    messages: MessageStore
    details: RequestDetailsLoader
    users: UserService
    sender: OnceSender
    poster: MessagePoster
    locales: Translators
    clock: Clock
    _locks: WeakValueDictionary[ChangeId, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def sync(self, change: Change) -> None:
        """Send the copies of a new request, and edit those that were sent until they show its newest version.

        Raises:
            DependencyError: not all could be sent or edited; it will be tried again.
        """
        if change.notify_mode is not NotifyMode.DIRECT:
            return
        async with self._locks.setdefault(change.id, asyncio.Lock()):
            # A request that was shown before has its copies, or was made before there were any.
            if change.state is ChangeState.PENDING and change.shown_version == 0:
                await self._plan(change, 0)
            for _ in range(MOST_ROUNDS):
                details = await self.details.load_newest(change.id)
                if not await self._sync_all(details):
                    return

    async def send_stage(self, change: Change, stage: int | None) -> None:
        """Send the copies of a stage that has begun, or (None) of an escalation.

        Raises:
            DependencyError: not all could be sent; it will be tried again.
        """
        if change.notify_mode is NotifyMode.DIRECT:
            async with self._locks.setdefault(change.id, asyncio.Lock()):
                await self._plan(change, stage)
            await self.sync(change)

    async def _plan(self, change: Change, stage: int | None) -> None:
        """Choose who gets a copy of a stage, or (None) of an escalation: ten of its approvers, not the requester."""
        seen = await self.messages.list_of(change.id, MessageRole.DIRECT)
        record = await self.details.store.get_record(change.id)
        policy = record.scope.policy
        if policy is None or (seen and stage == 0):
            return
        narrowed = escalation_policy(policy) if stage is None else stage_policy(policy, stage, is_escalated=False)
        details = RequestDetails.of(replace(record, change=change), self.details.zone, self.clock())
        details = replace(details, approvers=narrowed.all_approvers)
        chosen: list[UserId] = []
        for user in await list_called(self.users, details):
            if len(chosen) < PEOPLE_CALLED_MAX and await self._find_right(details, user) is not None:
                chosen.append(user)
        await self.messages.plan(change.id, MessageRole.DIRECT, chosen, seen=len(seen))

    async def _find_right(self, details: RequestDetails, user: UserId) -> ListedRight | None:
        """Find the right by which a person may approve; None where they may not, or Slack does not say."""
        try:
            return await find_right(self.users, details, user)
        except DependencyError as error:
            log.warning("telling.approver_unknown", user=user, error=str(error))
            return None

    async def _sync_all(self, details: RequestDetails) -> bool:
        """Send or edit what does not show this version yet; return whether there was anything.

        Raises:
            DependencyError: not all could be; the others were.
        """
        faults: list[DependencyError] = []
        behind = list(_list_behind(await self.messages.list_of(details.change.id, MessageRole.DIRECT), details.change))
        people = People(await self.users.find_names(details.people)) if behind else MENTIONED
        for copy in behind:
            try:
                await self._send_or_edit(copy, details, people)
            except DependencyError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return bool(behind)

    async def _send_or_edit(self, copy: SentMessage, details: RequestDetails, people: People) -> None:
        recipient, version = copy.key.recipient, details.change.version
        if not isinstance(recipient, UserId):
            return
        t = await self._find_translator(recipient, details)
        message = request_message(details, t, self.clock(), people=people, is_copy=True)
        if details.stage is not None and (right := await self._find_right(details, recipient)) is not None:
            why = block_kit.rich_paragraph(*right_elements(right, details.change.request.channel, t))
            message = replace(message, blocks=(*message.blocks, why))
        try:
            if copy.place is None:
                await self.sender.send(copy.key, version, recipient, lambda _: message, patience=PATIENCE_SECONDS)
                return
            await self.poster.edit(*copy.place, message)
        except (MessageRefusedError, MessageGoneError) as error:
            if isinstance(error, MessageRefusedError) and error.reason not in UNREACHABLE:
                raise SlackFaultError(error.reason) from error
            log.warning("telling.copy_refused", change=details.change.id, user=recipient, error=str(error))
            await self.messages.record(copy.key, NOWHERE, version)
        else:
            await self.messages.record(copy.key, copy.place, version)

    async def _find_translator(self, recipient: UserId, details: RequestDetails) -> Translator:
        try:
            profile = await self.users.get_profile(recipient)
        except DependencyError:
            return self.locales.for_channel(details.policy, details.change.request.locale)
        return self.locales.for_reader(profile.locale, profile.timezone)


def _list_behind(copies: tuple[SentMessage, ...], change: Change) -> Iterator[SentMessage]:
    """List the copies that do not show the change's version: of a change that has ended only those that were sent."""
    for copy in copies:
        is_pending = change.state is ChangeState.PENDING
        if not copy.is_given_up and (is_pending if copy.place is None else copy.shown_version < change.version):
            yield copy
