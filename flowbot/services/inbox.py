"""The inbox: requests that wait for a person, and the overview for the Home tab."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from flowbot.domain.change import Change, VoteChoice
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, PolicyBook, Reason, decide
from flowbot.errors import UserError
from flowbot.services.authorization import effective_policy, require
from flowbot.services.flow_queries import visible_website_names
from flowbot.services.ports.storage import ChangeStore, PolicyStore
from flowbot.services.users import CurrentUser, MemberLookup

PAGE: Final = 200
"""So many pending changes are read at a time."""


class WaitingRequests(NamedTuple):
    """Three lists of changes, each change in one of them, oldest first."""

    for_me: list[Change]
    by_me: list[Change]
    here: list[Change]


@dataclass(frozen=True, slots=True)
class RequestQueue:
    """The use case of `/flows approvals` and of the Home tab."""

    store: ChangeStore
    policies: PolicyStore
    find_members: MemberLookup

    async def load_for(self, reader: CurrentUser, channel: ChannelId | None) -> WaitingRequests:
        """What waits for `reader`, what they asked for, and what else was asked in `channel` (None: nowhere).

        Raises:
            UserError: not allowed to see what is asked here.
            DependencyError: the database did not answer.
        """
        if channel is not None and (reader.actor.is_external or not await self._is_for_deciding(channel)):
            require((await self.policies.get_scope(channel)).policy, reader, Permission.VIEW)
        pending, waiting = [change async for change in self._pending()], WaitingRequests([], [], [])
        channels = {change.request.channel for change in pending}
        policies = {each: (await self.policies.get_scope(each)).policy for each in channels}
        for change in pending:
            policy = policies[change.request.channel]
            if policy is None or not policy.covers_website(change.request.website):
                continue
            if await self._waits_for(reader, change, policy, channel):
                waiting.for_me.append(change)
            elif change.request.requester == reader.id:
                waiting.by_me.append(change)
            elif change.request.channel == channel:
                waiting.here.append(change)
        return waiting

    async def _is_for_deciding(self, channel: ChannelId) -> bool:
        """Whether others' requests are posted there, and nothing is asked there: it needs no policy of its own."""
        policies = (await self.policies.get_book()).channels
        is_asked_in = any(each.id == channel for each in policies)
        return not is_asked_in and any(each.approval.channel == channel for each in policies)

    async def _pending(self) -> AsyncIterator[Change]:
        """Everything that waits in the workspace, oldest first: what concerns a reader may stand at the very end."""
        page = await self.store.pending(limit=PAGE)
        while page:
            for change in page:
                yield change
            page = await self.store.pending(after=page[-1], limit=PAGE) if len(page) == PAGE else ()

    async def _waits_for(
        self, reader: CurrentUser, change: Change, policy: ChannelPolicy, where: ChannelId | None
    ) -> bool:
        """Whether `reader` may decide on it, and has not approved yet."""
        if change.request.requester == reader.id and not (change.rule and change.rule.self_approval):
            return False
        theirs = await effective_policy(policy, reader, where, self.find_members)
        if not decide(theirs, reader.actor, Permission.APPROVE).allowed:
            return False
        votes = await self.store.votes(change.id)
        return all(vote.person != reader.id or vote.choice is not VoteChoice.APPROVE for vote in votes)


RECENT_MAX: Final = 5


ASKED_MAX: Final = 10


AT_ONCE: Final = 8
"""So many channels are asked for their members at a time."""


SHOWN: Final = (Permission.VIEW, Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS)


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """What a person may do in one channel, with which websites; `websites` is None where it is with all of them."""

    channel: ChannelId
    permissions: tuple[Permission, ...]
    websites: tuple[str, ...] | None
    policy: ChannelPolicy


@dataclass(frozen=True, slots=True)
class HomeOverview:
    """Everything for one person.

    Attributes:
        for_me: What they may decide on and have not approved yet, oldest first.
        by_me: What they asked for, newest first.
        recent: What was decided elsewhere of late, of websites that they may see, newest first.
        channels: The channels in which they may see flows.
        is_certain: False where Slack would not tell their user groups: then there may be more.
    """

    for_me: tuple[Change, ...]
    by_me: tuple[Change, ...]
    recent: tuple[Change, ...]
    channels: tuple[ChannelAccess, ...]
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class HomeOverviews:
    """The use case of the Home tab.

    Attributes:
        find_members: Who is in a channel. The Home tab is in none, so "everyone in the channel" has to be looked up.
    """

    queue: RequestQueue
    store: ChangeStore
    policies: PolicyStore
    find_members: MemberLookup

    async def load_for(self, reader: CurrentUser) -> HomeOverview:
        """What `reader` finds.

        Raises:
            UserError: they are of another organisation, or not active.
            DependencyError: the database did not answer.
        """
        refusal = decide(None, reader.actor, Permission.VIEW).reason
        if refusal is not Reason.NO_POLICY:
            raise UserError(refusal.key)
        book = await self.policies.get_book()
        reach = await self._reach(reader, book)
        deciding = {each.channel for each in reach if Permission.APPROVE in each.permissions}
        waiting = await self.queue.load_for(reader, None)
        asked = await self.store.requested_by(reader.id, limit=ASKED_MAX)
        return HomeOverview(
            for_me=tuple(change for change in waiting.for_me if change.request.channel in deciding),
            by_me=tuple(change for change in asked if _is_within(book, change)),
            recent=await self.store.closed(websites=_seen(reach), except_requester=reader.id, limit=RECENT_MAX),
            channels=reach,
            is_certain=reader.actor.groups is not None,
        )

    async def _reach(self, reader: CurrentUser, book: PolicyBook) -> tuple[ChannelAccess, ...]:
        """The channels in which `reader` may see flows, in the order of the policies."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(policy: ChannelPolicy) -> ChannelAccess | None:
            async with gate:
                return await self._in_channel(reader, policy, book.websites)

        found = await asyncio.gather(*(one(policy) for policy in book.channels))
        return tuple(reach for reach in found if reach is not None)

    async def _in_channel(
        self, reader: CurrentUser, policy: ChannelPolicy, names: Mapping[WebsiteId, str]
    ) -> ChannelAccess | None:
        policy = await effective_policy(policy, reader, None, self.find_members)
        may = tuple(permission for permission in SHOWN if decide(policy, reader.actor, permission).allowed)
        if Permission.VIEW not in may:
            return None
        websites = None if policy.websites == "all" else tuple(visible_website_names(policy, names).values())
        return ChannelAccess(policy.id, may, websites, policy)


def _is_within(book: PolicyBook, change: Change) -> bool:
    """Whether its channel still works with its website."""
    policy = book.policy(change.request.channel)
    return policy is not None and policy.covers_website(change.request.website)


def _seen(reach: tuple[ChannelAccess, ...]) -> frozenset[WebsiteId] | None:
    """The websites whose flows may be seen in any of the channels; None where it is all of them."""
    named = [each.policy.websites for each in reach]
    return None if "all" in named else frozenset(website for each in named if each != "all" for website in each)
