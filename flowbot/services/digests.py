"""The weekly digests: one message a channel and week, after the first round of the watch that is late enough."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.digest import (
    UNCLICKED_DAYS,
    WEEK_DAYS,
    Digest,
    FlowList,
    NamedFlow,
    WeekFigures,
    days_before,
    digest_token,
    find_due_day,
    group_by_kind,
    list_tokens,
)
from flowbot.domain.findings import Finding
from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.services.flow_cache import FlowCache
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.figures import FigureStore
from flowbot.services.ports.messages import MessageRole, MessageStore
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.readings import RoundObserver, WatchRound, WatchStore
from flowbot.services.ports.reports import ReportStore

CHANGES_MAX: Final = 1000
"""So many changes of a week are counted."""
WEEKS_SHOWN: Final = 4
"""An older digest is not shown as the last one."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DigestComposer:
    """Puts a channel's digest together, of what its rules let it see."""

    store: ChangeStore
    reports: ReportStore
    watch: WatchStore
    figures: FigureStore
    flow_cache: FlowCache
    zone: ZoneInfo

    async def compose(self, policy: ChannelPolicy, day: date) -> Digest:
        """Return the digest of the week before a day.

        Raises:
            DependencyError: Enkapush or the database did not answer.
        """
        websites = policy.named_websites
        first, last = days_before(day, WEEK_DAYS)
        before_first, before_last = days_before(first, WEEK_DAYS)
        week = (self._start_of(first), self._start_of(day))
        flows = (entry.flow for entry in (await self.flow_cache.get_latest()).flows)
        live = [flow for flow in flows if flow.is_enabled and policy.covers_website(flow.website_id)]
        unclicked, known_days = await self._find_unclicked(live, websites, day)
        return Digest(
            first=first,
            last=last,
            live=len(live),
            week=await self._sum_week(websites, first, last),
            week_before=await self._sum_week(websites, before_first, before_last),
            own=group_by_kind(_list_changed(await self._list_own(websites, week), policy)),
            outside=group_by_kind(_list_found(await self._list_findings(week), policy)),
            waiting=await self._list_waiting(policy),
            unclicked=unclicked,
            known_days=known_days,
            websites=None if policy.websites == "all" else policy.websites,
        )

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    async def _sum_week(self, websites: Collection[WebsiteId] | None, first: date, last: date) -> WeekFigures:
        moved = await self.figures.website_days(websites, first, last)
        return WeekFigures.of(moved, await self.figures.whole_days(first, last))

    async def _list_own(self, websites: frozenset[WebsiteId] | None, week: tuple[datetime, datetime]) -> list[Change]:
        closed = await self.store.closed(websites=websites, since=week[0], limit=CHANGES_MAX)
        return [each for each in closed if each.state is ChangeState.APPLIED and each.changed_at < week[1]]

    async def _list_findings(self, week: tuple[datetime, datetime]) -> list[Finding]:
        found = await self.reports.list_since(ReportKind.FINDING, week[0])
        return [
            each.told.content for each in found if isinstance(each.told.content, Finding) and each.created_at < week[1]
        ]

    async def _list_waiting(self, policy: ChannelPolicy) -> FlowList:
        waiting = [
            each
            for each in await self.store.waiting()
            if each.state is ChangeState.PENDING and each.channel == policy.id and policy.covers_website(each.website)
        ]
        records = await self.store.get_records([each.id for each in waiting])
        return FlowList.of(flow for record in records if (flow := _name_flow(record.change, policy)) is not None)

    async def _find_unclicked(
        self, live: Collection[Flow], websites: frozenset[WebsiteId] | None, day: date
    ) -> tuple[FlowList | None, int]:
        """Find the flows that were live for 30 days without a click, and how many of these days are known."""
        first, last = days_before(day, UNCLICKED_DAYS)
        known = len(await self.figures.whole_days(first, last))
        if known < UNCLICKED_DAYS:
            return None, known
        sums = await self.figures.flow_sums(websites, first, last)
        since = await self.watch.list_live_since(websites, self._start_of(first))
        found = (
            NamedFlow(flow.id, flow.name)
            for flow in live
            if flow.id in since and not (flow.id in sums and sums[flow.id].clicked)
        )
        return FlowList.of(found), known


