"""Users: their rights, language and zone, cached for a minute, denied where Slack cannot tell."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.policy import (
    Actor,
)
from flowbot.errors import DependencyError, UserError
from flowbot.services.ports import Monotonic
from flowbot.services.ports.slack import Organisation, UserDirectory, UserProfile
from flowbot.services.ttl_cache import TtlCache

KEEP_SECONDS: Final = 60.0
"""Slack allows some twenty look-ups of user groups a minute (tier 2)."""


DECIDING_SECONDS: Final = 3.0
"""What a decision rests on is at most this old: single flight keeps it within Slack's limits."""


MOST_SEEN: Final = 10_000


HIDDEN_CHANNEL_ERRORS: Final = frozenset({"channel_not_found", "not_in_channel"})
"""Slack's words for a private channel that flowbot is not in."""


MemberLookup = Callable[[ChannelId], Awaitable[frozenset[UserId]]]
"""Tells who is in a channel."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The person at the other end: what decides, and how they like to read."""

    actor: Actor
    locale: str | None
    timezone: str | None

    @property
    def id(self) -> UserId:
        """Their id."""
        return self.actor.user


@dataclass(frozen=True, slots=True)
class Caller:
    """What a payload of Slack's says of who sent it: the person, and the organisation they act from.

    Attributes:
        workspace: The workspace where it happened. It counts where neither payload nor profile tells the person's own.
    """

    user: UserId
    team: TeamId | None
    enterprise: TeamId | None = None
    workspace: TeamId | None = None


