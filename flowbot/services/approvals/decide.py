"""Decisions on a request: approve, reject, withdraw, skip the approval."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from flowbot.domain.approval import is_skippable, may_decide, schedule_change, stricter_rule
from flowbot.domain.audit import AuditAction, Transition, event_for_change
from flowbot.domain.change import LEASED_STATES, WAITING_STATES, Change, ChangeState, with_lease
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.progress import Closure, ClosureKind
from flowbot.domain.text import is_blank
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.errors import UserError
from flowbot.services.authorization import (
    RequestAuthorizer,
    name_entitled,
    require_for_request,
    require_in_scope,
    too_late_error,
)
from flowbot.services.executor.executor import move_change
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, RequestRecord, VersionConflictError, VoteResult
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
    clock: Clock

    async def approve(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> VoteResult:
        """Count an approval; the last one that is needed starts the change.

        Raises:
            UserError: not allowed, one's own request, or too late.
            DependencyError: the database did not answer.
        """
        record, now = await self._load_decidable(user, change_id, acting_from), self.clock()
        event = event_for_change(record.change, now, AuditAction.VOTE, user.id, {"choice": str(VoteChoice.APPROVE)})
        vote = Vote(user.id, VoteChoice.APPROVE, now)
        try:
            # One transaction: it locks the change, counts the votes, and with the last one that is needed moves the
            # change to `applying` under this process's lease.
            return await self.store.record_vote(change_id, vote, self.leases.new_lease(), event, seen=record)
        except VersionConflictError as conflict:
            raise too_late_error(conflict.current) from conflict

    async def require_decidable(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Make sure that a person may decide on a waiting change, and make its rule as strict as today's.

        Returns:
            The change, stored with the stricter rule where today's asks for more.

        Raises:
            UserError: not allowed, one's own request, or too late.
            DependencyError: the database did not answer.
        """
        return (await self._load_decidable(user, change_id, acting_from)).change

    async def _load_decidable(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None
    ) -> RequestRecord:
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_waiting(change_id)
        change = record.change
        # Checked first: it holds whatever the policy grants, and tells the requester what to do instead.
        if not may_decide(user.id, change.request.requester, change.rule):
            raise _own_request_error(record)
        policy = await self.authorizer.find_policy(record, user, acting_from)
        policy = require_for_request(record, policy, user, Permission.APPROVE)
        require_in_scope(policy, change)
        change = await self._store_stricter_rule(change, policy)
        # Asked again, since the stricter rule may forbid to decide on one's own request.
        if not may_decide(user.id, change.request.requester, change.rule):
            raise _own_request_error(record)
        return replace(record, change=change)

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
        change = await self.require_decidable(user, change_id, acting_from)
        return await self._close(change, ChangeState.REJECTED, closure)

    async def withdraw(self, user: CurrentUser, change_id: ChangeId) -> Change:
        """Take one's own request back.

        Raises:
            UserError: it is another's, or too late.
        """
        change = (await self.authorizer.load_waiting(change_id)).change
        if user.id != change.request.requester:
            raise UserError("request.not_yours", person=change.request.requester)
        return await self._close(change, ChangeState.WITHDRAWN, Closure(user.id, ClosureKind.WITHDRAWN))

    async def load_skippable(self, user: CurrentUser, change_id: ChangeId) -> Change:
        """Load a waiting change whose approval, and the freeze that holds it, a person may skip.

        Raises:
            UserError: not named for that, nothing is to be skipped, or too late.
        """
        user = await self.users.reload_user(user)
        record = await self.authorizer.load_waiting(change_id)
        policy = require_for_request(record, record.scope.policy, user, Permission.BREAK_GLASS)
        require_in_scope(policy, record.change)
        if not is_skippable(record.change):
            raise UserError("request.nothing_to_skip")
        return record.change

    async def skip_approval(self, user: CurrentUser, change_id: ChangeId, reason: str) -> Change:
        """Skip the approval and any freeze, with a reason, and start the change, or let it wait for its time.

        Raises:
            AlreadyDecidedError: the same person has done so before, with this reason.
            UserError: not named for that, no reason, or too late.
        """
        closure = Closure(user.id, ClosureKind.BREAK_GLASS, reason)
        await self._require_new(change_id, closure)
        change = await self.load_skippable(user, change_id)
        if is_blank(reason):
            raise UserError("request.needs_reason")
        return await self._close(change, ChangeState.APPLYING, closure, not_before=change.request.not_before)

    async def _require_new(self, change_id: ChangeId, closure: Closure) -> None:
        if (await self.authorizer.load_record(change_id)).change.progress.closing == closure:
            raise AlreadyDecidedError

    async def _store_stricter_rule(self, change: Change, policy: ChannelPolicy) -> Change:
        """Store a rule with the change that is no weaker than today's."""
        if change.rule is None:
            return change
        rule = stricter_rule(change.rule, policy.approval)
        if rule == change.rule:
            return change
        try:
            return await self.store.replace_if_unchanged(change, replace(change, rule=rule))
        except VersionConflictError as conflict:
            return await self._store_stricter_rule(_require_waiting(conflict), policy)

    async def _close(
        self, change: Change, state: ChangeState, closure: Closure, *, not_before: datetime | None = None
    ) -> Change:
        now, reached = self.clock(), state
        closed = replace(change, due_at=None, progress=replace(change.progress, closing=closure))
        if not_before is not None and (not_before > now or change.request.is_timed_disable):
            _, closed = schedule_change(closed, not_before, now)
            reached = ChangeState.SCHEDULED
        details = {"reason": closure.reason} if closure.reason else {}
        step = Transition(reached, CLOSURE_ACTIONS[closure.how], closure.by, details=details)
        lease = self.leases.new_lease() if reached in LEASED_STATES else None
        try:
            return await move_change(self.store, change, step, now, update=with_lease(lease, closed))
        except VersionConflictError as conflict:
            return await self._close(_require_waiting(conflict), state, closure, not_before=not_before)


def _own_request_error(record: RequestRecord) -> UserError:
    """Build the refusal to decide on one's own request: it says who may."""
    requester = record.change.request.requester
    others = [each for each in name_entitled(record.scope.policy, Permission.APPROVE) if each != requester]
    return UserError("request.own_others", people=others) if others else UserError("request.own")


def _require_waiting(conflict: VersionConflictError) -> Change:
    """Return the change as it is now, where it still waits, for more votes or for its time.

    Raises:
        UserError: more has become of it.
    """
    if conflict.current.state not in WAITING_STATES:
        raise too_late_error(conflict.current) from conflict
    return conflict.current
