"""Flow statistics: figures by day as a channel may see them, and the best and the worst flows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from flowbot.domain.figures import DayTotals, Period, Point, Span, find_points, join_days, sum_totals
from flowbot.domain.flow import Flow, Totals
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.services.flow_queries import FlowQueries, VisibleFlows
from flowbot.services.ports import Clock
from flowbot.services.ports.figures import FigureStore
from flowbot.services.users import CurrentUser

T = TypeVar("T")

MIN_SENT: Final = 100
"""A click rate of fewer says little: such flows are neither among the best nor among the worst."""
RANKED_MAX: Final = 3
"""The best flows, and the worst ones, that are named."""


class Basis(StrEnum):
    """What statistics are made of: figures by day, or totals since each flow was created, and why."""

    DAYS = "days"
    NO_WHOLE_DAY = "no_whole_day"
    WATCH_OFF = "watch_off"


@dataclass(frozen=True, slots=True)
class StatisticsRequest:
    """The statistics that were asked for: of one flow or, for None, of all the channel's websites."""

    flow: FlowId | None = None
    period: Period = Period.WEEK


@dataclass(frozen=True, slots=True)
class RankedFlow:
    """A flow, and what moved of it."""

    flow: Flow
    totals: Totals


@dataclass(frozen=True, slots=True)
class FlowStatistics:
    """Statistics of one flow, or of a channel's websites.

    Attributes:
        request: What was asked for.
        period: What is shown: a shorter time where nothing whole is known of the one that was asked for.
        basis: What it is made of.
        totals: Those of all points; without points, since each flow was created.
        points: Oldest first; each is known whole.
        unknown: The days of the period that are in no point.
        shrunk: The days on which a total went back.
        best: The flows with the best click rate, the very best first; `worst` likewise. No flow is in both.
        flow: The flow; None where it is of websites.
        websites: The channel's websites; None where it has all of them.
        as_of: When Enkapush said so, where that is worth telling.
    """

    request: StatisticsRequest
    period: Period
    basis: Basis
    totals: Totals
    points: tuple[Point, ...] = ()
    unknown: tuple[Span, ...] = ()
    shrunk: tuple[Span, ...] = ()
    best: tuple[RankedFlow, ...] = ()
    worst: tuple[RankedFlow, ...] = ()
    flow: Flow | None = None
    websites: Collection[WebsiteId] | None = None
    website_names: Mapping[WebsiteId, str] = field(default_factory=dict)
    as_of: datetime | None = None

    @property
    def span(self) -> Span | None:
        """Return the days from the first point to the last one; None without points."""
        return Span(self.points[0].span.first, self.points[-1].span.last) if self.points else None


class StatisticsService:
    """Makes statistics. Each checks the person's permissions in the channel anew.

    Args:
        flow_queries: gives the flows that a channel may see.
        figures: the figures by day.
        is_watching: whether there is a watch, which records them.
        clock: tells the time.
        zone: whose midnight ends a day.
    """

    def __init__(
        self, flow_queries: FlowQueries, figures: FigureStore, *, is_watching: bool, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._flow_queries = flow_queries
        self._figures = figures
        self._is_watching = is_watching
        self._clock = clock
        self._zone = zone

    async def make(self, user: CurrentUser, channel: ChannelId, request: StatisticsRequest) -> FlowStatistics:
        """Make the statistics of a flow, or of all flows of the channel.

        Raises:
            UserError: not allowed; NoSuchFlowError where the channel may see no such flow.
            DependencyError: Enkapush or the database failed, and nothing is cached.
        """
        if request.flow is None:
            return await self._of_websites(await self._flow_queries.view_flows(user, channel), request)
        details = await self._flow_queries.get_flow(user, channel, request.flow)
        span, whole = await self._find_whole_days(request.period)
        moved = await self._figures.flow_days(details.flow.id, span.first, span.last) if whole else {}
        found = replace(
            self._describe(request, whole, moved),
            flow=details.flow,
            websites=[details.flow.website_id],
            website_names=details.website_names,
            as_of=details.as_of,
        )
        return found if found.points else replace(found, totals=details.flow.totals)

    async def _of_websites(self, visible: VisibleFlows, request: StatisticsRequest) -> FlowStatistics:
        span, whole = await self._find_whole_days(request.period)
        moved = await self._figures.website_days(visible.websites, span.first, span.last) if whole else {}
        found = replace(
            self._describe(request, whole, moved),
            websites=visible.websites,
            website_names=visible.website_names,
            as_of=visible.as_of,
        )
        if found.span is None:
            ranked = [RankedFlow(flow, flow.totals) for flow in visible.list_all()]
            found = replace(found, totals=sum_totals([each.totals for each in ranked]))
            best, worst = rank_flows(each for each in ranked if each.totals.sent >= MIN_SENT)
        else:
            first, last = found.span.first, found.span.last
            ranking = await self._figures.rank_flows(visible.websites, first, last, min_sent=MIN_SENT)
            flows = {flow.id: flow for flow in visible.find(frozenset(ranking))}
            named = take_ends([flow for flow in ranking if flow in flows])
            sums = await self._figures.flow_sums(visible.websites, first, last, flows=[*named[0], *named[1]])
            # What was deleted meanwhile is in no sum.
            best, worst = ([RankedFlow(flows[flow], sums[flow]) for flow in part if flow in sums] for part in named)
        return replace(found, best=tuple(best), worst=tuple(worst))

    async def _find_whole_days(self, period: Period) -> tuple[Span, frozenset[date]]:
        """Return the days of a period, and those that are known whole."""
        points = period.split(self._today())
        span = Span(points[0].first, points[-1].last)
        return span, await self._figures.whole_days(span.first, span.last) if self._is_watching else frozenset()

    def _describe(
        self, request: StatisticsRequest, whole: Collection[date], moved: Mapping[date, DayTotals]
    ) -> FlowStatistics:
        """Sum up what is known; without a point there are no totals yet."""
        period, points = find_points(request.period, self._today(), whole, moved)
        if not points:
            basis = Basis.NO_WHOLE_DAY if self._is_watching else Basis.WATCH_OFF
            return FlowStatistics(request, period, basis, Totals())
        shown = set(chain.from_iterable(point.span.days for point in points))
        days = chain.from_iterable(span.days for span in period.split(self._today()))
        return FlowStatistics(
            request,
            period,
            Basis.DAYS,
            sum_totals([point.totals for point in points]),
            points=points,
            unknown=join_days(day for day in days if day not in shown),
            shrunk=join_days(day for day in shown if day in moved and moved[day].has_shrunk),
        )

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()


def rank_flows(flows: Iterable[RankedFlow]) -> tuple[Sequence[RankedFlow], Sequence[RankedFlow]]:
    """Return the flows with the best and with the worst click rate, as `take_ends`.

    One whose rate is unknown is neither. Of equal ones the one that was sent more often is the better.
    """
    known = [
        (rate, each.totals.sent, each.flow.id, each) for each in flows if (rate := each.totals.click_rate) is not None
    ]
    return take_ends([each for *_, each in sorted(known)])


def take_ends(worst_first: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """Return the best and the worst of what is ranked, at most `RANKED_MAX` each, and none in both."""
    half = (len(worst_first) + 1) // 2
    best = worst_first[::-1][: min(RANKED_MAX, half)]
    return best, worst_first[: min(RANKED_MAX, len(worst_first) - half)]
