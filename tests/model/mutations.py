"""Mutations that break the invariants of approvals, each patched into the running program.

Some are old bugs, others leave out a check. Where two checks guard the same thing, the mutation leaves out both.
"""

import secrets
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain import effects, operations, outcomes
from flowbot.domain.approval import is_expired, requires_approval, stricter_rule
from flowbot.domain.change import (
    Change,
    ChangeKind,
    ChangeRequest,
    ChangeState,
    Closure,
    ClosureKind,
    Lease,
    Outcome,
    Vote,
)
from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.ids import ChangeId, FormToken, WebsiteId
from flowbot.domain.late_effects import find_repeatable_disable, operations_since
from flowbot.domain.outcomes import LAPSED, ChangeResult
from flowbot.domain.policy import Actor, ApprovalRule, ChannelPolicy, Decision, Permission, decide
from flowbot.services import clock
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.approvals.late_effects import LateEffects
from flowbot.services.approvals.submit import RequestSubmitter
from flowbot.services.executor.context import ExecutionContext, Write
from flowbot.services.executor.executor import ChangeWriter
from flowbot.services.executor.lease import LeaseKeeper, LeaseObserver
from flowbot.services.executor.preconditions import Preconditions, may_go_live
from flowbot.services.executor.update import (
    MAX_ATTEMPTS,
    RepeatableWrite,
    mark_sent_or_require_lease,
)
from flowbot.services.ports.enkapush import WriteUnclearError
from flowbot.services.ports.leases import ChangeInProgress, Leasable
from flowbot.services.request_details import RequestDetailsLoader
from flowbot.services.restores import find_restore
from flowbot.services.users import CurrentUser
from flowbot.storage.repositories import change_queries
from flowbot.storage.repositories.change_queries import fetch_one, fetch_votes
from flowbot.storage.repositories.change_writes import write_if_unchanged
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes

Patch = pytest.MonkeyPatch
MUTATIONS: Final[dict[str, Callable[[Patch], None]]] = {}
"""The mutations by name; each takes a patch that undoes it."""
GUARDS: Final[dict[str, str]] = {
    "the_fingerprint_lacks_the_description": (
        "tests/journeys/test_outcomes.py::test_a_flow_that_was_changed_since_is_left_alone[description]"
    ),
    "strangers_decide": "tests/journeys/test_votes.py::test_people_of_another_company_decide_nothing",
    "a_flow_that_is_gone_after_silence_is_called_out_of_date": (
        "tests/domain/test_outcomes.py::test_a_yes_counts_for_something_and_what_is_there_for_more"
    ),
    "a_flow_is_restored_each_time_it_is_asked_for": (
        "tests/journeys/test_delete_restore.py::test_restored_by_two_at_once_and_twice_it_is_one_flow[sqlite]"
    ),
    "the_version_is_not_compared": (
        "tests/storage/test_changes.py::test_who_saw_an_older_version_is_shown_the_new_one_and_writes_nothing[sqlite]"
    ),
    "a_lease_is_taken_over_that_was_renewed_since": (
        "tests/storage/test_concurrent_changes.py"
        "::test_a_lease_that_was_renewed_or_given_up_since_it_was_seen_is_not_taken_over[sqlite]"
    ),
    "a_lease_that_is_renewed_runs_out": "tests/services/test_lease.py::test_a_lease_that_is_renewed_never_runs_out",
    "a_jump_of_the_clock_is_believed_at_once": (
        "tests/services/test_clock.py::test_a_jump_is_doubted_and_the_old_time_goes_on"
    ),
    "a_success_is_taken_for_a_proof": "tests/journeys/test_delete_restore.py::test_a_delete_without_effect_has_failed",
    "a_refusal_after_silence_is_called_failed": (
        "tests/services/test_executor.py::test_a_refusal_after_silence_proves_nothing[sqlite]"
    ),
    "a_flow_that_changed_after_silence_is_called_out_of_date": (
        "tests/services/test_executor.py"
        "::test_a_flow_that_somebody_changed_after_silence_is_not_called_out_of_date[sqlite]"
    ),
    "what_leaves_no_trace_is_taken_for_done": (
        "tests/services/test_executor.py"
        "::test_what_leaves_no_trace_is_not_sent_twice_where_the_flow_was_touched_since[sqlite-None]"
    ),
}
"""Mutations that the model seldom finds in a short run, and the ordinary test that must fail on each."""
CONFIRMED: Final = outcomes.evaluate_toggle_or_delete
OBSTACLE: Final = outcomes.find_obstacle
SHOWN: Final = effects.shows_effect


