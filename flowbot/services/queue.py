"""What waits: for a person, by a person, and in a channel."""

from dataclasses import dataclass
from typing import NamedTuple

from flowbot.domain.changes import Change, Choice
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.types import ChannelId
from flowbot.services.people import Members, Reader, policy_from, require
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.policies import PolicyStore


class Waiting(NamedTuple):
    """Three lists of changes, each change in one of them, oldest first."""

    for_me: list[Change]
    by_me: list[Change]
    here: list[Change]


@dataclass(frozen=True, slots=True)
class Queue:
    """The use case of `/flows approvals` and of the Home tab."""

    store: ChangeStore
    policies: PolicyStore
    members: Members

    async def of(self, reader: Reader, channel: ChannelId | None) -> Waiting:
        """What waits for `reader`, what they asked for, and what else was asked in `channel` (None: nowhere).

        Raises:
            UserError: not allowed to see what is asked here.
            Fault: the database did not answer.
        """
        policy = None
        if channel is not None:
            policy = require((await self.policies.scope(channel)).policy, reader, Permission.VIEW)
        pending = await self.store.pending()
        for_me = [change for change in pending if await self._waits_for(reader, change, channel)]
        by_me = [change for change in pending if change not in for_me and await self._is_mine(reader, change)]
        others = [change for change in pending if change not in for_me and change not in by_me]
        return Waiting(for_me, by_me, [change for change in others if policy is not None and _is_of(policy, change)])

    async def _is_mine(self, reader: Reader, change: Change) -> bool:
        """Whether `reader` asked for it, and its channel still works with its website."""
        if change.asked.requester != reader.user:
            return False
        policy = (await self.policies.scope(change.asked.channel)).policy
        return policy is not None and policy.names_website(change.asked.website)

    async def _waits_for(self, reader: Reader, change: Change, where: ChannelId | None) -> bool:
        """Whether `reader` may decide on it, and has not approved yet."""
        policy: ChannelPolicy | None = (await self.policies.scope(change.asked.channel)).policy
        own = change.asked.requester == reader.user
        if own and not (change.rule and change.rule.self_approval):
            return False
        if policy is None or not policy.names_website(change.asked.website):
            return False
        theirs = await policy_from(policy, reader, where, self.members)
        if not decide(theirs, reader.actor, Permission.APPROVE).allowed:
            return False
        votes = await self.store.votes(change.id)
        return all(vote.person != reader.user or vote.choice is not Choice.APPROVE for vote in votes)


def _is_of(policy: ChannelPolicy, change: Change) -> bool:
    """Whether it was asked in the policy's channel, and of a website that the channel still works with."""
    return change.asked.channel == policy.id and policy.names_website(change.asked.website)
