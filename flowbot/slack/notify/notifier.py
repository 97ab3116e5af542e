"""The notifier: tells people how far a change has come."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from flowbot.domain.change import Change, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.errors import DependencyError, SlackFaultError
from flowbot.i18n.translator import Translators
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.services.restores import parse_restored_change
from flowbot.slack.api.messages import MessagePoster, MessageRefusedError, Responder
from flowbot.slack.notify.form_result import FormResult
from flowbot.slack.notify.message_sync import RequestMessageSync
from flowbot.slack.views import notices
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
"""End states that the requester hears of in a message of their own, if the request's message is in another channel.

An unsaved form is always reported, so that its author can reopen it.
"""
UNREACHABLE_KEYS: Final[Mapping[str, str]] = {
    "not_in_channel": "fault.untold_not_in_channel",
    "channel_not_found": "fault.untold_not_in_channel",
    "is_archived": "fault.untold_archived",
}
"""The sentences that say how to make a message appear, by Slack's error code."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """Notifies the team by the request's message, and the requester separately where they need it.

    Attributes:
        _notified: The versions of which the requester has heard, and the message does not show yet.
        _announced: The changes whose skipped approval was announced by this process, recorded or not.
    """

    store: ChangeStore
    details: RequestDetailsLoader
    message_sync: RequestMessageSync
    form_result: FormResult
    poster: MessagePoster
    responder: Responder
    locales: Translators
    clock: Clock
    _notified: set[tuple[ChangeId, int]] = field(default_factory=set)
    _announced: set[ChangeId] = field(default_factory=set)

    async def notify(self, change: Change, flow: Flow | None = None) -> Change:
        """Announce a skipped approval, notify the requester and sync the message, each even if another fails.

        A restore takes its button from the message of the delete.

        The change counts as shown only when all are through. A change without a message for the team is reported
        to the form's author alone.

        Args:
            change: as it is now.
            flow: the flow as it is now, where it was read.

        Returns:
            The change as it is then.

        Raises:
            DependencyError: something could not be sent; it will be sent again.
        """
        if not change.has_team_message:
            await self.form_result.notify_by_message(change, flow)
            return await self.store.mark_shown(change.id, change.version)
        version = (change.id, change.version)
        faults: dict[str, DependencyError] = {}
        with _collecting(faults, "alarm"):
            await self._announce_skip(change)
        with _collecting(faults, "word"):
            await self._notify_requester(change)
        if (deleted := parse_restored_change(change.request)) is not None:
            with _collecting(faults, "deleted"):
                await self.message_sync.redraw(deleted)
        with _collecting(faults, "message"):
            synced = await self.message_sync.sync(change, counts_as_shown=not faults)
        if not faults:
            self._notified.discard(version)
            return synced
        if version in self._notified and change.progress.requester_notified_version != change.version:
            # A message that can never be shown may outlast this process.
            with _collecting(faults, "note"):
                await self.store.mark_requester_notified(*version)
        for part, fault in faults.items():
            cause = str(fault.__cause__ or "")
            log.warning("telling.later", change=change.id, part=part, error=str(fault), cause=cause)
        # The message first: its refusal is one that people can end.
        first = faults.get("message") or next(iter(faults.values()))
        refusal = first.__cause__
        code = refusal.reason if isinstance(refusal, MessageRefusedError) else ""
        raise DependencyError(UNREACHABLE_KEYS.get(code, "fault.untold")) from first

    async def remind(self, change: Change) -> None:
        """Remind approvers in the thread of a request.

        Raises:
            DependencyError: Slack did not take it.
        """
        if change.message_channel is None or change.message_ts is None:
            return
        details, t = await self.details.load(change), self.message_sync.translator(change)
        await self._post(change.message_channel, change.message_ts, notices.reminder_message(details, t, self.clock()))

    async def _announce_skip(self, change: Change) -> None:
        """Announce once that somebody skipped the approval.

        It goes into the channel itself, since few look into a thread; if that channel takes no messages, into the one
        where the change was requested.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer.
        """
        progress = change.progress
        if progress.skipped_by is None or change.state not in SEPARATELY_NOTIFIED or progress.skip_announced:
            return
        if change.id not in self._announced:
            newest = await self.store.get(change.id)
            if newest is not None and newest.progress.skip_announced:
                # Another process has announced it since the change was read.
                return
            message = notices.skipped_approval_message(
                await self.details.load(change), self.message_sync.translator(change)
            )
            try:
                await self.poster.post(change.posted_channel, message)
            except MessageRefusedError as refusal:
                channel, error = change.posted_channel, refusal.reason
                log.warning("telling.alarm_refused", change=change.id, channel=channel, error=error)
                await self._post(change.request.channel, None, message)
            self._announced.add(change.id)
        await self.store.mark_skip_announced(change.id)

    async def _notify_requester(self, change: Change) -> None:
        """Send the requester a message where the team's is in another channel, or their form comes back.

        Raises:
            DependencyError: Slack did not take it.
        """
        request, version = change.request, (change.id, change.version)
        is_elsewhere = change.message_channel not in {None, request.channel}
        if not (change.has_unsaved_form or (is_elsewhere and change.state in SEPARATELY_NOTIFIED)):
            return
        if version in self._notified or change.progress.requester_notified_version == change.version:
            return
        details, link = await self.details.load(change), await self.message_sync.find_permalink(change)
        message = notices.request_ended_message(
            details, link, self.locales.for_reader(request.locale, request.timezone)
        )
        await self.responder.notify_person(request.channel, request.requester, message)
        self._notified.add(version)

    async def _post(self, channel: ChannelId, ts: str | None, message: Message) -> None:
        try:
            await self.poster.post(channel, message, thread=ts)
        except MessageRefusedError as refusal:
            raise SlackFaultError(refusal.reason) from refusal


@contextmanager
def _collecting(faults: dict[str, DependencyError], part: str) -> Iterator[None]:
    """Keep the part's fault instead of raising it, so that the rest is sent too."""
    try:
        yield
    except DependencyError as fault:
        faults[part] = fault
