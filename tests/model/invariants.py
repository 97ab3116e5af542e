"""Checks of what flowbot writes and permits, by the policy in force at that moment."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from flowbot.domain.approval_rule import EVERYONE, Gate
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.disable_cause import DisableCause
from flowbot.domain.findings import Finding
from flowbot.domain.flow import Flow, flow_differences
from flowbot.domain.ids import ChangeId, FlowId, ReportToken, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.progress import Closure, ClosureKind
from flowbot.domain.report import Report
from flowbot.domain.stop import find_report
from flowbot.services.flow_cache import FlowCache
from flowbot.services.flow_settings import FlowSettingsLoader
from flowbot.services.ports.changes import VoteResult
from flowbot.services.recent_figures import RecentFigures
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.services.segments import SegmentCache
from flowbot.services.stop import StopQuestion
from flowbot.storage import tables
from flowbot.storage.repositories.change_queries import fetch_many
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.figures import FigureRepository
from flowbot.storage.repositories.images import ImageRepository
from flowbot.storage.repositories.known_settings import KnownSettingsRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.model.effect_invariants import may_go_live, may_have_set
from tests.model.fake_directory import JONAS
from tests.model.fake_enkapush import CURRENT_CLOCK, FakeEnkapush
from tests.model.live_content import LiveContent, Shown
from tests.model.time_invariants import TimeInvariants
from tests.model.vote_invariants import VoteInvariants

GATES: Final = {ChangeKind.ENABLE: Gate.ENABLE, ChangeKind.DISABLE: Gate.DISABLE, ChangeKind.DELETE: Gate.DELETE}


@dataclass
class PolicyInvariants(ABC):
    """Checks of writes, votes and closings.

    Attributes:
        policy: The policy in force.
        violations: Writes and decisions that must not have happened.
        live: Follows the content of live flows.
        times: Checks that changes wait for their times and for freezes.
        ballots: Checks whose approvals count.
        questions: The flows that each question of a stop has named, by the token of the stop's report.
    """

    database: Database
    enkapush: FakeEnkapush = field(init=False)
    policy: ChannelPolicy | None = None
    violations: list[str] = field(default_factory=list)
    questions: dict[ReportToken, frozenset[FlowId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = ChangeRepository(self.database, self.clock)
        self.live = LiveContent(self.clock)
        self.enkapush = FakeEnkapush(self.clock)
        self.times = TimeInvariants(self.enkapush, self.live, self.clock)
        self.ballots = VoteInvariants(self.enkapush, self.live, self.times)
        settings = FlowSettingsLoader(KnownSettingsRepository(self.database), SegmentCache(self.enkapush.audiences))
        flow_cache = FlowCache(self.enkapush, clock=self.clock)
        zone = ZoneInfo("UTC")
        recent = RecentFigures(FigureRepository(self.database), self.clock, zone)
        self.details = RequestDetailsLoader(
            self.store, ImageRepository(self.database), flow_cache, settings, recent, self.clock, zone
        )

    @abstractmethod
    def clock(self) -> datetime:
        """Return the current time."""

    async def read_changes(self) -> list[Change]:
        """Read all changes."""
        async with self.database.read() as connection:
            return list(await fetch_many(connection, select(tables.changes)))

    async def may_go_live(self, flow: FlowId) -> bool:
        """Check whether a flow may go live by an enable that was not seen yet."""
        return may_go_live(flow, await self.read_changes(), self.enkapush.sent, self.clock())

    async def check_write(self, change_id: ChangeId | None, flow: Flow | None) -> None:
        """Check that a write is approved for this flow by entitled people, or skipped the approval."""
        change = await self.store.get(change_id) if change_id else None
        if change is None:
            self.violations.append("a write of no change")
            return
        try:
            await self._check_matches_request(change, flow)
            await self._check_allowed(change, flow)
            clock = CURRENT_CLOCK.get() or self.clock
            approved_at = max(
                (vote.at for vote in (await self.store.get_record(change.id)).votes), default=change.created_at
            )
            self.times.check_write(change, clock(), approved_at, goes_live=await self._goes_live(change, flow))
            self.live.note_write(change.id, self.policy)
        except AssertionError as error:
            self.violations.append(f"{change.request.kind} of {change.request.flow} by {change.id}: {error}")

    async def _goes_live(self, change: Change, flow: Flow | None) -> bool:
        """Check whether a write makes something go live."""
        if change.request.kind is not ChangeKind.EDIT or flow is None:
            return change.request.kind is ChangeKind.ENABLE
        return flow.is_enabled or await self.may_go_live(flow.id)

    async def _check_matches_request(self, change: Change, flow: Flow | None) -> None:
        assert change.state is ChangeState.APPLYING, f"written while {change.state}"
        assert change.sent_at is not None, "written without a note"
        if change.request.parent is not None:
            assert flow is not None, "a revision of no flow"
            assert not flow.is_enabled, "a revision of a live flow"
        if change.request.kind is ChangeKind.DISABLE and (change.rule is None or change.request.is_timed_disable):
            return
        before = change.request.before if change.request.kind is not ChangeKind.RESTORE else None
        assert (flow is None) == (before is None), "written to another flow than asked of"
        if flow is None or before is None:
            return
        others = [other for other in await self.read_changes() if other.id != change.id and other.flow_id == flow.id]
        for each in flow_differences(before, flow):
            # What was done outside may look like an effect of flowbot's own.
            is_own = self.live.find_source(flow.id, each.field) is not None or any(
                may_have_set(other, each.field, each.after, self.enkapush.sent[other.id], change.created_at)
                for other in others
            )
            assert is_own, f"written to a flow whose {each.field} was changed outside"

    async def _check_allowed(self, change: Change, flow: Flow | None) -> None:
        assert self.policy is not None, "no policy"
        assert self.policy.covers_website(change.request.website), "of a website that is not the channel's"
        if change.request.cause is not None:
            await self._check_decided(change)
            return
        if change.rule is None:
            is_approved = change.request.repeats is not None or change.request.ends is not None
            assert is_approved or not await self._is_gated(change), "written without an approval"
            return
        closing = change.progress.closing
        if closing is not None and closing.how is ClosureKind.BREAK_GLASS:
            self._check_break_glass(closing)
            return
        votes = (await self.store.get_record(change.id)).votes
        self.ballots.check_write(change, votes, self.policy, flow, await self.read_changes())

    async def _check_decided(self, disable: Change) -> None:
        """Check a disable that nobody has to approve: by a stop, of what that has named."""
        assert disable.request.kind is ChangeKind.DISABLE, "decided, and no disable"
        if (report := find_report(disable)) is not None:
            stop = await ReportRepository(self.database, self.clock).get(report)
            named = self.questions.get(stop.told.token, frozenset()) if stop is not None else frozenset()
            assert disable.request.flow in named, "stopped, and not named by the question"
        elif disable.request.cause is DisableCause.REVERT:
            assert disable.request.answers is not None, "reverts nothing"

    async def note_shown(self, change: Change, person: UserId) -> int:
        """Note what a person sees who is about to approve a change, and return the round of votes that they see."""
        details = await self.details.load_newest(change.id)
        shown = Shown(details.flow, {each.field: each.after for each in details.late_edits})
        self.live.shown.setdefault(change.id, []).append(shown)
        self.ballots.note_shown(details.change, person, shown)
        return details.change.progress.round

    def check_vote(self, person: UserId, ballot: VoteResult, at: datetime, policy: ChannelPolicy | None) -> None:
        """Check that an accepted approval was given in time, by somebody who was entitled."""
        change = ballot.change
        try:
            self.ballots.check_vote(person, change, ballot.votes, policy)
        except AssertionError as error:
            self.violations.append(f"{person} approved {change.id} of {change.request.requester}: {error}")
        since = change.progress.waits_since or change.created_at
        if change.rule and at >= since + timedelta(hours=change.rule.expires_after_hours):
            self.violations.append(f"{person} approved {change.id} after it had expired")

    def check_closing(self, change: Change) -> None:
        """Check that the person who ended a request was entitled."""
        closing = change.progress.closing
        try:
            assert closing is not None
            if closing.how is ClosureKind.WITHDRAWN:
                assert closing.by == change.request.requester, f"{closing.by} withdrew another's request"
            elif closing.how is ClosureKind.BREAK_GLASS:
                self._check_break_glass(closing)
            else:
                is_entitled = self.ballots.may_reject(closing.by, closing.right_of, change, self.policy)
                assert is_entitled, f"{closing.by} may not reject"
        except AssertionError as error:
            self.violations.append(f"{change.id} was ended: {error}")

    async def check_question(self, question: StopQuestion) -> None:
        """Check that a stop names all flows of the channel that are live or may go live, and no others."""
        policy, named = self.policy, frozenset(flow.id for flow in question.flows)
        for flow in self.enkapush.flows.values():
            is_own = policy is not None and policy.covers_website(flow.website_id)
            is_live = is_own and (flow.is_enabled or await self.may_go_live(flow.id))
            if is_live != (flow.id in named):
                self.violations.append(f"a stop names {sorted(named)}, and flow {flow.id} is live: {is_live}")
        self.questions[ReportToken(f"stop.{question.token}")] = named

    def check_stopped_by(self, person: UserId, reason: str) -> None:
        """Check that a person who has stopped flows was entitled."""
        try:
            assert self.policy is not None, "no policy"
            if Gate.DISABLE in self.policy.approval.required_for:
                self._check_break_glass(Closure(person, ClosureKind.BREAK_GLASS, reason))
            else:
                is_editor = person in self.policy.editors or EVERYONE in self.policy.editors
                assert is_editor, f"{person} is no editor"
                assert person != JONAS, "stopped by a stranger"
        except AssertionError as error:
            self.violations.append(f"stopped: {error}")

    def check_accepted(self, report: Report, person: UserId) -> None:
        """Check that a person who accepted a finding was entitled: to what is live an approver."""
        content, policy = report.told.content, self.policy
        # Of a flow that was moved to a website that the channel may not see it is gone there.
        is_live = policy and isinstance(content, Finding) and content.seen_by(policy.covers_website).is_live
        self._check_named(person, policy.approvers if is_live and policy else None)

    def check_answered(self, report: Report, person: UserId) -> None:
        """Check that a person who has a finding reverted, or its flow disabled, was entitled."""
        if not isinstance(report.told.content, Finding):
            self.violations.append(f"{person} answered no finding: {report}")
        self._check_named(person, None)

    def _check_named(self, person: UserId, named: Sequence[str] | None) -> None:
        """Check that a person is among those that are named, or (None) an editor or approver."""
        if named is None and self.policy is not None:
            named = (*self.policy.editors, *self.policy.approvers)
        if person == JONAS or named is None or not {person, EVERYONE} & set(named):
            self.violations.append(f"{person} answered a finding under {self.policy}")

    def _check_break_glass(self, closing: Closure) -> None:
        named = self.policy.approval.break_glass if self.policy else ()
        assert closing.by in named, f"{closing.by} may not break the glass"
        assert closing.reason.strip(), "the glass was broken without a reason"

    async def _is_gated(self, change: Change) -> bool:
        gates = self.policy.approval.required_for if self.policy else ()
        before = change.request.before
        if change.request.kind is ChangeKind.EDIT:
            is_live = before is not None and (before.is_enabled or await self.may_go_live(before.id))
            return is_live and Gate.EDIT_ENABLED in gates
        return GATES.get(change.request.kind) in gates
