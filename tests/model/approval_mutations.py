"""Mutations that break the checks of who may approve what, when, and how often it is written."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.approval import requires_approval, stricter_rule
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Lease, Outcome
from flowbot.domain.deadlines import is_expired
from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.ids import ChangeId, FormToken, WebsiteId
from flowbot.domain.policy import Actor, ChannelPolicy, Decision, Permission, decide
from flowbot.domain.progress import Closure, ClosureKind
from flowbot.domain.votes import Vote
from flowbot.services import clock
from flowbot.services.approvals.decide import DecisionService
from flowbot.services.executor.context import ExecutionContext
from flowbot.services.executor.lease import LeaseKeeper, LeaseObserver
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.executor.update import (
    mark_sent_or_require_lease,
)
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.ports.leases import ChangeInProgress, Leasable
from flowbot.services.restores import find_restore
from flowbot.services.users import CurrentUser
from flowbot.storage.repositories import change_queries
from flowbot.storage.repositories.change_queries import fetch_one, fetch_votes
from flowbot.storage.repositories.change_writes import write_if_unchanged
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.tables import changes
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()


# --- who may ------------------------------------------------------------------------------------------------------


@MUTATIONS.register
def votes_are_counted_and_not_people(patch: Patch) -> None:
    async def doubled(connection: AsyncConnection, change: ChangeId) -> tuple[Vote, ...]:
        return 2 * await fetch_votes(connection, change)

    replace_everywhere(patch, fetch_votes, doubled)


@MUTATIONS.register
def requesters_approve_their_own(patch: Patch) -> None:
    def lax(rule: ApprovalRule, today: ApprovalRule) -> ApprovalRule:
        return stricter_rule(rule, today).model_copy(update={"self_approval": True})

    replace_everywhere(patch, stricter_rule, lax)


@MUTATIONS.register
def the_rule_of_the_request_is_enough(patch: Patch) -> None:
    replace_everywhere(patch, stricter_rule, lambda rule, _today: rule)


@MUTATIONS.register
def strangers_decide(patch: Patch) -> None:
    def blind(policy: ChannelPolicy | None, actor: Actor, permission: Permission) -> Decision:
        return decide(policy, replace(actor, is_external=False), permission)

    replace_everywhere(patch, decide, blind)


@MUTATIONS.register
def anybody_withdraws(patch: Patch) -> None:
    async def withdraw(self: DecisionService, reader: CurrentUser, change_id: ChangeId) -> Change:
        change = (await self.authorizer.load_waiting(change_id)).change
        return await self._close(change, ChangeState.WITHDRAWN, Closure(reader.id, ClosureKind.WITHDRAWN))

    patch.setattr(DecisionService, "withdraw", withdraw)


@MUTATIONS.register
def anybody_breaks_the_glass(patch: Patch) -> None:
    async def may(
        self: DecisionService, _reader: CurrentUser, change_id: ChangeId, _seen_round: int | None = None
    ) -> Change:
        return (await self.authorizer.load_waiting(change_id)).change

    patch.setattr(DecisionService, "load_skippable", may)


@MUTATIONS.register
def the_glass_is_broken_without_a_reason(patch: Patch) -> None:
    whole = DecisionService.skip_approval

    async def silent(self: DecisionService, reader: CurrentUser, change_id: ChangeId, reason: str) -> Change:
        broken = await whole(self, reader, change_id, reason.strip() or "-")
        closing = replace(broken.progress.closing, reason=reason) if broken.progress.closing else None
        return replace(broken, progress=replace(broken.progress, closing=closing))

    patch.setattr(DecisionService, "skip_approval", silent)


@MUTATIONS.register
def an_edit_of_an_enabled_flow_needs_no_approval(patch: Patch) -> None:
    def lax(asked: ChangeRequest, rule: ApprovalRule) -> bool:
        return asked.kind is not ChangeKind.EDIT and requires_approval(asked, rule)

    replace_everywhere(patch, requires_approval, lax)


# --- when ---------------------------------------------------------------------------------------------------------


@MUTATIONS.register
def a_vote_counts_after_the_request_has_expired(patch: Patch) -> None:
    replace_everywhere(patch, is_expired, lambda _change, _now: False, within="flowbot.services")


@MUTATIONS.register
def the_policy_is_not_asked_again(patch: Patch) -> None:
    async def never(_self: Preconditions, *_: object) -> Outcome | None:
        return None

    patch.setattr(Preconditions, "revalidate_approvals", never)


@MUTATIONS.register
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

        replace_everywhere(patch, fingerprint, short_sighted)

    MUTATIONS[f"the_fingerprint_lacks_the_{name}"] = apply


_ignore_field("website", website_id=WebsiteId(1))
_ignore_field("picture", image_url=None)
_ignore_field("description", description="")
_ignore_field("url", url="")
_ignore_field("state", is_enabled=False)


# --- once ---------------------------------------------------------------------------------------------------------


@MUTATIONS.register
def the_lease_is_not_checked_before_the_write(patch: Patch) -> None:
    async def note(context: ExecutionContext, change: Change, *, was_sent: bool) -> None:
        kept = await context.store.get(change.id)
        await context.store.mark_sent_once(
            change.id, (kept and kept.lease_owner) or context.owner, context.clock(), None
        )

    replace_everywhere(patch, mark_sent_or_require_lease, note)
    a_lease_that_ran_out_while_the_flow_was_read_is_not_noticed(patch)


@MUTATIONS.register
def a_lease_that_ran_out_while_the_flow_was_read_is_not_noticed(patch: Patch) -> None:
    patch.setattr(LeaseKeeper, "holds_for_certain", lambda _holding, _change: True)


@MUTATIONS.register
def a_lease_is_taken_over_that_was_renewed_since(patch: Patch) -> None:
    patch.setattr(change_queries, "has_lease_of", lambda seen: changes.c.id == seen.id)


@MUTATIONS.register
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


@MUTATIONS.register
def a_jump_of_the_clock_is_believed_at_once(patch: Patch) -> None:
    patch.setattr(clock, "DOUBT_SECONDS", 0.0)


@MUTATIONS.register
def the_latch_lets_everybody_through(patch: Patch) -> None:
    shut = ChangeRepository.mark_sent_once

    async def mark_sent_once(self: ChangeRepository, *given: Any) -> bool:
        await shut(self, *given)
        return True

    patch.setattr(ChangeRepository, "mark_sent_once", mark_sent_once)


@MUTATIONS.register
def nothing_is_noted_before_the_write(patch: Patch) -> None:
    async def mark_sent_once(_self: ChangeRepository, *_: Any) -> bool:
        return True

    patch.setattr(ChangeRepository, "mark_sent_once", mark_sent_once)


@MUTATIONS.register
def a_form_is_a_change_each_time_it_is_sent(patch: Patch) -> None:
    once = ChangeRepository.submit

    async def submit(
        self: ChangeRepository, new: ChangeRequest, *given: Any, **named: Any
    ) -> tuple[RequestRecord, bool]:
        return await once(self, replace(new, token=FormToken(secrets.token_hex(8))), *given, **named)

    patch.setattr(ChangeRepository, "submit", submit)


@MUTATIONS.register
def a_flow_is_restored_each_time_it_is_asked_for(patch: Patch) -> None:
    async def another(*_: object) -> tuple[FormToken, None]:
        return FormToken(secrets.token_hex(8)), None

    replace_everywhere(patch, find_restore, another)


@MUTATIONS.register
def the_version_is_not_compared(patch: Patch) -> None:
    async def careless(connection: AsyncConnection, seen: Change, moved: Change) -> Change:
        now = await fetch_one(connection, changes.c.id == seen.id) or seen
        return await write_if_unchanged(
            connection, replace(seen, version=now.version, lease_owner=now.lease_owner), moved
        )

    replace_everywhere(patch, write_if_unchanged, careless)
