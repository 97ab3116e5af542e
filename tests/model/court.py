"""Judges what flowbot does and permits in the world of the model, by the policy as it is at that moment."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.change import Change, ChangeKind, ChangeState, Closure, ClosureKind, VoteChoice
from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.ids import ChangeId, UserId
from flowbot.domain.policy import EVERYONE, ChannelPolicy, Gate
from flowbot.storage.changes import StoredChanges
from flowbot.storage.database import Database
from tests.model.directory import JONAS

GATES: Final = {ChangeKind.ENABLE: Gate.ENABLE, ChangeKind.DISABLE: Gate.DISABLE, ChangeKind.DELETE: Gate.DELETE}


@dataclass
class Court(ABC):
    """The judge.

    Attributes:
        policy: What is in force.
        broken: What was done, or permitted, that must not be.
    """

    database: Database
    policy: ChannelPolicy | None = None
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = StoredChanges(self.database, self.clock)

    @abstractmethod
    def clock(self) -> datetime:
        """What time it is."""

    async def judges_write(self, change_id: ChangeId | None, flow: Flow | None) -> None:
        """At the moment of a write: it was approved, of this flow, by people who may, or the glass was broken."""
        change = await self.store.get(change_id) if change_id else None
        if change is None:
            self.broken.append("a write of no change")
            return
        try:
            self._is_what_was_asked(change, flow)
            await self._is_allowed(change)
        except AssertionError as error:
            self.broken.append(f"{change.asked.kind} of {change.asked.flow} by {change.id}: {error}")

    def _is_what_was_asked(self, change: Change, flow: Flow | None) -> None:
        assert change.state is ChangeState.APPLYING, f"written while {change.state}"
        assert change.sent_at is not None, "written without a note"
        before = change.asked.before if change.asked.kind is not ChangeKind.RESTORE else None
        assert (flow and fingerprint(flow)) == (before and fingerprint(before)), "written to another flow than asked of"

    async def _is_allowed(self, change: Change) -> None:
        assert self.policy is not None, "no policy"
        assert self.policy.names_website(change.asked.website), "of a website that is not the channel's"
        if change.rule is None:
            assert not self._is_gated(change), "written without an approval"
            return
        closing = change.progress.closing
        if closing is not None and closing.how is ClosureKind.BREAK_GLASS:
            self._may_break(closing)
            return
        kept = await self.store.votes(change.id)
        approving = {vote.person for vote in kept if vote.choice is VoteChoice.APPROVE}
        counting = {person for person in approving if _may_approve(person, change, self.policy)}
        today = self.policy.approval
        quorum = max(change.rule.quorum, today.quorum)
        assert len(counting) >= quorum, f"written with the approvals of {sorted(counting)} where {quorum} are needed"

    def judges_vote(self, person: UserId, change: Change, at: datetime, policy: ChannelPolicy | None) -> None:
        """An approval was taken: by somebody who might give it when they pressed, in time."""
        if not _may_approve(person, change, policy):
            self.broken.append(f"{person} approved {change.id} of {change.asked.requester} under {policy}")
        if change.rule and at >= change.created_at + timedelta(hours=change.rule.expires_after_hours):
            self.broken.append(f"{person} approved {change.id} after it had expired")

    def judges_closing(self, change: Change) -> None:
        """A request was ended by a person: who may do so."""
        closing = change.progress.closing
        try:
            assert closing is not None
            if closing.how is ClosureKind.WITHDRAWN:
                assert closing.by == change.asked.requester, f"{closing.by} withdrew another's request"
            elif closing.how is ClosureKind.BREAK_GLASS:
                self._may_break(closing)
            else:
                assert _may_approve(closing.by, change, self.policy), f"{closing.by} may not reject"
        except AssertionError as error:
            self.broken.append(f"{change.id} was ended: {error}")

    def _may_break(self, closing: Closure) -> None:
        named = self.policy.approval.break_glass if self.policy else ()
        assert closing.by in named, f"{closing.by} may not break the glass"
        assert closing.reason.strip(), "the glass was broken without a reason"

    def _is_gated(self, change: Change) -> bool:
        gates = self.policy.approval.required_for if self.policy else ()
        before = change.asked.before
        if change.asked.kind is ChangeKind.EDIT:
            return bool(before and before.is_enabled) and Gate.EDIT_ENABLED in gates
        return GATES.get(change.asked.kind) in gates


def _may_approve(person: UserId, change: Change, policy: ChannelPolicy | None) -> bool:
    """By the policy, and by the rule as it was where that is stricter."""
    if policy is None or change.rule is None or person == JONAS:
        return False
    own = change.rule.self_approval and policy.approval.self_approval
    named = policy.approvers
    return (person in named or EVERYONE in named) and (own or person != change.asked.requester)
