"""What the services ask of the outside: Enkapush, the database and Slack implement these, and `app.py` joins them."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from flowbot.domain.changes import (
    Change,
    ChangeId,
    Draft,
    Event,
    FormToken,
    Image,
    ImageId,
    Kind,
    NewChange,
    Picture,
    Progress,
    Vote,
)
from flowbot.domain.content import Content, Unread
from flowbot.domain.flows import Flow
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.domain.types import ChannelId, FlowId, GroupId, TeamId, UserId, WebsiteId

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""


class FlowSource(Protocol):
    """Where flows come from."""

    async def all_flows(self) -> Sequence[Flow]:
        """Every flow of the account, in no particular order.

        Raises:
            Fault: Enkapush did not answer, or not with flows.
        """

    async def flow(self, flow_id: FlowId) -> Flow | None:
        """One flow as it is now, or None where there is no such flow.

        Raises:
            Fault: Enkapush did not answer, or not with a flow.
        """


@dataclass(frozen=True, slots=True)
class ChannelScope:
    """What is known of a channel: its policy, if it has one, and the websites' names."""

    channel: ChannelId
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]


class PolicyStore(Protocol):
    """Keeps the policies. Every read sees what was committed last: nothing is kept in the process."""

    async def scope(self, channel: ChannelId) -> ChannelScope:
        """The channel's policy and the websites' names, read together.

        Raises:
            Fault: the database did not answer.
        """

    async def book(self) -> PolicyBook:
        """All policies, in the order in which they were written."""

    async def replace(self, book: PolicyBook) -> None:
        """Put `book` in the place of all that was there, in one transaction."""

    async def put(self, policy: ChannelPolicy) -> None:
        """Put one channel's policy in the place of the one it had, or add it; the others stay as they are."""


