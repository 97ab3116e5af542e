"""Authorization: what a person may do in a channel, and on a request, now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flowbot.domain.approval import expires_at
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import (
    EVERYONE,
    ChannelPolicy,
    Decision,
    Permission,
    Reason,
    decide,
    names_everyone,
    without_everyone,
)
from flowbot.errors import UserError
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.storage import ChangeStore, PolicyStore
from flowbot.services.users import CurrentUser, MemberLookup, UserService

NO_SUCH_FLOW_KEY: Final = "show.no_such_flow"
"""The key of the answer for an id that does not exist, and for a flow that the channel may not see."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one person may do in one channel, and the websites that the channel works with."""

    decisions: Mapping[Permission, Decision]
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]

    def may(self, permission: Permission) -> bool:
        """Whether `permission` is granted."""
        return self.decisions[permission].allowed


async def visible_flow(source: FlowSource, flow_id: FlowId, policy: ChannelPolicy) -> Flow:
    """A flow of the channel's websites, as it is now.

    Raises:
        UserError: no such flow, which is also the answer for a flow of another website.
        DependencyError: Enkapush did not answer.
    """
    return require_visible(await source.get_flow(flow_id), flow_id, policy)


def require_visible(flow: Flow | None, flow_id: FlowId, policy: ChannelPolicy) -> Flow:
    """Return the flow, or raise UserError as for an id that does not exist, where the channel may not see it."""
    if flow is None or not policy.covers_website(flow.website_id):
        raise UserError(NO_SUCH_FLOW_KEY, id=str(flow_id))
    return flow


async def effective_policy(
    policy: ChannelPolicy, reader: CurrentUser, where: ChannelId | None, members: MemberLookup
) -> ChannelPolicy:
    """A channel's policy as it is for `reader`, who acts from `where` (None: from no channel).

    "Everyone in the channel" is not everyone who can name the channel: from elsewhere, one has to be in it. Where that
    takes nothing away, it is `policy` itself.
    """
    if where == policy.id or not names_everyone(policy) or reader.id in await members(policy.id):
        return policy
    return without_everyone(policy)


async def decide_in_channel(
    policy: ChannelPolicy | None,
    reader: CurrentUser,
    where: ChannelId | None,
    members: MemberLookup,
    permission: Permission,
) -> Decision:
    """Whether `reader`, who acts from `where` (None: from no channel), may do it under a channel's policy.

    Who is in the channel is asked for only where nothing but being there grants it.
    """
    whole = decide(policy, reader.actor, permission)
    if policy is None or whole.basis != EVERYONE or where == policy.id:
        return whole
    # They may be in a group that is listed beside everyone.
    named = decide(without_everyone(policy), reader.actor, permission)
    return whole if not named.allowed and reader.id in await members(policy.id) else named


def require(policy: ChannelPolicy | None, reader: CurrentUser, *permissions: Permission) -> ChannelPolicy:
    """The policy, where it grants `reader` one of the permissions.

    Raises:
        UserError: it grants none; says why not the first.
    """
    decisions = [decide(policy, reader.actor, permission) for permission in permissions]
    if policy is None or not any(decision.allowed for decision in decisions):
        raise UserError(decisions[0].reason.key)
    return policy


NO_SUCH_REQUEST_KEY: Final[Mapping[str, str]] = {
    Reason.NOT_LISTED.key: "denied.not_listed_there",
    Reason.NO_POLICY.key: "denied.no_policy_there",
}
"""Refusals that speak of this channel, as they are said of the one where a change was asked for."""


@dataclass(frozen=True, slots=True)
class RequestAuthorizer:
    """Looks everything up anew. Every method raises DependencyError where the database did not answer."""

    store: ChangeStore
    policies: PolicyStore
    users: UserService
    clock: Clock
    find_members: MemberLookup

    async def load_change(self, change_id: ChangeId) -> Change:
        """The change.

        Raises:
            UserError: there is none.
        """
        change = await self.store.get(change_id)
        if change is None:
            raise UserError("request.gone")
        return change

    async def load_pending(self, change_id: ChangeId) -> Change:
        """The change, while it waits.

        Raises:
            UserError: there is none, or it does not wait any more.
        """
        change = await self.load_change(change_id)
        if change.state is not ChangeState.PENDING:
            raise too_late_error(change)
        if (ends := expires_at(change)) is not None and ends <= self.clock():
            raise UserError("request.late_expired")
        return change

    async def reload_user(self, reader: CurrentUser) -> CurrentUser:
        """The person with their rights as of now."""
        return await self.users.reload_user(reader)

    async def get_policy(self, channel: ChannelId) -> ChannelPolicy | None:
        """A channel's policy."""
        return (await self.policies.get_scope(channel)).policy

    async def get_policy_for(
        self, reader: CurrentUser, channel: ChannelId, clicked_in: ChannelId | None
    ) -> ChannelPolicy | None:
        """A channel's policy, for somebody who may act from elsewhere."""
        policy = await self.get_policy(channel)
        return policy and await effective_policy(policy, reader, clicked_in, self.find_members)


def require_in_channel(policy: ChannelPolicy | None, reader: CurrentUser, *permissions: Permission) -> ChannelPolicy:
    """The policy of the channel where a change was asked for, where it grants `reader` one of the permissions.

    Raises:
        UserError: as `people.require`, but not as if that policy were the one of the channel where somebody clicked.
    """
    try:
        return require(policy, reader, *permissions)
    except UserError as error:
        raise UserError(NO_SUCH_REQUEST_KEY.get(error.key, error.key)) from error


def require_in_scope(policy: ChannelPolicy, change: Change) -> None:
    """Make sure that the channel still works with the change's website.

    Raises:
        UserError: it does not.
    """
    if not policy.covers_website(change.request.website):
        raise UserError("form.website_gone_in", channel=change.request.channel)


def too_late_error(change: Change) -> UserError:
    """Somebody was faster: says what has become of it, and who did it where a person did."""
    closing = change.progress.closing
    params = {"by": closing.by} if closing else {}
    return UserError(f"request.late_by_{closing.how}" if closing else f"request.late_{change.state}", **params)
