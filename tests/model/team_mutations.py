"""Mutations that break approvals by several people: stages, stand-ins, audiences, escalation and revisions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.approval import begin_round, stage_policy
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.change import Change, Lease, Outcome
from flowbot.domain.ids import UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.quorum import bound_quorums
from flowbot.domain.revisions import find_refusal
from flowbot.domain.votes import Vote, VoteChoice, approvals_in
from flowbot.services.approvals.decide import require_as_seen
from flowbot.services.approvals.voting_rights import VotingRights
from flowbot.services.executor.preconditions import Preconditions
from flowbot.services.executor.rights import RightsCheck
from flowbot.services.ports.changes import RequestRecord, VoteResult
from flowbot.services.users import CurrentUser
from flowbot.slack.notify.approver_calls import ApproverCalls
from flowbot.storage.repositories.change_writes import count_vote
from tests.model.mutation_registry import Mutations, Patch, replace_everywhere

MUTATIONS: Final = Mutations()
NOBODY: Final = UserId("U0NOBODY")


@MUTATIONS.register
def votes_count_whatever_their_stage(patch: Patch) -> None:
    def all_approvals(votes: Iterable[Vote], _stage: int) -> tuple[Vote, ...]:
        return tuple(vote for vote in votes if vote.choice is VoteChoice.APPROVE)

    replace_everywhere(patch, approvals_in, all_approvals)


@MUTATIONS.register
def whose_right_a_vote_was_may_vote_as_well(patch: Patch) -> None:
    patch.setattr(Vote, "people", property(lambda vote: frozenset({vote.person})))


@MUTATIONS.register
def a_new_round_keeps_its_votes(patch: Patch) -> None:
    replace_everywhere(patch, begin_round, lambda change: change)


@MUTATIONS.register
def the_audience_is_not_read_again_before_the_start(patch: Patch) -> None:
    renew = Preconditions._renew

    async def forgetful(self: Preconditions, *given: Any, reads_audience: bool) -> Change:
        return await renew(self, *given, reads_audience=reads_audience and not given)

    patch.setattr(Preconditions, "_renew", forgetful)


@MUTATIONS.register
def an_audience_raises_no_quorum(patch: Patch) -> None:
    patch.setattr(ApprovalRule, "quorum_for", lambda rule, _audience: rule.quorum)


@MUTATIONS.register
def an_audience_asks_for_more_than_may_approve(patch: Patch) -> None:
    def boundless(_quorum: int, raised: int, able: Sequence[object], _votes: Collection[Vote]) -> tuple[int, ...]:
        return (raised,) * len(able)

    replace_everywhere(patch, bound_quorums, boundless)


@MUTATIONS.register
def those_to_escalate_to_decide_at_once(patch: Patch) -> None:
    def hasty(policy: ChannelPolicy, stage: int | None, *, is_escalated: bool) -> ChannelPolicy:
        return stage_policy(policy, stage, is_escalated=is_escalated or stage is not None)

    replace_everywhere(patch, stage_policy, hasty)


@MUTATIONS.register
def a_stand_in_decides_on_a_request_of_either_of_the_two(patch: Patch) -> None:
    find, find_lost = VotingRights._find_absent, RightsCheck._find_lost_vote

    def disguise(change: Change) -> Change:
        return replace(change, request=replace(change.request, requester=NOBODY))

    async def find_any(self: VotingRights, user: CurrentUser, record: RequestRecord) -> UserId | None:
        return await find(self, user, replace(record, change=disguise(record.change)))

    async def find_none_lost(self: RightsCheck, policy: ChannelPolicy, change: Change, vote: Vote) -> Outcome | None:
        return await find_lost(self, policy, change if vote.right_of is None else disguise(change), vote)

    patch.setattr(VotingRights, "_find_absent", find_any)
    patch.setattr(RightsCheck, "_find_lost_vote", find_none_lost)


@MUTATIONS.register
def votes_count_while_the_requester_edits_the_flow(patch: Patch) -> None:
    async def careless(
        connection: AsyncConnection, seen: Change, before: tuple[Vote, ...], vote: Vote, lease: Lease, *events: Any
    ) -> VoteResult:
        unmarked = replace(seen, progress=replace(seen.progress, revised_by=None))
        return await count_vote(connection, unmarked, before, vote, lease, *events)

    replace_everywhere(patch, count_vote, careless)
    replace_everywhere(patch, require_as_seen, lambda *_: None)


@MUTATIONS.register
def a_live_flow_is_edited_under_its_request(patch: Patch) -> None:
    def lax(parent: Change | None, child: Change, rule: ApprovalRule | None, *, is_late: bool) -> Outcome | None:
        refusal = find_refusal(parent, child, rule, is_late=is_late)
        return None if refusal is not None and refusal.key == "form.flow_asked" else refusal

    revalidate = Preconditions.revalidate_approvals

    async def revalidate_others(self: Preconditions, change: Change, *given: Any) -> Outcome | None:
        return None if change.request.parent is not None else await revalidate(self, change, *given)

    replace_everywhere(patch, find_refusal, lax)
    patch.setattr(Preconditions, "revalidate_approvals", revalidate_others)


@MUTATIONS.register
def the_next_stage_is_not_called(patch: Patch) -> None:
    patch.setattr(ApproverCalls, "call_stage", _never)


@MUTATIONS.register
def an_escalation_is_not_told(patch: Patch) -> None:
    patch.setattr(ApproverCalls, "call_escalated", _never)


async def _never(*_: object) -> None:
    return None
