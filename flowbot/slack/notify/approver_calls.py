"""Calls of approvers in a request's thread, once it is their turn: of a later stage, or of an escalation."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change, ChangeState
from flowbot.errors import SlackFaultError
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.approver_rights import add_groups
from flowbot.services.ports import Clock
from flowbot.services.ports.messages import MessageKey, MessageRole
from flowbot.services.request_details import RequestDetails
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessageRefusedError
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.escalation import escalation_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.notices import stage_message
from flowbot.slack.views.people import People

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApproverCalls:
    """Calls the approvers of each stage after the first, and those to whom a request was escalated, once each.

    Every method raises DependencyError where Slack did not take it, or the database did not answer; it will be tried
    again.
    """

    details: RequestDetailsLoader
    copies: DirectCopies
    users: UserService
    sender: OnceSender
    locales: Translators
    clock: Clock

    @staticmethod
    def may_be_due(change: Change) -> bool:
        """Check whether a request was escalated, or a later stage of it may have begun."""
        return _is_escalated(change) or _calls_stages(change)

    async def call_stage(self, change: Change) -> None:
        """Call the approvers of the stage that waits, unless they were called, or it is the first."""
        if not _calls_stages(change) or change.message_ts is None:
            return
        details = await self.details.load(change)
        if not details.stage:
            return
        key = MessageKey.for_stage(change.id, change.progress.round, details.stage)
        if await self.sender.was_sent(key):
            return
        await self.copies.send_stage(change, details.stage)
        details = await add_groups(self.users, details)
        await self._send(key, details, lambda t, people, mentions: stage_message(details, t, people, mentions=mentions))

    async def call_escalated(self, change: Change) -> None:
        """Call those to whom a request was escalated, unless they were called."""
        key = MessageKey.for_round(change.id, MessageRole.ESCALATION, change.progress.round)
        if not _is_escalated(change) or change.message_ts is None or await self.sender.was_sent(key):
            return
        await self.copies.send_stage(change, None)
        details, now = await add_groups(self.users, await self.details.load(change)), self.clock()
        await self._send(
            key, details, lambda t, people, mentions: escalation_message(details, t, now, people, mentions=mentions)
        )

    async def _send(
        self, key: MessageKey, details: RequestDetails, build: Callable[[Translator, People, bool], Message]
    ) -> None:
        change = details.change
        channel, thread = change.message_channel, change.message_ts
        if channel is None or thread is None:
            return
        t = self.locales.for_channel(details.policy, change.request.locale)
        people = People(await self.users.find_names(details.people))
        try:
            await self.sender.send(
                key, change.version, channel, lambda mentions: build(t, people, mentions), thread=thread
            )
        except MessageRefusedError as refusal:
            log.warning("telling.call_refused", change=change.id, role=key.role, channel=channel, error=refusal.reason)
            raise SlackFaultError(refusal.reason) from refusal


def _is_escalated(change: Change) -> bool:
    return change.progress.is_escalated and change.state is ChangeState.PENDING


def _calls_stages(change: Change) -> bool:
    rule = change.rule
    has_stages = rule is not None and bool(rule.stages) and rule.notify is not NotifyMode.NONE
    return has_stages and change.state is ChangeState.PENDING
