"""The executor: carries a leased change out, once, to a known result or an honest unknown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from flowbot.domain.approval import schedule_change
from flowbot.domain.audit import AuditAction, Transition, transition_event
from flowbot.domain.change import LEASED_STATES, WAITING_STATES, Change, ChangeState, Outcome, with_lease
from flowbot.domain.deadlines import next_reminder
from flowbot.domain.flow import Flow
from flowbot.domain.known_settings import settings_write
from flowbot.domain.late_effects import LOOKS
from flowbot.domain.outcomes import ChangeResult
from flowbot.errors import DatabaseFaultError, DependencyError
from flowbot.services.authorization import hide_if_out_of_scope
from flowbot.services.executor.context import RulesChangedError, require_leased, store_new_image
from flowbot.services.executor.hindrances import Hindrance
from flowbot.services.executor.lease import HeldLease, LeaseKeeper, LeaseLostError
from flowbot.services.executor.preconditions import Evaluation, Preconditions
from flowbot.services.executor.revisions import Revisions, move_refusal, refuse_waiting
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import (
    ChangeStore,
    FlowClaimedError,
    Replacement,
    RequestRecord,
    SettingsOf,
    VersionConflictError,
)
from flowbot.services.ports.enkapush import WriteRefusedError
from flowbot.services.ports.slack import NotifyCallback
from flowbot.services.users import Caller, CurrentUser

SLOW_SECONDS: Final = 1.0
"""An approved change that takes longer to apply is shown as being applied. Rules that were read before that are old."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SettledChange:
    """A change with which this process is done, and the flow as it was read back."""

    change: Change
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class ChangeExecutor:
    """Carries changes out, and notifies people of the results.

    Attributes:
        preconditions: Checks what the policies allow now.
        writer: Builds the writes, and applies them.
        leases: The leases of this process.
    """

    store: ChangeStore
    preconditions: Preconditions
    writer: ChangeWriter
    leases: LeaseKeeper
    clock: Clock

    @property
    def revisions(self) -> Revisions:
        """Return what becomes of requests that are revised."""
        return Revisions(self.store, self.preconditions.requirements, self.clock)

    async def execute(
        self,
        change: Change,
        notify: NotifyCallback,
        requester: CurrentUser | Caller | None = None,
        *,
        record: RequestRecord | None = None,
    ) -> Change:
        """Execute a change that this process has leased, and notify people of the result.

        Where the process dies, another does the rest; where nobody can be notified, that is tried again later. A change
        that this process works on already is left to that work.

        Args:
            change: the change, leased by this process.
            notify: notifies people.
            requester: the requester, where more is known of them than the change says.
            record: its votes and its channel's scope, where they were read as it was submitted or approved.

        Raises:
            DependencyError: something did not answer; it is tried again later.
        """
        try:
            async with self.leases.hold(change.id, change.lease) as lease:
                settled = await self._settle(change, notify, requester, record)
                lease.is_done = True
                if settled.change.state not in WAITING_STATES:
                    # Under the lease, so that the recovery does not show it at the same time.
                    return await _notify_and_release(notify, settled, lease)
            # A waiting request is shown after the release, since a vote may come as soon as it is seen. One in this
            # process would find the change in progress, and leave it to the recovery; one in another process would
            # take the lease over, which cancels this notification.
            return await notify(settled.change, settled.flow)
        except LeaseLostError:
            log.warning("change.lease_lost", change=change.id)
        except VersionConflictError as conflict:
            return conflict.current
        return await self.store.get(change.id) or change

    async def notify_again(self, change: Change, notify: NotifyCallback) -> None:
        """Notify people of a change whose newest version was not shown yet, under a lease.

        Nothing is done where somebody has taken the change since it was read, free to take.
        """
        if (acquired := await self.leases.try_acquire(change)) is None:
            return
        with suppress(LeaseLostError):
            async with self.leases.hold(change.id, acquired) as lease:
                lease.is_done = True
                await _notify_and_release(notify, SettledChange(with_lease(acquired, change)), lease)

    async def _settle(
        self,
        change: Change,
        notify: NotifyCallback,
        requester: CurrentUser | Caller | None,
        record: RequestRecord | None,
    ) -> SettledChange:
        """Take the change to a state in which this process is done with it."""
        if await self._waits_for_other(change):
            return SettledChange(change)
        if change.state is ChangeState.DRAFT:
            if change.request.image is None and change.request.picture is not None:
                # To fetch it may take a minute.
                record = None
            change = await self._evaluate(change, requester, record)
        if change.state not in LEASED_STATES:
            return SettledChange(change)
        async with _shown_while_waiting(change, notify):
            return await self._apply(change, record)

    async def _evaluate(
        self, change: Change, requester: CurrentUser | Caller | None, record: RequestRecord | None
    ) -> Change:
        """Move a draft on: it is refused, waits for approvals or its time, or is to be applied."""
        try:
            change = await store_new_image(self.writer.context, change)
        except WriteRefusedError as error:
            return await self._refuse(change, Outcome.of(error.text))
        evaluation = await self.preconditions.evaluate_request(change, requester, record)
        if evaluation.refusal is None and (asked := await self.revisions.find_asked(change)) is not None:
            evaluation = move_refusal(await self.preconditions.evaluate_request(asked, requester))
        if evaluation.refusal is not None:
            return await self._refuse(change, evaluation.refusal)
        if change.request.parent is not None:
            return await self._revise(change, evaluation)
        start = evaluation.starts_at
        if (rule := evaluation.rule) is not None:
            change = await self.writer.keep_image_early(change)
            progress = replace(
                change.progress,
                needs_skip=evaluation.needs_skip,
                starts_at=start,
                audience=evaluation.audience,
                quorums=evaluation.quorums,
            )
            waiting = replace(change, rule=rule, progress=progress)
            waiting = replace(waiting, due_at=next_reminder(waiting, rule, change.created_at))
            return await self._put_off(change, Transition(ChangeState.PENDING, AuditAction.PENDING), waiting)
        if change.request.is_timed_disable and start is not None:
            return await self._put_off(change, *schedule_change(change, start, self.clock()))
        return await self._move_keeping_lease(change, Transition(ChangeState.APPLYING, AuditAction.APPLYING))

    async def _revise(self, change: Change, evaluation: Evaluation) -> Change:
        """Make an edit the content of the request that it revises, or let it be written under that."""
        while True:
            step, along = await self.revisions.begin(change, evaluation)
            try:
                return await self._move_keeping_lease(change, step, along=along)
            except VersionConflictError as conflict:
                if conflict.current.id == change.id:
                    raise

    async def _waits_for_other(self, change: Change) -> bool:
        """Check whether the change that this one follows is being applied still; the recovery goes on after its end."""
        if change.follows is None:
            return False
        followed = await self.store.get(change.follows)
        return followed is not None and followed.state is ChangeState.APPLYING

    async def _apply(self, change: Change, record: RequestRecord | None, *, is_last: bool = False) -> SettledChange:
        """Apply the change unless something stands against it, and store the result."""
        blocker = None
        if change.sent_at is not None:
            blocker = await self.preconditions.find_blocker(change, self.clock(), record)
        elif hindrance := await self._find_hindrance(change, record):
            if change.request.parent is not None:
                # Kept waiting, it would keep the request waiting that it revises.
                return SettledChange(await self._settle_result(change, refuse_waiting(change, hindrance)))
            return SettledChange(await self._put_off(change, *hindrance))
        if blocker is None:
            try:
                result = await self.writer.apply(change)
            except RulesChangedError as error:
                if not is_last:
                    return await self._apply(await self.store.get(change.id) or change, None, is_last=True)
                result = ChangeResult(ChangeState.FAILED, error.blocker)
        else:
            # Sent while it was allowed, by a process that died: what it did not finish is not finished any more.
            result = await self.writer.build_write(change).read_back()
        if blocker is not None or (result.flow is not None and result.flow.website_id != change.request.website):
            # What stays on its website was in scope when the blocker was looked for.
            current = await self.store.get_record(change.id)
            told = hide_if_out_of_scope(current.scope.policy, change, result)
        else:
            told = result
        try:
            settled = await self._settle_result(change, told, partial(settings_write, result=result))
        except FlowClaimedError:
            # Two alike changes found the same flow; the slower one looks for another.
            return await self._apply(await self.store.get(change.id) or change, None)
        return SettledChange(settled, told.flow)

    async def _find_hindrance(self, change: Change, record: RequestRecord | None) -> Hindrance | None:
        """Find what keeps an unsent change from being applied, by the rules as they are once all was looked up."""
        while True:
            record, began = record or await self.store.get_record(change.id), self.leases.monotonic()
            hindrance = await self.preconditions.find_hindrance(change, self.clock(), record)
            if hindrance is not None or self.leases.monotonic() - began <= SLOW_SECONDS:
                return hindrance
            current = await self.store.get_record(change.id)
            if current.scope == record.scope:
                return None
            record = current

    async def _settle_result(self, change: Change, result: ChangeResult, settings: SettingsOf | None = None) -> Change:
        """Store how a change ended, and in the same transaction what becomes of the request that it revises."""
        action = AuditAction.for_state(result.state)
        step = Transition(result.state, action, outcome=result.outcome, details=result.details)
        due_at = self.clock() + LOOKS[0] if result.state is ChangeState.UNKNOWN else None
        while True:
            along = await self.revisions.end(change, result)
            try:
                return await self._move_keeping_lease(change, step, due_at=due_at, settings=settings, along=along)
            except VersionConflictError as conflict:
                if conflict.current.id == change.id:
                    # Its write has stored more of it, such as an image to keep.
                    change = require_leased(conflict.current, self.leases.owner)

    async def _put_off(self, change: Change, step: Transition, update: Change) -> Change:
        """Let a change wait that cannot be applied now, or end it unsent."""
        update = self.leases.give_up(update) if step.to in WAITING_STATES else update
        return await move_change(self.store, change, step, self.clock(), update=update)

    async def _refuse(self, change: Change, reason: Outcome) -> Change:
        """End a change that nobody was asked about yet."""
        return await self._move_keeping_lease(
            change, Transition(ChangeState.FAILED, AuditAction.FAILED, outcome=reason)
        )

    async def _move_keeping_lease(
        self,
        change: Change,
        step: Transition,
        *,
        due_at: datetime | None = None,
        settings: SettingsOf | None = None,
        along: Replacement | None = None,
    ) -> Change:
        leased = replace(with_lease(self.leases.new_lease(), change), due_at=due_at)
        now = self.clock()
        return await move_change(self.store, change, step, now, update=leased, settings=settings, along=along)


