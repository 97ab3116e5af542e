"""The people of the simulated workspace."""

from collections.abc import Collection, Mapping
from typing import Final

from flowbot.domain.approval_rule import EVERYONE, Principal
from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.policy import Actor
from flowbot.services.ports.slack import Organisation, UserGroup, UserProfile
from flowbot.services.users import CurrentUser

HOME: Final = TeamId("T0HOME")
CHANNEL: Final = ChannelId("C0MARKETING")
APPROVALS: Final = ChannelId("C0APPROVALS")
"""A channel for requests in which AYSE is not."""
AYSE, BURAK, CAN, DENIZ = UserId("U0AYSE"), UserId("U0BURAK"), UserId("U0CAN"), UserId("U0DENIZ")
JONAS: Final = UserId("U0JONAS")
"""A member of the channel from another company."""
EVERYBODY: Final = (AYSE, BURAK, CAN, DENIZ, JONAS)
LEADS: Final = GroupId("S0LEADS")
GROUPS: Final[Mapping[GroupId, frozenset[UserId]]] = {LEADS: frozenset({BURAK, CAN})}

MEMBERS: Final[Mapping[ChannelId, frozenset[UserId]]] = {
    CHANNEL: frozenset(EVERYBODY),
    APPROVALS: frozenset({BURAK, CAN, DENIZ}),
}


class FakeDirectory:
    """Slack's user directory."""

    async def get_organisation(self) -> Organisation:
        return Organisation(HOME, UserId("U0FLOWBOT"))

    async def get_profile(self, user: UserId) -> UserProfile:
        is_stranger = user == JONAS
        return UserProfile(
            user=user,
            team=TeamId("T0OTHER") if is_stranger else HOME,
            enterprise=None,
            locale="en-US",
            timezone=None,
            is_admin=False,
            is_stranger=is_stranger,
            is_bot=False,
            is_deactivated=False,
        )

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        return {group: UserGroup("leads", members) for group, members in GROUPS.items()}

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        return MEMBERS[channel]

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        return frozenset(channel for channel, members in MEMBERS.items() if user in members)


def reader(user: UserId) -> CurrentUser:
    return CurrentUser(Actor(user, is_external=user == JONAS), "en-US", None)


def is_named(entries: Collection[Principal], person: UserId) -> bool:
    """Check whether one of a policy's entries means a person, who is of this company."""
    groups = [GROUPS.get(entry, frozenset()) for entry in entries if isinstance(entry, GroupId)]
    return person != JONAS and (person in entries or EVERYONE in entries or any(person in group for group in groups))
