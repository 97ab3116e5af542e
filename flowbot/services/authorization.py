"""Authorization: the permissions of a person in a channel, and on a request, as of now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from flowbot.domain.approval_rule import EVERYONE
from flowbot.domain.change import WAITING_STATES, Change, ChangeState
from flowbot.domain.deadlines import is_expired
from flowbot.domain.flow import Flow
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import MAX_ID, ChangeId, ChannelId, FlowId, SlackId, WebsiteId
from flowbot.domain.operations import build_operation
from flowbot.domain.outcomes import ChangeResult, hide_flow
from flowbot.domain.policy import (
    Actor,
    ChannelPolicy,
    Decision,
    Permission,
    PolicyBook,
    Reason,
    decide,
    list_entitled,
    names_everyone,
    without_everyone,
)
from flowbot.errors import Text, UserError
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, RequestRecord
from flowbot.services.ports.enkapush import FlowSource, UnreadableFlowError
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.users import CurrentUser, MemberLookup

CHANNELS_AT_ONCE: Final = 8
"""Channels whose members are looked up at a time."""
NO_POLICY_KEYS: Final = frozenset({Reason.NO_POLICY.key, "denied.no_policy_yet"})
"""Refusals in a channel without a policy; the second is for those who may set it up."""
REQUEST_CHANNEL_KEYS: Final[Mapping[str, str]] = {
    Reason.NOT_LISTED.key: "denied.not_listed_there",
    Reason.NO_POLICY.key: "denied.no_policy_there",
    "denied.no_policy_yet": "denied.no_policy_there",
}
"""Refusals about "this channel", reworded for the request's channel."""

T = TypeVar("T")


class NoSuchFlowError(UserError):
    """The answer for an id that does not exist, and for a flow that the channel may not see."""

    def __init__(self, flow_id: FlowId) -> None:
        super().__init__("show.no_such_flow", id=str(flow_id))


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of one person in one channel, and the websites and freezes of that channel."""

    decisions: Mapping[Permission, Decision]
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]
    freezes: tuple[Freeze, ...] = ()

    def may(self, permission: Permission) -> bool:
        """Check whether the person has a permission."""
        return self.decisions[permission].allowed


async def load_permissions(policies: PolicyStore, user: CurrentUser, channel: ChannelId) -> Permissions:
    """Load the permissions of a person in a channel.

    Raises:
        DependencyError: the database did not answer.
    """
    scope = await policies.get_scope(channel)
    decisions = {permission: decide(scope.policy, user.actor, permission) for permission in Permission}
    return Permissions(decisions, scope.policy, scope.website_names, scope.freezes)


async def load_visible_flow(source: FlowSource, flow_id: FlowId, policy: ChannelPolicy) -> Flow:
    """Load a flow of the channel's websites, as it is now.

    Raises:
        NoSuchFlowError: no such flow, which is also the answer for a flow of another website, or maybe of another.
        DependencyError: Enkapush did not answer.
    """
    try:
        flow = await source.get_flow(flow_id) if 0 < flow_id <= MAX_ID else None
    except UnreadableFlowError as error:
        if not covers_unreadable(policy, error.website):
            raise NoSuchFlowError(flow_id) from error
        raise
    return require_visible(flow, flow_id, policy)


def covers_unreadable(policy: ChannelPolicy, website: WebsiteId | None) -> bool:
    """Check whether a channel may learn that a flow could not be read: one of an unknown website may be of any."""
    return policy.websites == "all" if website is None else policy.covers_website(website)


def require_visible(flow: Flow | None, flow_id: FlowId, policy: ChannelPolicy) -> Flow:
    """Return the flow, or raise NoSuchFlowError as for an id that does not exist, where the channel may not see it."""
    if flow is None or not policy.covers_website(flow.website_id):
        raise NoSuchFlowError(flow_id)
    return flow


def hide_if_out_of_scope(policy: ChannelPolicy | None, change: Change, result: ChangeResult) -> ChangeResult:
    """Remove from a result what the channel may not see: for it, a flow that moved to another website is gone."""
    if result.flow is None or (policy is not None and policy.covers_website(result.flow.website_id)):
        return result
    return hide_flow(build_operation(change.request), result)


async def counts_in_full(
    policy: ChannelPolicy, user: CurrentUser, acting_from: ChannelId | None, find_members: MemberLookup
) -> bool:
    """Check whether a channel's policy counts in full for a person in the channel `acting_from` (None: in none).

    From elsewhere, "everyone in the channel" counts only for its members; a policy that does not name everyone always
    counts in full.
    """
    return acting_from == policy.id or not names_everyone(policy) or user.id in await find_members(policy.id)


async def effective_policy(
    policy: ChannelPolicy, user: CurrentUser, acting_from: ChannelId | None, find_members: MemberLookup
) -> ChannelPolicy:
    """Return the part of a channel's policy that counts for a person in the channel `acting_from` (None: in none)."""
    return policy if await counts_in_full(policy, user, acting_from, find_members) else without_everyone(policy)


