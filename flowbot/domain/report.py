"""A report: what flowbot tells a team or a person by itself, and keeps up to date in its messages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from flowbot.domain.breaker import Trip
from flowbot.domain.digest import Digest
from flowbot.domain.findings import Finding, Summary
from flowbot.domain.ids import ChannelId, FlowId, ReportId, ReportToken, WebsiteId
from flowbot.domain.step import Step
from flowbot.domain.stop import Stop


class ReportKind(StrEnum):
    """The kinds of report."""

    FINDING = "finding"
    """One flow was changed outside flowbot."""
    SUMMARY = "summary"
    """Many flows were changed outside flowbot in one round."""
    BREAKER = "breaker"
    """A flow's figures are out of bounds, so that it is disabled."""
    DIGEST = "digest"
    """A channel's week."""
    STOP = "stop"
    """Somebody stopped all live flows of a website or channel."""
    STEP = "step"
    """A workflow asks a person to make a request; the workflow itself is told when that ends."""


class ReportState(StrEnum):
    """The states of a report: while it is open, people may act on it or it goes on."""

    OPEN = "open"
    CLOSED = "closed"


ReportContent = Finding | Summary | Trip | Digest | Stop | Step
"""What a report tells, a class a kind."""
_Content = TypeVar("_Content", bound=ReportContent)


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as it is submitted.

    Attributes:
        token: Its own; a second report with the same token is the same report.
        flow: The flow that it is about, if it is about one.
        website: That flow's website, or the one that it is about.
        channel: The channel that its message goes to, for a step the one whose policy counts; None for the approval
            channels of all policies that name its website.
    """

    token: ReportToken
    kind: ReportKind
    content: ReportContent
    flow: FlowId | None = None
    website: WebsiteId | None = None
    channel: ChannelId | None = None
    state: ReportState = ReportState.OPEN

    def content_as(self, expected: type[_Content]) -> _Content:
        """Return the content of a report that tells a certain thing.

        Raises:
            TypeError: it tells another.
        """
        if not isinstance(self.content, expected):
            raise TypeError(f"the content is no {expected.__name__}")
        return self.content

    def require_channel(self) -> ChannelId:
        """Return the channel of a report that has one.

        Raises:
            TypeError: it has none.
        """
        if self.channel is None:
            raise TypeError(f"report {self.token} has no channel")
        return self.channel


def list_websites(told: NewReport) -> frozenset[WebsiteId]:
    """List the websites that a report is about: two of a flow that was moved; none where only its channel says."""
    match told.content:
        case Finding(before=before, after=after):
            return frozenset(flow.website_id for flow in (before, after) if flow is not None)
        case _:
            return frozenset() if told.website is None else frozenset({told.website})


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it is stored.

    Attributes:
        version: Grows with every replacement, which names the version that it starts from.
        shown_version: The version that its messages were last brought to.
    """

    id: ReportId
    told: NewReport
    version: int
    shown_version: int
    created_at: datetime
    changed_at: datetime

    @property
    def is_open(self) -> bool:
        """Check whether people may act on it, or it goes on."""
        return self.told.state is ReportState.OPEN
