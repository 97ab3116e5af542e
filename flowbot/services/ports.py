"""What the services ask of the outside: Enkapush, the database and Slack implement these, and `app.py` joins them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowbot.domain.flows import Flow
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.domain.types import ChannelId, FlowId, GroupId, TeamId, UserId, WebsiteId

Clock = Callable[[], datetime]
"""Tells the time, with its zone."""


class FlowSource(Protocol):
    """Where flows come from."""

    async def all_flows(self) -> Sequence[Flow]:
        """Every flow of the account, in no particular order.

        Raises:
            Fault: Enkapush did not answer, or not with flows.
        """

    async def flow(self, flow_id: FlowId) -> Flow | None:
        """One flow as it is now, or None where there is no such flow.

        Raises:
            Fault: Enkapush did not answer, or not with a flow.
        """


@dataclass(frozen=True, slots=True)
class ChannelScope:
    """What is known of a channel: its policy, if it has one, and the websites' names."""

    channel: ChannelId
    policy: ChannelPolicy | None
    website_names: Mapping[WebsiteId, str]


class PolicyStore(Protocol):
    """Keeps the policies. Every read sees what was committed last: nothing is kept in the process."""

    async def scope(self, channel: ChannelId) -> ChannelScope:
        """The channel's policy and the websites' names, read together.

        Raises:
            Fault: the database did not answer.
        """

    async def book(self) -> PolicyBook:
        """All policies, in the order in which they were written."""

    async def replace(self, book: PolicyBook) -> None:
        """Put `book` in the place of all that was there, in one transaction."""


@dataclass(frozen=True, slots=True)
class Home:
    """The organisation that flowbot is installed in."""

    team: TeamId
    enterprise: TeamId | None = None
    bot_user: UserId | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as Slack knows them. `locale` such as `tr-TR`; `timezone` an IANA name; either may be unknown."""

    user: UserId
    team: TeamId | None
    enterprise: TeamId | None
    locale: str | None
    timezone: str | None
    is_admin: bool
    is_stranger: bool
    is_bot: bool
    is_deactivated: bool


class Directory(Protocol):
    """Slack's knowledge of people. Each call asks Slack; `services.people` keeps the answers for a minute.

    Every method raises Fault where Slack did not answer, or not with that.
    """

    async def home(self) -> Home:
        """Where flowbot is installed."""

    async def profile(self, user: UserId) -> Profile:
        """One person."""

    async def groups(self) -> Mapping[GroupId, frozenset[UserId]]:
        """Every user group with its members."""
