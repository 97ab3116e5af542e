"""The notifier of a request's people: the team by its message, approvers directly, and who asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change, ChangeState
from flowbot.errors import DependencyError, SlackFaultError
from flowbot.services.approver_rights import add_groups
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.messages import MessageKey, MessageRole
from flowbot.services.request_details import RequestDetails
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.restores import parse_restored_change
from flowbot.services.users import UserService
from flowbot.slack.api.errors import describe_refusal
from flowbot.slack.api.messages import MessagePoster, MessageRefusedError
from flowbot.slack.notify.approver_calls import ApproverCalls
from flowbot.slack.notify.direct_copies import DirectCopies
from flowbot.slack.notify.message_sync import RequestMessageSync
from flowbot.slack.notify.once import OnceSender
from flowbot.slack.notify.outcome_notices import ENDED, OutcomeNotices, ShownRequest
from flowbot.slack.notify.remark_notices import RemarkNotices
from flowbot.slack.views import notices
from flowbot.slack.views.people import People

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TeamNotifier:
    """Notifies the people of a request of how far it has come."""

    store: ChangeStore
    details: RequestDetailsLoader
    users: UserService
    message_sync: RequestMessageSync
    copies: DirectCopies
    outcomes: OutcomeNotices
    remarks: RemarkNotices
    calls: ApproverCalls
    sender: OnceSender
    poster: MessagePoster
    clock: Clock

    async def notify(self, change: Change) -> Change:
        """Announce a skipped approval, sync the message, tell who asked and what was said, sync the copies.

        Each is done even if another fails.

        A restore takes its button from the message of the delete. The change counts as shown only when all are through.

        Returns:
            The change as it is then.

        Raises:
            DependencyError: something could not be sent; it will be sent again.
        """
        faults: dict[str, DependencyError] = {}
        is_message_all = not self._has_more(change)
        synced = change
        shown: ShownRequest | None = None
        with _collecting(faults, "alarm"):
            await self._announce_skip(change)
        with _collecting(faults, "message"):
            shown = await self.message_sync.sync(change, counts_as_shown=is_message_all)
            synced = shown.change
        with _collecting(faults, "word"):
            await self.outcomes.send(_in_place_of(change, synced), shown)
        with _collecting(faults, "remarks"):
            await self.remarks.send(_in_place_of(change, synced), shown)
        with _collecting(faults, "copies"):
            await self.copies.sync(change)
        with _collecting(faults, "stage"):
            await self.calls.call_stage(_in_place_of(change, synced))
        with _collecting(faults, "escalation"):
            await self.calls.call_escalated(_in_place_of(change, synced))
        if (deleted := parse_restored_change(change.request)) is not None:
            with _collecting(faults, "deleted"):
                await self.message_sync.redraw(deleted)
        if not faults and is_message_all:
            return synced
        if not faults:
            marked = await self.store.mark_shown(change.id, change.version, owner=change.lease_owner)
            # A channel that was shared just before the mark is not noted as unshown.
            return marked if await self.outcomes.is_current(shown) else await self.notify(change)
        if self.outcomes.is_due(change) and "word" not in faults:
            # A message that can never be shown may outlast this process.
            with _collecting(faults, "note"):
                await self.store.mark_requester_notified(change.id, change.version)
        for part, fault in faults.items():
            cause = str(fault.__cause__ or "")
            log.warning("telling.later", change=change.id, part=part, error=str(fault), cause=cause)
        # The message first: its refusal is one that people can end.
        first = faults.get("message") or next(iter(faults.values()))
        refusal = first.__cause__
        if not isinstance(refusal, MessageRefusedError):
            raise DependencyError("fault.untold") from first
        raise DependencyError(
            "fault.untold_for", why=describe_refusal(synced.posted_channel, refusal.reason)
        ) from first

    async def remind(self, change: Change) -> None:
        """Remind approvers in the thread of a request; where it takes none, tell the requester.

        Raises:
            DependencyError: Slack did not take it.
        """
        if change.message_channel is None or change.message_ts is None:
            return
        details = await add_groups(self.users, await self.details.load(change))
        t = self.message_sync.translator(details)
        message = notices.reminder_message(details, t, self.clock(), await self._name_people(details))
        try:
            await self.poster.post(change.message_channel, message, thread=change.message_ts)
        except MessageRefusedError as refusal:
            # Its approvers cannot see it: who asked can put that right, or withdraw it.
            await self.message_sync.report_refusal(change, refusal)
            raise SlackFaultError(refusal.reason) from refusal

    @staticmethod
    def _has_more(change: Change) -> bool:
        """Check whether more than the message has to be sent of this version."""
        is_copied = change.notify_mode is NotifyMode.DIRECT
        is_restore = parse_restored_change(change.request) is not None
        is_told = OutcomeNotices.is_due(change) or ApproverCalls.may_be_due(change) or change.progress.remarks > 0
        return is_told or is_copied or is_restore or change.progress.skipped_by is not None

    async def _announce_skip(self, change: Change) -> None:
        """Announce once that somebody skipped the approval.

        It goes into the channel itself, since few look into a thread; if that channel takes no messages, into the one
        where the change was requested.

        Raises:
            DependencyError: Slack did not take it, or the database did not answer.
        """
        progress = change.progress
        is_told = change.state in ENDED or change.state is ChangeState.SCHEDULED
        if progress.skipped_by is None or not is_told or progress.skip_announced:
            return
        details = await add_groups(self.users, await self.details.load(change))
        t = self.message_sync.translator(details)
        people = await self._name_people(details)
        # A revision voids a skip: another one is announced again.
        key = MessageKey.for_round(change.id, MessageRole.ALARM, progress.round)
        channels = [change.posted_channel, change.request.channel]
        for channel in channels:
            try:
                await self.sender.send(
                    key,
                    change.version,
                    channel,
                    lambda mentions: notices.skipped_approval_message(details, t, people, mentions=mentions),
                )
            except MessageRefusedError as refusal:
                log.warning("telling.alarm_refused", change=change.id, channel=channel, error=refusal.reason)
                if channel is channels[-1]:
                    raise SlackFaultError(refusal.reason) from refusal
            else:
                await self.store.mark_skip_announced(change.id)
                return

    async def _name_people(self, details: RequestDetails) -> People:
        """Look up the names of a request's people, since a mention in a new message would notify them."""
        return People(await self.users.find_names(details.people))


def _in_place_of(change: Change, synced: Change) -> Change:
    """Return the change as it was, with the place of its message as that is now."""
    return replace(change, message_channel=synced.message_channel, message_ts=synced.message_ts)


@contextmanager
def _collecting(faults: dict[str, DependencyError], part: str) -> Iterator[None]:
    """Keep the part's fault instead of raising it, so that the rest is sent too."""
    try:
        yield
    except DependencyError as fault:
        faults[part] = fault
