"""Notices to the approvers of a later stage that it is their turn."""

from dataclasses import dataclass

import structlog

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change, ChangeState
from flowbot.errors import SlackFaultError
from flowbot.i18n.translator import Translators
from flowbot.services.ports.messages import MessageKey, MessageStore
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.users import UserService
from flowbot.slack.api.messages import MessageRefusedError
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.views.notices import stage_message
from flowbot.slack.views.people import People

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StageNotices:
    """Calls the approvers of each stage after the first, once, in the request's thread."""

    messages: MessageStore
    details: RequestDetailsLoader
    copies: DirectCopies
    users: UserService
    sender: OnceSender
    locales: Translators

    @staticmethod
    def may_be_due(change: Change) -> bool:
        """Check whether a later stage of a request may have begun."""
        rule = change.rule
        is_staged = rule is not None and bool(rule.stages) and rule.notify is not NotifyMode.NONE
        return is_staged and change.state is ChangeState.PENDING

    async def send(self, change: Change) -> None:
        """Call the approvers of the stage that waits, unless they were called, or it is the first.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer; it will be tried again.
        """
        channel, thread = change.message_channel, change.message_ts
        if not self.may_be_due(change) or channel is None or thread is None:
            return
        details = await self.details.load(change)
        if not details.stage:
            return
        key = MessageKey.for_stage(change.id, change.progress.round, details.stage)
        if (called := await self.messages.get(key)) is not None and called.place is not None:
            return
        await self.copies.send_stage(change, details.stage)
        t = self.locales.for_channel(details.policy, change.request.locale)
        people = People(await self.users.find_names(details.people))
        try:
            await self.sender.send(
                key,
                change.version,
                channel,
                lambda mentions: stage_message(details, t, people, mentions=mentions),
                thread=thread,
            )
        except MessageRefusedError as refusal:
            log.warning("telling.stage_refused", change=change.id, channel=channel, error=refusal.reason)
            raise SlackFaultError(refusal.reason) from refusal
