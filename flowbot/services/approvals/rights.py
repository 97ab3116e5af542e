"""What every click on a request is measured by: the change as it is, the policy as it is, the person as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.approval import expires_at
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import ChannelPolicy, Permission, Reason
from flowbot.errors import UserError
from flowbot.services.changes import Changes
from flowbot.services.people import Members, Reader, policy_from, require

ELSEWHERE: Final[Mapping[str, str]] = {
    Reason.NOT_LISTED.key: "denied.not_listed_there",
    Reason.NO_POLICY.key: "denied.no_policy_there",
}
"""Refusals that speak of this channel, as they are said of the one where a change was asked for."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Looks everything up anew. Every method raises Fault where the database did not answer."""

    changes: Changes
    members: Members

    async def change(self, change_id: ChangeId) -> Change:
        """The change.

        Raises:
            UserError: there is none.
        """
        change = await self.changes.store.get(change_id)
        if change is None:
            raise UserError("request.gone")
        return change

    async def pending(self, change_id: ChangeId) -> Change:
        """The change, while it waits.

        Raises:
            UserError: there is none, or it does not wait any more.
        """
        change = await self.change(change_id)
        if change.state is not ChangeState.PENDING:
            raise too_late(change)
        if (ends := expires_at(change)) is not None and ends <= self.changes.clock():
            raise UserError("request.late_expired")
        return change

    async def anew(self, reader: Reader) -> Reader:
        """The person with their rights as of now."""
        return await self.changes.people.anew(reader)

    async def policy(self, channel: ChannelId) -> ChannelPolicy | None:
        """A channel's policy."""
        return (await self.changes.policies.scope(channel)).policy

    async def policy_for(
        self, reader: Reader, channel: ChannelId, clicked_in: ChannelId | None
    ) -> ChannelPolicy | None:
        """A channel's policy, for somebody who may act from elsewhere."""
        policy = await self.policy(channel)
        return policy and await policy_from(policy, reader, clicked_in, self.members)


def require_there(policy: ChannelPolicy | None, reader: Reader, *permissions: Permission) -> ChannelPolicy:
    """The policy of the channel where a change was asked for, where it grants `reader` one of the permissions.

    Raises:
        UserError: as `people.require`, but not as if that policy were the one of the channel where somebody clicked.
    """
    try:
        return require(policy, reader, *permissions)
    except UserError as error:
        raise UserError(ELSEWHERE.get(error.key, error.key)) from error


def require_in_bounds(policy: ChannelPolicy, change: Change) -> None:
    """Make sure that the channel still works with the change's website.

    Raises:
        UserError: it does not.
    """
    if not policy.names_website(change.asked.website):
        raise UserError("form.website_gone_in", channel=change.asked.channel)


def too_late(change: Change) -> UserError:
    """Somebody was faster: says what has become of it, and who did it where a person did."""
    closing = change.progress.closing
    params = {"by": closing.by} if closing else {}
    return UserError(f"request.late_by_{closing.how}" if closing else f"request.late_{change.state}", **params)
