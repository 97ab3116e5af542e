"""Requests that are out of date, since their flow was changed outside flowbot."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import WAITING_STATES, Change, ChangeState, with_lease
from flowbot.domain.flow import Flow
from flowbot.domain.ids import FlowId
from flowbot.domain.late_effects import LATE_EFFECTS, operations_since
from flowbot.domain.operations import FlowOperation, build_operation
from flowbot.domain.outcomes import ChangeResult, find_obstacle, gone_result
from flowbot.errors import UnreadableRowError
from flowbot.services.authorization import hide_if_out_of_scope
from flowbot.services.executor.executor import move_change
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, VersionConflictError
from flowbot.services.ports.policies import PolicyStore


@dataclass(frozen=True, slots=True)
class OutdatedRequests:
    """Ends requests that nobody can approve any more as they were meant."""

    store: ChangeStore
    policies: PolicyStore
    clock: Clock

    async def end_requests(self, seen: Mapping[FlowId, Flow | None]) -> list[Change]:
        """End the requests that wait for flows which are not as they were then.

        Args:
            seen: flows that were changed outside, as they were read; None where one is gone.

        Returns:
            The requests that were ended, which people are to be notified of.

        Raises:
            DependencyError: the database did not answer.
        """
        waiting = {request.flow for request in await self.store.waiting()} if seen else set()
        ended = [await self._end_request(flow, seen[flow]) for flow in seen.keys() & waiting]
        return [change for change in ended if change is not None]

    async def _end_request(self, flow: FlowId, seen: Flow | None) -> Change | None:
        """End the request that waits for a flow; None where it is about the flow as it is."""
        try:
            change = await self.store.open_change_of(flow)
        except UnreadableRowError:
            # Its flow takes no other request, and it is applied by nobody who cannot read it.
            return None
        while change is not None and change.state in WAITING_STATES:
            result = await self._find_obstacle(change, seen)
            if result is None:
                return None
            policy = (await self.policies.get_scope(change.request.channel)).policy
            result = hide_if_out_of_scope(policy, change, result)
            action = AuditAction.OUT_OF_DATE
            step = Transition(ChangeState.OUT_OF_DATE, action, outcome=result.outcome, details=result.details)
            ended = with_lease(None, replace(change, due_at=None))
            try:
                return await move_change(self.store, change, step, self.clock(), update=ended)
            except VersionConflictError as conflict:
                change = conflict.current
        return None

    async def _find_obstacle(self, change: Change, seen: Flow | None) -> ChangeResult | None:
        operation = build_operation(change.request)
        if not isinstance(operation, FlowOperation):
            return None
        if seen is None:
            return gone_result(operation.before)
        writes = await self.store.sent_since(operation.before.id, change.created_at - LATE_EFFECTS)
        others = operations_since(change, writes, self.clock())
        return find_obstacle(operation, seen, was_sent=False, others=others)
