"""Create or restore a flow; never sent twice."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow, FlowContent, is_equivalent
from flowbot.domain.ids import FlowId
from flowbot.domain.operations import CreateOperation
from flowbot.domain.outcomes import ChangeResult, evaluate_create, not_found_result
from flowbot.errors import DependencyError
from flowbot.services.executor.context import (
    READ_BACK_SECONDS,
    ExecutionContext,
    LeaseLostError,
    load_new_image,
    refuse_unread,
)
from flowbot.services.ports.enkapush import WriteUnclearError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CreateWrite:
    """Makes the flow of one change. It is never sent again: that could make a second one."""

    context: ExecutionContext
    change: Change
    operation: CreateOperation

    async def apply(self) -> ChangeResult:
        """Send it, if nobody has, and read it back.

        Raises:
            NotDone: Enkapush did not do it, for certain.
            LeaseLostError: another process has taken the change over.
        """
        if self.change.sent_at is not None:
            return await self.inspect()
        image = await load_new_image(self.context, self.operation)
        newest = await self._newest()
        if not await self.context.store.mark_sent_once(
            self.change.id, self.context.owner, self.context.clock(), newest
        ):
            raise LeaseLostError
        try:
            flow = await self.context.writer.create(self.operation.wanted.content, self.operation.wanted.unread, image)
        except WriteUnclearError:
            log.warning("change.unclear", change=self.change.id)
            return await self._found_or_unknown(newest)
        if flow <= (newest or 0):
            # Enkapush names a flow that was there before: whatever it made, it is not that one.
            return await self._found_or_unknown(newest)
        return await self._read_back(flow)

    async def inspect(self) -> ChangeResult:
        """What became of it."""
        return await self._found_or_unknown(self.change.newest_before)

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        """What is known of it later; `is_final` where what is not there now will not come any more.

        Raises:
            DependencyError: Enkapush did not answer.
        """
        outcome = self.change.outcome
        if outcome is not None and outcome.flow is not None:
            return await self._read_back(outcome.flow)
        flows = (await self.context.source.list_flows()).flows
        if found := await self._found(flows, self.change.newest_before):
            return await self._read_back(found)
        return not_found_result(None, is_final=is_final and not await self._may_be_among(flows))

    async def _newest(self) -> FlowId | None:
        """The highest flow id that there is: what is found above it later was made later.

        Raises:
            NotDone: Enkapush does not say, so nothing is sent.
        """
        try:
            # Not from the catalog, which may be some seconds old: a flow made since then would be taken for this one.
            flows = (await self.context.source.list_flows()).flows
        except DependencyError as fault:
            raise refuse_unread(fault) from fault
        return max((flow.id for flow in flows), default=None)

    async def _found_or_unknown(self, newest: FlowId | None) -> ChangeResult:
        """Look for the flow that a request may have made."""
        answered = False
        for pause in READ_BACK_SECONDS:
            await self.context.sleep(pause)
            try:
                flows = (await self.context.source.list_flows()).flows
            except DependencyError:
                continue
            answered = True
            if found := await self._found(flows, newest):
                return await self._read_back(found)
        return ChangeResult(ChangeState.UNKNOWN, Outcome("unknown.create" if answered else "unknown.create_unseen"))

    async def _found(self, flows: Iterable[Flow], newest: FlowId | None) -> FlowId | None:
        """The oldest flow above `newest` with the same content that no other change has made."""
        later = (flow for flow in flows if flow.id > (newest or 0))
        same = (flow.id for flow in later if is_equivalent(FlowContent.of(flow), self.operation.wanted.content))
        return min(await self._unclaimed(same), default=None)

    async def _may_be_among(self, flows: Iterable[Flow]) -> bool:
        """Whether a flow has come to the website since it was sent that no other change has made.

        It need not be alike: somebody may have edited it since, or Enkapush keeps its texts otherwise.
        """
        newest, website = self.change.newest_before or 0, self.operation.wanted.content.website_id
        later = (flow.id for flow in flows if flow.id > newest and flow.website_id == website)
        return bool(await self._unclaimed(later))

    async def _unclaimed(self, flows: Iterable[FlowId]) -> frozenset[FlowId]:
        """Those of `flows` that no other change has made."""
        asked = frozenset(flows)
        return (
            asked - await self.context.store.flows_created_by_others(asked, except_change=self.change.id)
            if asked
            else asked
        )

    async def _read_back(self, flow_id: FlowId) -> ChangeResult:
        return evaluate_create(self.operation, flow_id, await self.context.read_back(flow_id))
