"""What the views of reports share: the channel that a message is for, and how each kind of report is built."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowbot.domain.absences import Absence
from flowbot.domain.ids import ChannelId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.report import Report
from flowbot.i18n.translator import Translator
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED, People


@dataclass(frozen=True, slots=True)
class ReportAudience:
    """The channel that a report's message is for.

    Attributes:
        channel: The channel.
        policies: The policies whose requests are posted in it and that name a website of the report.
        website_names: Names of websites, for those that have one.
        now: The moment.
        is_told: Whether the channel has a message of the report already.
        shows_content: Whether its readers may see a push.
        mentions: Whether people and groups may be mentioned: once, in the first message.
        people: How people are written.
        absences: Those that are on.
    """

    channel: ChannelId
    policies: tuple[ChannelPolicy, ...]
    website_names: Mapping[WebsiteId, str]
    now: datetime
    is_told: bool
    shows_content: bool
    mentions: bool = False
    people: People = MENTIONED
    absences: tuple[Absence, ...] = ()


async def load_nothing(report: Report) -> Report:
    """Return the report itself, where nothing is shown beside it."""
    return report


def name_nobody(_details: Any) -> Collection[UserId]:
    """Return that a report names nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class ReportView:
    """How the messages of one kind of report are built.

    Attributes:
        render: Builds the message from what `load` returned, or None where the channel is told nothing.
        load: Loads what is shown beside the report.
        find_people: Finds the people that its messages name.
    """

    render: Callable[[Any, ReportAudience, Translator], Message | None]
    load: Callable[[Report], Awaitable[Any]] = load_nothing
    find_people: Callable[[Any], Collection[UserId]] = name_nobody
