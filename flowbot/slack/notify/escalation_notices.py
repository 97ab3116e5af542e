"""Notices to those who may decide on a request, too, since it has waited for long."""

from dataclasses import dataclass

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.errors import SlackFaultError
from flowbot.i18n.translator import Translators
from flowbot.services.ports import Clock
from flowbot.services.ports.messages import MessageKey, MessageRole, MessageStore
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessageRefusedError
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.escalation import escalation_message
from flowbot.slack.views.people import People

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EscalationNotices:
    """Calls those to whom a request was escalated, once, in the request's thread."""

    messages: MessageStore
    details: RequestDetailsLoader
    copies: DirectCopies
    users: UserService
    sender: OnceSender
    locales: Translators
    clock: Clock

    @staticmethod
    def may_be_due(change: Change) -> bool:
        """Check whether a request was escalated, and waits."""
        return change.progress.is_escalated and change.state is ChangeState.PENDING

    async def send(self, change: Change) -> None:
        """Call those to whom a request was escalated, unless they were called.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer; it will be tried again.
        """
        channel, thread = change.message_channel, change.message_ts
        if not self.may_be_due(change) or channel is None or thread is None:
            return
        key = MessageKey.for_round(change.id, MessageRole.ESCALATION, change.progress.round)
        if (called := await self.messages.get(key)) is not None and called.place is not None:
            return
        await self.copies.send_stage(change, None)
        details = await self.details.load(change)
        t = self.locales.for_channel(details.policy, change.request.locale)
        people, now = People(await self.users.find_names(details.people)), self.clock()
        try:
            await self.sender.send(
                key,
                change.version,
                channel,
                lambda mentions: escalation_message(details, t, now, people, mentions=mentions),
                thread=thread,
            )
        except MessageRefusedError as refusal:
            log.warning("telling.escalation_refused", change=change.id, channel=channel, error=refusal.reason)
            raise SlackFaultError(refusal.reason) from refusal
