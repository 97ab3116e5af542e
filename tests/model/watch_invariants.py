"""Checks of the watch: what is done outside is told, once a channel, and what flowbot did is not."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

from flowbot.domain.change import CREATING_KINDS, Change, ChangeKind, ChangeState
from flowbot.domain.findings import Finding, FindingEnd
from flowbot.domain.flow import Flow, flow_differences
from flowbot.domain.ids import ChannelId, FlowId, ReportId
from flowbot.domain.policy import BreakerRule, ChannelPolicy, WatchTell
from flowbot.domain.report import Report, ReportKind
from flowbot.domain.watch import has_same_content
from flowbot.services.ports.messages import MessageKey
from tests.model.effect_invariants import flow_of, is_recent, may_have_set, was_overtaken
from tests.model.fake_enkapush import Effect, FakeEnkapush, Storage
from tests.model.fake_slack import FakeSlack, Post, is_of_report
from tests.model.message_invariants import check_mentioned_once, check_sent_once

LIMITS: Final = BreakerRule(min_sent=1000, min_click_rate=0.01)
"""When a channel's rules have a flow disabled."""
EXISTENCE: Final = "existence"
"""What differs of a flow that is new or gone, beside the names of fields."""


@dataclass
class History:
    """A flow as it was at first (None: not at all), and what became of it."""

    first: Flow | None
    effects: list[Effect] = field(default_factory=list)

    def state(self, number: int) -> Flow | None:
        """Return the flow after so many effects."""
        return self.effects[number - 1].after if number else self.first

    @property
    def enablings(self) -> int:
        """Count how often it went live."""
        states = [self.first, *(effect.after for effect in self.effects)]
        live = [flow is not None and flow.is_enabled for flow in states]
        return live[0] + sum(after and not before for before, after in pairwise(live))