def mutation(apply: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Register a mutation under its function's name."""
    MUTATIONS[apply.__name__] = apply
    return apply


def _replace_everywhere(patch: Patch, old: object, new: object, *, within: str = "flowbot") -> None:
    """Replace `old` by `new` under every name in flowbot's modules and the tests'."""
    for module in [module for name, module in sys.modules.items() if _is_patched(name, within)]:
        for name in [name for name, value in vars(module).items() if value is old]:
            patch.setattr(module, name, new)


def _is_patched(module: str, within: str) -> bool:
    return f"{module}.".startswith(f"{within}.") or module.rpartition(".")[2].startswith("test_")


# --- who may ------------------------------------------------------------------------------------------------------


@mutation
def votes_are_counted_and_not_people(patch: Patch) -> None:
    async def doubled(connection: AsyncConnection, change: ChangeId) -> tuple[Vote, ...]:
        return 2 * await fetch_votes(connection, change)

    _replace_everywhere(patch, fetch_votes, doubled)


@mutation
def requesters_approve_their_own(patch: Patch) -> None:
    def lax(rule: ApprovalRule, today: ApprovalRule) -> ApprovalRule:
        return stricter_rule(rule, today).model_copy(update={"self_approval": True})

    _replace_everywhere(patch, stricter_rule, lax)


@mutation
def the_rule_of_the_request_is_enough(patch: Patch) -> None:
    _replace_everywhere(patch, stricter_rule, lambda rule, _today: rule)


@mutation
def strangers_decide(patch: Patch) -> None:
    def blind(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Decision:
        return decide(policy, replace(actor, is_external=False), permission)

    _replace_everywhere(patch, decide, blind)


@mutation
def anybody_withdraws(patch: Patch) -> None:
    async def withdraw(self: DecisionService, reader: CurrentUser, change_id: ChangeId) -> Change:
        change = (await self.authorizer.load_pending(change_id)).change
        return await self._close(change, ChangeState.WITHDRAWN, Closure(reader.id, ClosureKind.WITHDRAWN))

    patch.setattr(DecisionService, "withdraw", withdraw)


@mutation
def anybody_breaks_the_glass(patch: Patch) -> None:
    async def may(self: DecisionService, _reader: CurrentUser, change_id: ChangeId) -> Change:
        return (await self.authorizer.load_pending(change_id)).change

    patch.setattr(DecisionService, "load_skippable", may)


@mutation
def the_glass_is_broken_without_a_reason(patch: Patch) -> None:
    whole = DecisionService.skip_approval

    async def silent(self: DecisionService, reader: CurrentUser, change_id: ChangeId, reason: str) -> Change:
        broken = await whole(self, reader, change_id, reason.strip() or "-")
        closing = replace(broken.progress.closing, reason=reason) if broken.progress.closing else None
        return replace(broken, progress=replace(broken.progress, closing=closing))

    patch.setattr(DecisionService, "skip_approval", silent)


@mutation
def an_edit_of_an_enabled_flow_needs_no_approval(patch: Patch) -> None:
    def lax(asked: ChangeRequest, rule: ApprovalRule) -> bool:
        return asked.kind is not ChangeKind.EDIT and requires_approval(asked, rule)

    _replace_everywhere(patch, requires_approval, lax)


# --- when ---------------------------------------------------------------------------------------------------------


@mutation
def a_vote_counts_after_the_request_has_expired(patch: Patch) -> None:
    _replace_everywhere(patch, is_expired, lambda _change, _now: False, within="flowbot.services")


@mutation
def the_policy_is_not_asked_again(patch: Patch) -> None:
    async def never(_self: Preconditions, _change: Change) -> Outcome | None:
        return None

    patch.setattr(Preconditions, "revalidate_approvals", never)


@mutation
def the_vote_of_a_removed_approver_still_counts(patch: Patch) -> None:
    async def never(_self: Preconditions, *_: object) -> None:
        return None

    patch.setattr(Preconditions, "_find_lost_right", never)


# --- what ---------------------------------------------------------------------------------------------------------


def _ignore_field(name: str, **same: Any) -> None:
    """Register a mutation that leaves a field out of the fingerprint."""

    def apply(patch: Patch) -> None:
        def short_sighted(flow: Flow) -> str:
            return fingerprint(replace(flow, **same))

        _replace_everywhere(patch, fingerprint, short_sighted)

    MUTATIONS[f"the_fingerprint_lacks_the_{name}"] = apply


_ignore_field("website", website_id=WebsiteId(1))
_ignore_field("picture", image_url=None)
_ignore_field("description", description="")
_ignore_field("url", url="")
_ignore_field("state", is_enabled=False)


# --- once ---------------------------------------------------------------------------------------------------------


@mutation
def the_lease_is_not_checked_before_the_write(patch: Patch) -> None:
    async def note(context: ExecutionContext, change: Change, *, was_sent: bool) -> None:
        kept = await context.store.get(change.id)
        await context.store.mark_sent_once(
            change.id, (kept and kept.lease_owner) or context.owner, context.clock(), None
        )

    _replace_everywhere(patch, mark_sent_or_require_lease, note)
    a_lease_that_ran_out_while_the_flow_was_read_is_not_noticed(patch)


@mutation
def a_lease_that_ran_out_while_the_flow_was_read_is_not_noticed(patch: Patch) -> None:
    patch.setattr(LeaseKeeper, "holds_for_certain", lambda _holding, _change: True)


@mutation
def a_lease_is_taken_over_that_was_renewed_since(patch: Patch) -> None:
    patch.setattr(change_queries, "has_lease_of", lambda seen: changes.c.id == seen.id)


@mutation
def a_lease_that_is_renewed_runs_out(patch: Patch) -> None:
    look = LeaseObserver.find_free

    def find_free(self: LeaseObserver, changes: Iterable[Leasable], *, pause: float = 0.0) -> list[Leasable]:
        known = {change.id: change for change in changes}
        alike = [
            ChangeInProgress(each.id, 0, each.lease and Lease("", datetime.min.replace(tzinfo=UTC)))
            for each in known.values()
        ]
        return [known[change.id] for change in look(self, alike, pause=pause)]

    patch.setattr(LeaseObserver, "find_free", find_free)


@mutation
def a_jump_of_the_clock_is_believed_at_once(patch: Patch) -> None:
    patch.setattr(clock, "DOUBT_SECONDS", 0.0)


@mutation
def the_latch_lets_everybody_through(patch: Patch) -> None:
    shut = ChangeRepository.mark_sent_once

    async def mark_sent_once(self: ChangeRepository, *given: Any) -> bool:
        await shut(self, *given)
        return True

    patch.setattr(ChangeRepository, "mark_sent_once", mark_sent_once)


@mutation
def nothing_is_noted_before_the_write(patch: Patch) -> None:
    async def mark_sent_once(_self: ChangeRepository, *_: Any) -> bool:
        return True

    patch.setattr(ChangeRepository, "mark_sent_once", mark_sent_once)


@mutation
def a_form_is_a_change_each_time_it_is_sent(patch: Patch) -> None:
    once = ChangeRepository.submit

    async def submit(self: ChangeRepository, new: ChangeRequest, *given: Any, **named: Any) -> tuple[Change, bool]:
        return await once(self, replace(new, token=FormToken(secrets.token_hex(8))), *given, **named)

    patch.setattr(ChangeRepository, "submit", submit)


@mutation
def a_flow_is_restored_each_time_it_is_asked_for(patch: Patch) -> None:
    async def another(*_: object) -> tuple[FormToken, None]:
        return FormToken(secrets.token_hex(8)), None

    _replace_everywhere(patch, find_restore, another)


@mutation
def the_version_is_not_compared(patch: Patch) -> None:
    async def careless(connection: AsyncConnection, seen: Change, moved: Change) -> Change:
        now = await fetch_one(connection, changes.c.id == seen.id) or seen
        return await write_if_unchanged(
            connection, replace(seen, version=now.version, lease_owner=now.lease_owner), moved
        )

    _replace_everywhere(patch, write_if_unchanged, careless)


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


@mutation
def a_success_is_taken_for_a_proof(patch: Patch) -> None:
    def believed(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        return outcomes.applied_result(task, flow) if was_confirmed else CONFIRMED(task, flow, was_confirmed=False)

    _replace_everywhere(patch, CONFIRMED, believed)


@mutation
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


@mutation
def a_flow_that_changed_after_silence_is_called_out_of_date(patch: Patch) -> None:
    def hasty(task: operations.FlowOperation, now: Flow, *, was_sent: bool, **others: Any) -> ChangeResult | None:
        found = OBSTACLE(task, now, was_sent=was_sent, **others)
        return OBSTACLE(task, now, was_sent=False, **others) if found else None

    _replace_everywhere(patch, OBSTACLE, hasty)


@mutation
def a_flow_that_is_gone_after_silence_is_called_out_of_date(patch: Patch) -> None:
    def hasty(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        if flow is None and not was_confirmed and not isinstance(task, operations.DeleteOperation):
            return outcomes.gone_result(task.before)
        return CONFIRMED(task, flow, was_confirmed=was_confirmed)

    _replace_everywhere(patch, CONFIRMED, hasty)


@mutation
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


@mutation
def what_leaves_no_trace_is_taken_for_done(patch: Patch) -> None:
    def lax(task: operations.FlowOperation, *given: Any) -> bool:
        return not task.sent or SHOWN(task, *given)

    _replace_everywhere(patch, SHOWN, lax)


# --- what comes late ----------------------------------------------------------------------------------------------


@mutation
def what_is_not_seen_after_a_success_is_called_failed(patch: Patch) -> None:
    def sure(
        task: operations.ToggleOperation | operations.DeleteOperation, flow: Flow | None, *, was_confirmed: bool
    ) -> ChangeResult:
        found = CONFIRMED(task, flow, was_confirmed=was_confirmed)
        is_ignored = was_confirmed and flow is not None and fingerprint(flow) == fingerprint(task.before)
        return replace(found, state=ChangeState.FAILED) if is_ignored else found

    _replace_everywhere(patch, CONFIRMED, sure)


@mutation
def a_late_enable_gates_no_edit(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    _replace_everywhere(patch, may_go_live, never, within="flowbot.services.executor.preconditions")


@mutation
def a_flow_that_reads_disabled_is_not_disabled(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    patch.setattr(RequestSubmitter, "_may_go_live", never)


@mutation
def a_disable_is_not_repeated(patch: Patch) -> None:
    _replace_everywhere(patch, find_repeatable_disable, lambda *_: None)


@mutation
def a_disable_is_repeated_again_and_again(patch: Patch) -> None:
    def last_disable(enable: Change, writes: Any) -> Change | None:
        later = [write for write in writes if write.request.kind is ChangeKind.DISABLE and write.id > enable.id]
        return later[-1] if later else None

    _replace_everywhere(patch, find_repeatable_disable, last_disable)


@mutation
def an_enable_that_was_sent_twice_is_thought_done(patch: Patch) -> None:
    async def never(*_: object) -> None:
        return None

    patch.setattr(ChangeRepository, "mark_resent", never)


@mutation
def late_edits_are_not_named(patch: Patch) -> None:
    patch.setattr(RequestDetailsLoader, "_find_late_edits", lambda *_: ())


@mutation
def late_effects_make_a_request_out_of_date(patch: Patch) -> None:
    _replace_everywhere(patch, operations_since, lambda *_: (), within="flowbot.services.executor")


@mutation
def what_a_reading_shows_settles_nothing(patch: Patch) -> None:
    async def blind(*_: object) -> None:
        return None

    patch.setattr(LateEffects, "_settle_shown", blind)
