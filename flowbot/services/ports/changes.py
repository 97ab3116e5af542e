"""The database's port for changes, and the values that pass through it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditEvent, Transition
from flowbot.domain.change import Change, ChangeRequest, ChangeState, Lease
from flowbot.domain.draft import Draft
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.known_settings import SettingsWrite
from flowbot.domain.progress import Progress
from flowbot.domain.remarks import Remark
from flowbot.domain.votes import Vote
from flowbot.services.ports.leases import BacklogStore
from flowbot.services.ports.messages import Place
from flowbot.services.ports.policies import ChannelScope


class VersionConflictError(Exception):
    """The change has moved since it was read. `current` is what it is now."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"change {current.id} is {current.state} in version {current.version}")
        self.current = current


class FlowClaimedError(Exception):
    """Another change has already claimed the flow that this one is said to have created."""


class FlowBusyError(Exception):
    """The flow has an open change already: `current`."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"flow {current.request.flow} has open change {current.id}")
        self.current = current


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A change, the votes on it, oldest first, and its channel's scope, as they were at one moment."""

    change: Change
    votes: tuple[Vote, ...]
    scope: ChannelScope


@dataclass(frozen=True, slots=True)
class VoteResult:
    """A counted vote: the change as it is now, all votes on it, and whether this one was new.

    Attributes:
        record: The same, with its channel's scope, where the vote was the last that was needed.
    """

    change: Change
    votes: tuple[Vote, ...]
    is_new: bool
    record: RequestRecord | None = None


