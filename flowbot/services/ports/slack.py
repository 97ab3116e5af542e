"""What services need of Slack: users, groups, uploaded images, and a way to notify people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.images import ImageFile, ImageUpload


class ImageSource(Protocol):
    """Where the pictures come from that people put into forms."""

    async def fetch(self, picture: ImageUpload) -> ImageFile:
        """The picture.

        Raises:
            UserError: it is no picture that Enkapush takes, or too large.
            DependencyError: it could not be fetched.
        """


@dataclass(frozen=True, slots=True)
class Organisation:
    """The organisation that flowbot is installed in."""

    team: TeamId
    enterprise: TeamId | None = None


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A person as Slack knows them. `locale` such as `tr-TR`; `timezone` an IANA name; any text may be unknown."""

    user: UserId
    team: TeamId | None
    enterprise: TeamId | None
    locale: str | None
    timezone: str | None
    is_admin: bool
    is_stranger: bool
    is_bot: bool
    is_deactivated: bool
    name: str = ""


class UserDirectory(Protocol):
    """Slack's knowledge of people. Each call asks Slack; `services.people` keeps the answers for a minute.

    Every method raises DependencyError where Slack did not answer, or not with that.
    """

    async def get_organisation(self) -> Organisation:
        """Where flowbot is installed."""

    async def get_profile(self, user: UserId) -> UserProfile:
        """One person."""

    async def list_groups(self) -> Mapping[GroupId, frozenset[UserId]]:
        """Every user group with its members."""

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Who is in a channel."""


class Notifier(Protocol):
    """Tells people how a change ended."""

    async def __call__(self, change: Change, shown: Flow | None) -> None:
        """Tell the one who asked; `shown` is the flow as it is now, where it was read.

        Raises:
            DependencyError: it could not be told; it will be tried again.
        """
