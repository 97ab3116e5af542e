"""The weekly digest of a channel: what its flows sent, what changed, and what waits."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from flowbot.domain.change import ChangeKind
from flowbot.domain.figures import sum_totals
from flowbot.domain.flow import Totals
from flowbot.domain.ids import ChannelId, FlowId, ReportToken, WebsiteId
from flowbot.domain.weekly_time import WeeklyTime

WEEK_DAYS: Final = 7
UNCLICKED_DAYS: Final = 30
NAMED_MAX: Final = 5
"""Flows of each list that a digest names."""


@dataclass(frozen=True, slots=True)
class NamedFlow:
    """A flow by number and name."""

    id: FlowId
    name: str


@dataclass(frozen=True, slots=True)
class FlowList:
    """So many flows, the first of them by name."""

    total: int = 0
    named: tuple[NamedFlow, ...] = ()

    @classmethod
    def of(cls, flows: Iterable[NamedFlow]) -> Self:
        """Return the list of some flows, each once."""
        known = {flow.id: flow for flow in flows}
        return cls(len(known), tuple(known.values())[:NAMED_MAX])


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """What a week's flows did on those of its days that are known whole."""

    totals: Totals
    days: int

    @classmethod
    def of(cls, moved: Mapping[date, Totals], days: Collection[date]) -> Self:
        """Return the figures of the days that are whole, from what moved by day."""
        return cls(sum_totals([totals for day, totals in moved.items() if day in days]), len(days))

    @property
    def is_known(self) -> bool:
        """Check whether any day is known."""
        return self.days > 0

    @property
    def is_whole(self) -> bool:
        """Check whether every day is known."""
        return self.days == WEEK_DAYS


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a channel's week: the seven days before the day on which it is posted.

    Attributes:
        live: How many flows are live.
        week, week_before: Their figures, and those of the seven days before.
        own: The flows that were changed through flowbot, by what was done to them.
        outside: Those that were changed outside flowbot.
        waiting: The flows whose requests wait for approval.
        unclicked: The flows that were live for 30 days without a click; None where not all of these days are known.
        known_days: How many of these days are known.
        websites: The websites that it tells of; None for all.
    """

    first: date
    last: date
    live: int
    week: WeekFigures
    week_before: WeekFigures
    own: Mapping[ChangeKind, FlowList]
    outside: Mapping[ChangeKind, FlowList]
    waiting: FlowList
    unclicked: FlowList | None
    known_days: int
    websites: tuple[WebsiteId, ...] | None = None

    def is_within(self, websites: Collection[WebsiteId] | None) -> bool:
        """Check whether it tells of none but these websites (None: of all)."""
        return websites is None or (self.websites is not None and set(self.websites) <= set(websites))


def find_due_day(at: WeeklyTime, now: datetime, zone: ZoneInfo) -> date | None:
    """Return the day if a digest is due on it, at its time or later; None on any other day."""
    today = now.astimezone(zone).date()
    return today if at.find_last(now, zone).astimezone(zone).date() == today else None


def digest_token(channel: ChannelId, day: date) -> ReportToken:
    """Return the token of a channel's digest: one a week, whichever of its days that is due on."""
    year, week, _ = day.isocalendar()
    return ReportToken(f"digest.{channel}.{year}-W{week:02}")


def list_tokens(channel: ChannelId, today: date, *, weeks: int) -> list[ReportToken]:
    """List the tokens of a channel's digests of the last weeks, this one's first."""
    return [digest_token(channel, today - timedelta(days=WEEK_DAYS * n)) for n in range(weeks)]


def group_by_kind(changed: Iterable[tuple[ChangeKind, NamedFlow]]) -> Mapping[ChangeKind, FlowList]:
    """Group flows by what was done to them, in the order of the kinds."""
    grouped: dict[ChangeKind, list[NamedFlow]] = {}
    for kind, flow in changed:
        grouped.setdefault(kind, []).append(flow)
    return {kind: FlowList.of(grouped[kind]) for kind in ChangeKind if kind in grouped}


def days_before(day: date, count: int) -> tuple[date, date]:
    """Return the first and the last of so many days before a day."""
    return day - timedelta(days=count), day - timedelta(days=1)
