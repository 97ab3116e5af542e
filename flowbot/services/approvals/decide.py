"""Decisions on a request: approve, reject, withdraw, skip the approvals."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from flowbot.domain.approval import stricter_rule
from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import LEASED_STATES, Change, ChangeState, Closure, ClosureKind, Vote, VoteChoice, with_lease
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.text import is_blank
from flowbot.errors import UserError
from flowbot.services.authorization import RequestAuthorizer, require_in_channel, require_in_scope, too_late_error
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports.storage import VersionConflictError, VoteResult
from flowbot.services.users import CurrentUser

CLOSURE_ACTIONS: Final[Mapping[ClosureKind, AuditAction]] = {
    ClosureKind.REJECTED: AuditAction.REJECTED,
    ClosureKind.WITHDRAWN: AuditAction.WITHDRAWN,
    ClosureKind.BREAK_GLASS: AuditAction.BREAK_GLASS,
}
"""What the audit calls the ways in which a person ends the waiting."""


class AlreadyDecidedError(Exception):
    """This very decision is kept: who took it did not hear so. Whoever kept it sees to the rest."""


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Takes decisions down. One that starts the change leaves it held by this process: carry it out next."""

    executor: ChangeExecutor
    authorizer: RequestAuthorizer

    async def approve(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> VoteResult:
        """Count an approval; the last one that is needed starts the change.

        Raises:
            UserError: not allowed, one's own request, or too late.
            DependencyError: the database did not answer.
        """
        change = await self._decidable(reader, change_id, clicked_in)
        vote = Vote(reader.id, VoteChoice.APPROVE, self.executor.clock())
        event = self.executor.new_event(change, AuditAction.VOTE, reader.id, {"choice": str(VoteChoice.APPROVE)})
        try:
            return await self.executor.store.record_vote(change_id, vote, self.executor.new_lease(), event)
        except VersionConflictError as conflict:
            raise too_late_error(conflict.current) from conflict

    async def require_reject(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """Make sure that `reader` may reject, before they are asked for a reason. The change.

        Raises:
            UserError: as `approve`.
        """
        return await self._decidable(reader, change_id, clicked_in)

    async def reject(
        self, reader: CurrentUser, change_id: ChangeId, reason: str, clicked_in: ChannelId | None
    ) -> Change:
        """End a request: it will not be done.

        Raises:
            DecidedAlreadyError: `reader` has done so before, with this reason.
            UserError: as `approve`.
        """
        await self._require_news(change_id, Closure(reader.id, ClosureKind.REJECTED, reason))
        change = await self._decidable(reader, change_id, clicked_in)
        return await self._close(change, ChangeState.REJECTED, Closure(reader.id, ClosureKind.REJECTED, reason))

    async def withdraw(self, reader: CurrentUser, change_id: ChangeId) -> Change:
        """Take one's own request back.

        Raises:
            UserError: it is another's, or too late.
        """
        change = await self.authorizer.load_pending(change_id)
        if reader.id != change.request.requester:
            raise UserError("request.not_yours")
        return await self._close(change, ChangeState.WITHDRAWN, Closure(reader.id, ClosureKind.WITHDRAWN))

    async def require_skip(self, reader: CurrentUser, change_id: ChangeId) -> Change:
        """Make sure that `reader` is named for it, before they are asked for a reason. The change.

        Raises:
            UserError: not named, or too late.
        """
        reader = await self.authorizer.reload_user(reader)
        change = await self.authorizer.load_pending(change_id)
        policy = require_in_channel(
            await self.authorizer.get_policy(change.request.channel), reader, Permission.BREAK_GLASS
        )
        require_in_scope(policy, change)
        return change

    async def skip_approval(self, reader: CurrentUser, change_id: ChangeId, reason: str) -> Change:
        """Skip the approvals, with a reason, and start the change.

        Raises:
            DecidedAlreadyError: `reader` has done so before, with this reason.
            UserError: not named, no reason, or too late.
        """
        await self._require_news(change_id, Closure(reader.id, ClosureKind.BREAK_GLASS, reason))
        change = await self.require_skip(reader, change_id)
        if is_blank(reason):
            raise UserError("request.needs_reason")
        return await self._close(change, ChangeState.APPLYING, Closure(reader.id, ClosureKind.BREAK_GLASS, reason))

    async def _require_news(self, change_id: ChangeId, closing: Closure) -> None:
        if (await self.authorizer.load_change(change_id)).progress.closing == closing:
            raise AlreadyDecidedError

    async def _decidable(self, reader: CurrentUser, change_id: ChangeId, clicked_in: ChannelId | None) -> Change:
        """The pending change, where `reader` may decide on it; under today's rule, where that asks for more."""
        reader = await self.authorizer.reload_user(reader)
        change = await self.authorizer.load_pending(change_id)
        # Said first: it is so whatever the policy grants, and tells the one who asked what to do instead.
        _require_other_requester(change, reader)
        policy = require_in_channel(
            await self.authorizer.get_policy_for(reader, change.request.channel, clicked_in), reader, Permission.APPROVE
        )
        require_in_scope(policy, change)
        change = await self._tightened(change, policy)
        _require_other_requester(change, reader)
        return change

    async def _tightened(self, change: Change, policy: ChannelPolicy) -> Change:
        """The change under a rule that is no weaker than today's."""
        if change.rule is None:
            return change
        rule = stricter_rule(change.rule, policy.approval)
        if rule == change.rule:
            return change
        try:
            return await self.executor.store.transition(change, replace(change, rule=rule))
        except VersionConflictError as conflict:
            return await self._tightened(_require_pending(conflict), policy)

    async def _close(self, change: Change, to: ChangeState, closing: Closure) -> Change:
        details = {"reason": closing.reason} if closing.reason else {}
        step = Transition(to, CLOSURE_ACTIONS[closing.how], closing.by, details=details)
        closed = replace(change, due_at=None, progress=replace(change.progress, closing=closing))
        lease = self.executor.new_lease() if to in LEASED_STATES else None
        try:
            return await self.executor.transition(change, step, with_lease(lease, closed))
        except VersionConflictError as conflict:
            return await self._close(_require_pending(conflict), to, closing)


def _require_other_requester(change: Change, reader: CurrentUser) -> None:
    """Make sure that it is not one's own request, unless its rule lets one decide on that.

    Raises:
        UserError: it is.
    """
    if reader.id == change.request.requester and not (change.rule and change.rule.self_approval):
        raise UserError("request.own")


def _require_pending(conflict: VersionConflictError) -> Change:
    """The change as it is now, where only a vote that was not enough came in between.

    Raises:
        UserError: more has become of it.
    """
    if conflict.current.state is not ChangeState.PENDING:
        raise too_late_error(conflict.current) from conflict
    return conflict.current
