"""The executor: carries a leased change out, once, to a known outcome or an honest unknown."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from flowbot.domain.approval import due_times, expires_at
from flowbot.domain.audit import (
    AuditAction,
    AuditEvent,
    Transition,
    event_for_change,
    submission_event,
    transition_event,
)
from flowbot.domain.change import LEASED_STATES, Change, ChangeRequest, ChangeState, Lease, Outcome, with_lease
from flowbot.domain.flow import Flow
from flowbot.domain.ids import UserId
from flowbot.domain.operations import CreateOperation, EditOperation, build_operation
from flowbot.domain.outcomes import LAPSED_TIME, ChangeResult, hide_flow
from flowbot.domain.policy import ApprovalRule
from flowbot.errors import DependencyError, UserError
from flowbot.services.executor.context import ExecutionContext, LeaseLostError
from flowbot.services.executor.create import CreateWrite
from flowbot.services.executor.lease import LeaseKeeper
from flowbot.services.executor.preconditions import Evaluation, Preconditions, find_unsettled_change
from flowbot.services.executor.update import EditWrite, ToggleWrite
from flowbot.services.ports import Clock
from flowbot.services.ports.enkapush import WriteRefusedError
from flowbot.services.ports.slack import Notifier
from flowbot.services.ports.storage import ChangeStore, DraftStore, FlowClaimedError, PolicyStore, VersionConflictError
from flowbot.services.users import Caller, CurrentUser, UserService


class Write(Protocol):
    """What is done for one change."""

    async def apply(self) -> ChangeResult:
        """As `Applying.apply`; raises NotDone where Enkapush did not do it, for certain."""

    async def inspect(self) -> ChangeResult:
        """As `Applying.look`."""

    async def recheck(self, *, is_final: bool) -> ChangeResult:
        """As `Applying.look_again`."""


@dataclass(frozen=True, slots=True)
class OperationRunner:
    """Applies changes of every kind."""

    context: ExecutionContext

    async def apply(self, change: Change) -> ChangeResult:
        """Write, and read back. What was sent by a process that died is looked for first, and never sent twice.

        Raises:
            LeaseLostError: another process has taken the change over.
            DependencyError: the database did not answer.
        """
        try:
            return await self._work(change).apply()
        except WriteRefusedError as error:
            return ChangeResult(ChangeState.FAILED, Outcome(error.key, error.params))

    async def inspect(self, change: Change) -> ChangeResult:
        """What became of a change that was sent, possibly more than once; nothing is written.

        Raises:
            DependencyError: the database did not answer.
        """
        return await self._work(change).inspect()

    async def recheck(self, change: Change, *, is_final: bool) -> ChangeResult:
        """Only look what became of a change: nothing is written.

        Args:
            change: one of which it is not known.
            is_final: whether what is not there now will not come any more.

        Raises:
            DependencyError: Enkapush did not answer.
        """
        return await self._work(change).recheck(is_final=is_final)

    def _work(self, change: Change) -> Write:
        """The work that the change asks for.

        Raises:
            NotDone: it does not say enough for its kind.
        """
        task = build_operation(change.request)
        if task is None:
            raise WriteRefusedError("not_done.gone")
        if isinstance(task, CreateOperation):
            return CreateWrite(self.context, change, task)
        if isinstance(task, EditOperation):
            return EditWrite(self.context, change, task)
        return ToggleWrite(self.context, change, task)


UserLoader = Callable[[], Awaitable[CurrentUser]]
"""Finds out who asks; it raises UserError where Slack cannot tell."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SettledChange:
    """A change with which this process has nothing more to do, and the flow as it was read back."""

    change: Change
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class ChangeExecutor:
    """The use cases that write.

    Attributes:
        preconditions: What the policies say.
        runner: Does the writing and the reading back.
        leases: The leases of this process.
    """

    store: ChangeStore
    drafts: DraftStore
    policies: PolicyStore
    users: UserService
    preconditions: Preconditions
    runner: OperationRunner
    leases: LeaseKeeper
    clock: Clock

    async def submit(self, new: ChangeRequest) -> tuple[Change, bool]:
        """Keep a change, so that a crash cannot lose it, and whether it is new: a doubled submit is one change.

        Raises:
            FlowTaken: the flow has an open change.
            DependencyError: the database did not keep it.
        """
        return await self.store.submit(new, self.new_lease(), submission_event(new, self.clock()))

    async def execute(self, change: Change, tell: Notifier, asker: UserLoader | None = None) -> Change:
        """Judge and apply a change that this process holds, and tell how it ended.

        Where the process dies, another does the rest; where it cannot be told, it is tried again later. What this
        process works on already is left to that.

        Args:
            change: as `submit` or the store's `claim` gave it.
            tell: how to tell the one who asked.
            asker: finds out who asks, where more is known of them than the change tells.
        """
        try:
            async with self.leases.hold(change.id, until=change.lease_until) as hold:
                settled = await self._settled(change, asker, tell)
                hold.is_done = True
                if settled.change.state is not ChangeState.PENDING:
                    return await self._told(settled, tell)
            # Whoever votes takes the lease, and may do so as soon as the request is seen.
            return await self._told(settled, tell)
        except LeaseLostError:
            log.warning("change.lease_lost", change=change.id)
        except VersionConflictError as conflict:
            return conflict.current
        return await self.store.get(change.id) or change

    async def _settled(self, change: Change, asker: UserLoader | None, tell: Notifier) -> SettledChange:
        """As `_settle`. Where an approved change has to wait for an answer, its message says that it is approved.

        Else people would press buttons all that while that have nothing to decide any more. Told once: a change waits
        again and again for the same answer. Where it waits for the database, there is nothing to tell it from.
        """
        try:
            return await self._settle(change, asker)
        except DependencyError as fault:
            is_untold = change.shown_version < change.version and not fault.key.startswith("fault.database")
            if change.state is ChangeState.APPLYING and change.rule and is_untold:
                with suppress(DependencyError):
                    await tell(change, None)
            raise

    async def _told(self, settled: SettledChange, tell: Notifier) -> Change:
        await tell(settled.change, settled.flow)
        return await self.store.mark_shown(settled.change.id, settled.change.version)

    async def notify_again(self, change: Change, tell: Notifier) -> None:
        """Tell how a settled change ended, which nobody managed so far.

        Args:
            change: as the store's `untold` gave it.
            tell: how to tell the one who asked.
        """
        if not await self.leases.try_acquire(change.id):
            return
        with suppress(LeaseLostError):
            async with self.leases.hold(change.id) as hold:
                hold.is_done = True
                await tell(change, None)
                await self.store.mark_shown(change.id, change.version)

    async def recheck(self, change: Change, *, is_final: bool) -> Change:
        """Look once more at a change of which it is not known; it stays so where that cannot be told yet.

        Args:
            change: an unknown one.
            is_final: whether what is not there now will not come any more.
        """
        verdict = await self._within_sight(change, await self.runner.recheck(change, is_final=is_final))
        if verdict.state is ChangeState.UNKNOWN:
            return change
        try:
            return await self.transition(change, _settling_transition(verdict, AuditAction.CHECKED))
        except VersionConflictError as conflict:
            if conflict.current.state is ChangeState.UNKNOWN:
                # Whoever told of it has just let go of it.
                return await self.recheck(conflict.current, is_final=is_final)
            return conflict.current
        except FlowClaimedError:
            return change

    async def transition(self, seen: Change, step: Transition, then: Change | None = None) -> Change:
        """The change in its next state; the move and its event are one transaction.

        Args:
            seen: the change as it was when the step was decided.
            step: where to, and what the audit says of it.
            then: the change with what else becomes of it, such as its lease; where that is None, it stays as it is.

        Raises:
            Conflict: somebody was faster.
            FlowMade: another change has made the flow that this one is said to have made.
            DependencyError: the database did not answer.
        """
        now = self.clock()
        then = then or seen
        moved = replace(then, state=step.to, outcome=step.outcome or then.outcome, changed_at=now)
        event = transition_event(then, now, step)
        kept = await self.store.transition(seen, moved, event)
        log.info("change.moved", change=seen.id, kind=seen.request.kind, state=step.to, flow=event.flow)
        return kept

    def new_event(
        self, change: Change, action: AuditAction, actor: UserId | None, details: Mapping[str, Any]
    ) -> AuditEvent:
        """An event of a change, as of now."""
        return event_for_change(change, self.clock(), action, actor, details)

    def new_lease(self) -> Lease:
        """A lease of this process's, from now."""
        return self.leases.new_lease()

    async def _settle(self, change: Change, asker: UserLoader | None) -> SettledChange:
        """The change in a state in which this process has nothing more to do with it."""
        if change.state is ChangeState.DRAFT:
            ruling = await self._ruling(change, asker)
            if ruling.refusal is not None:
                return SettledChange(
                    await self._moved_on(
                        change, Transition(ChangeState.FAILED, AuditAction.FAILED, outcome=ruling.refusal)
                    )
                )
            if ruling.rule is not None:
                return SettledChange(await self._wait_for_approval(change, ruling.rule))
            change = await self._moved_on(change, Transition(ChangeState.APPLYING, AuditAction.APPLYING))
        if change.state not in LEASED_STATES:
            return SettledChange(change)
        return await self._apply(change)

    async def _apply(self, change: Change) -> SettledChange:
        verdict = await self._within_sight(change, await self._verdict(change))
        kept = await self._as_kept(change)
        try:
            settled = await self._moved_on(kept, _settling_transition(verdict, AuditAction.for_state(verdict.state)))
        except FlowClaimedError:
            # Two alike changes found the same flow; the slower one looks whether there is another.
            return await self._apply(await self.store.get(change.id) or change)
        if settled.state is ChangeState.APPLIED:
            await self.drafts.delete(change.request.token)
        return SettledChange(settled, verdict.flow)

    async def _within_sight(self, change: Change, verdict: ChangeResult) -> ChangeResult:
        """The verdict without what the channel may not see: a flow that moved to another website is gone for it."""
        policy = (await self.policies.get_scope(change.request.channel)).policy
        flow = verdict.flow
        if flow is None or (policy is not None and policy.covers_website(flow.website_id)):
            return verdict
        return hide_flow(build_operation(change.request), verdict)

    async def _verdict(self, change: Change) -> ChangeResult:
        hindrance = await self._hindrance(change)
        if hindrance is None:
            return await self.runner.apply(change)
        if change.sent_at is None:
            return ChangeResult(ChangeState.FAILED, hindrance)
        # It was sent while it was allowed, by a process that died: what that did not do is not done any more.
        return await self.runner.inspect(change)

    async def _hindrance(self, change: Change) -> Outcome | None:
        """Why a change is not applied (any more); None where nothing stands against it.

        Nothing is sent after its request's time: who approved had that in mind, and Slack or flowbot may have been away
        for days.
        """
        if change.sent_at is not None:
            return await self.preconditions.revalidate_approvals(change)
        if (ends := expires_at(change)) is not None and ends <= self.clock():
            return Outcome(LAPSED_TIME)
        return await self.preconditions.revalidate_approvals(change) or await find_unsettled_change(
            self.store, change.request, self.clock()
        )

    async def _as_kept(self, change: Change) -> Change:
        """The change with all that was kept of it on the way.

        Raises:
            LeaseLostError: another process has taken it over.
        """
        kept = await self.store.get(change.id)
        if kept is None or kept.lease_owner != self.leases.owner or kept.state is not ChangeState.APPLYING:
            raise LeaseLostError
        return kept

    async def _ruling(self, change: Change, asker: UserLoader | None) -> Evaluation:
        """What the policy, as it is now, says of what was asked by somebody with the rights of this moment."""
        try:
            reader = await (asker() if asker else self.users.identify(Caller(change.request.requester, None)))
            reader = await self.users.reload_user(reader)
        except UserError as error:
            return Evaluation(refusal=Outcome(error.key, error.params))
        return await self.preconditions.evaluate_request(change.request, reader)

    async def _wait_for_approval(self, change: Change, rule: ApprovalRule) -> Change:
        first, *_ = due_times(change.created_at, rule)
        waiting = replace(change, rule=rule, due_at=first)
        pending = await self.transition(change, Transition(ChangeState.PENDING, AuditAction.PENDING), waiting)
        await self.drafts.delete(change.request.token)
        return pending

    async def _moved_on(self, change: Change, step: Transition) -> Change:
        """The change in its next state, still held by this process."""
        return await self.transition(change, step, with_lease(self.new_lease(), change))


def _settling_transition(verdict: ChangeResult, action: AuditAction) -> Transition:
    return Transition(verdict.state, action, outcome=verdict.outcome, details=verdict.details)
