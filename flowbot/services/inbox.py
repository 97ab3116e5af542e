"""The inbox: pending requests for a person, and the overview for the Home tab."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from flowbot.domain.absences import absences_at, may_stand_in
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.digest import Digest
from flowbot.domain.freezes import Freeze, FreezeCalendar, FrozenTime
from flowbot.domain.ids import ChangeId, ChannelId, UserId
from flowbot.domain.policy import ChannelPolicy, Permission, PolicyBook, decide
from flowbot.errors import DependencyError
from flowbot.services.absences import AbsenceService, PersonAbsences
from flowbot.services.authorization import (
    decide_in_channel,
    effective_policy,
    for_each_channel,
    require_admissible,
    require_permission,
)
from flowbot.services.digests import LastDigests
from flowbot.services.flow_queries import visible_website_names
from flowbot.services.listed_rights import ListedRight, RightFinder
from flowbot.services.policy_checks import find_unescalated
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports import Clock
from flowbot.services.ports.absences import AbsenceStore
from flowbot.services.ports.changes import ChangeStore, WaitingRequest
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.users import Caller, CurrentUser, MembershipLookup, UserService

RECENT_LIMIT: Final = 15

RECENT: Final = timedelta(days=7)

SHOWN_PERMISSIONS: Final = (Permission.VIEW, Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServedRequests:
    """The requests that are posted in a channel without a policy of its own.

    Attributes:
        channels: The channels whose policies name it for that.
        open: The open ones that a person may see, oldest first.
    """

    channels: tuple[ChannelId, ...]
    open: tuple[WaitingRequest, ...]


@dataclass(frozen=True, slots=True)
class WaitingRequests:
    """Lists of requests, each request in one of them, oldest first.

    `here` are those that were requested in a channel, or are posted in it. `scheduled` are those that wait for their
    time alone, the next first: a person's own, those that they may reject, and those of the channel. `rights` are those
    by which the person may decide.
    """

    for_me: list[WaitingRequest]
    by_me: list[WaitingRequest]
    here: list[WaitingRequest]
    scheduled: list[WaitingRequest]
    rights: dict[ChangeId, ListedRight]

    @property
    def lists(self) -> tuple[list[WaitingRequest], ...]:
        """Return the lists, in the order in which people see them."""
        return self.for_me, self.by_me, self.here, self.scheduled


@dataclass(frozen=True, slots=True)
class RequestQueue:
    """The use case of `/flows approvals`, of the Home tab, and of channels where requests are posted."""

    store: ChangeStore
    policies: PolicyStore
    absences: AbsenceStore
    users: UserService
    clock: Clock

    async def load_for(self, user: CurrentUser, channel: ChannelId | None) -> WaitingRequests:
        """List the requests that wait for a person, those they made, and the others of `channel` (None: of none).

        Raises:
            UserError: not allowed to see the requests of the channel.
            DependencyError: the database did not answer.
        """
        if channel is not None and (user.actor.is_external or not await self._find_served_channels(channel)):
            require_permission((await self.policies.get_scope(channel)).policy, user, Permission.VIEW)
        # All of the workspace: what concerns a person may stand at the very end.
        requests = await self.store.waiting()
        # A book leaves out a policy that cannot be read, with its channel's requests.
        book, asking = await self.policies.get_book(), {request.channel for request in requests}
        policies = {each.id: each for each in book.channels if each.id in asking}
        find_right = RightFinder(user, await self._load_represented(user), channel, self.users.find_membership)
        waiting = WaitingRequests([], [], [], [], {})
        for request in requests:
            policy, is_scheduled = policies.get(request.channel), request.state is ChangeState.SCHEDULED
            if policy is None or not policy.covers_website(request.website):
                continue
            if (right := await find_right(request, policy)) is not None:
                waiting.rights[request.id] = right
                listed = waiting.for_me
            elif request.requester == user.id:
                listed = waiting.by_me
            elif request.channel == channel or (
                request.posted_channel == channel and await self._may_view(user, policy)
            ):
                listed = waiting.here
            else:
                continue
            (waiting.scheduled if is_scheduled else listed).append(request)
        waiting.scheduled.sort(key=lambda request: request.starts_at or request.created_at)
        return waiting

    async def load_served(self, user: CurrentUser, channel: ChannelId) -> ServedRequests | None:
        """Load what a channel without a policy of its own is for; None where no policy names it for its requests.

        Raises:
            UserError: the person is of another organisation, or not active.
            DependencyError: the database did not answer.
        """
        served = await self._find_served_channels(channel)
        if not served:
            return None
        require_admissible(user.actor)
        waiting = await self.load_for(user, channel)
        posted = (request for part in waiting.lists for request in part if request.posted_channel == channel)
        return ServedRequests(served, tuple(sorted(posted, key=lambda request: request.created_at)))

    async def _find_served_channels(self, channel: ChannelId) -> tuple[ChannelId, ...]:
        """Find the channels whose requests are posted in one that needs no policy of its own, and has none."""
        book = await self.policies.get_book()
        if book.policy(channel) is not None:
            return ()
        return tuple(each.id for each in book.channels if each.approval.channel == channel)

    async def _load_represented(self, user: CurrentUser) -> list[CurrentUser]:
        """Load the absent people in whose place a person may approve; one whom Slack does not tell is left out."""
        if not may_stand_in(user.actor):
            return []
        away = absences_at(await self.absences.get_all(), self.clock())
        represented = (absence.person for absence in away if absence.stand_in == user.id)
        found = await asyncio.gather(*map(self._find_user, represented))
        return [each for each in found if each is not None]

    async def _find_user(self, person: UserId) -> CurrentUser | None:
        try:
            return await self.users.load_user(Caller(person, None))
        except DependencyError as error:
            log.warning("inbox.absent_unknown", user=person, error=str(error))
            return None

    async def _may_view(self, user: CurrentUser, policy: ChannelPolicy) -> bool:
        """Check whether a person who acts from another channel may view the flows of a policy."""
        return (
            await decide_in_channel(policy, user, None, self.users.find_membership(user.id), Permission.VIEW)
        ).allowed


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """A person's permissions in one channel, and its websites; `websites` is None for all of them."""

    channel: ChannelId
    permissions: tuple[Permission, ...]
    websites: tuple[str, ...] | None
    policy: ChannelPolicy


