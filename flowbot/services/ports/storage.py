"""What services need of the database: repositories, and the values that pass through them."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol

from flowbot.domain.audit import AuditEvent
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Draft, Lease, Progress, Vote
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ImageId, UserId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.domain.policy import ChannelPolicy, PolicyBook


class VersionConflictError(Exception):
    """The change has moved since it was read. `current` is what it is now."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"change {current.id} is {current.state} in version {current.version}")
        self.current = current


class FlowClaimedError(Exception):
    """The flow that a change is said to have made was made by another change."""


class FlowBusyError(Exception):
    """The flow has an open change already. `current` is that one."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"flow {current.request.flow} has open change {current.id}")
        self.current = current


@dataclass(frozen=True, slots=True)
class VoteResult:
    """What came of a vote: the change as it is now, all votes on it, and whether this one counted anew."""

    change: Change
    votes: tuple[Vote, ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Whose events are asked for: those of these websites (None: of all), and of one flow (None: of all).

    Those whose action is in `except_actions` are left out.
    """

    websites: frozenset[WebsiteId] | None = None
    flow: FlowId | None = None
    except_actions: frozenset[str] = frozenset()


class ChangeStore(Protocol):
    """Keeps changes and their events. Every method is one transaction; DependencyError where the database fails.

    The check stands inside the transaction that changes the state. Each move writes its events in the same transaction.
    """

    async def submit(self, new: ChangeRequest, lease: Lease, event: AuditEvent) -> tuple[Change, bool]:
        """Keep a new change as `draft`, leased, due at once; or find the one with the same token. Whether it is new.

        The event gets the change's id. An already known token changes and writes nothing.

        Raises:
            FlowTaken: the flow has an open change; this one was not kept.
        """

    async def get(self, change: ChangeId) -> Change | None:
        """One change."""

    async def open_change_of(self, flow: FlowId) -> Change | None:
        """The open change of a flow."""

    async def has_unsettled(self, flow: FlowId, kind: ChangeKind, now: datetime, *, within: timedelta) -> bool:
        """Whether a change of this kind became unknown less than `within` ago, so that its effect may still come."""

    async def transition(self, seen: Change, moved: Change, *events: AuditEvent) -> Change:
        """Put `moved` in the place of `seen`, in the next version, if the kept one still has the version of `seen`.

        Every field of `moved` but id, asked, created_at and version is kept (`shown_version` and the message only grow
        by `shown`). What `postpone`, `alarmed` and `told_apart` noted since stays where `moved` has it as `seen` has.
        Only moves of the state that `may_move` names, or none.

        Raises:
            Conflict: somebody was faster; nothing was written.
            FlowMade: its outcome names a flow that another change has made; nothing was written.
        """

    async def record_vote(self, change: ChangeId, vote: Vote, lease: Lease, *events: AuditEvent) -> VoteResult:
        """Count an approval, in one transaction with all that follows from it.

        It takes the place of this person's earlier vote. The version grows, so that the message is updated; a vote that
        is the person's already changes nothing. With as many approvals as the rule's quorum asks for, the change moves
        to `applying` under `lease`, due no more, and an event `change.approved` is written after `events`.

        Raises:
            Conflict: the change is not pending any more.
        """

    async def votes(self, change: ChangeId) -> tuple[Vote, ...]:
        """The votes on a change, oldest first."""

    async def get_by_token(self, token: FormToken) -> Change | None:
        """The change that a form became."""

    async def last_approved_before(self, change: Change) -> Change | None:
        """The latest change of the same flow that was approved and applied before this one; to enable or to edit it."""

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        """Pending changes whose `due_at` has come, the longest overdue first."""

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress) -> bool:
        """Set when a pending change is due next, and its progress; the version stays.

        False where somebody was faster: it is not pending any more, or its `due_at` is not that of `seen`.
        """

    async def mark_skip_announced(self, change: ChangeId) -> None:
        """Note in its progress, for ever, that the alarm of a broken glass has rung; the version stays."""

    async def mark_requester_notified(self, change: ChangeId, version: int) -> None:
        """Note in its progress that the one who asked was told of `version` apart; the change's own version stays."""

    async def pending(self, *, after: Change | None = None, limit: int = 200) -> tuple[Change, ...]:
        """The pending changes that were submitted `after` another one (None: all), oldest first, `limit` at most."""

    async def requested_by(self, person: UserId, *, limit: int = 20) -> tuple[Change, ...]:
        """The latest changes that a person asked for and that needed an approval, newest first."""

    async def closed(
        self, *, websites: frozenset[WebsiteId] | None = None, except_requester: UserId | None = None, limit: int = 50
    ) -> tuple[Change, ...]:
        """The latest changes that needed an approval and are not open any more, newest first.

        Only those of `websites` (None: of all), and none that `except_requester` asked for.
        """

    async def claim_lapsed(self, now: datetime, lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        """Take over changes that are in hand and whose lease ran out before `now`. No two callers get the same one.

        The version stays, since nothing has moved: `lease_owner` guards (see `renew` and `latch`).
        """

    async def try_acquire_lease(self, change: ChangeId, now: datetime, lease: Lease) -> bool:
        """Take a lease that nobody holds at `now`; false where somebody does."""

    async def renew_lease(self, change: ChangeId, lease: Lease) -> bool:
        """Prolong a lease that is still its owner's; false where it was lost."""

    async def release_lease(self, change: ChangeId, owner: str) -> None:
        """Give up a lease, so that anybody may take the change over at once."""

    async def mark_sent_once(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        """Note, once and for ever, that the write is about to be sent; false where it was before, or the lease is lost.

        Whoever gets true may send; nobody gets it twice.
        """

    async def flows_created_by_others(self, flows: Collection[FlowId], *, except_change: ChangeId) -> frozenset[FlowId]:
        """Those of `flows` that some other change than `except_change`'s outcome names."""

    async def unshown(self, now: datetime, *, limit: int = 20) -> tuple[Change, ...]:
        """Changes that are not in hand and of which the newest version was not shown to people yet, oldest first.

        Those whose lease still runs are left to its owner.
        """

    async def mark_shown(
        self, change: ChangeId, version: int, *, channel: ChannelId | None = None, ts: str | None = None
    ) -> Change:
        """Note that people were told about `version`, and where the message is, if there is one.

        The change as it is now, with `shown_version` as it was before this note where that is newer than `version`:
        then an older state may have been drawn over a newer one, and it has to be drawn again.
        """

    async def latest_events(self, scope: EventFilter, *, limit: int) -> tuple[AuditEvent, ...]:
        """The latest events, newest first."""

    def all_events(self) -> AsyncIterator[AuditEvent]:
        """All events, oldest first."""


DeliveryKey = NewType("DeliveryKey", str)
"""What one thing that somebody did in Slack has in common with its repetitions, and with nothing else."""


class DeliveryStore(Protocol):
    """Keeps which requests of Slack's were taken, so that a recording of one has no effect, in whatever process."""

    async def record_once(self, key: DeliveryKey, at: datetime) -> bool:
        """Note that it is taken; whether it is the first time.

        Raises:
            DependencyError: the database did not answer; it is not noted.
        """

    async def delete_older_than(self, before: datetime) -> int:
        """Forget those that were taken before that; how many.

        Raises:
            DependencyError: the database did not answer.
        """

    async def was_recorded(self, key: DeliveryKey) -> bool:
        """Whether it is noted.

        Raises:
            DependencyError: the database did not answer.
        """


@dataclass(frozen=True, slots=True)
class ChannelScope:
    """What is known of a channel: its policy, if it has one, and the websites' names."""

    channel: ChannelId
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]


class PolicyStore(Protocol):
    """Keeps the policies. Every read sees what was committed last: nothing is kept in the process."""

    async def get_scope(self, channel: ChannelId) -> ChannelScope:
        """The channel's policy and the websites' names, read together.

        Raises:
            DependencyError: the database did not answer.
        """

    async def get_book(self) -> PolicyBook:
        """All policies, in the order in which they were written."""

    async def replace_all(self, book: PolicyBook, *events: AuditEvent) -> None:
        """Put `book` in the place of all that was there, and write `events`, in one transaction."""

    async def replace_if_unchanged(
        self, seen: ChannelPolicy | None, policy: ChannelPolicy, *events: AuditEvent
    ) -> bool:
        """Put one channel's policy in the place of the one it had, or add it, if that still is `seen`; write `events`.

        All in one transaction; the other channels' policies stay as they are.

        Returns:
            Whether it was done; if not, nothing was written.
        """


class DraftStore(Protocol):
    """Keeps what was typed and not saved: a draft for each form."""

    async def save(self, draft: Draft, *, replaces: FormToken | None = None) -> None:
        """Keep it where it is not older (by `changed_at`) than what is kept; it takes over what `replaces` held."""

    async def get(self, token: FormToken) -> Draft | None:
        """The draft of one form."""

    async def find_latest(
        self, user: UserId, channel: ChannelId, kind: ChangeKind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        """What this person typed there and did not save, if it is not older than `since`."""

    async def delete(self, token: FormToken) -> None:
        """Forget it."""

    async def delete_older_than(self, before: datetime) -> int:
        """Forget all that are older than `before`; how many."""


class ImageStore(Protocol):
    """Keeps pictures that are on their way to Enkapush, or that a restore may need."""

    async def add(self, image: ImageFile, at: datetime) -> ImageId:
        """Keep it."""

    async def get(self, image: ImageId) -> ImageFile | None:
        """Find it."""

    async def delete_unused(self, before: datetime) -> int:
        """Forget those older than `before` that no open or deleting change names; how many."""


@dataclass(frozen=True, slots=True)
class ChangeStatistics:
    """The changes as they are at one moment.

    Attributes:
        states: How many there are in each state; every state is there.
        oldest_pending: When the longest waiting request was made; None where none waits.
        oldest_in_hand: When the change that is being judged or applied for longest came into hand; None: nothing is.
        untold: How many have a newest version that people were not told about.
        oldest_untold: When the longest untold of those versions came to be; None where there is none.
    """

    states: Mapping[ChangeState, int]
    oldest_pending: datetime | None
    oldest_in_progress: datetime | None
    unshown: int
    oldest_unshown: datetime | None
