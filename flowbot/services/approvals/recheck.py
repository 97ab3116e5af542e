"""Rechecks of changes whose outcome is not known."""

from dataclasses import dataclass, replace

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.known_settings import settings_write
from flowbot.domain.late_effects import LATE_EFFECTS, find_late_enables, is_recent
from flowbot.services.authorization import hide_if_out_of_scope
from flowbot.services.executor.executor import ChangeWriter, move_change
from flowbot.services.ports import Clock
from flowbot.services.ports.storage import ChangeStore, FlowClaimedError, PolicyStore, VersionConflictError


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
            update, settings = replace(change, due_at=None), settings_write(change, found)
            return await move_change(self.store, change, step, self.clock(), update=update, settings=settings)
        except VersionConflictError as conflict:
            # Whoever notified people of it may just have released it.
            is_unknown = conflict.current.state is ChangeState.UNKNOWN
            return await self.settle(conflict.current) if is_unknown else conflict.current
        except FlowClaimedError:
            return change

    async def _may_claim_effect(self, change: Change) -> bool:
        """Check whether what a reading shows now is the change's own: an enable's not after a later one was seen."""
        now, flow = self.clock(), change.request.flow
        if change.request.kind is ChangeKind.DELETE and flow is not None:
            # A flow is deleted once, and restored once.
            writes = await self.store.sent_since(flow, now - LATE_EFFECTS)
            if any(each.request.kind is ChangeKind.DELETE and each.state is ChangeState.APPLIED for each in writes):
                return False
        if change.request.kind is not ChangeKind.ENABLE or flow is None:
            return is_recent(change, now)
        late = find_late_enables(await self.store.sent_since(flow, now - LATE_EFFECTS), now)
        return any(enable.id == change.id for enable in late)
