"""Rechecks of changes whose outcome is not known."""

from dataclasses import dataclass

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeState
from flowbot.domain.ids import ChangeId, ChannelId
from flowbot.domain.policy import Permission
from flowbot.services.authorization import RequestAuthorizer, hide_if_out_of_scope, require_for_request
from flowbot.services.executor.executor import ChangeWriter, move_change
from flowbot.services.executor.preconditions import IN_FLIGHT_AT_MOST
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore, FlowClaimedError, PolicyStore, VersionConflictError
from flowbot.services.users import CurrentUser


@dataclass(frozen=True, slots=True)
class Rechecker:
    """Looks again for the effects of unknown changes."""

    writer: ChangeWriter
    store: ChangeStore
    policies: PolicyStore
    authorizer: RequestAuthorizer
    clock: Clock

    async def recheck(self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None) -> Change:
        """Look again for the effect of a change that is unknown, and settle it where that tells.

        Raises:
            UserError: not allowed.
            DependencyError: Enkapush or the database did not answer.
        """
        record = await self.authorizer.load_record(change_id)
        policy, change = await self.authorizer.find_policy(record, user, acting_from), record.change
        require_for_request(record, policy, user, Permission.EDIT, Permission.APPROVE)
        if change.state is not ChangeState.UNKNOWN:
            return change
        # Not counted from `sent_at`: a process that took the change over may have sent it once more.
        since = self.clock() - change.changed_at
        return await self.settle(change, is_final=since > IN_FLIGHT_AT_MOST)

    async def settle(self, change: Change, *, is_final: bool) -> Change:
        """Settle an unknown change by its effect; it stays unknown where that cannot be told yet.

        Args:
            change: the unknown change.
            is_final: whether an effect that is not there by now will not come any more.
        """
        found = await self.writer.build_write(change).recheck(is_final=is_final)
        policy = (await self.policies.get_scope(change.request.channel)).policy
        result = hide_if_out_of_scope(policy, change, found)
        if result.state is ChangeState.UNKNOWN:
            return change
        step = Transition(result.state, AuditAction.CHECKED, outcome=result.outcome, details=result.details)
        try:
            return await move_change(self.store, change, step, self.clock())
        except VersionConflictError as conflict:
            if conflict.current.state is ChangeState.UNKNOWN:
                # Whoever notified people of it has just released it.
                return await self.settle(conflict.current, is_final=is_final)
            return conflict.current
        except FlowClaimedError:
            return change
