"""The notifier: tells people what became of a change, in which order."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.errors import DependencyError
from flowbot.slack.api.messages import MessagePoster, MessageRefusedError
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.request_message import RequestMessage, is_public
from flowbot.slack.views import notices as views
from flowbot.slack.views.block_kit import Message

SEPARATELY_NOTIFIED: Final = frozenset(
    {
        ChangeState.APPLIED,
        ChangeState.FAILED,
        ChangeState.UNKNOWN,
        ChangeState.REJECTED,
        ChangeState.EXPIRED,
        ChangeState.OUT_OF_DATE,
    }
)
"""Ends of which the one who asked is told where the message is in another channel than they asked in.

Of a form that was not saved they are told wherever it is, and also where they withdrew it: they have it back.
"""


UNREACHABLE_KEYS: Final[Mapping[str, str]] = {
    "not_in_channel": "fault.untold_not_in_channel",
    "channel_not_found": "fault.untold_not_in_channel",
    "is_archived": "fault.untold_archived",
}
"""What somebody has to do before a message can be shown, by Slack's word for why it is not."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """Tells.

    Attributes:
        _apart: Versions that were told apart, and not by their messages yet.
        _rung: Whose alarms have rung here, whether that could be noted or not.
    """

    request_message: RequestMessage
    form_result: FormResult
    poster: MessagePoster
    _apart: set[tuple[ChangeId, int]] = field(default_factory=set)
    _rung: set[ChangeId] = field(default_factory=set)

    async def notify(self, change: Change, shown: Flow | None) -> None:
        """Tell how far a change has come.

        Raises:
            DependencyError: it could not be told; it will be tried again.
        """
        if not is_public(change):
            await self.form_result.notify_by_message(change, shown)
            return
        troubles = await self._publicly(change)
        for part, fault in troubles.items():
            # What was done is done, whatever becomes of its message: nobody has to do it again.
            cause = str(fault.__cause__ or "")
            log.warning("telling.later", change=change.id, part=part, error=str(fault), cause=cause)
        if troubles:
            worst = next(iter(troubles.values()))
            raise DependencyError(_undelivered_reason(worst)) from worst

    async def _publicly(self, change: Change) -> Mapping[str, DependencyError]:
        """By the message for the team, and apart; each whatever becomes of the others.

        What could not be told apart is tried again: the message alone does not make the change count as told.

        Returns:
            What kept each part from being told that was not; first of the message, where people may put it right.
        """
        alarm, word = await _delivery_problem(self._alarm(change)), await _delivery_problem(self._tell_apart(change))
        message = await _delivery_problem(self.request_message.sync(change, is_told=alarm is None and word is None))
        parts = {"message": message, "alarm": alarm, "word": word}
        troubles = {part: fault for part, fault in parts.items() if fault is not None}
        if not troubles:
            self._apart.discard((change.id, change.version))
        elif noting := await _delivery_problem(self._note_apart(change)):
            troubles["note"] = noting
        return troubles

    async def remind(self, change: Change) -> None:
        """Remind approvers in the thread of a request.

        Raises:
            DependencyError: Slack did not take it.
        """
        if change.message_channel is None or change.message_ts is None:
            return
        shown = await self.request_message.load(change)
        message = views.reminder_message(shown, self.request_message.words(change), self.request_message.clock())
        await self._post(change.message_channel, change.message_ts, message)

    async def _alarm(self, change: Change) -> None:
        """Tell the approvers, loudly and once, that somebody broke the glass; whatever else is tried again.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer.
        """
        if change.progress.skipped_by is None or change.state not in SEPARATELY_NOTIFIED or change.progress.is_alarmed:
            return
        if change.id not in self._rung:
            kept = await self.request_message.store.get(change.id)
            if kept is not None and kept.progress.is_alarmed:
                # Another process has rung since the change was read.
                return
            await self._ring(change)
            self._rung.add(change.id)
        await self.request_message.store.mark_skip_announced(change.id)

    async def _ring(self, change: Change) -> None:
        """In the channel itself, since a thread is for those who look; where that is closed, where it was asked.

        Raises:
            DependencyError: Slack did not take it.
        """
        message = views.skipped_approval_message(
            await self.request_message.load(change), self.request_message.words(change)
        )
        try:
            await self.poster.post(change.posted_channel, message)
        except MessageRefusedError as refusal:
            log.warning("telling.alarm_refused", change=change.id, channel=change.posted_channel, error=refusal.reason)
            await self._post(change.request.channel, None, message)

    async def _post(self, channel: ChannelId, ts: str | None, message: Message) -> None:
        try:
            await self.poster.post(channel, message, thread=ts)
        except MessageRefusedError as refusal:
            raise DependencyError("fault.slack", error=refusal.reason) from refusal

    async def _tell_apart(self, change: Change) -> None:
        """Tell the one who asked, where the message is in another channel than they asked in, or they have a form back.

        Raises:
            DependencyError: Slack did not take it.
        """
        asked = change.request
        is_elsewhere = change.message_channel not in {None, asked.channel}
        if not (change.has_unsaved_form or (is_elsewhere and change.state in SEPARATELY_NOTIFIED)):
            return
        if (change.id, change.version) in self._apart or change.progress.told_apart == change.version:
            return
        t = self.request_message.locales.for_reader(asked.locale, asked.timezone)
        message = views.request_ended_message(
            await self.request_message.load(change), await self.request_message.link(change), t
        )
        await self.poster.notify_person(asked.channel, asked.requester, message)
        self._apart.add((change.id, change.version))

    async def _note_apart(self, change: Change) -> None:
        """Keep that the one who asked was told: a message that can never show it may outlast this process.

        Raises:
            DependencyError: the database did not answer.
        """
        if (change.id, change.version) in self._apart and change.progress.told_apart != change.version:
            await self.request_message.store.mark_requester_notified(change.id, change.version)

    async def find_permalinks(self, changes: tuple[Change, ...]) -> Mapping[ChangeId, str]:
        """The addresses of the changes' messages, where they are known."""
        found = {change.id: await self.request_message.link(change) for change in changes}
        return {change_id: link for change_id, link in found.items() if link}


async def _delivery_problem(telling: Awaitable[object]) -> DependencyError | None:
    """What kept something from being told; None where nothing did. It keeps nothing else from being told."""
    try:
        await telling
    except DependencyError as fault:
        return fault
    return None


def _undelivered_reason(fault: DependencyError) -> str:
    """The message's key for a change that is kept and could not be told."""
    refusal = fault.__cause__
    return (
        UNREACHABLE_KEYS.get(refusal.reason, "fault.untold")
        if isinstance(refusal, MessageRefusedError)
        else "fault.untold"
    )
