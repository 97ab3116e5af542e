"""Creation and restoration of a flow, never sent twice."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow, is_equivalent
from flowbot.domain.ids import FlowId
from flowbot.domain.operations import CreateOperation
from flowbot.domain.outcomes import ChangeResult, evaluate_create, not_found_result
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    ExecutionContext,
    Write,
    load_new_image,
    refuse_after_failed_read,
)
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.enkapush import WriteUnclearError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CreateWrite(Write):
    """The creation of a flow. It is never sent again: that could make a second one."""

    context: ExecutionContext
    change: Change
    operation: CreateOperation

    async def apply(self) -> ChangeResult:
        context, change, wanted = self.context, self.change, self.operation.wanted
        if change.sent_at is not None:
            return await self.read_back()
        image = await load_new_image(context, self.operation)
        try:
            # Not from the cache: a flow created in the last seconds would be taken for this one.
            flows = (await context.source.list_flows()).flows
        except DependencyError as error:
            raise refuse_after_failed_read(error) from error
        newest = max((flow.id for flow in flows), default=None)
        if not await context.store.mark_sent_once(change.id, context.owner, context.clock(), newest):
            raise LeaseLostError
        try:
            flow_id = await context.writer.create(wanted.content, wanted.write_only, image)
        except WriteUnclearError:
            log.warning("change.unclear", change=change.id)
            return await self._search(newest)
        if flow_id <= (newest or 0):
            # Enkapush names a flow that was there before: whatever it created, it is not that one.
            return await self._search(newest)
        return await self._evaluate(flow_id)

    async def read_back(self) -> ChangeResult:
        return await self._search(self.change.newest_before)

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        outcome = self.change.outcome
        if outcome is not None and outcome.flow is not None:
            return await self._evaluate(outcome.flow)
        flows = (await self.context.source.list_flows()).flows
        if found := await self._find(flows, self.change.newest_before):
            return await self._evaluate(found)
        return not_found_result(None, is_final=is_final and not await self._has_candidate(flows))

    async def _search(self, newest: FlowId | None) -> ChangeResult:
        """Look some times for the created flow among those above `newest`."""
        could_read = False
        for pause in READ_BACK_SECONDS:
            await self.context.sleep(pause)
            try:
                flows = (await self.context.source.list_flows()).flows
            except DependencyError:
                continue
            could_read = True
            if found := await self._find(flows, newest):
                return await self._evaluate(found)
        key = "unknown.create" if could_read else "unknown.create_unseen"
        return ChangeResult(ChangeState.UNKNOWN, Outcome(key))

    async def _find(self, flows: Iterable[Flow], newest: FlowId | None) -> FlowId | None:
        """Find the oldest flow above `newest` with the wanted content that no other change has created."""
        later = (flow for flow in flows if flow.id > (newest or 0))
        alike = (flow.id for flow in later if is_equivalent(flow, self.operation.wanted.content))
        return min(await self._drop_claimed(alike), default=None)

    async def _has_candidate(self, flows: Iterable[Flow]) -> bool:
        """Check whether a flow has come to the website since the write that no other change has created.

        It need not be alike: somebody may have edited it since, or Enkapush keeps its texts otherwise.
        """
        newest, website = self.change.newest_before or 0, self.operation.wanted.content.website_id
        later = (flow.id for flow in flows if flow.id > newest and flow.website_id == website)
        return bool(await self._drop_claimed(later))

    async def _drop_claimed(self, flow_ids: Iterable[FlowId]) -> frozenset[FlowId]:
        """Keep the flows that no other change has created."""
        ids = frozenset(flow_ids)
        if not ids:
            return ids
        return ids - await self.context.store.flows_created_by_others(ids, except_change=self.change.id)

    async def _evaluate(self, flow_id: FlowId) -> ChangeResult:
        return evaluate_create(self.operation, flow_id, await self.context.flow_cache.read_back(flow_id))
