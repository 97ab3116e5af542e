"""Late effects: looks for those of unknown changes, and what follows once a reading shows one."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from flowbot.domain.change import WAITING_STATES, Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.effects import is_touched
from flowbot.domain.flow import Flow, is_equivalent
from flowbot.domain.ids import ChangeId, ChannelId, FlowId
from flowbot.domain.late_effects import (
    LATE_EFFECTS,
    find_late_enables,
    find_repeatable_disable,
    may_take_effect,
    next_look,
)
from flowbot.domain.operations import CreateOperation, DeleteOperation, build_operation
from flowbot.domain.outcomes import TWIN, is_created_by
from flowbot.domain.policy import Permission
from flowbot.errors import DependencyError
from flowbot.services.approvals.recheck import Rechecker
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.authorization import RequestAuthorizer, require_for_request
from flowbot.services.executor.create import is_created_twice
from flowbot.services.executor.executor import ChangeExecutor
from flowbot.services.ports import Clock, Sleep
from flowbot.services.ports.changes import ChangeStore, RequestRecord, VersionConflictError
from flowbot.services.ports.enkapush import AllFlows, FlowObserver, FlowSource
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.users import CurrentUser

REPEAT_PAUSES: Final = (2.0, 5.0, 10.0)
"""Pauses, in seconds, before a disable is repeated again that Enkapush refused."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LateEffects(FlowObserver):
    """Settles unknown changes by what readings show, and notifies people of it; ends disables with nothing to do.

    Attributes:
        source: Reads flows; what it reads is not observed.
    """

    rechecker: Rechecker
    submitter: RequestSubmitter
    executor: ChangeExecutor
    store: ChangeStore
    source: FlowSource
    authorizer: RequestAuthorizer
    clock: Clock
    sleep: Sleep = asyncio.sleep

    async def check_again(
        self, user: CurrentUser, change_id: ChangeId, acting_from: ChannelId | None, notify: NotifyCallback
    ) -> Change:
        """Look for the effect of a change on somebody's request, as `settle`.

        Raises:
            UserError: not allowed.
            DependencyError: as `settle`.
        """
        record = await self.authorizer.load_record(change_id)
        policy = await self.authorizer.find_policy(record, user, acting_from)
        require_for_request(record, policy, user, Permission.EDIT, Permission.APPROVE)
        return await self.settle(record.change, notify)

    async def look(self, change: Change, notify: NotifyCallback) -> None:
        """Look for the effect of an unknown change whose look is due, and plan the next.

        The last look in vain makes a new version of it, so that its message offers to ask again.

        Raises:
            DependencyError: the database did not answer, or people could not be notified.
        """
        due_at = next_look(change, self.clock())
        if due_at is not None and not await self.store.postpone(change, due_at):
            return
        try:
            settled = await self.settle(change, notify)
        except DependencyError as error:
            log.warning("late_effects.not_looked", change=change.id, error=str(error))
            settled = change
        if settled.state is not ChangeState.UNKNOWN or due_at is not None:
            return
        if not change.has_team_message:
            # Its author has the message that says so, and the form.
            await self.store.postpone(change, None)
            return
        with suppress(VersionConflictError):
            given_up = await self.store.replace_if_unchanged(change, replace(change, due_at=None))
            await self.executor.notify_again(given_up, notify)

    async def settle(self, change: Change, notify: NotifyCallback) -> Change:
        """Settle an unknown change where its effect is seen, notify people, and do what follows from it.

        Raises:
            DependencyError: Enkapush or the database did not answer, or people could not be notified.
        """
        is_seen, repeated = await self._submit_repeated_disable(change)
        if not is_seen:
            # Another reading may see it by now, and would settle the enable of a flow that is not disabled again.
            return change
        settled = await self.rechecker.settle(change)
        if repeated is not None:
            await self._disable_again(repeated, notify)
        if settled.version != change.version and settled.state is ChangeState.APPLIED:
            log.info("late_effects.settled", change=settled.id, kind=settled.request.kind)
            await self.executor.notify_again(settled, notify)
            await self._show_pending_anew(settled, notify)
        return settled

    async def observe_flow(self, flow_id: FlowId, flow: Flow | None, notify: NotifyCallback) -> None:
        """Settle what a reading of one flow shows; None where it is gone.

        Raises:
            DependencyError: as `settle`.
        """
        async with self.store.snapshot():
            late = await self.store.sent_since(flow_id, self.clock() - LATE_EFFECTS)
            is_off = flow is None or not flow.is_enabled
            scheduled = await self.store.scheduled_disables(flow_id) if is_off else ()
        await self._settle_shown(late, {flow_id: flow}, notify)
        await self._hasten_disables(scheduled)

    async def observe_all(self, read: AllFlows, notify: NotifyCallback) -> None:
        """Settle what a reading of all flows shows, and name second flows that a create made.

        Raises:
            DependencyError: as `settle`.
        """
        live = {flow.id for flow in read.flows if flow.is_enabled}
        scheduled = await self.store.scheduled_disables()
        await self._hasten_disables(each for each in scheduled if each.request.flow not in live)
        late = await self.store.late_since(self.clock() - LATE_EFFECTS)
        if not late:
            return
        flows: dict[FlowId, Flow | None] = defaultdict(lambda: None)
        flows.update((flow.id, flow) for flow in read.flows)
        await self._settle_shown(late, flows, notify)
        for change in late:
            operation = build_operation(change.request)
            if isinstance(operation, CreateOperation):
                await self._settle_create(change, operation, read.flows, notify)

    async def _hasten_disables(self, scheduled: Iterable[Change]) -> None:
        """Let disables be looked at now whose flow reads as if somebody had disabled it: that look reads it again."""
        for change in scheduled:
            if change.request.before is not None and change.request.before.is_enabled:
                await self.store.postpone(change, self.clock())

    async def _settle_shown(
        self, late: Iterable[Change], flows: Mapping[FlowId, Flow | None], notify: NotifyCallback
    ) -> None:
        """Settle the changes whose effect seems to be seen: whether it is theirs is told by another reading."""
        now = self.clock()
        for change in late:
            operation = build_operation(change.request)
            if operation is None or isinstance(operation, CreateOperation) or not may_take_effect(change, now):
                continue
            flow = flows[operation.before.id]
            is_deletion = isinstance(operation, DeleteOperation)
            if flow is None if is_deletion else flow is not None and is_touched(operation, flow):
                await self.settle(change, notify)

    async def _submit_repeated_disable(self, enable: Change) -> tuple[bool, RequestRecord | None]:
        """Submit the disable of a flow once more where an enable took effect after it.

        It is stored before the enable is settled, so that a crash in between cannot lose it.

        Returns:
            False where there is such a disable and the enable is not seen; and the new change, if there is one.

        Raises:
            DependencyError: Enkapush or the database did not answer.
        """
        flow_id, now = enable.request.flow, self.clock()
        if flow_id is None or enable.request.kind is not ChangeKind.ENABLE:
            return True, None
        # Read before the writes, so that no newer enable is taken for this one.
        flow = await self.source.get_flow(flow_id)
        writes = await self.store.sent_since(flow_id, now - LATE_EFFECTS)
        disable = find_repeatable_disable(writes)
        if disable is None or enable.id not in {write.id for write in find_late_enables(writes, now)}:
            return True, None
        if flow is None or not flow.is_enabled:
            return False, None
        repeated = await self.submitter.repeat_disable(disable, flow)
        if repeated is not None:
            log.warning("late_effects.disabled_again", change=repeated.change.id, flow=flow_id)
        return True, repeated

    async def _disable_again(self, repeated: RequestRecord, notify: NotifyCallback) -> None:
        """Execute a repeated disable, and submit it again where Enkapush refuses it: the flow is live meanwhile."""
        for pause in REPEAT_PAUSES:
            executed = await self.executor.execute(repeated.change, notify, record=repeated)
            disable, flow = executed.request.repeats, executed.request.before
            if executed.state is not ChangeState.FAILED or disable is None or flow is None:
                return
            await self.sleep(pause)
            original = await self.store.get(disable)
            again = None if original is None else await self.submitter.repeat_disable(original, flow)
            if again is None:
                return
            repeated = again

    async def _show_pending_anew(self, settled: Change, notify: NotifyCallback) -> None:
        """Show the flow's pending request in a new version: it is about the flow as it is now."""
        current = None if settled.request.flow is None else await self.store.open_change_of(settled.request.flow)
        if current is None or current.state not in WAITING_STATES:
            return
        try:
            shown = await self.store.replace_if_unchanged(current, current)
        except VersionConflictError:
            return
        await self.executor.notify_again(shown, notify)

    async def _settle_create(
        self, change: Change, operation: CreateOperation, flows: Iterable[Flow], notify: NotifyCallback
    ) -> None:
        """Settle an unknown create that the flows show, or name a second flow of one that was settled."""
        made = [flow for flow in flows if is_created_by(operation, flow, change.newest_before)]
        if change.state is ChangeState.UNKNOWN:
            if made:
                await self.settle(change, notify)
            return
        outcome = change.outcome
        if outcome is None or outcome.flow is None or TWIN in outcome.params:
            return
        alike = {flow.id for flow in made if is_equivalent(flow, operation.wanted.content)} - {outcome.flow}
        if not alike or await is_created_twice(self.store, change, operation):
            return
        others = alike - await self.store.flows_created_by_others(alike, except_change=change.id)
        if not others:
            return
        twin = str(min(others))
        # Keys: applied.create_twice, applied.restore_twice
        named = Outcome(f"applied.{operation.kind}_twice", {**outcome.params, TWIN: twin}, outcome.flow)
        try:
            told = await self.store.replace_if_unchanged(change, replace(change, outcome=named))
        except VersionConflictError:
            return
        log.warning("late_effects.created_twice", change=change.id, flow=outcome.flow, twin=twin)
        await self.executor.notify_again(told, notify)
