"""Mutations that break what is said of a write, and what comes of its late effects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from flowbot.domain import effects, operations, outcomes
from flowbot.domain.change import Change, ChangeState, Outcome
from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.late_effects import find_repeatable_disable, operations_since
from flowbot.domain.outcomes import LAPSED, ChangeResult
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.executor.context import Write
from flowbot.services.executor.preconditions import may_go_live
from flowbot.services.executor.update import (
    MAX_ATTEMPTS,
    RepeatableWrite,
)
from flowbot.services.executor.writer import ChangeWriter
from flowbot.services.ports.enkapush import WriteUnclearError
from flowbot.services.request_loader import RequestDetailsLoader
from flowbot.storage.repositories.changes import ChangeRepository
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()
CONFIRMED: Final = outcomes.evaluate_toggle_or_delete
OBSTACLE: Final = outcomes.find_obstacle
SHOWN: Final = effects.shows_effect


# --- what became of it --------------------------------------------------------------------------------------------


def _call_unknown(state: ChangeState) -> Callable[[Patch], None]:
    def apply(patch: Patch) -> None:
        honest = ChangeWriter.apply

        async def sure(self: ChangeWriter, change: Change) -> ChangeResult:
            verdict = await honest(self, change)
            return replace(verdict, state=state) if verdict.state is ChangeState.UNKNOWN else verdict

        patch.setattr(ChangeWriter, "apply", sure)

    return apply


MUTATIONS["what_is_unknown_is_called_applied"] = _call_unknown(ChangeState.APPLIED)
MUTATIONS["what_is_unknown_is_called_failed"] = _call_unknown(ChangeState.FAILED)


@MUTATIONS.register
def a_success_is_taken_for_a_proof(patch: Patch) -> None:
    def believed(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        return outcomes.applied_result(task, flow) if was_confirmed else CONFIRMED(task, flow, was_confirmed=False)

    replace_everywhere(patch, CONFIRMED, believed)


@MUTATIONS.register
def a_refusal_after_silence_is_called_failed(patch: Patch) -> None:
    async def rashly(self: RepeatableWrite[Any]) -> ChangeResult:
        change = self.change
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._attempt(change, was_sent=change.sent_at is not None)
            except WriteUnclearError:
                change = await self.context.store.get(change.id) or change
        return await self.read_back()

    patch.setattr(RepeatableWrite, "apply", rashly)


@MUTATIONS.register
def a_flow_that_changed_after_silence_is_called_out_of_date(patch: Patch) -> None:
    def hasty(task: operations.FlowOperation, now: Flow, *, was_sent: bool, **others: Any) -> ChangeResult | None:
        found = OBSTACLE(task, now, was_sent=was_sent, **others)
        return OBSTACLE(task, now, was_sent=False, **others) if found else None

    replace_everywhere(patch, OBSTACLE, hasty)


@MUTATIONS.register
def a_flow_that_is_gone_after_silence_is_called_out_of_date(patch: Patch) -> None:
    def hasty(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        if flow is None and not was_confirmed and not isinstance(task, operations.DeleteOperation):
            return outcomes.gone_result(task.before)
        return CONFIRMED(task, flow, was_confirmed=was_confirmed)

    replace_everywhere(patch, CONFIRMED, hasty)


@MUTATIONS.register
def a_lapsed_approval_is_called_failed_though_it_was_sent(patch: Patch) -> None:
    @dataclass(frozen=True)
    class BlindWrite(Write):
        write: Write

        async def apply(self) -> ChangeResult:
            return await self.write.apply()

        async def recheck(self) -> ChangeResult | None:
            return await self.write.recheck()

        async def read_back(self) -> ChangeResult:
            return ChangeResult(ChangeState.FAILED, Outcome(LAPSED))

    build_write = ChangeWriter.build_write
    patch.setattr(ChangeWriter, "build_write", lambda self, change: BlindWrite(build_write(self, change)))


@MUTATIONS.register
def what_leaves_no_trace_is_taken_for_done(patch: Patch) -> None:
    def lax(task: operations.FlowOperation, *given: Any) -> bool:
        return not task.sent or SHOWN(task, *given)

    replace_everywhere(patch, SHOWN, lax)


# --- what comes late ----------------------------------------------------------------------------------------------


@MUTATIONS.register
def what_is_not_seen_after_a_success_is_called_failed(patch: Patch) -> None:
    def sure(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        found = CONFIRMED(task, flow, was_confirmed=was_confirmed)
        is_ignored = was_confirmed and flow is not None and fingerprint(flow) == fingerprint(task.before)
        return replace(found, state=ChangeState.FAILED) if is_ignored else found

    replace_everywhere(patch, CONFIRMED, sure)


@MUTATIONS.register
def a_late_enable_gates_no_edit(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    replace_everywhere(patch, may_go_live, never, within="flowbot.services.executor.preconditions")


@MUTATIONS.register
def a_flow_that_reads_disabled_is_not_disabled(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    patch.setattr(RequestSubmitter, "_may_go_live", never)


@MUTATIONS.register
def a_disable_is_not_repeated(patch: Patch) -> None:
    replace_everywhere(patch, find_repeatable_disable, lambda *_: None)


@MUTATIONS.register
def a_disable_is_repeated_again_and_again(patch: Patch) -> None:
    def forgetful(writes: Iterable[Change]) -> Change | None:
        first_ones = [replace(write, request=replace(write.request, repeats=None)) for write in writes]
        return find_repeatable_disable(first_ones)

    replace_everywhere(patch, find_repeatable_disable, forgetful)


@MUTATIONS.register
def an_enable_that_was_sent_twice_is_thought_done(patch: Patch) -> None:
    async def never(*_: object) -> None:
        return None

    patch.setattr(ChangeRepository, "mark_resent", never)


@MUTATIONS.register
def late_edits_are_not_named(patch: Patch) -> None:
    patch.setattr(RequestDetailsLoader, "_find_late_edits", lambda *_: ())


@MUTATIONS.register
def late_effects_make_a_request_out_of_date(patch: Patch) -> None:
    replace_everywhere(patch, operations_since, lambda *_: (), within="flowbot.services.executor")


@MUTATIONS.register
def what_a_reading_shows_settles_nothing(patch: Patch) -> None:
    async def blind(*_: object) -> None:
        return None

    patch.setattr(LateEffects, "_settle_shown", blind)
