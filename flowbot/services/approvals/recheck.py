"""Rechecks of changes whose outcome is not known."""

from dataclasses import dataclass, replace
from functools import partial

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.known_settings import settings_write
from flowbot.domain.late_effects import LATE_EFFECTS, is_recent
from flowbot.services.authorization import hide_if_out_of_scope
from flowbot.services.executor.executor import move_change
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, FlowClaimedError, VersionConflictError
from flowbot.services.ports.policies import PolicyStore


@dataclass(frozen=True, slots=True)
class Rechecker:
    """Looks again for the effects of unknown changes."""

    writer: ChangeWriter
    store: ChangeStore
    policies: PolicyStore
    clock: Clock

    async def settle(self, change: Change) -> Change:
        """Settle an unknown change whose effect is seen; it stays unknown where none is, or it comes too late.

        Raises:
            DependencyError: Enkapush or the database did not answer.
        """
        if change.state is not ChangeState.UNKNOWN or not await self._may_claim_effect(change):
            return change
        found = await self.writer.build_write(change).recheck()
        if found is None:
            return change
        policy = (await self.policies.get_scope(change.request.channel)).policy
        result = hide_if_out_of_scope(policy, change, found)
        if result.state is ChangeState.UNKNOWN:
            return change
        step = Transition(result.state, AuditAction.CHECKED, outcome=result.outcome, details=result.details)
        try:
            update, settings = replace(change, due_at=None), partial(settings_write, result=found)
            return await move_change(self.store, change, step, self.clock(), update=update, settings=settings)
        except VersionConflictError as conflict:
            # Whoever notified people of it may just have released it.
            is_unknown = conflict.current.state is ChangeState.UNKNOWN
            return await self.settle(conflict.current) if is_unknown else conflict.current
        except FlowClaimedError:
            return change

    async def _may_claim_effect(self, change: Change) -> bool:
        """Check whether what a reading shows is the change's own: of two enables or deletes, it is the last one's."""
        now, request = self.clock(), change.request
        if request.flow is None or request.kind not in {ChangeKind.ENABLE, ChangeKind.DELETE}:
            return is_recent(change, now)
        writes = await self.store.sent_since(request.flow, now - LATE_EFFECTS)
        alike = [write.id for write in writes if write.request.kind is request.kind]
        return bool(alike) and alike[-1] == change.id
