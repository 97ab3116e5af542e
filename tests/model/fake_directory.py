"""The people of the simulated workspace."""

from collections.abc import Mapping
from typing import Final

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
        return {}

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        return MEMBERS[channel]

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        return frozenset(channel for channel, members in MEMBERS.items() if user in members)


def reader(user: UserId) -> CurrentUser:
    return CurrentUser(Actor(user, is_external=user == JONAS), "en-US", None)
