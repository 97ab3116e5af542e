"""Decisions on a request: approve, reject, withdraw, skip the approval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.approval import apply_vote, is_skippable, renew_rule, schedule_change, stricter_rule
from flowbot.domain.audit import AuditAction, Transition, describe_raise, event_for_change
from flowbot.domain.change import LEASED_STATES, WAITING_STATES, Change, ChangeState, with_lease
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import Permission
from flowbot.domain.progress import Closure, ClosureKind
from flowbot.domain.text import is_blank
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.errors import UserError
from flowbot.services.approvals.voting_rights import VotingRight, VotingRights
from flowbot.services.authorization import (
    RequestAuthorizer,
    require_for_request,
    require_in_scope,
    too_late_error,
)
from flowbot.services.executor.executor import move_change
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, RequestRecord, VersionConflictError, VoteResult
from flowbot.services.requirements import ApprovalRequirements
from flowbot.services.users import CurrentUser, UserService

CLOSURE_ACTIONS: Final[Mapping[ClosureKind, AuditAction]] = {
    ClosureKind.REJECTED: AuditAction.REJECTED,
    ClosureKind.WITHDRAWN: AuditAction.WITHDRAWN,
    ClosureKind.BREAK_GLASS: AuditAction.BREAK_GLASS,
}
"""The audit action of each way in which a person closes a request."""


class AlreadyDecidedError(Exception):
    """This very decision is stored already, though its sender did not hear so. Whoever stored it does the rest."""


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Stores decisions. One that starts the change leaves it leased by this process: execute it next."""

    store: ChangeStore
    authorizer: RequestAuthorizer
    users: UserService
    leases: LeaseKeeper
    requirements: ApprovalRequirements
    clock: Clock

    @property
    def rights(self) -> VotingRights:
        """Return the rights by which people decide."""
        return VotingRights(self.authorizer, self.users, self.clock)

    async def approve(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None, seen_round: int | None = None
    ) -> VoteResult:
        """Count an approval; the last one that is needed starts the change.

        Args:
            user: the person.
            change_id: the request.
            acting_from: the channel that they act from; None for none.
            seen_round: the round of the request that they saw; None for whichever.

        Raises:
            UserError: not allowed, one's own request, too late, or its requester changes what it is about.
            DependencyError: the database did not answer.
        """
        while True:
            record, right = await self._load_decidable(user, change_id, acting_from)
            change, now = record.change, self.clock()
            if change.state is not ChangeState.PENDING:
                raise too_late_error(change)
            require_as_seen(change, seen_round)
            if right.stage is None:
                return await self._begin_approved(record, now)
            vote = Vote(user.id, VoteChoice.APPROVE, now, right.stage, right.right_of)
            _require_uncounted(vote, record.votes)
            event = event_for_change(change, now, AuditAction.VOTE, user.id, _describe_vote(change, vote))
            try:
                # One transaction: it locks the change, counts the votes, and with the last one that is needed moves
                # the change to `applying` under this process's lease.
                return await self.store.record_vote(change_id, vote, self.leases.new_lease(), event, seen=record)
            except VersionConflictError as conflict:
                # Decided again where another vote came in between: a stage may be complete by it.
                _require_waiting(conflict)

    async def _begin_approved(self, record: RequestRecord, now: datetime) -> VoteResult:
        """Start a change that has its approvals, since it needs fewer of them by now.

        Raises:
            UserError: too late.
            DependencyError: the database did not answer.
        """
        change, votes = record.change, record.votes
        moved, events = apply_vote(change, votes, replace(votes[-1], at=now), self.leases.new_lease())
        try:
            begun = await self.store.replace_if_unchanged(change, moved, *events)
        except VersionConflictError as conflict:
            raise too_late_error(conflict.current) from conflict
        is_leased = begun.state in LEASED_STATES
        return VoteResult(begun, votes, is_new=True, record=replace(record, change=begun) if is_leased else None)

    async def require_decidable(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Make sure that a person may decide on a waiting change, and make its rule as strict as today's.

        Returns:
            The change, stored with the stricter rule where today's asks for more.

        Raises:
            UserError: not allowed, one's own request, or too late.
            DependencyError: the database did not answer.
        """
        record, _ = await self._load_decidable(user, change_id, acting_from)
        return record.change

    async def require_uncounted(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> None:
        """Make sure that a person may decide on a waiting change, and that no other vote counts for theirs already.

        Raises:
            UserError: as `require_decidable`, or somebody counts already.
            DependencyError: the database did not answer.
        """
        record, right = await self._load_decidable(user, change_id, acting_from)
        if right.stage is not None:
            vote = Vote(user.id, VoteChoice.APPROVE, self.clock(), right.stage, right.right_of)
            _require_uncounted(vote, record.votes)

    async def _load_decidable(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None
    ) -> tuple[RequestRecord, VotingRight]:
        """Load a waiting change under a rule no weaker than today's, stored so, with the right to decide on it."""
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_waiting(change_id)
        seen, policy = record.change, record.scope.policy
        change = seen
        if seen.rule is not None and policy is not None:
            change = renew_rule(seen, stricter_rule(seen.rule, policy.approval))
        is_new_round = change.progress.round != seen.progress.round
        votes = () if is_new_round else record.votes
        if policy is not None and change.state is ChangeState.PENDING:
            change = await self.requirements.renew(change, policy, votes)
        record = replace(record, change=change, votes=votes)
        right = await self.rights.require(user, record, acting_from)
        if change == seen:
            return record, right
        try:
            return replace(record, change=await self.store.replace_if_unchanged(seen, change)), right
        except VersionConflictError as conflict:
            _require_waiting(conflict)
            return await self._load_decidable(user, change_id, acting_from)

    async def reject(
        self, user: CurrentUser, change_id: ChangeId, reason: str, acting_from: ChannelId | None
    ) -> Change:
        """End a request: it will not be applied.

        Raises:
            AlreadyDecidedError: the same person has done so before, with this reason.
            UserError: as `require_decidable`.
        """
        closure = Closure(user.id, ClosureKind.REJECTED, reason)
        await self._require_new(change_id, closure)
        record, right = await self._load_decidable(user, change_id, acting_from)
        return await self._close(record.change, ChangeState.REJECTED, replace(closure, right_of=right.right_of))

    async def withdraw(self, user: CurrentUser, change_id: ChangeId) -> Change:
        """Take one's own request back.

        Raises:
            UserError: it is another's, or too late.
        """
        change = (await self.authorizer.load_waiting(change_id)).change
        if user.id != change.request.requester:
            raise UserError("request.not_yours", person=change.request.requester)
        return await self._close(change, ChangeState.WITHDRAWN, Closure(user.id, ClosureKind.WITHDRAWN))

    async def load_skippable(self, user: CurrentUser, change_id: ChangeId, seen_round: int | None = None) -> Change:
        """Load a waiting change whose approval, and the freeze that holds it, a person may skip.

        Args:
            user: the person.
            change_id: the request.
            seen_round: the round of the request that they saw; None for whichever.

        Raises:
            UserError: not named for that, nothing is to be skipped, too late, or its requester changes it.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_waiting(change_id)
        policy = require_for_request(record, record.scope.policy, user, Permission.BREAK_GLASS)
        require_in_scope(policy, record.change)
        require_as_seen(record.change, seen_round)
        if not is_skippable(record.change):
            raise UserError("request.nothing_to_skip")
        return record.change

    async def skip_approval(
        self, user: CurrentUser, change_id: ChangeId, reason: str, seen_round: int | None = None
    ) -> Change:
        """Skip the approval and any freeze, with a reason, and start the change, or let it wait for its time.

        Raises:
            AlreadyDecidedError: the same person has done so before, with this reason.
            UserError: not named for that, no reason, or too late.
        """
        closure = Closure(user.id, ClosureKind.BREAK_GLASS, reason)
        await self._require_new(change_id, closure)
        change = await self.load_skippable(user, change_id, seen_round)
        if is_blank(reason):
            raise UserError("request.needs_reason")
        return await self._close(change, ChangeState.APPLYING, closure, not_before=change.request.not_before)

    async def _require_new(self, change_id: ChangeId, closure: Closure) -> None:
        stored = (await self.authorizer.load_record(change_id)).change.progress.closing
        if stored is not None and replace(stored, right_of=None) == closure:
            raise AlreadyDecidedError

    async def _close(
        self, change: Change, state: ChangeState, closure: Closure, *, not_before: datetime | None = None
    ) -> Change:
        now, reached = self.clock(), state
        closed = replace(change, due_at=None, progress=replace(change.progress, closing=closure))
        if not_before is not None and (not_before > now or change.request.is_timed_disable):
            _, closed = schedule_change(closed, not_before, now)
            reached = ChangeState.SCHEDULED
        details = {"reason": closure.reason} if closure.reason else {}
        details |= {} if closure.right_of is None else {"right_of": str(closure.right_of)}
        step = Transition(reached, CLOSURE_ACTIONS[closure.how], closure.by, details=details)
        lease = self.leases.new_lease() if reached in LEASED_STATES else None
        try:
            return await move_change(self.store, change, step, now, update=with_lease(lease, closed))
        except VersionConflictError as conflict:
            current = _require_waiting(conflict)
            if closure.how is ClosureKind.BREAK_GLASS:
                require_as_seen(current, change.progress.round)
            return await self._close(current, state, closure, not_before=not_before)


def require_as_seen(change: Change, seen_round: int | None) -> None:
    """Make sure that a request's content is the one that a person saw, and is not being revised now.

    Raises:
        UserError: its requester revises it, or has done so since that round; None is any round.
    """
    if change.progress.revised_by is not None:
        raise UserError("remark.being_revised", person=change.request.requester)
    if seen_round is not None and change.progress.round != seen_round:
        raise UserError("remark.revised_meanwhile")


def _require_uncounted(vote: Vote, votes: Iterable[Vote]) -> None:
    """Make sure that neither the voter nor the approver in whose place they vote counts already.

    The same vote again is harmless.

    Raises:
        UserError: one of them does: says which.
    """
    for given in votes:
        if vote.people.isdisjoint(given.people) or replace(given, at=vote.at) == vote:
            continue
        if given.person == vote.person:
            raise UserError("request.voted_already")
        raise UserError("stage.approved_for_you", person=given.person)


def _describe_vote(change: Change, vote: Vote) -> dict[str, Any]:
    """Describe an approval for the audit trail: its stage among several, whose right it was, and how many it needs."""
    stage = {"stage": vote.stage + 1} if change.rule is not None and change.rule.stages else {}
    right = {} if vote.right_of is None else {"right_of": str(vote.right_of)}
    return {"choice": str(vote.choice), **stage, **right, **describe_raise(change)}


def _require_waiting(conflict: VersionConflictError) -> Change:
    """Return the change as it is now, where it still waits, for more votes or for its time.

    Raises:
        UserError: more has become of it.
    """
    if conflict.current.state not in WAITING_STATES:
        raise too_late_error(conflict.current) from conflict
    return conflict.current