@dataclass(frozen=True, slots=True)
class Home:
    """The organisation that flowbot is installed in."""

    team: TeamId
    enterprise: TeamId | None = None
    bot_user: UserId | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as Slack knows them. `locale` such as `tr-TR`; `timezone` an IANA name; any text may be unknown."""

    user: UserId
    team: TeamId | None
    enterprise: TeamId | None
    locale: str | None
    timezone: str | None
    is_admin: bool
    is_stranger: bool
    is_bot: bool
    is_deactivated: bool
    name: str = ""


class Directory(Protocol):
    """Slack's knowledge of people. Each call asks Slack; `services.people` keeps the answers for a minute.

    Every method raises Fault where Slack did not answer, or not with that.
    """

    async def home(self) -> Home:
        """Where flowbot is installed."""

    async def profile(self, user: UserId) -> Profile:
        """One person."""

    async def groups(self) -> Mapping[GroupId, frozenset[UserId]]:
        """Every user group with its members."""

    async def members(self, channel: ChannelId) -> frozenset[UserId]:
        """Who is in a channel."""


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
class Lease:
    """Who works on a change, and until when; it is renewed while they do."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events are asked for: those of these websites (None: of all), and of one flow (None: of all)."""

    websites: frozenset[WebsiteId] | None = None
    flow: FlowId | None = None


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

    async def move(self, seen: Change, moved: Change, *events: Event) -> Change:
        """Put `moved` in the place of `seen`, in the next version, if the kept one still has the version of `seen`.

        Every field of `moved` but id, asked, created_at and version is kept (`shown_version` and the message only grow
        by `shown`). Only moves of the state that `may_move` names, or none.

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

    async def open_on(self, flow: FlowId) -> Change | None:
        """The open change of a flow."""

    async def approved_before(self, change: Change) -> Change | None:
        """The latest change of the same flow that was approved and applied before this one; to enable or to edit it."""

    async def due(self, now: datetime, *, limit: int = 50) -> tuple[Change, ...]:
        """Pending changes whose `due_at` has come, the longest overdue first."""

    async def postpone(self, seen: Change, due_at: datetime | None, progress: Progress) -> bool:
        """Set when a pending change is due next, and its progress; the version stays.

        False where somebody was faster: it is not pending any more, or its `due_at` is not that of `seen`.
        """

    async def pending(self, *, limit: int = 200) -> tuple[Change, ...]:
        """All pending changes, oldest first."""

    async def asked_by(self, person: UserId, *, limit: int = 20) -> tuple[Change, ...]:
        """The latest changes that a person asked for and that needed an approval, newest first."""

    async def settled(self, *, limit: int = 50) -> tuple[Change, ...]:
        """The latest changes that needed an approval and are not open any more, newest first."""

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

    async def record(self, event: Event) -> None:
        """Write an event that belongs to no change."""


class DraftStore(Protocol):
    """Keeps what was typed and not saved, one draft for each person, channel, kind and flow."""

    async def keep(self, draft: Draft) -> None:
        """Keep it in the place of an older one (older by `changed_at`) of the same person, channel, kind and flow."""

    async def by_token(self, token: FormToken) -> Draft | None:
        """The draft of one form."""

    async def find(
        self, user: UserId, channel: ChannelId, kind: Kind, flow: FlowId | None, since: datetime
    ) -> Draft | None:
        """What this person typed there and did not save, if it is not older than `since`."""

    async def drop(self, token: FormToken) -> None:
        """Forget it."""

    async def purge(self, before: datetime) -> int:
        """Forget all that are older than `before`; how many."""


class ImageStore(Protocol):
    """Keeps pictures that are on their way to Enkapush, or that a restore may need."""

    async def put(self, image: Image, at: datetime) -> ImageId:
        """Keep it."""

    async def get(self, image: ImageId) -> Image | None:
        """Find it."""

    async def purge(self, before: datetime) -> int:
        """Forget those older than `before` that no open or deleting change names; how many."""


class NotDone(Exception):  # noqa: N818 - an outcome
    """Enkapush did not do it, for certain. `key` and `params` say why, for people."""

    def __init__(self, key: str, /, **params: Any) -> None:
        super().__init__(key)
        self.key = key
        self.params: Mapping[str, Any] = params


class Unclear(Exception):  # noqa: N818 - an outcome
    """Whether Enkapush did it is not known: it may have, it may yet, or it may never. `key` says what happened."""

    def __init__(self, key: str, /) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class FlowUpdate:
    """What to write to a flow: what of `wanted` differs from `before`, what cannot be read back, a new picture."""

    before: Content
    wanted: Content
    unread: Unread
    image: Image | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.before == self.wanted and self.unread.is_empty and self.image is None


class FlowWriter(Protocol):
    """Writes flows: every call is sent once, and never again by itself.

    Every method raises NotDone or Unclear, nothing else.
    """

    async def create(self, content: Content, unread: Unread, image: Image | None) -> FlowId:
        """Make a flow, disabled. Its id."""

    async def update(self, flow: FlowId, update: FlowUpdate) -> None:
        """Write what differs, and nothing else. `update` must not be empty."""

    async def set_enabled(self, flow: FlowId, enabled: bool) -> None:
        """Enable or disable a flow, and nothing else."""

    async def delete(self, flow: FlowId) -> None:
        """Delete a flow."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of a website's subscribers; `subscribers` is how many there are."""

    id: int
    website_id: WebsiteId
    name: str
    subscribers: int


class SegmentSource(Protocol):
    """Where segments come from."""

    async def all_segments(self) -> Sequence[Segment]:
        """Every segment of the account.

        Raises:
            Fault: Enkapush did not answer, or not with segments.
        """


class FlowPictures(Protocol):
    """Where the pictures of flows come from."""

    async def of(self, flow: Flow) -> Image | None:
        """The flow's picture; None where it has none, or where it is gone from its address.

        Raises:
            Fault: it could not be fetched.
        """


class PictureSource(Protocol):
    """Where the pictures come from that people put into forms."""

    async def fetch(self, picture: Picture) -> Image:
        """The picture.

        Raises:
            UserError: it is no picture that Enkapush takes, or too large.
            Fault: it could not be fetched.
        """


class Teller(Protocol):
    """Tells people how a change ended."""

    async def __call__(self, change: Change, shown: Flow | None) -> None:
        """Tell the one who asked; `shown` is the flow as it is now, where it was read.

        Raises:
            Fault: it could not be told; it will be tried again.
        """
