"""What one person finds on their Home tab: what waits for them, what they asked for, where they may do what."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.change import Change
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, PolicyBook, Reason, decide
from flowbot.errors import UserError
from flowbot.services.people import Members, Reader, policy_from
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.queue import Queue
from flowbot.services.reading import visible_names

RECENT_MAX: Final = 5
ASKED_MAX: Final = 10
AT_ONCE: Final = 8
"""So many channels are asked for their members at a time."""
SHOWN: Final = (Permission.VIEW, Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person may do in one channel, with which websites; `websites` is None where it is with all of them."""

    channel: ChannelId
    may: tuple[Permission, ...]
    websites: tuple[str, ...] | None
    policy: ChannelPolicy


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything for one person.

    Attributes:
        for_me: What they may decide on and have not approved yet, oldest first.
        by_me: What they asked for, newest first.
        recent: What was decided elsewhere of late, of websites that they may see, newest first.
        reach: The channels in which they may see flows.
        is_certain: False where Slack would not tell their user groups: then there may be more.
    """

    for_me: tuple[Change, ...]
    by_me: tuple[Change, ...]
    recent: tuple[Change, ...]
    reach: tuple[Reach, ...]
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Overviews:
    """The use case of the Home tab.

    Attributes:
        members: Who is in a channel. The Home tab is in none, so "everyone in the channel" has to be looked up.
    """

    queue: Queue
    store: ChangeStore
    policies: PolicyStore
    members: Members

    async def of(self, reader: Reader) -> Overview:
        """What `reader` finds.

        Raises:
            UserError: they are of another organisation, or not active.
            Fault: the database did not answer.
        """
        refusal = decide(None, reader.actor, Permission.VIEW).reason
        if refusal is not Reason.NO_POLICY:
            raise UserError(refusal.key)
        book = await self.policies.book()
        reach = await self._reach(reader, book)
        deciding = {each.channel for each in reach if Permission.APPROVE in each.may}
        waiting = await self.queue.of(reader, None)
        asked = await self.store.asked_by(reader.user, limit=ASKED_MAX)
        return Overview(
            for_me=tuple(change for change in waiting.for_me if change.asked.channel in deciding),
            by_me=tuple(change for change in asked if _is_within(book, change)),
            recent=await self.store.settled(websites=_seen(reach), but=reader.user, limit=RECENT_MAX),
            reach=reach,
            is_certain=reader.actor.groups is not None,
        )

    async def _reach(self, reader: Reader, book: PolicyBook) -> tuple[Reach, ...]:
        """The channels in which `reader` may see flows, in the order of the policies."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(policy: ChannelPolicy) -> Reach | None:
            async with gate:
                return await self._in_channel(reader, policy, book.websites)

        found = await asyncio.gather(*(one(policy) for policy in book.channels))
        return tuple(reach for reach in found if reach is not None)

    async def _in_channel(self, reader: Reader, policy: ChannelPolicy, names: Mapping[WebsiteId, str]) -> Reach | None:
        policy = await policy_from(policy, reader, None, self.members)
        may = tuple(permission for permission in SHOWN if decide(policy, reader.actor, permission).allowed)
        if Permission.VIEW not in may:
            return None
        websites = None if policy.websites == "all" else tuple(visible_names(policy, names).values())
        return Reach(policy.id, may, websites, policy)


def _is_within(book: PolicyBook, change: Change) -> bool:
    """Whether its channel still works with its website."""
    policy = book.policy(change.asked.channel)
    return policy is not None and policy.names_website(change.asked.website)


def _seen(reach: tuple[Reach, ...]) -> frozenset[WebsiteId] | None:
    """The websites whose flows may be seen in any of the channels; None where it is all of them."""
    named = [each.policy.websites for each in reach]
    return None if "all" in named else frozenset(website for each in named if each != "all" for website in each)
