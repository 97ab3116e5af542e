"""Carrying changes out: once, under a lease, to an outcome that is known or honestly not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import structlog

from flowbot.domain.changes import IN_HAND, Change, ChangeId, Ending, Event, NewChange, Outcome, State
from flowbot.domain.flows import Flow
from flowbot.domain.policy import ApprovalRule
from flowbot.domain.types import UserId
from flowbot.domain.verdicts import Verdict, gone
from flowbot.errors import Fault, UserError
from flowbot.services.applying import Applying, LeaseLostError
from flowbot.services.people import Caller, People, Reader
from flowbot.services.ports.changes import ChangeStore, Conflict, FlowMade, Lease
from flowbot.services.ports.forms import DraftStore
from flowbot.services.ports.people import Teller
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.time import Clock
from flowbot.services.requests import reminders
from flowbot.services.rulings import Ruling, Rulings

LEASE_SECONDS: Final = 3.0
"""A process that works on a change and is not heard of for this long has lost it."""
RENEW_SECONDS: Final = 0.75

Asker = Callable[[], Awaitable[Reader]]
"""Finds out who asks; it raises UserError where Slack cannot tell."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """A change with which this process has nothing more to do, and the flow as it was read back."""

    change: Change
    flow: Flow | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """The use cases that write.

    Attributes:
        owner: This process's name on leases.
        rulings: What the policies say.
        applying: Does the writing and the reading back.
        in_hand: What this process works on. A lease says which process, not which of its tasks: one that was frozen
            for longer than a lease lasts finds its own work among what may be taken over.
    """

    store: ChangeStore
    drafts: DraftStore
    policies: PolicyStore
    people: People
    rulings: Rulings
    applying: Applying
    clock: Clock
    owner: str
    in_hand: set[ChangeId] = field(default_factory=set)

    async def submit(self, new: NewChange) -> tuple[Change, bool]:
        """Keep a change, so that a crash cannot lose it, and whether it is new: a doubled submit is one change.

        Raises:
            FlowTaken: the flow has an open change.
            Fault: the database did not keep it.
        """
        event = _event(new, self.clock(), "change.submitted")
        return await self.store.submit(new, self.lease(), event)

    async def carry_out(self, change: Change, tell: Teller, asker: Asker | None = None) -> Change:
        """Judge and apply a change that this process holds, and tell how it ended.

        Where the process dies, another does the rest; where it cannot be told, it is tried again later. What this
        process works on already is left to that.

        Args:
            change: as `submit` or the store's `claim` gave it.
            tell: how to tell the one who asked.
            asker: finds out who asks, where more is known of them than the change tells.
        """
        try:
            silence: Fault | None = None
            async with self._held(change):
                settled = await self._settle(change, asker)
                if settled.change.state is not State.PENDING:
                    try:
                        return await self._told(settled, tell)
                    except Fault as fault:
                        silence = fault
            if silence is not None:
                raise silence
            # Whoever votes takes the lease, and may do so as soon as the request is seen.
            return await self._told(settled, tell)
        except LeaseLostError:
            log.warning("change.lease_lost", change=change.id)
        except Conflict as conflict:
            return conflict.current
        return await self.store.get(change.id) or change

    async def _told(self, settled: Settled, tell: Teller) -> Change:
        await tell(settled.change, settled.flow)
        return await self.store.shown(settled.change.id, settled.change.version)

    async def tell_again(self, change: Change, tell: Teller) -> None:
        """Tell how a settled change ended, which nobody managed so far.

        Args:
            change: as the store's `untold` gave it.
            tell: how to tell the one who asked.
        """
        if change.id in self.in_hand or not await self.store.hold(change.id, self.clock(), self.lease()):
            return
        silence: Fault | None = None
        with suppress(LeaseLostError):
            async with self._held(change):
                try:
                    await tell(change, None)
                    await self.store.shown(change.id, change.version)
                except Fault as fault:
                    silence = fault
        if silence is not None:
            raise silence

    async def look_again(self, change: Change, *, is_final: bool) -> Change:
        """Look once more at a change of which it is not known; it stays so where that cannot be told yet.

        Args:
            change: an unknown one.
            is_final: whether what is not there now will not come any more.
        """
        verdict = await self.applying.look_again(change, is_final=is_final)
        if verdict.state is State.UNKNOWN:
            return change
        try:
            return await self._move(change, verdict.state, verdict.outcome, action="change.checked", **verdict.details)
        except Conflict as conflict:
            if conflict.current.state is State.UNKNOWN:
                # Whoever told of it has just let go of it.
                return await self.look_again(conflict.current, is_final=is_final)
            return conflict.current
        except FlowMade:
            return change

    def event(self, change: Change, action: str, actor: UserId | None, details: Mapping[str, Any]) -> Event:
        """An event of a change, as of now."""
        said = {**details, **_without_approval(change)}
        return replace(_event(change.asked, self.clock(), action), change=change.id, actor=actor, details=said)

    def lease(self) -> Lease:
        """A lease of this process's, from now."""
        return Lease(self.owner, self.clock() + timedelta(seconds=LEASE_SECONDS))

    async def _settle(self, change: Change, asker: Asker | None) -> Settled:
        """The change in a state in which this process has nothing more to do with it."""
        if change.state is State.DRAFT:
            ruling = await self._ruling(change, asker)
            if ruling.refusal is not None:
                return Settled(await self._move(change, State.FAILED, ruling.refusal))
            if ruling.rule is not None:
                return Settled(await self._wait_for_approval(change, ruling.rule))
            change = await self._move(change, State.APPLYING, None)
        if change.state not in IN_HAND:
            return Settled(change)
        return await self._apply(change)

    async def _apply(self, change: Change) -> Settled:
        verdict = await self._within_sight(change, await self._verdict(change))
        kept = await self._as_kept(change)
        try:
            settled = await self._move(kept, verdict.state, verdict.outcome, **verdict.details)
        except FlowMade:
            # Two alike changes found the same flow; the slower one looks whether there is another.
            return await self._apply(await self.store.get(change.id) or change)
        if settled.state is State.APPLIED:
            await self.drafts.drop(change.asked.token)
        return Settled(settled, verdict.flow)

    async def _within_sight(self, change: Change, verdict: Verdict) -> Verdict:
        """The verdict without what the channel may not see: a flow that moved to another website is gone for it."""
        policy = (await self.policies.scope(change.asked.channel)).policy
        flow = verdict.flow
        if flow is None or (policy is not None and policy.names_website(flow.website_id)):
            return verdict
        return gone(flow) if verdict.state is State.OUT_OF_DATE else replace(verdict, flow=None)

    async def _verdict(self, change: Change) -> Verdict:
        lapsed = await self.rulings.lapsed(change)
        if lapsed is None:
            return await self.applying.apply(change)
        if change.sent_at is None:
            return Verdict(State.FAILED, lapsed)
        # It was sent while it was allowed, by a process that died: what that did not do is not done any more.
        return await self.applying.look(change)

    async def _as_kept(self, change: Change) -> Change:
        """The change with all that was kept of it on the way.

        Raises:
            LeaseLostError: another process has taken it over.
        """
        kept = await self.store.get(change.id)
        if kept is None or kept.lease_owner != self.owner or kept.state is not State.APPLYING:
            raise LeaseLostError
        return kept

    async def _ruling(self, change: Change, asker: Asker | None) -> Ruling:
        """What the policy, as it is now, says of what was asked."""
        try:
            reader = await (asker() if asker else self.people.reader(Caller(change.asked.requester, None)))
        except UserError as error:
            return Ruling(refusal=Outcome(error.key, error.params))
        return await self.rulings.rule(change.asked, reader)

    async def _wait_for_approval(self, change: Change, rule: ApprovalRule) -> Change:
        first, *_ = reminders(change.created_at, rule)
        waiting = replace(change, rule=rule, due_at=first)
        pending = await self._move(waiting, State.PENDING, None)
        await self.drafts.drop(change.asked.token)
        return pending

    async def _move(
        self, change: Change, to: State, outcome: Outcome | None, *, action: str | None = None, **details: Any
    ) -> Change:
        """The change in its next state; the move and its event are one transaction."""
        now = self.clock()
        flow = (outcome.flow if outcome else None) or change.asked.flow
        said = {"outcome": outcome.key, **outcome.params} if outcome else {}
        said |= _without_approval(change)
        event = replace(
            _event(change.asked, now, action or f"change.{to}"),
            change=change.id,
            flow=flow,
            details={**said, "state": str(to), **details},
        )
        lease = self.lease() if to is not State.PENDING and action is None else None
        moved = replace(
            change,
            state=to,
            outcome=outcome or change.outcome,
            changed_at=now,
            lease_owner=lease.owner if lease else change.lease_owner,
            lease_until=lease.until if lease else change.lease_until,
        )
        kept = await self.store.move(change, moved, event)
        log.info("change.moved", change=change.id, kind=change.asked.kind, state=to, flow=flow)
        return kept

    @asynccontextmanager
    async def _held(self, change: Change) -> AsyncIterator[None]:
        """Hold the lease while the block runs.

        Raises:
            LeaseLostError: another process has taken the change over, or another task of this one holds it.
        """
        if change.id in self.in_hand:
            raise LeaseLostError
        work = asyncio.current_task()
        lost = failed = False

        async def renew() -> None:
            nonlocal lost
            while await self.store.renew(change.id, self.lease()):  # noqa: ASYNC110 - a heartbeat, not a poll
                await asyncio.sleep(RENEW_SECONDS)
            lost = True
            if work is not None:
                work.cancel()

        self.in_hand.add(change.id)
        keeper = asyncio.create_task(_through_faults(renew))
        try:
            yield
        except asyncio.CancelledError:
            if not lost or work is None:
                raise
            work.uncancel()
            raise LeaseLostError from None
        except Fault:
            # What is left of the lease is the pause before it is tried again.
            failed = True
            raise
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            self.in_hand.discard(change.id)
            if not lost and not failed:
                await asyncio.shield(self._release(change))

    async def _release(self, change: Change) -> None:
        with suppress(Fault):
            await self.store.release(change.id, self.owner)


def _without_approval(change: Change) -> dict[str, str]:
    """For the audit: who broke the glass for it, so that what was done without an approval is seen at a glance."""
    closing = change.progress.closing
    return {"break_glass": str(closing.by)} if closing is not None and closing.how is Ending.BREAK_GLASS else {}


async def _through_faults(renew: Callable[[], Awaitable[None]]) -> None:
    """Renew, also where the database is away for a moment."""
    while True:
        try:
            return await renew()
        except Fault:
            await asyncio.sleep(RENEW_SECONDS / 2)


def _event(asked: NewChange, at: Any, action: str) -> Event:
    return Event(
        at=at,
        action=action,
        actor=asked.requester if action == "change.submitted" else None,
        channel=asked.channel,
        kind=asked.kind,
        flow=asked.flow,
        website=asked.website,
        details={"reason": asked.reason} if asked.reason else {},
    )
