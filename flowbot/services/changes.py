"""Carrying changes out: once, under a lease, to an outcome that is known or honestly not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog

from flowbot.domain.changes import IN_HAND, Change, Event, Kind, NewChange, Outcome, State
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.errors import Fault, UserError
from flowbot.services.apply import Applying, Settled
from flowbot.services.people import Caller, People, Reader
from flowbot.services.ports import ChangeStore, Clock, Conflict, DraftStore, Lease, PolicyStore, Teller

LEASE_SECONDS: Final = 4.0
"""A process that works on a change and is not heard of for this long has lost it."""
RENEW_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another process has taken the change over."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The use cases that write.

    Attributes:
        owner: This process's name on leases.
        applying: Does the writing and the reading back.
    """

    store: ChangeStore
    drafts: DraftStore
    policies: PolicyStore
    people: People
    applying: Applying
    clock: Clock
    owner: str

    async def submit(self, new: NewChange) -> tuple[Change, bool]:
        """Keep a change, so that a crash cannot lose it, and whether it is new: a doubled submit is one change.

        Raises:
            FlowTaken: the flow has an open change.
            Fault: the database did not keep it.
        """
        event = _event(new, self.clock(), "change.submitted")
        return await self.store.submit(new, self._lease(), event)

    async def carry_out(self, change: Change, tell: Teller, reader: Reader | None = None) -> Change:
        """Judge and apply a change that this process holds, and tell how it ended.

        Where the process dies, another does the rest; where it cannot be told, it is tried again later.

        Args:
            change: as `submit` or the store's `claim` gave it.
            tell: how to tell the one who asked.
            reader: who asks, where that is known already.
        """
        try:
            async with self._held(change):
                settled = await self._settle(change, reader)
                await tell(settled.change, settled.flow)
                await self.store.shown(change.id, settled.change.version)
                return settled.change
        except LeaseLostError:
            log.warning("change.lease_lost", change=change.id)
        except Conflict as conflict:
            return conflict.current
        return await self.store.get(change.id) or change

    async def tell_again(self, change: Change, tell: Teller) -> None:
        """Tell how a settled change ended, which nobody managed so far."""
        await tell(change, None)
        await self.store.shown(change.id, change.version)

    async def _settle(self, change: Change, reader: Reader | None) -> Settled:
        """The change in its final state."""
        if change.state is State.DRAFT:
            refusal = await self._judged(change.asked, reader)
            if refusal is not None:
                return Settled(await self._move(change, State.FAILED, refusal))
            change = await self._move(change, State.APPLYING, None)
        if change.state not in IN_HAND:
            return Settled(change)
        verdict = await self.applying.apply(change)
        settled = await self._move(change, verdict.state, verdict.outcome, **verdict.details)
        if settled.state is State.APPLIED:
            await self.drafts.drop(change.asked.token)
        return Settled(settled, verdict.flow)

    async def _judged(self, asked: NewChange, reader: Reader | None) -> Outcome | None:
        """Why this may not be done, by the policy as it is now; None where it may."""
        try:
            reader = reader or await self.people.reader(Caller(asked.requester, None))
        except UserError as error:
            return Outcome(error.key, error.params)
        scope = await self.policies.scope(asked.channel)
        decision = decide(scope.policy, reader.actor, Permission.EDIT)
        if not decision.allowed or scope.policy is None:
            return Outcome(f"denied.{decision.reason}")
        return _out_of_bounds(asked, scope.policy)

    async def _move(self, change: Change, to: State, outcome: Outcome | None, **details: Any) -> Change:
        """The change in its next state; the move and its event are one transaction."""
        now = self.clock()
        flow = (outcome.flow if outcome else None) or change.asked.flow
        said = {"outcome": outcome.key, **outcome.params} if outcome else {}
        event = replace(
            _event(change.asked, now, f"change.{to}"), change=change.id, flow=flow, details={**said, **details}
        )
        moved = replace(change, state=to, outcome=outcome, changed_at=now, **self._lease_fields())
        kept = await self.store.move(change, moved, event)
        log.info("change.moved", change=change.id, kind=change.asked.kind, state=to, flow=flow)
        return kept

    @asynccontextmanager
    async def _held(self, change: Change) -> AsyncIterator[None]:
        """Hold the lease while the block runs; it ends with LeaseLostError where the lease is lost."""
        work = asyncio.current_task()
        lost = False

        async def renew() -> None:
            nonlocal lost
            while await self.store.renew(change.id, self._lease()):  # noqa: ASYNC110 - a heartbeat, not a poll
                await asyncio.sleep(RENEW_SECONDS)
            lost = True
            if work is not None:
                work.cancel()

        keeper = asyncio.create_task(_through_faults(renew))
        try:
            yield
        except asyncio.CancelledError:
            if not lost or work is None:
                raise
            work.uncancel()
            raise LeaseLostError from None
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            if not lost:
                await asyncio.shield(self._release(change))

    async def _release(self, change: Change) -> None:
        with suppress(Fault):
            await self.store.release(change.id, self.owner)

    def _lease(self) -> Lease:
        return Lease(self.owner, self.clock() + timedelta(seconds=LEASE_SECONDS))

    def _lease_fields(self) -> dict[str, Any]:
        lease = self._lease()
        return {"lease_owner": lease.owner, "lease_until": lease.until}


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


def _out_of_bounds(asked: NewChange, policy: ChannelPolicy) -> Outcome | None:
    """Whether the change leaves the channel's websites, or touches what needs an approval."""
    websites = {asked.website} | ({asked.wanted.content.website_id} if asked.wanted else set())
    if not all(policy.names_website(website) for website in websites):
        return Outcome("form.website_gone")
    if asked.kind is Kind.EDIT and asked.before is not None and asked.before.is_enabled:
        return Outcome("form.is_enabled", {"id": str(asked.flow)})
    return None
