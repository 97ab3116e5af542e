"""Creation and restoration of a flow, never sent twice."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow, is_equivalent
from flowbot.domain.ids import FlowId
from flowbot.domain.operations import CreateOperation
from flowbot.domain.outcomes import ChangeResult, evaluate_create, is_created_by
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    ExecutionContext,
    Write,
    load_new_image,
    refuse_after_failed_read,
)
from flowbot.services.executor.lease import LeaseLostError
from flowbot.services.ports.changes import ChangeStore
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
            newest = await context.source.find_newest()
        except DependencyError as error:
            raise refuse_after_failed_read(error) from error
        if not await context.store.mark_sent_once(change.id, context.owner, context.clock(), newest):
            raise LeaseLostError
        try:
            flow_id = await context.writer.create(wanted.content, wanted.write_only, image)
        except WriteUnclearError:
            log.warning("change.unclear", change=change.id)
            return await self._search(newest)
        made = await context.read_back(flow_id) if flow_id > (newest or 0) else None
        if made is not None and is_created_by(self.operation, made, newest):
            return evaluate_create(self.operation, made)
        # Enkapush names another flow, or one that it does not show: whatever it made has to be found.
        return await self._search(newest)

    async def read_back(self) -> ChangeResult:
        return await self._search(self.change.newest_before)

    async def recheck(self) -> ChangeResult | None:
        found = await self._find((await self.context.source.list_flows()).flows, self.change.newest_before)
        return None if found is None else evaluate_create(self.operation, found)

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
                self.context.flow_cache.upsert(found)
                return evaluate_create(self.operation, found)
        key = "unknown.create" if could_read else "unknown.create_unseen"
        return ChangeResult(ChangeState.UNKNOWN, Outcome(key))

    async def _find(self, flows: Iterable[Flow], newest: FlowId | None) -> Flow | None:
        """Find the created flow: the oldest with the whole content that was sent, else the oldest with its name.

        What another change has created is left out. While another of that name is being created nothing is found.
        """
        alike = [flow for flow in flows if is_created_by(self.operation, flow, newest)]
        if not alike or await is_created_twice(self.context.store, self.change, self.operation):
            return None
        ids = frozenset(flow.id for flow in alike)
        claimed = await self.context.store.flows_created_by_others(ids, except_change=self.change.id)
        content = self.operation.wanted.content
        free = (flow for flow in alike if flow.id not in claimed)
        return min(free, key=lambda flow: (not is_equivalent(flow, content), flow.id), default=None)


async def is_created_twice(store: ChangeStore, change: Change, operation: CreateOperation) -> bool:
    """Check whether another change creates a flow of the same name on the same website just now.

    Raises:
        DependencyError: the database did not answer.
    """
    content = operation.wanted.content
    others = await store.creating(content.website_id, except_change=change.id)
    return any(other.request.wanted and other.request.wanted.content.name == content.name for other in others)
