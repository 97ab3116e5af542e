"""Where changes, their votes and their events are kept."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from flowbot.domain.audit import Event
from flowbot.domain.change import Change, ChangeKind, Lease, NewChange, Progress, Vote
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId


class Conflict(Exception):  # noqa: N818 - not an error: somebody was faster
    """The change has moved since it was read. `current` is what it is now."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"change {current.id} is {current.state} in version {current.version}")
        self.current = current


class FlowMade(Exception):  # noqa: N818 - not an error: somebody was faster
    """The flow that a change is said to have made was made by another change."""


class FlowTaken(Exception):  # noqa: N818 - not an error: another request is open
    """The flow has an open change already. `current` is that one."""

    def __init__(self, current: Change) -> None:
        super().__init__(f"flow {current.asked.flow} has open change {current.id}")
        self.current = current


@dataclass(frozen=True, slots=True)
class Ballot:
    """What came of a vote: the change as it is now, all votes on it, and whether this one counted anew."""

    change: Change
    votes: tuple[Vote, ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events are asked for: those of these websites (None: of all), and of one flow (None: of all).

    Those whose action is in `but` are left out.
    """

    websites: frozenset[WebsiteId] | None = None
    flow: FlowId | None = None
    but: frozenset[str] = frozenset()


class ChangeStore(Protocol):
    """Keeps changes and their events. Every method is one transaction, and raises Fault where the database fails.

    The check stands inside the transaction that changes the state. Each move writes its events in the same transaction.
    """

    async def submit(self, new: NewChange, lease: Lease, event: Event) -> tuple[Change, bool]:
        """Keep a new change as `draft`, leased, due at once; or find the one with the same token. Whether it is new.

        The event gets the change's id. An already known token changes and writes nothing.

        Raises:
            FlowTaken: the flow has an open change; this one was not kept.
        """

    async def get(self, change: ChangeId) -> Change | None:
        """One change."""

    async def open_on(self, flow: FlowId) -> Change | None:
        """The open change of a flow."""

    async def is_unsettled(self, flow: FlowId, kind: ChangeKind, now: datetime, *, within: timedelta) -> bool:
        """Whether a change of this kind became unknown less than `within` ago, so that its effect may still come."""

    async def move(self, seen: Change, moved: Change, *events: Event) -> Change:
        """Put `moved` in the place of `seen`, in the next version, if the kept one still has the version of `seen`.

        Every field of `moved` but id, asked, created_at and version is kept (`shown_version` and the message only grow
        by `shown`). What `postpone`, `alarmed` and `told_apart` noted since stays where `moved` has it as `seen` has.
        Only moves of the state that `may_move` names, or none.

        Raises:
            Conflict: somebody was faster; nothing was written.
            FlowMade: its outcome names a flow that another change has made; nothing was written.
        """

    async def vote(self, change: ChangeId, vote: Vote, lease: Lease, *events: Event) -> Ballot:
        """Count an approval, in one transaction with all that follows from it.

        It takes the place of this person's earlier vote. The version grows, so that the message is updated; a vote that
        is the person's already changes nothing. With as many approvals as the rule's quorum asks for, the change moves
        to `applying` under `lease`, due no more, and an event `change.approved` is written after `events`.

        Raises:
            Conflict: the change is not pending any more.
        """

    async def votes(self, change: ChangeId) -> tuple[Vote, ...]:
        """The votes on a change, oldest first."""

    async def by_token(self, token: FormToken) -> Change | None:
        """The change that a form became."""

    async def approved_before(self, change: Change) -> Change | None:
        """The latest change of the same flow that was approved and applied before this one; to enable or to edit it."""

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        """Pending changes whose `due_at` has come, the longest overdue first."""

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress) -> bool:
        """Set when a pending change is due next, and its progress; the version stays.

        False where somebody was faster: it is not pending any more, or its `due_at` is not that of `seen`.
        """

    async def alarmed(self, change: ChangeId) -> None:
        """Note in its progress, for ever, that the alarm of a broken glass has rung; the version stays."""

    async def told_apart(self, change: ChangeId, version: int) -> None:
        """Note in its progress that the one who asked was told of `version` apart; the change's own version stays."""

    async def pending(self, *, after: Change | None = None, limit: int = 200) -> tuple[Change, ...]:
        """The pending changes that were submitted `after` another one (None: all), oldest first, `limit` at most."""

    async def asked_by(self, person: UserId, *, limit: int = 20) -> tuple[Change, ...]:
        """The latest changes that a person asked for and that needed an approval, newest first."""

    async def settled(
        self, *, websites: frozenset[WebsiteId] | None = None, but: UserId | None = None, limit: int = 50
    ) -> tuple[Change, ...]:
        """The latest changes that needed an approval and are not open any more, newest first.

        Only those of `websites` (None: of all), and none that `but` asked for.
        """

    async def claim(self, now: datetime, lease: Lease, *, limit: int = 20) -> tuple[Change, ...]:
        """Take over changes that are in hand and whose lease ran out before `now`. No two callers get the same one.

        The version stays, since nothing has moved: `lease_owner` guards (see `renew` and `latch`).
        """

    async def hold(self, change: ChangeId, now: datetime, lease: Lease) -> bool:
        """Take a lease that nobody holds at `now`; false where somebody does."""

    async def renew(self, change: ChangeId, lease: Lease) -> bool:
        """Prolong a lease that is still its owner's; false where it was lost."""

    async def release(self, change: ChangeId, owner: str) -> None:
        """Give up a lease, so that anybody may take the change over at once."""

    async def latch(self, change: ChangeId, owner: str, at: datetime, newest_before: FlowId | None) -> bool:
        """Note, once and for ever, that the write is about to be sent; false where it was before, or the lease is lost.

        Whoever gets true may send; nobody gets it twice.
        """

    async def made(self, flows: Collection[FlowId], *, but: ChangeId) -> frozenset[FlowId]:
        """Those of `flows` that some other change than `but`'s outcome names."""

    async def untold(self, now: datetime, *, limit: int = 20) -> tuple[Change, ...]:
        """Changes that are not in hand and of which the newest version was not shown to people yet, oldest first.

        Those whose lease still runs are left to its owner.
        """

    async def shown(
        self, change: ChangeId, version: int, *, channel: ChannelId | None = None, ts: str | None = None
    ) -> Change:
        """Note that people were told about `version`, and where the message is, if there is one.

        The change as it is now, with `shown_version` as it was before this note where that is newer than `version`:
        then an older state may have been drawn over a newer one, and it has to be drawn again.
        """

    async def history(self, scope: Scope, *, limit: int) -> tuple[Event, ...]:
        """The latest events, newest first."""

    def audit(self) -> AsyncIterator[Event]:
        """All events, oldest first."""
