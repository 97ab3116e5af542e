"""Mutations that break what is promised of starts, freezes and ends."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from flowbot.domain.audit import Transition
from flowbot.domain.change import Change, ChangeKind, ChangeState
from flowbot.domain.progress import Closure
from flowbot.domain.schedule import LATE, HoldEnd, find_start, is_late, void_disables
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.executor.executor import ChangeExecutor, SettledChange
from flowbot.services.executor.hindrances import Hindrance
from flowbot.services.executor.preconditions import Preconditions
from flowbot.storage.repositories import timed_changes
from flowbot.storage.repositories.changes import ChangeRepository
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()


@MUTATIONS.register
def a_freeze_is_not_looked_at_before_sending(patch: Patch) -> None:
    whole = Preconditions.find_hindrance

    async def find_hindrance(self: Preconditions, change: Change, *given: Any) -> Hindrance | None:
        found = await whole(self, change, *given)
        is_held = found is not None and found.step.to is ChangeState.SCHEDULED
        return None if is_held and change.state is ChangeState.APPLYING else found

    patch.setattr(Preconditions, "find_hindrance", find_hindrance)


@MUTATIONS.register
def an_end_is_planned_after_its_enable_was_settled(patch: Patch) -> None:
    plan, whole = timed_changes._insert_end, ChangeExecutor._apply

    async def never(*_: object) -> None:
        return None

    async def plan_end(self: ChangeRepository, enable: Change) -> None:
        async with self._database.write() as connection:
            await plan(connection, enable)

    async def apply(self: ChangeExecutor, *given: Any) -> SettledChange:
        settled = await whole(self, *given)
        if settled.change.state in {ChangeState.APPLIED, ChangeState.UNKNOWN}:
            await self.store.plan_end(settled.change)  # type: ignore[attr-defined]
        return settled

    patch.setattr(timed_changes, "_insert_end", never)
    patch.setattr(ChangeRepository, "plan_end", plan_end, raising=False)
    patch.setattr(ChangeExecutor, "_apply", apply)


@MUTATIONS.register
def lateness_is_counted_from_the_asked_time(patch: Patch) -> None:
    def impatient(change: Change, start: datetime, now: datetime) -> bool:
        return is_late(change, change.request.not_before or start, now)

    replace_everywhere(patch, is_late, impatient)


@MUTATIONS.register
def an_end_is_not_done_late(patch: Patch) -> None:
    def punctual(_change: Change, start: datetime, now: datetime) -> bool:
        return start + LATE <= now

    replace_everywhere(patch, is_late, punctual)


@MUTATIONS.register
def a_skip_ignores_the_asked_time(patch: Patch) -> None:
    close = DecisionService._close

    async def at_once(
        self: DecisionService, change: Change, state: ChangeState, closure: Closure, **_: object
    ) -> Change:
        return await close(self, change, state, closure)

    def start(change: Change, now: datetime, find_hold_end: HoldEnd) -> datetime:
        return find_start(change, now, find_hold_end) if change.progress.skipped_by is None else now

    patch.setattr(DecisionService, "_close", at_once)
    replace_everywhere(patch, find_start, start)


@MUTATIONS.register
def a_disable_leaves_the_ends_of_its_flow(patch: Patch) -> None:
    def forgetful(settled: Change, waiting: Iterable[Change]) -> list[tuple[Change, Transition]]:
        return [] if settled.request.kind is ChangeKind.DISABLE else void_disables(settled, waiting)

    replace_everywhere(patch, void_disables, forgetful)


@MUTATIONS.register
def a_moved_end_stays(patch: Patch) -> None:
    def forgetful(settled: Change, waiting: Iterable[Change]) -> list[tuple[Change, Transition]]:
        return [] if settled.request.kind is ChangeKind.ENABLE else void_disables(settled, waiting)

    replace_everywhere(patch, void_disables, forgetful)


@MUTATIONS.register
def a_freeze_that_is_taken_away_goes_on(patch: Patch) -> None:
    def stubborn(change: Change, now: datetime, find_hold_end: HoldEnd) -> datetime:
        start, known = find_start(change, now, find_hold_end), change.progress.starts_at
        return start if known is None else max(start, known)

    replace_everywhere(patch, find_start, stubborn)