class UserService:
    """Looks people up. Every failure ends in less rights, never in more."""

    def __init__(
        self, directory: UserDirectory, admins: frozenset[UserId], *, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._directory = directory
        self._admins = admins
        self._seen: dict[UserId, Caller] = {}
        self._homes: TtlCache[str, Organisation] = TtlCache(3600.0, monotonic=monotonic)
        self._profiles: TtlCache[UserId, UserProfile] = TtlCache(KEEP_SECONDS, monotonic=monotonic)
        self._members: TtlCache[ChannelId, frozenset[UserId]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)
        self._groups: TtlCache[str, Mapping[GroupId, frozenset[UserId]]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)

    async def get_organisation(self) -> Organisation:
        """The organisation that flowbot is installed in.

        Raises:
            DependencyError: Slack did not say.
        """
        return await self._homes.get("home", self._directory.get_organisation)

    async def get_profile(self, user: UserId, *, within: float | None = None) -> UserProfile:
        """The person's profile, at most a minute old, or `within` so many seconds.

        Raises:
            DependencyError: Slack did not say.
        """
        return await self._profiles.get(user, lambda: self._directory.get_profile(user), within=within)

    async def identify(self, caller: Caller) -> CurrentUser:
        """The person who called, with their rights.

        Raises:
            UserError: Slack cannot say who this is, so nothing can be allowed.
        """
        try:
            return await self.load_user(caller)
        except DependencyError as fault:
            log.warning("people.unknown", user=caller.user, error=str(fault))
            raise UserError("denied.unknown_person") from fault

    async def load_user(self, caller: Caller, *, within: float | None = None) -> CurrentUser:
        """Like `identify`, but raises DependencyError if Slack does not answer.

        Args:
            caller: who. One without a team is taken to act from where they were seen to act from last.
            within: how many seconds old Slack's answers may be.

        Raises:
            DependencyError: Slack does not say who this is.
        """
        home, profile, groups = await asyncio.gather(
            self.get_organisation(), self.get_profile(caller.user, within=within), self._groups_of(caller.user, within)
        )
        actor = Actor(
            user=caller.user,
            groups=groups,
            is_admin=profile.is_admin or caller.user in self._admins,
            is_external=_is_external(home, self._as_seen(caller), profile),
            is_active=not (profile.is_bot or profile.is_deactivated),
        )
        return CurrentUser(actor, profile.locale, profile.timezone)

    async def reload_user(self, reader: CurrentUser) -> CurrentUser:
        """The same person with the rights of this moment, for what cannot be undone.

        Where Slack does not answer now, what it said within the minute counts.
        """
        try:
            now = await self.load_user(Caller(reader.id, None), within=DECIDING_SECONDS)
        except DependencyError as fault:
            log.warning("people.not_anew", user=reader.id, error=str(fault))
            return reader
        external = reader.actor.is_external or now.actor.is_external
        return replace(now, actor=replace(now.actor, is_external=external))

    def _as_seen(self, caller: Caller) -> Caller:
        """The caller with the organisation that they act from, as a payload of Slack's has told it."""
        seen = self._seen.get(caller.user)
        if caller.team is None and (caller.workspace is None or (seen is not None and seen.team is not None)):
            return seen or caller
        self._seen[caller.user] = caller
        while len(self._seen) > MOST_SEEN:
            self._seen.pop(next(iter(self._seen)))
        return caller

    async def find_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Who is in a channel; nobody, where Slack does not say."""
        try:
            return await self.load_members(channel)
        except DependencyError as fault:
            log.warning("people.members_unknown", channel=channel, error=str(fault))
            return frozenset()

    async def reload_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Who is in a channel at this moment; where Slack does not answer now, as `find_members`.

        Raises:
            DependencyError: Slack tells nobody of it who is not in it, and flowbot is not.
        """
        try:
            return await self.load_members(channel, within=DECIDING_SECONDS)
        except DependencyError as fault:
            log.warning("people.members_not_anew", channel=channel, error=str(fault))
            if fault.params.get("error") in HIDDEN_CHANNEL_ERRORS:
                raise
            return await self.find_members(channel)

    async def find_current_members(self, channel: ChannelId) -> frozenset[UserId]:
        """As `reload_members`; nobody, where Slack does not tell who is in it."""
        try:
            return await self.reload_members(channel)
        except DependencyError:
            return frozenset()

    async def load_members(self, channel: ChannelId, *, within: float | None = None) -> frozenset[UserId]:
        """Who is in a channel, as Slack said at most a minute ago, or `within` so many seconds.

        Raises:
            DependencyError: Slack does not say.
        """
        return await self._members.get(channel, lambda: self._directory.list_members(channel), within=within)

    async def load_groups(self, *, within: float | None = None) -> Mapping[GroupId, frozenset[UserId]]:
        """Every user group with its members, as Slack said at most a minute ago, or `within` so many seconds.

        Raises:
            DependencyError: Slack does not say.
        """
        return await self._groups.get("groups", self._directory.list_groups, within=within)

    async def close(self) -> None:
        """End what is under way."""
        for kept in (self._homes, self._profiles, self._groups, self._members):
            await kept.close()

    async def _groups_of(self, user: UserId, within: float | None = None) -> frozenset[GroupId] | None:
        """The groups of `user`, or None where Slack did not say."""
        try:
            groups = await self.load_groups(within=within)
        except DependencyError as fault:
            log.warning("people.groups_unknown", error=str(fault))
            return None
        return frozenset(group for group, members in groups.items() if user in members)


def _is_external(home: Organisation, caller: Caller, profile: UserProfile) -> bool:
    """Whether any sign points to another organisation, or none points to this one.

    Signs are the payload's team and the profile's; in an Enterprise organisation either may name a sister workspace.
    Slack tells at least one of the two. Only where neither is there, the place where it happened is taken for a sign.
    """
    signs = [(caller.team, caller.enterprise), (profile.team, profile.enterprise)]
    named = [sign for sign in signs if sign[0] is not None] or [(caller.workspace, None)]
    return profile.is_stranger or not all(_is_home(home, team, org) for team, org in named)


def _is_home(home: Organisation, team: TeamId | None, enterprise: TeamId | None) -> bool:
    same_enterprise = home.enterprise is not None and home.enterprise in (enterprise, team)
    return team == home.team or same_enterprise