async def decide_in_channel(
    policy: ChannelPolicy | None,
    user: CurrentUser,
    acting_from: ChannelId | None,
    find_members: MemberLookup,
    permission: Permission,
) -> Decision:
    """Decide whether a person in the channel `acting_from` (None: in none) has a permission under a policy.

    Members are asked for only where nothing but being in the channel grants it.
    """
    whole = decide(policy, user.actor, permission)
    if policy is None or whole.basis != EVERYONE:
        return whole
    # They may be in a group that is listed beside everyone.
    named = decide(without_everyone(policy), user.actor, permission)
    return whole if not named.allowed and await counts_in_full(policy, user, acting_from, find_members) else named


def require_admissible(actor: Actor) -> None:
    """Refuse people whom no policy could permit anything.

    Raises:
        UserError: they are of another organisation, or not active.
    """
    refusal = decide(None, actor, Permission.VIEW).reason
    if refusal is not Reason.NO_POLICY:
        raise UserError(refusal.key)


async def for_each_channel(book: PolicyBook, load: Callable[[ChannelPolicy], Awaitable[T]]) -> list[T]:
    """Load something of each channel with a policy, of a few at a time, in the order of the policies."""
    gate = asyncio.Semaphore(CHANNELS_AT_ONCE)

    async def load_gated(policy: ChannelPolicy) -> T:
        async with gate:
            return await load(policy)

    return await asyncio.gather(*map(load_gated, book.channels))


async def find_permitted_channels(
    policies: PolicyStore,
    user: CurrentUser,
    acting_from: ChannelId | None,
    find_members: MemberLookup,
    permission: Permission,
) -> tuple[ChannelId, ...]:
    """Find the channels in which a person has a permission, that of `acting_from` first.

    Raises:
        UserError: they are of another organisation, or not active, or Slack would not tell their user groups.
        DependencyError: the database did not answer.
    """
    require_admissible(user.actor)

    async def is_permitted(policy: ChannelPolicy) -> bool:
        return (await decide_in_channel(policy, user, acting_from, find_members, permission)).allowed

    book = await policies.get_book()
    permitted = await for_each_channel(book, is_permitted)
    found = [policy.id for policy, is_found in zip(book.channels, permitted, strict=True) if is_found]
    if not found and user.actor.groups is None:
        raise UserError(Reason.UNCERTAIN.key)
    return tuple(sorted(found, key=lambda channel: channel != acting_from))


def explain_denial(decision: Decision, policy: ChannelPolicy | None, *permissions: Permission) -> Text:
    """Say why none of the permissions is granted: who has them, as the whole policy names them, or another reason."""
    if decision.reason is Reason.NOT_LISTED and (entitled := name_entitled(policy, *permissions)):
        # Keys: denied.only_view, denied.only_share, denied.only_edit, denied.only_approve, denied.only_break_glass
        return Text(f"denied.only_{permissions[0]}", {"people": entitled})
    return Text(decision.reason.key)


def name_entitled(policy: ChannelPolicy | None, *permissions: Permission) -> list[SlackId]:
    """List who has any of the permissions, as the policy names them: the channel stands for everyone."""
    if policy is None:
        return []
    entries = dict.fromkeys(entry for permission in permissions for entry in list_entitled(policy, permission))
    return [policy.id if entry == EVERYONE else entry for entry in entries]