async def _notify_and_release(notify: NotifyCallback, settled: SettledChange, lease: HeldLease) -> Change:
    """Notify people of a change that is held; its last note may have released the lease."""
    notified = await notify(settled.change, settled.flow)
    lease.is_given_up = notified.lease is None
    return notified


@asynccontextmanager
async def _shown_while_waiting(change: Change, notify: NotifyCallback) -> AsyncIterator[None]:
    """Show once that an approved change is being applied, where the block takes long or ends in a wait for an answer.

    Nothing is left to decide by then. What is being sent at the end of the block is sent to its end, so that no later
    message is overwritten.
    """
    if not change.rule or change.shown_version >= change.version:
        yield
        return
    done = asyncio.Event()

    async def show_when_slow() -> bool:
        try:
            await asyncio.wait_for(done.wait(), SLOW_SECONDS)
        except TimeoutError:
            with suppress(DependencyError):
                await notify(change)
            return True
        return False

    showing = asyncio.create_task(show_when_slow())
    try:
        yield
    except DependencyError as error:
        done.set()
        if not await showing and not isinstance(error, DatabaseFaultError):
            with suppress(DependencyError):
                await notify(change)
        raise
    finally:
        done.set()
        await showing


async def move_change(  # noqa: PLR0913 - all of one transaction
    store: ChangeStore,
    seen: Change,
    step: Transition,
    now: datetime,
    *,
    update: Change | None = None,
    settings: SettingsOf | None = None,
    along: Replacement | None = None,
) -> Change:
    """Move a change to its next state, with its audit event in the same transaction.

    Args:
        store: where changes are stored.
        seen: the change as it was when the step was decided.
        step: the next state, and what the audit trail says of it.
        now: the current time.
        update: the change with what else becomes of it, such as its lease; None leaves it as it is.
        settings: tells what it has set that cannot be read back, stored if it is applied.
        along: the request that it revises, and what becomes of that.

    Raises:
        VersionConflictError: somebody was faster, with either.
        FlowClaimedError: another change has created the flow that this one is said to have created.
        DependencyError: the database did not answer.
    """
    update = update or seen
    moved = replace(update, state=step.to, outcome=step.outcome or update.outcome, changed_at=now)
    event = transition_event(update, now, step)
    settings = settings if step.to is ChangeState.APPLIED else None
    stored = await store.replace_if_unchanged(seen, moved, event, settings=settings, along=along)
    log.info("change.moved", change=seen.id, kind=seen.request.kind, state=step.to, flow=event.flow)
    return stored