@dataclass
class WatchInvariants:
    """Follows every flow as the watch knows it from one state to the next, and each difference to its finding.

    Attributes:
        policy: The policy in force, and since which report.
    """

    enkapush: FakeEnkapush
    slack: FakeSlack
    policy: ChannelPolicy | None = None
    _histories: dict[FlowId, History] = field(default_factory=dict)
    _followed: int = 0
    _known: dict[FlowId, int] = field(default_factory=dict)
    _reports: dict[ReportId, Report] = field(default_factory=dict)
    _told_otherwise: set[ReportId] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin with the flows of now, of which the first reading tells nothing."""
        self._histories = {flow.id: History(flow) for flow in self.enkapush.flows.values()}

    def note_policy(self, policy: ChannelPolicy | None) -> None:
        """Note that another policy is in force: who is told of earlier reports is not checked any more."""
        self.policy = policy
        self._told_otherwise.update(self._reports)

    def check(
        self, known: Mapping[FlowId, Flow], reports: Sequence[Report], changes: Sequence[Change], now: datetime
    ) -> None:
        """Check what the watch knows by now, and what is reported."""
        for effect in self.enkapush.effects[self._followed :]:
            if (flow := flow_of(effect)) is not None:
                self._histories.setdefault(flow, History(None)).effects.append(effect)
        self._followed = len(self.enkapush.effects)
        moved = defaultdict[FlowId, list[Report]](list)
        for report in reports:
            before = self._reports.get(report.id)
            if isinstance(report.told.content, Finding) and report.told.flow is not None:
                row = known.get(report.told.flow)
                is_as_known = not report.is_open or has_same_content(report.told.content.after, row)
                assert is_as_known, f"found, and not known: {report}, {row}"
                if before is None or before.told != report.told:
                    moved[report.told.flow].append(report)
        for flow, history in self._histories.items():
            own = [change for change in changes if flow in {change.request.flow, change.flow_id}]
            own += [change for change in changes if change.request.kind in CREATING_KINDS and change.flow_id is None]
            self._check_flow(flow, history, known.get(flow), own, moved[flow], now)
        self._check_trips(reports)
        self._check_messages()
        self._reports = {report.id: report for report in reports}

    def _check_flow(
        self,
        flow_id: FlowId,
        history: History,
        row: Flow | None,
        changes: Sequence[Change],
        moved: Sequence[Report],
        now: datetime,
    ) -> None:
        """Follow a flow from the state in which the watch knew it to the one in which it knows it now."""
        start = self._known.get(flow_id, 0)
        fitting = [
            number for number in range(start, len(history.effects) + 1) if has_same_content(history.state(number), row)
        ]
        assert fitting, f"flow {flow_id} was never like this since: {row}"
        untold = self._find_outside(history, start, fitting[0], changes)
        is_told = any(_tells(report, row) for report in moved)
        assert not untold or is_told, f"flow {flow_id} was changed outside, and nobody is told: {untold}, {row}"
        for report in moved:
            self._check_not_own(report, history.effects[start : fitting[-1]], changes, now)
        self._known[flow_id] = fitting[0]

    def _find_outside(self, history: History, start: int, end: int, changes: Sequence[Change]) -> set[str]:
        """Find what differs between two states since somebody outside set it last, and nothing of flowbot's may have.

        Args:
            history: what became of a flow.
            start: the number of the first state.
            end: the number of the other.
            changes: flowbot's changes of that flow.
        """
        effects, after = history.effects[start:end], history.state(end)
        found = set[str]()
        for name in _difference(history.state(start), after):
            last = next(effect for effect in reversed(effects) if name in _touched(effect))
            if last.change is None and not self._may_be_own(name, after, changes, effects[0]):
                found.add(name)
        return found

    def _may_be_own(self, name: str, after: Flow | None, changes: Sequence[Change], first: Effect) -> bool:
        """Check whether a flow may be like this by a change that was not seen before."""
        since = first.at
        if name == EXISTENCE:
            kinds = {ChangeKind.DELETE} if after is None else CREATING_KINDS
            return any(
                change.request.kind in kinds
                and (change.state is ChangeState.UNKNOWN or (since is not None and change.changed_at >= since))
                for change in changes
            )
        return since is not None and any(
            may_have_set(change, name, getattr(after, name), self.enkapush.sent[change.id], since) for change in changes
        )

    def _check_not_own(
        self, report: Report, effects: Sequence[Effect], changes: Sequence[Change], now: datetime
    ) -> None:
        """Check that a finding tells nothing that flowbot did, unless that cannot be recognised."""
        finding, before = report.told.content, self._reports.get(report.id)
        if not isinstance(finding, Finding) or finding.closing is not None:
            return
        told_before = before.told.content if before is not None else None
        known = _difference(told_before.before, told_before.after) if isinstance(told_before, Finding) else set()
        told = _difference(finding.before, finding.after) - known
        known_changes = {change.id: change for change in changes}
        outside = [
            effect
            for effect in effects
            if effect.change is None or not self._is_recognised(known_changes.get(effect.change), changes, now)
        ]
        assert not told or outside, f"flowbot's own is told: {told}, {report}"

    def _is_recognised(self, change: Change | None, changes: Sequence[Change], now: datetime) -> bool:
        """Check whether what a change did counts as flowbot's own: nobody has touched its flow outside since."""
        if change is None or self.enkapush.stored_as.get(change.id) is Storage.CUT_SHORT:
            return False
        if change.state is ChangeState.APPLIED and self.enkapush.sent[change.id] == 1:
            return True
        since = (
            [
                effect
                for effect in self._histories[change.flow_id].effects
                if effect.change is None and effect.at is not None and effect.at >= change.created_at
            ]
            if change.flow_id is not None
            else []
        )
        return is_recent(change, now) and not since and not was_overtaken(change, now, changes)

    def _check_trips(self, reports: Iterable[Report]) -> None:
        """Check that the breaker has tripped once an enabling at most, each time on what was sent since."""
        trips = [report for report in reports if report.told.kind is ReportKind.BREAKER]
        for flow, count in Counter(trip.told.flow for trip in trips).items():
            enablings = self._histories[flow].enablings if flow is not None else 0
            assert count <= enablings, f"flow {flow} was enabled {enablings} times, and tripped {count} times"
        for trip in trips:
            if trip.id not in self._reports and trip.told.flow is not None:
                sent = self.enkapush.sent_since_trip.pop(trip.told.flow, 0)
                assert sent >= LIMITS.min_sent, f"tripped on {sent}: {trip}"

    def _check_messages(self) -> None:
        """Check that each report is told once a channel, and mentions nobody twice."""
        sent = defaultdict[MessageKey, list[Post]](list)
        for post in self.slack.posts:
            if is_of_report(post.key):
                sent[post.key].append(post)
        for key, posts in sent.items():
            check_mentioned_once(key, posts)
            check_sent_once(key, posts)

    # --- at rest -------------------------------------------------------------------------------------------------

    def check_at_rest(self, known: Mapping[FlowId, Flow], reports: Sequence[Report], read_at: datetime) -> None:
        """Check that all is known and told after two rounds of the watch without faults."""
        for flow_id, history in self._histories.items():
            last = history.effects[-1].at if history.effects else None
            if last is None or last < read_at:
                now, row = self.enkapush.flows.get(flow_id), known.get(flow_id)
                assert has_same_content(now, row), f"flow {flow_id} is not known after two rounds: {now}, {row}"
        for report in reports:
            assert report.shown_version >= report.version, f"not shown: {report}"
            assert report.told.kind is not ReportKind.STOP or not report.is_open, f"not stopped: {report}"
            if report.id not in self._told_otherwise:
                self._check_told(report)

    def _check_told(self, report: Report) -> None:
        """Check that the approval channel was told of an open finding of its websites."""
        policy, finding = self.policy, report.told.content
        if policy is None or not isinstance(finding, Finding) or not report.is_open or finding.summary is not None:
            return
        channel = policy.approval_channel
        if policy.watch.tell is WatchTell.ALL and _is_seen(finding, policy):
            is_told = any(_is_told(post, report.id, channel) for post in self.slack.posts)
            is_refused = any((key.subject, key.recipient) == (report.id, channel) for key, _ in self.slack.refused)
            assert is_told or is_refused, f"not told in {channel}: {report}"


def _is_seen(finding: Finding, policy: ChannelPolicy) -> bool:
    return finding.seen_by(policy.covers_website).flow is not None


def _is_told(post: Post, report: ReportId, channel: ChannelId) -> bool:
    return post.key.subject == report and post.channel == channel


def _tells(report: Report, row: Flow | None) -> bool:
    """Check whether a finding tells of a flow as it is known now, or that it is as it was before."""
    finding = report.told.content
    if not isinstance(finding, Finding):
        return False
    is_as_before = finding.closing is not None and finding.closing.how is FindingEnd.GONE
    return is_as_before or has_same_content(finding.after, row)


def _difference(before: Flow | None, after: Flow | None) -> set[str]:
    """Return what differs between two states of a flow."""
    if before is None or after is None:
        return set() if before is after else {EXISTENCE}
    return {each.field for each in flow_differences(before, after)}


def _touched(effect: Effect) -> set[str]:
    """Return what an effect has set."""
    return _difference(effect.before, effect.after)