@dataclass(frozen=True, slots=True)
class HomeOverview:
    """The Home tab of one person.

    Attributes:
        for_me: Requests that they may decide on and have not approved yet, oldest first.
        by_me: Their own that wait for others, oldest first.
        recent: Changes that ended in the last week, of websites that they may see, newest first.
        channels: The channels in which they may see flows.
        is_certain: False where Slack would not tell their user groups: then there may be more.
        needs_setup: Whether they are an admin, and no channel is set up yet.
        frozen: The freezes that are on or next, each with the channels among those that it covers.
        unapprovable: For an admin: the channels whose requests nobody could ever approve.
        unescalated: For an admin: the channels whose escalation has no time or nobody, or comes too late.
        scheduled: Their own, and those that they may reject, that wait for their time alone, the next first.
        digests: The last weekly digest of each of the channels.
        refused_digests: For an admin: the channels that did not take theirs.
        rights: The rights by which they may decide, by request.
        absences: Whether they are away, and for whom they stand in.
    """

    for_me: tuple[WaitingRequest, ...]
    by_me: tuple[WaitingRequest, ...]
    recent: tuple[Change, ...]
    channels: tuple[ChannelAccess, ...]
    is_certain: bool = True
    needs_setup: bool = False
    unapprovable: tuple[ChannelId, ...] = ()
    unescalated: tuple[ChannelId, ...] = ()
    frozen: Mapping[FrozenTime, tuple[ChannelId, ...]] = field(default_factory=dict)
    scheduled: tuple[WaitingRequest, ...] = ()
    digests: Mapping[ChannelId, Digest] = field(default_factory=dict)
    refused_digests: tuple[ChannelId, ...] = ()
    rights: Mapping[ChangeId, ListedRight] = field(default_factory=dict)
    absences: PersonAbsences = field(default_factory=PersonAbsences)