@dataclass(frozen=True, slots=True)
class LastDigests:
    """The last digests of channels, and those that their channels refused."""

    reports: ReportStore
    messages: MessageStore
    clock: Clock
    zone: ZoneInfo

    async def find(self, policies: Iterable[ChannelPolicy]) -> Mapping[ChannelId, Digest]:
        """Find the last digest of each channel, of the last weeks, as far as its rules let it be seen now.

        Raises:
            DependencyError: the database did not answer.
        """
        named = {each.id: each.named_websites for each in policies}
        found = {channel: report.told.content_as(Digest) for channel, report in (await self._load(named)).items()}
        return {channel: digest for channel, digest in found.items() if digest.is_within(named[channel])}

    async def find_refused(self, policies: Iterable[ChannelPolicy]) -> tuple[ChannelId, ...]:
        """Find the channels that did not take their last digest.

        Raises:
            DependencyError: the database did not answer.
        """
        refused = []
        for channel, report in (await self._load(policy.id for policy in policies if policy.digest)).items():
            is_over = report.shown_version >= report.version
            if is_over and all(
                each.place is None for each in await self.messages.list_of(report.id, MessageRole.REPORT)
            ):
                refused.append(channel)
        return tuple(refused)

    async def _load(self, channels: Iterable[ChannelId]) -> Mapping[ChannelId, Report]:
        today = self.clock().astimezone(self.zone).date()
        tokens = [token for channel in channels for token in list_tokens(channel, today, weeks=WEEKS_SHOWN)]
        found = await self.reports.get_by_tokens(tokens) if tokens else ()
        # The oldest first: the last one stays.
        return {report.told.channel: report for report in found if report.told.channel is not None}


@dataclass(frozen=True, slots=True)
class WeeklyDigests(RoundObserver):
    """Posts digests after rounds of the watch. Late on its day a digest is posted late; after that it is left out.

    Attributes:
        show_reports: Starts to show reports.
    """

    composer: DigestComposer
    policies: PolicyStore
    reports: ReportStore
    show_reports: Callable[[Sequence[Report]], None]
    zone: ZoneInfo

    async def after_round(self, watched: WatchRound) -> None:
        """Post the digests that were due today when the round began and were not posted."""
        for policy in (await self.policies.get_book()).channels:
            day = None if policy.digest is None else find_due_day(policy.digest.time, watched.read_at, self.zone)
            if day is not None:
                await self._post(policy, day)

    async def _post(self, policy: ChannelPolicy, day: date) -> None:
        token = digest_token(policy.id, day)
        if await self.reports.get_by_token(token) is not None:
            return
        digest = await self.composer.compose(policy, day)
        new = NewReport(token, ReportKind.DIGEST, digest, channel=policy.id, state=ReportState.CLOSED)
        report, is_new = await self.reports.submit(new)
        if is_new:
            log.info("weekly_digest.written", channel=policy.id, report=report.id)
            self.show_reports([report])


def _list_changed(changes: Collection[Change], policy: ChannelPolicy) -> Iterator[tuple[ChangeKind, NamedFlow]]:
    for change in changes:
        if (flow := _name_flow(change, policy)) is not None:
            yield change.request.kind, flow


def _name_flow(change: Change, policy: ChannelPolicy) -> NamedFlow | None:
    """Return the flow that a change is about, or has made, by the name that it has on the policy's websites.

    None where it has no number, or no such name.
    """
    request = change.request
    number = (change.outcome.flow if change.outcome else None) or request.flow
    contents = (request.wanted.content if request.wanted else None, request.before)
    named = next((each.name for each in contents if each and policy.covers_website(each.website_id)), None)
    return None if number is None or named is None else NamedFlow(number, named)


def _list_found(findings: Collection[Finding], policy: ChannelPolicy) -> Iterator[tuple[ChangeKind, NamedFlow]]:
    for finding in findings:
        seen = finding.seen_by(policy.covers_website)
        if (flow := seen.flow) is not None:
            yield seen.kind, NamedFlow(flow.id, flow.name)
