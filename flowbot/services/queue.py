"""What waits: for a person, by a person, and in a channel."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from flowbot.domain.change import Change, VoteChoice
from flowbot.domain.ids import ChannelId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.services.people import Members, Reader, policy_from, require
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.policies import PolicyStore

PAGE: Final = 200
"""So many pending changes are read at a time."""


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
        if channel is not None and (reader.actor.is_external or not await self._is_for_deciding(channel)):
            require((await self.policies.scope(channel)).policy, reader, Permission.VIEW)
        pending, waiting = [change async for change in self._pending()], Waiting([], [], [])
        channels = {change.asked.channel for change in pending}
        policies = {each: (await self.policies.scope(each)).policy for each in channels}
        for change in pending:
            policy = policies[change.asked.channel]
            if policy is None or not policy.names_website(change.asked.website):
                continue
            if await self._waits_for(reader, change, policy, channel):
                waiting.for_me.append(change)
            elif change.asked.requester == reader.user:
                waiting.by_me.append(change)
            elif change.asked.channel == channel:
                waiting.here.append(change)
        return waiting

    async def _is_for_deciding(self, channel: ChannelId) -> bool:
        """Whether others' requests are posted there, and nothing is asked there: it needs no policy of its own."""
        policies = (await self.policies.book()).channels
        is_asked_in = any(each.id == channel for each in policies)
        return not is_asked_in and any(each.approval.channel == channel for each in policies)

    async def _pending(self) -> AsyncIterator[Change]:
        """Everything that waits in the workspace, oldest first: what concerns a reader may stand at the very end."""
        page = await self.store.pending(limit=PAGE)
        while page:
            for change in page:
                yield change
            page = await self.store.pending(after=page[-1], limit=PAGE) if len(page) == PAGE else ()

    async def _waits_for(self, reader: Reader, change: Change, policy: ChannelPolicy, where: ChannelId | None) -> bool:
        """Whether `reader` may decide on it, and has not approved yet."""
        if change.asked.requester == reader.user and not (change.rule and change.rule.self_approval):
            return False
        theirs = await policy_from(policy, reader, where, self.members)
        if not decide(theirs, reader.actor, Permission.APPROVE).allowed:
            return False
        votes = await self.store.votes(change.id)
        return all(vote.person != reader.user or vote.choice is not VoteChoice.APPROVE for vote in votes)