class VotedChange(NamedTuple):
    """A change, and the votes on it, oldest first."""

    change: Change
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to read.

    Attributes:
        websites: Those of these websites only; None for all, also those of no website.
        flow: Those of this flow only; None for all.
        except_actions: None with one of these actions.
    """

    websites: frozenset[WebsiteId] | None = None
    flow: FlowId | None = None
    except_actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """What tells in whose list a pending or scheduled change is; the rest is read of those that are shown.

    Attributes:
        flow: The flow that it is about.
        rule: The approval rule as it was when approval was requested; None where none was needed.
        posted_channel: The channel that its message is in, or will go to.
        progress: The notes about it.
        votes: The votes on it, while it is pending, oldest first.
    """

    id: ChangeId
    state: ChangeState
    requester: UserId
    channel: ChannelId
    website: WebsiteId
    flow: FlowId | None
    created_at: datetime
    rule: ApprovalRule | None
    posted_channel: ChannelId
    progress: Progress
    votes: tuple[Vote, ...] = ()

    @property
    def starts_at(self) -> datetime | None:
        """Return when it starts, where it has a time or a freeze held it."""
        return self.progress.starts_at


class Replacement(NamedTuple):
    """The replacement of one change by what becomes of it, with its events."""

    seen: Change
    moved: Change
    events: tuple[AuditEvent, ...] = ()


SettingsOf = Callable[[Change], SettingsWrite | None]
"""Tells what an applied change has set that cannot be read back; None where that is nothing."""


class ChangeStore(BacklogStore, Protocol):
    """The store of changes, with their votes and events.

    Every method is one transaction, and checks the state that it changes inside it. Events are written with the id of
    their change, in the transaction of what they tell. Every method raises DependencyError where the database fails.
    """

    async def submit(
        self,
        new: ChangeRequest,
        lease: Lease,
        event: AuditEvent,
        *,
        displacing: Transition | None = None,
        draft: Draft | None = None,
    ) -> tuple[RequestRecord, bool]:
        """Add a change as `draft` in version 1, leased and due at once, or find the one with the same token.

        Args:
            new: the change.
            lease: the lease of this process.
            event: written only if the change is new.
            displacing: how the flow's open change ends, so that this one takes its place. One that is being applied
                goes on, and the new one follows it: it is worked on once that has ended.
            draft: what was typed into its form, written as `DraftStore.save` does, only if the change is new.

        Returns:
            The change with its votes and its channel's scope, and whether it is new.

        Raises:
            FlowBusyError: the flow has an open change; nothing was written.
        """

    def snapshot(self) -> AbstractAsyncContextManager[None]:
        """Let all that the block reads of the database, from whatever store, be of one moment, in one transaction.

        The block waits for nothing but the database, and starts no tasks.
        """

    async def get(self, change: ChangeId) -> Change | None:
        """Return one change, as it was committed last."""

    async def get_record(self, change: ChangeId) -> RequestRecord:
        """Return one change with its votes and its channel's scope, or raise LookupError."""

    async def get_records(self, wanted: Sequence[ChangeId]) -> tuple[RequestRecord, ...]:
        """Return several changes, in this order, each with its votes and its channel's scope."""

    async def get_by_token(self, token: FormToken) -> Change | None:
        """Return the change that a form became."""

    async def open_change_of(self, flow: FlowId) -> Change | None:
        """Return the open change of a flow."""

    async def last_approved_before(self, change: Change) -> Change | None:
        """Return the latest change of the same flow, submitted before this one, that an approval enabled or edited."""

    async def sent_since(self, flow: FlowId, since: datetime) -> tuple[Change, ...]:
        """List the changes of a flow that were sent after `since` and done, or perhaps done, in the order submitted."""

    async def late_since(self, since: datetime) -> tuple[Change, ...]:
        """List the changes sent after `since` of which a reading may tell more: unknown ones, enables and creates."""

    async def unobserved(self) -> tuple[Change, ...]:
        """List the changes that were sent and that the watch has not counted yet, the one moved first before others."""

    async def scheduled_disables(self, flow: FlowId | None = None) -> tuple[Change, ...]:
        """List the disables that wait for their time, of all flows or of one, the next due first."""

    async def creating(self, website: WebsiteId, *, except_change: ChangeId) -> tuple[Change, ...]:
        """List the other creates and restores on the website that are sent and not read back yet."""

    async def flows_created_by_others(self, flows: Collection[FlowId], *, except_change: ChangeId) -> frozenset[FlowId]:
        """Return those of `flows` that another change than `except_change` has made."""

    async def replace_if_unchanged(
        self,
        seen: Change,
        moved: Change,
        *events: AuditEvent,
        settings: SettingsOf | None = None,
        displacing: Transition | None = None,
        along: Replacement | None = None,
    ) -> Change:
        """Put `moved` in the place of `seen`, in the next version, if version and lease owner are still as seen.

        Written is every field of `moved` but id, created_at, version and those of `mark_shown`; of the request only its
        content: the flow as it was, what is wanted and typed, and the image. With another round the votes are deleted.
        `sent_at` and `newest_before` stay once they are set. Lease, `due_at` and progress stay as they are now where
        `moved` has them as `seen` has: others renew, postpone and note without a new version.

        In the same transaction what `settings` tells of the change is added to what is known of its flow, the flow's
        open change ends by `displacing`, and first of all the other change of `along` is replaced. A settled change
        plans the end of an enable (`plan_end`), and ends the disables that have nothing left to do (`void_disables`).
        The draft of a form is deleted once its change is applied or waits.

        Returns:
            The change as it is now.

        Raises:
            VersionConflictError: somebody was faster, with either of the two; nothing was written.
            FlowClaimedError: another change has made the flow that its outcome names; nothing was written.
            FlowBusyError: the open change that it would displace is being applied; nothing was written.
            ValueError: no change goes from that state to this.
            LookupError: there is no such change.
        """

    async def record_vote(
        self, change: ChangeId, vote: Vote, lease: Lease, *events: AuditEvent, seen: RequestRecord | None = None
    ) -> VoteResult:
        """Count a vote in the place of this person's earlier one, with all that follows from it.

        The version grows. With as many approvals as each stage needs the change moves to `applying` under
        `lease`, due no more, and an event `change.approved` is written after `events`; one with a time to wait for
        becomes `scheduled` instead, under no lease. A vote that the person has given already writes nothing.

        Args:
            change: the change.
            vote: the vote.
            lease: the lease of this process.
            events: written with the vote.
            seen: the change as it was read; it is read again only where it is not so any more.

        Raises:
            VersionConflictError: the change is not pending any more, its vote's stage does not wait, or somebody who
                would count by it counts already; nothing was written.
            LookupError: there is no such change.
        """

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        """List waiting and unknown changes whose `due_at` has come, the longest overdue first."""

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress | None = None) -> bool:
        """Set when a waiting or unknown change is due next, and its progress if one is given; the version stays.

        Returns:
            Whether it was done: false where it is neither any more, or its version or `due_at` is not that of `seen`.
        """

    async def waiting(self) -> tuple[WaitingRequest, ...]:
        """List the pending and scheduled changes, oldest first."""

    async def closed(
        self, *, websites: frozenset[WebsiteId] | None = None, since: datetime | None = None, limit: int = 50
    ) -> tuple[Change, ...]:
        """List the changes that are over, the latest moved first: those that needed an approval, or were written.

        Only those of `websites` (None: of all) that were moved after `since` (None: whenever).
        """

    async def list_history(
        self, websites: frozenset[WebsiteId] | None, flow: FlowId | None, *, offset: int, limit: int
    ) -> tuple[VotedChange, ...]:
        """List the changes of `websites` (None: of all), or of one flow among them, the latest moved first.

        A flow's are also the one that made it, and the restores of it and to it.
        """

    async def mark_sent_once(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        """Note, once, that the write is about to be sent.

        Returns:
            Whether the caller may send: the change is `applying`, the lease is the owner's, and nobody got true before.
        """

    async def unmark_sent(self, change: ChangeId, owner: str) -> bool:
        """Note that the write was not sent, by whoever has just noted that it was about to be.

        Returns:
            Whether that could be noted: the change is `applying`, and the lease is the owner's.
        """

    async def unshown(self, *, limit: int = 20) -> tuple[Change, ...]:
        """List changes that have nothing left to do and whose newest version was not shown, oldest first.

        Whoever has the lease of one, or moved it a moment ago, is about to show it.
        """

    async def mark_shown(self, change: ChangeId, version: int, *, owner: str | None = None) -> Change:
        """Note that `version` or a newer one was shown to people.

        The lease of `owner` is released where `version` is the newest and leaves nothing to do.

        Returns:
            The change as it is now.

        Raises:
            LookupError: there is no such change.
        """

    async def mark_posted(
        self, change: ChangeId, version: int, place: Place, *, is_first: bool = False
    ) -> tuple[Change, bool | None]:
        """Note that the message at `place` shows `version`.

        Of a version older than the shown one only the place is noted, and only if there is no other. With `is_first`
        it is noted as the place of the request's first message, too, as `MessageStore.record` does.

        Returns:
            The change as it is now; and whether the channel of its message is shared, as Slack said last, or None where
            it never did. Where its `shown_version` is newer than `version`, an older state may have been drawn over a
            newer one, and has to be drawn again.

        Raises:
            LookupError: there is no such change.
        """

    async def mark_resent(self, change: ChangeId) -> None:
        """Note in its progress, for ever, that it is sent once more; the version stays.

        Raises:
            LookupError: there is no such change.
        """

    async def mark_skip_announced(self, change: ChangeId) -> None:
        """Note in its progress, for ever, that the skipped approval was announced; the version stays.

        Raises:
            LookupError: there is no such change.
        """

    async def mark_requester_notified(self, change: ChangeId, version: int) -> None:
        """Note in its progress that the requester was notified of `version` or a newer one; the version stays.

        Raises:
            LookupError: there is no such change.
        """

    async def latest_events(self, scope: EventFilter, *, limit: int) -> tuple[AuditEvent, ...]:
        """List the latest events of `scope`, newest first."""

    async def list_remarks(self, changes: Collection[Change]) -> Mapping[ChangeId, Sequence[Remark]]:
        """List the remarks on each of the requests, oldest first."""

    def all_events(self) -> AsyncIterator[AuditEvent]:
        """Read all events, oldest first; no transaction stays open between two pages of them.

        What is being written at that moment may be missing; the next call has it.
        """