def require_permission(
    policy: ChannelPolicy | None, user: CurrentUser, *permissions: Permission, whole: ChannelPolicy | None = None
) -> ChannelPolicy:
    """Return the policy, where it grants one of the permissions.

    Args:
        policy: the policy, as it counts for the person.
        user: the person.
        permissions: any of these is enough.
        whole: the policy with all that it names, where `policy` is a part of it.

    Raises:
        UserError: it grants none of them; the reason is that of the first, and says who may.
    """
    decisions = [decide(policy, user.actor, permission) for permission in permissions]
    if decisions[0].reason is Reason.NO_POLICY and user.actor.is_admin:
        raise UserError("denied.no_policy_yet")
    if policy is None or not any(decision.allowed for decision in decisions):
        raise UserError(explain_denial(decisions[0], whole or policy, *permissions))
    return policy


@dataclass(frozen=True, slots=True)
class RequestAuthorizer:
    """Loads requests, and the rights of people on them, anew each time.

    Every method raises DependencyError where the database did not answer.

    Attributes:
        find_members: Finds the members of a channel, as of now, for "everyone in the channel" when somebody decides
            from elsewhere.
    """

    store: ChangeStore
    clock: Clock
    find_members: MemberLookup

    async def load_record(self, change_id: ChangeId) -> RequestRecord:
        """Load a change, with its channel's policy.

        Raises:
            UserError: there is none.
        """
        try:
            return await self.store.get_record(change_id)
        except LookupError as error:
            raise UserError("request.gone") from error

    async def load_visible(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None
    ) -> RequestRecord:
        """Load a change that a person may see, with its channel's policy.

        Raises:
            UserError: there is none, or they may not.
        """
        record = await self.load_record(change_id)
        policy = await self.find_policy(record, user, acting_from)
        require_in_scope(require_for_request(record, policy, user, Permission.VIEW), record.change)
        return record

    async def load_waiting(self, change_id: ChangeId) -> RequestRecord:
        """Load a change that waits for approval or for its time, with its channel's policy.

        Raises:
            UserError: there is none, or it does not wait any more.
        """
        record = await self.load_record(change_id)
        if record.change.state not in WAITING_STATES:
            raise too_late_error(record.change)
        if record.change.state is ChangeState.PENDING and is_expired(record.change, self.clock()):
            raise UserError("request.late_expired")
        return record

    async def find_policy(
        self, record: RequestRecord, user: CurrentUser, acting_from: ChannelId | None
    ) -> ChannelPolicy | None:
        """Return the policy of a request's channel as it counts for somebody who may act from elsewhere."""
        policy = record.scope.policy
        return policy and await effective_policy(policy, user, acting_from, self.find_members)


def require_for_request(
    record: RequestRecord, policy: ChannelPolicy | None, user: CurrentUser, *permissions: Permission
) -> ChannelPolicy:
    """Return the policy of a request's channel, where it grants one of the permissions.

    Args:
        record: the request.
        policy: the channel's policy as it counts for the person.
        user: the person.
        permissions: any of these is enough.

    Raises:
        UserError: as `require_permission`, reworded for the request's channel.
    """
    try:
        return require_permission(policy, user, *permissions, whole=record.scope.policy)
    except UserError as error:
        key = error.text.key
        raise UserError(replace(error.text, key=REQUEST_CHANNEL_KEYS.get(key, key))) from error


def require_in_scope(policy: ChannelPolicy, change: Change) -> None:
    """Make sure that the channel still works with the change's website.

    Raises:
        UserError: it does not.
    """
    if not policy.covers_website(change.request.website):
        raise UserError("form.website_gone_in", channel=change.request.channel)


def too_late_error(change: Change) -> UserError:
    """Build the refusal for somebody who was too late: it says what has become of the request, and by whom."""
    closing = change.progress.closing
    params = {"by": closing.by} if closing else {}
    # Keys: request.late_by_rejected, request.late_by_withdrawn, request.late_by_break_glass; request.late_draft,
    # request.late_scheduled, request.late_applying, request.late_applied, request.late_failed, request.late_unknown,
    # request.late_expired, request.late_out_of_date, request.late_rejected, request.late_withdrawn
    return UserError(f"request.late_by_{closing.how}" if closing else f"request.late_{change.state}", **params)