@dataclass(frozen=True, slots=True)
class HomeOverviews:
    """The use case of the Home tab.

    Attributes:
        find_membership: Finds the channels that a person is in: the Home tab is in none.
    """

    queue: RequestQueue
    store: ChangeStore
    policies: PolicyStore
    setup: PolicySetup
    digests: LastDigests
    absences: AbsenceService
    find_membership: MembershipLookup
    clock: Clock
    zone: ZoneInfo

    async def load_for(self, user: CurrentUser, language: str) -> HomeOverview:
        """Load the Home tab of a person, who reads `language`.

        Raises:
            UserError: they are of another organisation, or not active.
            DependencyError: the database did not answer.
        """
        require_admissible(user.actor)
        book = await self.policies.get_book()
        channels = await self._list_channels(user, book)
        named = [each.policy.websites for each in channels]
        websites = None if "all" in named else frozenset(website for each in named if each != "all" for website in each)
        waiting = await self.queue.load_for(user, None)
        return HomeOverview(
            for_me=tuple(waiting.for_me),
            by_me=tuple(waiting.by_me),
            scheduled=tuple(waiting.scheduled),
            rights=waiting.rights,
            recent=await self.store.closed(websites=websites, since=self.clock() - RECENT, limit=RECENT_LIMIT),
            channels=channels,
            is_certain=user.actor.groups is not None,
            needs_setup=user.actor.is_admin and not book.channels,
            unapprovable=await self.setup.find_unapprovable(book) if user.actor.is_admin else (),
            unescalated=find_unescalated(book.channels) if user.actor.is_admin else (),
            frozen=self._find_frozen_times(book, [each.channel for each in channels], language),
            digests=await self.digests.find(each.policy for each in channels),
            absences=await self.absences.load_for(user.id),
            refused_digests=await self.digests.find_refused(book.channels) if user.actor.is_admin else (),
        )

    def _find_frozen_times(
        self, book: PolicyBook, channels: Sequence[ChannelId], language: str
    ) -> Mapping[FrozenTime, tuple[ChannelId, ...]]:
        """Find each frozen time that is on or next in one of the channels, with those channels."""
        groups: dict[tuple[Freeze, ...], list[ChannelId]] = {}
        for channel in channels:
            covering = tuple(freeze for freeze in book.freezes if freeze.covers_channel(channel))
            groups.setdefault(covering, []).append(channel)
        found: dict[FrozenTime, tuple[ChannelId, ...]] = {}
        for covering, group in groups.items():
            frozen = FreezeCalendar(covering, self.zone).find_frozen_time(self.clock(), language)
            if frozen is not None:
                found[frozen] = (*found.get(frozen, ()), *group)
        return dict(sorted(found.items(), key=lambda item: item[0].start or self.clock()))

    async def _list_channels(self, user: CurrentUser, book: PolicyBook) -> tuple[ChannelAccess, ...]:
        """List the channels in which a person may see flows, in the order of the policies."""
        find_members = self.find_membership(user.id)

        async def find_access(policy: ChannelPolicy) -> ChannelAccess | None:
            policy = await effective_policy(policy, user, None, find_members)
            allowed = tuple(each for each in SHOWN_PERMISSIONS if decide(policy, user.actor, each).allowed)
            if Permission.VIEW not in allowed:
                return None
            names = visible_website_names(policy, book.websites)
            websites = None if policy.websites == "all" else tuple(names.values())
            return ChannelAccess(policy.id, allowed, websites, policy)

        found = await for_each_channel(book, find_access)
        return tuple(access for access in found if access is not None)
