"""Slack's ports: users, groups, uploaded images, and notifications."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowbot.domain.change import Change
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.domain.images import ImageFile, ImageUpload


class ImageSource(Protocol):
    """The source of the images that people put into forms."""

    async def fetch(self, upload: ImageUpload) -> ImageFile:
        """Fetch an image.

        Raises:
            UserError: it is no image that Enkapush takes, or too large.
            DependencyError: it could not be fetched.
        """


@dataclass(frozen=True, slots=True)
class Organisation:
    """The organisation that flowbot is installed in, and flowbot as a user of it."""

    team: TeamId
    flowbot: UserId
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
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group with its name and its members."""

    name: str
    members: frozenset[UserId]


class UserDirectory(Protocol):
    """Slack's users, groups and channel members. Each call asks Slack; `services.users` keeps the answers.

    Every method raises DependencyError where Slack did not answer, or not with that.
    """

    async def get_organisation(self) -> Organisation:
        """Return the organisation that flowbot is installed in, and flowbot's own user."""

    async def get_profile(self, user: UserId) -> UserProfile:
        """Return the profile of one person."""

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        """Return every user group in use."""

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        """Return the members of a channel."""

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        """Return the channels that a person is in, of those that flowbot may see."""


class NotifyCallback(Protocol):
    """A function that notifies people of the newest version of a change."""

    async def __call__(self, change: Change, flow: Flow | None = None) -> Change:
        """Notify people, and mark the version as shown; `flow` is the flow as it is now, where it was read.

        Returns:
            The change as it is then.

        Raises:
            DependencyError: somebody could not be notified; it will be tried again.
        """


class Notifier(Protocol):
    """Notifies people of changes, and reminds approvers of pending ones."""

    async def notify(self, change: Change, flow: Flow | None = None) -> Change:
        """Notify people of how far the change has come, as `NotifyCallback`."""

    async def remind(self, change: Change) -> None:
        """Remind of a request.

        Raises:
            DependencyError: the reminder could not be sent.
        """
