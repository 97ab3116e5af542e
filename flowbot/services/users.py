"""Users: their rights, language and time zone, cached for a minute, denied where Slack cannot tell."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.policy import Actor
from flowbot.errors import DependencyError, SlackFaultError, UserError
from flowbot.services.ports import Monotonic
from flowbot.services.ports.slack import Organisation, UserDirectory, UserGroup, UserProfile
from flowbot.services.ttl_cache import TtlCache

KEEP_SECONDS: Final = 60.0
"""Slack allows some twenty look-ups of user groups a minute (tier 2)."""

DECIDING_SECONDS: Final = 3.0
"""The age of what a decision rests on, at most: single flight keeps it within Slack's limits."""

SEEN_LIMIT: Final = 10_000

HIDDEN_CHANNEL_ERRORS: Final = frozenset({"channel_not_found", "not_in_channel"})
"""Slack's words for a private channel that flowbot is not in."""
NO_SUCH_PERSON: Final = frozenset({"user_not_found", "user_not_visible"})
"""Slack's words for a person whom flowbot cannot see."""

MemberLookup = Callable[[ChannelId], Awaitable[frozenset[UserId]]]
"""Finds the members of a channel."""

MembershipLookup = Callable[[UserId], MemberLookup]
"""Gives a look-up of members that tells of one person alone, for what asks about many channels."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """The person at the other end: what decides on their rights, and how they like to read."""

    actor: Actor
    locale: str | None
    timezone: str | None

    @property
    def id(self) -> UserId:
        """Return the person's id."""
        return self.actor.user


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a payload, as Slack names them: the person, and the organisation they act from.

    Attributes:
        workspace: The workspace where it happened. It counts where neither payload nor profile tells the person's own.
    """

    user: UserId
    team: TeamId | None
    enterprise: TeamId | None = None
    workspace: TeamId | None = None


class UserService:
    """Looks people up. Every failure ends in fewer rights, never in more."""

    def __init__(
        self, directory: UserDirectory, admins: frozenset[UserId], *, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._directory = directory
        self._admins = admins
        self._seen: dict[UserId, Caller] = {}
        self._organisation: TtlCache[str, Organisation] = TtlCache(3600.0, monotonic=monotonic)
        self._profiles: TtlCache[UserId, UserProfile] = TtlCache(KEEP_SECONDS, monotonic=monotonic)
        self._members: TtlCache[ChannelId, frozenset[UserId]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)
        self._channels: TtlCache[UserId, frozenset[ChannelId]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)
        self._groups: TtlCache[str, Mapping[GroupId, UserGroup]] = TtlCache(KEEP_SECONDS, monotonic=monotonic)

    async def get_organisation(self) -> Organisation:
        """Return the organisation that flowbot is installed in.

        Raises:
            DependencyError: Slack did not say.
        """
        return await self._organisation.get("home", self._directory.get_organisation)

    async def get_profile(self, user: UserId, *, within: float | None = None) -> UserProfile:
        """Return the person's profile, at most a minute old, or `within` seconds.

        Raises:
            DependencyError: Slack did not say.
        """
        return await self._profiles.get(user, lambda: self._directory.get_profile(user), within=within)

    async def find_names(self, people: Iterable[UserId]) -> dict[UserId, str]:
        """Find the names of people; a person whom Slack does not tell goes by their id."""
        users = list(people)
        return dict(zip(users, await asyncio.gather(*map(self._find_name, users)), strict=True))

    async def _find_name(self, user: UserId) -> str:
        try:
            return (await self.get_profile(user)).name or str(user)
        except DependencyError:
            return str(user)

    async def identify(self, caller: Caller) -> CurrentUser:
        """Return the person who called, with their rights.

        Raises:
            UserError: Slack cannot say who this is, so nothing can be allowed.
        """
        try:
            return await self.load_user(caller)
        except DependencyError as error:
            log.warning("people.unknown", user=caller.user, error=str(error))
            raise UserError("denied.unknown_person") from error

    async def load_user(self, caller: Caller, *, within: float | None = None) -> CurrentUser:
        """Load the person who called, with their rights.

        Args:
            caller: the sender. One without a team is taken to act from where they were seen last.
            within: the age in seconds that Slack's answers may have.

        Raises:
            DependencyError: Slack does not say who this is.
        """
        organisation, profile, groups = await asyncio.gather(
            self.get_organisation(),
            self.get_profile(caller.user, within=within),
            self._find_groups(caller.user, within),
        )
        actor = Actor(
            user=caller.user,
            groups=groups,
            is_admin=profile.is_admin or caller.user in self._admins,
            is_external=_is_external(organisation, self._recall_origin(caller), profile),
            is_active=not (profile.is_bot or profile.is_deactivated),
            is_guest=profile.is_guest,
        )
        return CurrentUser(actor, profile.locale, profile.timezone)

    async def reload_user(self, user: CurrentUser) -> CurrentUser:
        """Load the same person with the rights of this moment, for what cannot be undone.

        Where Slack does not answer now, its answers of the last minute count. It never takes "external" back.
        """
        try:
            now = await self.load_user(Caller(user.id, None), within=DECIDING_SECONDS)
        except DependencyError as error:
            log.warning("people.not_anew", user=user.id, error=str(error))
            return user
        is_external = user.actor.is_external or now.actor.is_external
        return replace(now, actor=replace(now.actor, is_external=is_external))

    def _recall_origin(self, caller: Caller) -> Caller:
        """Return the caller with the organisation that they act from, as a payload of Slack's has told it."""
        seen = self._seen.get(caller.user)
        if caller.team is None and (caller.workspace is None or (seen is not None and seen.team is not None)):
            return seen or caller
        self._seen[caller.user] = caller
        while len(self._seen) > SEEN_LIMIT:
            self._seen.pop(next(iter(self._seen)))
        return caller

    async def load_members(self, channel: ChannelId, *, within: float | None = None) -> frozenset[UserId]:
        """Load the members of a channel, at most a minute old, or `within` seconds.

        Raises:
            DependencyError: Slack does not say.
        """
        return await self._members.get(channel, lambda: self._directory.list_members(channel), within=within)

    async def find_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Return the members of a channel, at most a minute old; an empty set where Slack does not say."""
        try:
            return await self.load_members(channel)
        except DependencyError as error:
            log.warning("people.members_unknown", channel=channel, error=str(error))
            return frozenset()

    def find_membership(self, user: UserId) -> MemberLookup:
        """Return a look-up of members that finds one person alone, by one call for all channels, a minute old at most.

        Slack tells an organisation of several workspaces in calls for each of them: there the channels are asked for.
        """

        async def find(channel: ChannelId) -> frozenset[UserId]:
            try:
                if (await self.get_organisation()).enterprise is not None:
                    return await self.find_members(channel)
                channels = await self._channels.get(user, lambda: self._directory.list_channels(user))
            except DependencyError as error:
                log.warning("people.channels_unknown", user=user, error=str(error))
                return frozenset()
            return frozenset({user} if channel in channels else ())

        return find

    async def is_member(self, channel: ChannelId, user: UserId) -> bool | None:
        """Check whether a person is in a channel, where no right depends on it; None where Slack never said.

        Where Slack does not say now, its last answer counts, of any age.
        """
        found = await self.find_members(channel) or self._members.peek(channel)
        return None if not found else user in found

    async def reload_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Load the members of a channel, at most `DECIDING_SECONDS` old; where Slack does not say, as `find_members`.

        Raises:
            DependencyError: the channel is hidden from flowbot, which is not in it.
        """
        try:
            return await self.load_members(channel, within=DECIDING_SECONDS)
        except DependencyError as error:
            log.warning("people.members_not_anew", channel=channel, error=str(error))
            if isinstance(error, SlackFaultError) and error.code in HIDDEN_CHANNEL_ERRORS:
                raise
            return await self.find_members(channel)

    async def find_current_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Return the members of a channel as `reload_members`; an empty set where the channel is hidden."""
        try:
            return await self.reload_members(channel)
        except DependencyError:
            return frozenset()

    async def load_user_groups(self, *, within: float | None = None) -> Mapping[GroupId, UserGroup]:
        """Load every user group, at most a minute old, or `within` seconds.

        Raises:
            DependencyError: Slack does not say.
        """
        return await self._groups.get("groups", self._directory.list_groups, within=within)

    async def load_groups(self, *, within: float | None = None) -> Mapping[GroupId, frozenset[UserId]]:
        """Load the members of every user group, as `load_user_groups`."""
        return {group: found.members for group, found in (await self.load_user_groups(within=within)).items()}

    async def close(self) -> None:
        """End running look-ups."""
        for cache in (self._organisation, self._profiles, self._groups, self._members, self._channels):
            await cache.close()

    async def _find_groups(self, user: UserId, within: float | None) -> frozenset[GroupId] | None:
        """Find the groups of a person; None where Slack did not say."""
        try:
            groups = await self.load_user_groups(within=within)
        except DependencyError as error:
            log.warning("people.groups_unknown", error=str(error))
            return None
        return frozenset(group for group, found in groups.items() if user in found.members)


def _is_external(organisation: Organisation, caller: Caller, profile: UserProfile) -> bool:
    """Check whether any sign points to another organisation, or none points to this one.

    Signs are the payload's team and the profile's; in an Enterprise organisation either may name a sister workspace.
    Slack tells at least one of the two. Where neither is there, the workspace where it happened is taken for a sign.
    """
    # An organisation-wide installation's payloads name the person's team without its enterprise.
    enterprise = caller.enterprise or (profile.enterprise if caller.team == profile.team else None)
    signs = [(caller.team, enterprise), (profile.team, profile.enterprise)]
    named = [sign for sign in signs if sign[0] is not None] or [(caller.workspace, None)]
    return profile.is_stranger or any(
        team != organisation.team
        and (organisation.enterprise is None or organisation.enterprise not in {enterprise, team})
        for team, enterprise in named
    )
