"""Checks of approvals: each in its stage, by one's own right or another's, and as many as the audience asks for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from flowbot.domain.approval_rule import EVERYONE, ApprovalRule, Principal
from flowbot.domain.change import Change
from flowbot.domain.flow import Flow, content_differences
from flowbot.domain.ids import ChangeId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.votes import Vote, VoteChoice
from tests.model.fake_directory import EVERYBODY, JONAS, is_named
from tests.model.fake_enkapush import FakeEnkapush
from tests.model.live_content import LiveContent, Shown
from tests.model.time_invariants import TimeInvariants

JUST_NOW: Final = timedelta(seconds=10)
"""What is read so long before a write counts as read at the time of sending."""
MOMENT: Final = timedelta(minutes=1)
Votes = Mapping[ChangeId, Sequence[Vote]]


@dataclass
class NotedAbsence:
    """An absence as somebody asked for it; it may have been stored, or not."""

    person: UserId
    stand_in: UserId | None
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class ShownRequest:
    """What somebody saw who approved a request: the flow, and what an edit would set of it."""

    sets: Mapping[str, Any]
    shown: Shown


@dataclass
class VoteInvariants:
    """Checks of votes and of what is written by them.

    Attributes:
        absences: All that anybody asked for.
        shown: What was shown to each person who approved a change, at each attempt.
        escalated: When each change was escalated that is so now.
        void: Votes that count no longer: the stages have changed since.
    """

    enkapush: FakeEnkapush
    live: LiveContent
    times: TimeInvariants
    absences: list[NotedAbsence] = field(default_factory=list)
    shown: dict[tuple[ChangeId, UserId], list[ShownRequest]] = field(default_factory=dict)
    escalated: dict[ChangeId, datetime] = field(default_factory=dict)
    void: set[tuple[ChangeId, Vote]] = field(default_factory=set)
    _last_policy: ChannelPolicy | None = None

    def note_policy(self, policy: ChannelPolicy | None, waiting: Votes) -> None:
        """Note that a policy takes effect now, and the votes on what waits for approvals: other stages void them."""
        if policy is None:
            return
        if self._last_policy is not None and self._last_policy.approval.stages != policy.approval.stages:
            self.void |= {(change, vote) for change, votes in waiting.items() for vote in votes}
        self._last_policy = policy

    def note_away(self, person: UserId, stand_in: UserId | None, begins: datetime, ends: datetime) -> None:
        """Note that somebody is away, if that can be stored."""
        self.absences.append(NotedAbsence(person, stand_in, begins, ends))

    def note_back(self, person: UserId, at: datetime) -> None:
        """Note that somebody is back."""
        for absence in self.absences:
            if absence.person == person:
                absence.ends = min(absence.ends, at)

    def note_shown(self, change: Change, person: UserId, shown: Shown) -> None:
        """Note what somebody sees who is about to approve a change."""
        self.shown.setdefault((change.id, person), []).append(ShownRequest(_list_set(change), shown))

    def check_escalation(self, change: Change) -> None:
        """Check that a change was escalated only after it had waited long enough."""
        at, progress, rule = change.progress.escalated_at, change.progress, change.rule
        if at is None:
            self.escalated.pop(change.id, None)
        elif self.escalated.get(change.id) != at:
            assert rule is not None, f"escalated without a rule: {change}"
            assert rule.escalate_after_hours is not None, f"escalated though it never is: {change}"
            waits = progress.waits_since if progress.waits_since and progress.waits_since <= at else change.created_at
            assert at + self.times.skew >= waits + timedelta(hours=rule.escalate_after_hours), f"escalated: {change}"
            self.escalated[change.id] = at

    def check_vote(self, person: UserId, change: Change, votes: Sequence[Vote], policy: ChannelPolicy | None) -> None:
        """Check a vote that was just accepted; without one somebody has started what had its approvals."""
        self.check_escalation(change)
        _check_counted_once(votes)
        vote = next((each for each in votes if each.person == person), None)
        if vote is None:
            return
        assert change.rule is not None, "voted on what needs no approval"
        fault = self._find_fault(vote, change, policy)
        assert fault is None, f"{fault}: {vote}"
        for stage in range(vote.stage):
            given = [each for each in votes if each.stage == stage and each.choice is VoteChoice.APPROVE]
            assert len(given) >= change.rule.quorum, f"voted while stage {stage + 1} waits: {vote}"

    def may_reject(self, person: UserId, right_of: UserId | None, change: Change, policy: ChannelPolicy | None) -> bool:
        """Check whether somebody may reject a change, in whichever stage."""
        self.check_escalation(change)
        vote = Vote(person, VoteChoice.REJECT, change.changed_at, 0, right_of)
        stages = range(len(list_stages(policy))) if policy is not None else ()
        return any(self._find_fault(replace(vote, stage=stage), change, policy) is None for stage in stages)

    def may_wish(self, person: UserId, change: Change, policy: ChannelPolicy | None) -> bool:
        """Check whether somebody may ask for changes: who may decide may, by whichever right."""
        rights = [None, *(absence.person for absence in self.absences if absence.stand_in == person)]
        return any(self.may_reject(person, right, change, policy) for right in rights)

    def check_waiting(self, change: Change, votes: Sequence[Vote], policy: ChannelPolicy) -> None:
        """Check a request that waits though everybody has pressed: that stage lacks people who may still approve."""
        rule, quorums = change.rule, change.progress.quorums
        assert rule is not None, f"waits for nothing: {change}"
        counted = {person for vote in votes for person in {vote.person, vote.right_of or vote.person}}
        for stage, entries in enumerate(list_stages(policy)):
            given = [vote for vote in votes if vote.stage == stage]
            if len(given) >= max([rule.quorum, *quorums[stage : stage + 1]]):
                continue
            own = rule.self_approval and policy.approval.self_approval
            able = [person for person in EVERYBODY if is_named(entries, person)]
            free = [person for person in able if person not in counted and (own or person != change.request.requester)]
            assert not free, f"{free} cannot approve in stage {stage + 1}: {change}"
            is_short = len(given) < max(rule.quorum, policy.approval.quorum)
            assert is_short or EVERYONE in entries, f"needs more than there are: {change}"
            return
        raise AssertionError(f"waits though all have approved: {change}")

    def check_write(
        self, change: Change, votes: Sequence[Vote], policy: ChannelPolicy, flow: Flow | None, changes: Iterable[Change]
    ) -> None:
        """Check that each stage has the approvals that the policy asks for, for this content and this audience."""
        edits = [each for each in changes if each.request.parent == change.id]
        self.check_escalation(change)
        approvals = [vote for vote in votes if vote.choice is VoteChoice.APPROVE]
        _check_counted_once(approvals)
        counting = [vote for vote in approvals if self._counts(vote, change, policy, flow, edits)]
        for stage, entries in enumerate(list_stages(policy)):
            given = [vote for vote in counting if vote.stage == stage]
            needed = self._find_quorum(change, policy, stage, given, approvals, flow)
            assert len(given) >= needed, (
                f"written with {len(given)} approvals of {entries} in stage {stage + 1} instead of {needed}: {votes}"
            )

    def _counts(
        self, vote: Vote, change: Change, policy: ChannelPolicy, flow: Flow | None, edits: Sequence[Change]
    ) -> bool:
        is_valid = (change.id, vote) not in self.void and self._find_fault(vote, change, policy) is None
        seen = self.shown.get((change.id, vote.person), ())
        return is_valid and any(self._shows(each, change, flow, edits) for each in seen)

    def _shows(self, seen: ShownRequest, change: Change, flow: Flow | None, edits: Sequence[Change]) -> bool:
        """Check whether somebody has seen what is written, also what edits under an enable have made of its flow."""
        if flow is None or not _list_set(change).items() <= seen.sets.items():
            return flow is None
        return all(
            seen.shown.names(name, getattr(flow, name), edit)
            for edit in edits
            for name in _list_set(edit)
            if self.live.find_source(flow.id, name) == edit.id
        )

    def _find_fault(self, vote: Vote, change: Change, policy: ChannelPolicy | None) -> str | None:
        """Find why a vote may not count, by its stage and the right by which it was given."""
        if policy is None:
            return "no policy"
        requester, today = change.request.requester, policy.approval
        # A disable at its time that nobody had to approve may be rejected all the same.
        rule = change.rule or today
        entries = [*list_stages(policy)[vote.stage], *(today.escalate_to if self._is_escalated(change, vote) else ())]
        if vote.right_of is None:
            is_own = vote.person == requester and not (rule.self_approval and today.self_approval)
            return "on their own request" if is_own else None if is_named(entries, vote.person) else "not of the stage"
        faults = {
            "nobody stands in": not (rule.stand_ins and today.stand_ins) or vote.person == JONAS,
            "on the request of either of the two": requester in {vote.person, vote.right_of},
            "for somebody who is not of the stage": not is_named(entries, vote.right_of),
            "for somebody who has not named them": not self._is_away(vote),
        }
        return next((fault for fault, is_so in faults.items() if is_so), None)

    def _is_away(self, vote: Vote) -> bool:
        early, late = vote.at - MOMENT - self.times.skew, vote.at + MOMENT + self.times.skew
        return any(
            absence.person == vote.right_of
            and absence.stand_in == vote.person
            and absence.begins <= late
            and absence.ends >= early
            for absence in self.absences
        )

    def _is_escalated(self, change: Change, vote: Vote) -> bool:
        at = self.escalated.get(change.id)
        return at is not None and vote.at + MOMENT + self.times.skew >= at

    def _find_quorum(
        self,
        change: Change,
        policy: ChannelPolicy,
        stage: int,
        given: Sequence[Vote],
        approvals: Sequence[Vote],
        flow: Flow | None,
    ) -> int:
        """Find how many approvals a stage needs: as its audience asks for, as far as so many people may give them."""
        rules = [rule for rule in (change.rule, policy.approval) if rule is not None]
        quorum = max(rule.quorum for rule in rules)
        now, sent_at = self.times.clock(), change.sent_at
        if flow is None or sent_at is None or now - sent_at > JUST_NOW:
            # What was sent once is sent again for the same audience.
            return quorum
        sent = change.request.wanted.write_only.segment if change.request.wanted else None
        audiences = self.enkapush.audiences.find(flow.id, flow.website_id, sent, now - JUST_NOW)
        raised = min(_quorum_for(rules, audience) for audience in audiences)
        stages = list_stages(policy)
        if EVERYONE in stages[stage]:
            return max(quorum, raised)
        counted = {person for vote in approvals for person in {vote.person, vote.right_of or vote.person}}
        able = {person for person in EVERYBODY if is_named(stages[stage], person)} - {change.request.requester}
        # Who may approve in two stages may be needed in the other.
        alone = {person for person in able if sum(is_named(entries, person) for entries in stages) == 1}
        free = len(alone - counted)
        own = sum((vote.right_of or vote.person) in able for vote in given)
        return max(quorum, min(raised, own + free))


def list_stages(policy: ChannelPolicy) -> Sequence[Sequence[Principal]]:
    """List who approves, one group after the other."""
    return policy.approval.stages or (policy.approvers,)


def _quorum_for(rules: Iterable[ApprovalRule], audience: int | None) -> int:
    """Return the approvals that the strictest of the rules asks for; an unknown audience counts as the largest."""
    lines = [(0, rule.quorum) for rule in rules] + [line for rule in rules for line in rule.quorum_over.items()]
    return max(quorum for line, quorum in lines if audience is None or audience >= line)


def _list_set(change: Change) -> Mapping[str, Any]:
    """List what an edit sets, by field."""
    before, wanted = change.request.before, change.request.wanted
    if before is None or wanted is None:
        return {}
    shown = {each.field: each.after for each in content_differences(before, wanted.content)}
    return shown | {name: value for name, value in asdict(wanted.write_only).items() if value is not None}


def _check_counted_once(votes: Iterable[Vote]) -> None:
    counted = Counter(person for vote in votes for person in {vote.person, vote.right_of or vote.person})
    assert max(counted.values(), default=0) <= 1, f"somebody counts twice: {votes}"
