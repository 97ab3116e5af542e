"""Preconditions: checks before a change is requested, and again before it is written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flowbot.domain.approval import (
    has_quorum,
    is_in_scope,
    lacks_approvals,
    list_requesting,
    renew_rule,
    requires_approval,
    schedule_change,
    stricter_rule,
    wait_again,
)
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.audit import AuditAction, Transition
from flowbot.domain.change import FORM_KINDS, Change, ChangeRequest, ChangeState, Outcome
from flowbot.domain.freezes import FreezeCalendar
from flowbot.domain.ids import ChannelId, FlowId, UserId
from flowbot.domain.late_effects import (
    LATE_EFFECTS,
    SEARCH_TIME,
    UNREPEATABLE,
    find_late_enables,
    find_sought,
    was_enabled_since,
)
from flowbot.domain.outcomes import (
    LAPSED,
    LAPSED_PERSON,
    LAPSED_REQUESTER,
    LATE_TIME,
    UNCOUNTED_VOTERS,
)
from flowbot.domain.policy import ChannelPolicy, Permission
from flowbot.domain.schedule import find_start, is_held_by_freezes
from flowbot.domain.votes import Vote
from flowbot.errors import DependencyError, EnkapushFaultError, UserError
from flowbot.services.authorization import decide_in_channel
from flowbot.services.executor.hindrances import Hindrance, end_unsent, find_lateness
from flowbot.services.executor.rights import RightsCheck
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import ChangeStore, RequestRecord
from flowbot.services.ports.policies import ChannelScope, PolicyStore
from flowbot.services.quorum import QuorumChecker
from flowbot.services.requirements import ApprovalRequirements
from flowbot.services.users import Caller, CurrentUser, UserService


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A refusal; or the rule to be approved by; or, with neither, leave to apply the change at once.

    `needs_skip` says that nobody can approve it, and somebody may skip that; `starts_at` when a change with a time
    starts; `audience` and `quorums` are as of `Progress`.
    """

    refusal: Outcome | None = None
    rule: ApprovalRule | None = None
    needs_skip: bool = False
    starts_at: datetime | None = None
    audience: int | None = None
    quorums: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Checks of changes against the policies and the people's rights as they are now.

    Attributes:
        zone: The zone of the clocks that freezes mean.
    """

    policies: PolicyStore
    users: UserService
    quorum: QuorumChecker
    requirements: ApprovalRequirements
    store: ChangeStore
    clock: Clock
    zone: ZoneInfo

    @property
    def rights(self) -> RightsCheck:
        """Return the check of people's rights."""
        return RightsCheck(self.users)

    async def evaluate_request(
        self, change: Change, requester: CurrentUser | Caller | None = None, record: RequestRecord | None = None
    ) -> Evaluation:
        """Check whether the requester may request the change, and whether it needs an approval.

        Args:
            change: the change that is requested.
            requester: the requester, where more is known of them than the request says.
            record: its channel's scope, where it has just been read.

        Raises:
            DependencyError: the database did not answer.
        """
        request = change.request
        if request.cause is not None:
            # Decided already, for certain, also while Slack does not answer.
            return Evaluation()
        if not isinstance(requester, CurrentUser):
            try:
                requester = await self.users.identify(requester or Caller(request.requester, None))
            except UserError as error:
                return Evaluation(refusal=Outcome.of(error.text))
        scope = record.scope if record else await self.policies.get_scope(request.channel)
        policy = scope.policy
        if refusal := await self._find_refusal(request, policy, await self.users.reload_user(requester)):
            return Evaluation(refusal=refusal)
        starts_at = None if request.not_before is None else await self._find_start(change, scope, self.clock())
        if policy is None or not await self._requires_approval(change, policy):
            return Evaluation(starts_at=starts_at)
        gap = await self.quorum.find_gap(policy, request.requester)
        if gap is not None and not gap.can_be_skipped:
            return Evaluation(refusal=Outcome.of(gap.text))
        rule, audience = policy.approval, await self.requirements.find_audience(request)
        quorums = await self.requirements.find_quorums(policy, rule, request.requester, audience)
        return Evaluation(
            rule=rule, needs_skip=gap is not None, starts_at=starts_at, audience=audience, quorums=quorums
        )

    async def _find_refusal(
        self, request: ChangeRequest, policy: ChannelPolicy | None, user: CurrentUser
    ) -> Outcome | None:
        """Find why the change may not be requested, by whomever approves; None where it may.

        A disable that is repeated was requested before, by somebody who may have lost the right since.

        Raises:
            DependencyError: the database did not answer.
        """

        async def find_members(channel: ChannelId) -> frozenset[UserId]:
            try:
                return await self.users.reload_members(channel)
            except DependencyError:
                # They were in it when the form was opened; more cannot be known where flowbot is not in it.
                return frozenset({user.id})

        if request.repeats is None:
            # All but a form is requested in the channel itself, or was checked before.
            acting_from = None if request.kind in FORM_KINDS else request.channel
            decisions = [
                await decide_in_channel(policy, user, acting_from, find_members, permission)
                for permission in list_requesting(request)
            ]
            if not any(decision.allowed for decision in decisions):
                return Outcome(decisions[0].reason.key)
        if policy is None or not is_in_scope(request, policy):
            return Outcome("form.website_gone")
        # All but a form was checked when it was submitted.
        return await find_sought_blocker(self.store, request, self.clock()) if request.kind in FORM_KINDS else None

    async def find_hindrance(
        self, change: Change, now: datetime, record: RequestRecord | None = None
    ) -> Hindrance | None:
        """Find what keeps a change that was not sent from being applied now; None where nothing does.

        Nothing is sent after its request has expired or long after its start, even if Slack or flowbot was away for
        days: the approvers had that time in mind.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        record = record or await self.store.get_record(change.id)
        start, policy = await self._find_start(change, record.scope, now), record.scope.policy
        if hindrance := find_lateness(change, start, now):
            return hindrance
        counted = change
        if policy is not None and change.progress.skipped_by is None and is_in_scope(change.request, policy):
            try:
                renewed = await self._renew(change, policy, record.votes, reads_audience=start <= now)
            except EnkapushFaultError as fault:
                if change.state is ChangeState.SCHEDULED or change.request.is_timed_disable:
                    raise
                # As where the flow cannot be read right before the write. Keys: as of refuse_after_failed_read.
                return end_unsent(change, ChangeState.FAILED, Outcome(f"not_done.{fault.status}"))
            if renewed.rule is not None and lacks_approvals(change, renewed, record.votes):
                step = Transition(ChangeState.PENDING, AuditAction.PENDING)
                return Hindrance(step, wait_again(renewed, renewed.rule, now))
            counted = replace(change, progress=replace(change.progress, quorums=renewed.progress.quorums))
        blocker = await self.revalidate_approvals(counted, record)
        if blocker := blocker or await self._find_lost_requester(change, policy):
            return end_unsent(change, ChangeState.FAILED, blocker)
        return Hindrance(*schedule_change(change, start, now)) if start > now else None

    async def find_blocker(self, change: Change, now: datetime, record: RequestRecord | None = None) -> Outcome | None:
        """Find what stands against sending a change once more; None where nothing does.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        record = record or await self.store.get_record(change.id)
        if await self._find_start(change, record.scope, now) > now:
            return Outcome(LATE_TIME)
        return await self.revalidate_approvals(change, record)

    async def find_start(self, change: Change, now: datetime) -> datetime:
        """Find when a change starts, by the freezes of now.

        Raises:
            DependencyError: the database did not answer.
        """
        return await self._find_start(change, await self.policies.get_scope(change.request.channel), now)

    async def _find_start(self, change: Change, scope: ChannelScope, now: datetime) -> datetime:
        """Find when a change starts; a freeze holds what would go live or delete.

        Raises:
            DependencyError: the database did not answer.
        """
        freezes = scope.freezes if scope.freezes and await self._is_held_by_freezes(change, now) else ()
        calendar = FreezeCalendar(freezes, self.zone)

        def find_hold_end(moment: datetime) -> datetime | None:
            hold = calendar.find_hold(moment)
            return None if hold is None else hold.until

        return find_start(change, now, find_hold_end)

    async def _is_held_by_freezes(self, change: Change, now: datetime) -> bool:
        """Check whether a freeze holds such a change; whether its flow may go live is looked up where that decides."""
        request = change.request
        if request.flow is None or not is_held_by_freezes(request, may_go_live=True):
            return False
        is_held = is_held_by_freezes(request, may_go_live=False)
        return is_held or await may_go_live(self.store, request.flow, now, since=change.created_at)

    async def _renew(
        self, change: Change, policy: ChannelPolicy, votes: Sequence[Vote], *, reads_audience: bool
    ) -> Change:
        """Return an approved change under today's rule, where that asks for more, with the approvals needed by now.

        What waited for its time without an approval needs one, where the policy asks for that by now.

        Raises:
            DependencyError: the database, Slack, or Enkapush with its `reads_audience`, did not answer.
        """
        rule = change.rule and stricter_rule(change.rule, policy.approval)
        if rule is None and change.progress.starts_at is not None and await self._requires_approval(change, policy):
            rule = policy.approval
        if rule is None:
            return change
        renewed, request = renew_rule(change, rule), change.request
        if not rule.quorum_over:
            return replace(renewed, progress=replace(renewed.progress, quorums=(), has_grown=False))
        is_same_round, audience = renewed.progress.round == change.progress.round, change.progress.audience
        if reads_audience:
            audience = await self.requirements.read_audience(request)
        counted = votes if is_same_round else ()
        quorums = await self.requirements.find_quorums(
            policy, rule, request.requester, audience, counted, is_final=True
        )
        grown = replace(renewed, progress=replace(renewed.progress, audience=audience, quorums=quorums))
        is_more = rule.quorum_for(audience) > rule.quorum_for(change.progress.audience)
        has_grown = is_more and not lacks_approvals(change, renewed, votes)
        return replace(grown, progress=replace(grown.progress, has_grown=has_grown))

    async def _find_lost_requester(self, change: Change, policy: ChannelPolicy | None) -> Outcome | None:
        """Find out whether the requester of what waited for its start may request it no longer; None where they may.

        A planned end was approved with its enable, and is done whoever asked for that.

        Raises:
            DependencyError: Slack does not say.
        """
        request = change.request
        if policy is None or change.progress.starts_at is None or request.ends is not None:
            return None
        rights = list_requesting(request)
        losses = [await self.rights.find_lost(policy, request.requester, permission) for permission in rights]
        lost = losses[0] if all(losses) else None
        return Outcome(LAPSED_REQUESTER) if lost is not None and lost.key in {LAPSED, LAPSED_PERSON} else lost

    async def revalidate_approvals(self, change: Change, record: RequestRecord | None = None) -> Outcome | None:
        """Find out why a change that was about to be applied may not be any more; None where it still may.

        Since the request or the votes the policy may have changed: people lose rights, websites move. Where Slack
        refuses to tell somebody's right they have none, since waiting for that answer would never end.

        Args:
            change: the change.
            record: its votes and its channel's scope, where they have just been read.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        record = record or await self.store.get_record(change.id)
        policy = record.scope.policy
        if policy is None or not is_in_scope(change.request, policy):
            return Outcome("form.website_gone")
        if (skipped_by := change.progress.skipped_by) is not None:
            return await self.rights.find_lost(policy, skipped_by, Permission.BREAK_GLASS)
        if change.rule is None:
            return Outcome(LAPSED) if await self._requires_approval(change, policy) else None
        renewed = renew_rule(change, stricter_rule(change.rule, policy.approval))
        votes = record.votes if renewed.progress.round == change.progress.round else ()
        lost = await self.rights.find_lost_votes(policy, renewed, votes)
        if has_quorum(renewed, [vote for vote in votes if vote.person not in lost]):
            return None
        if not lost:
            return Outcome(LAPSED)
        first = next(iter(lost.values()))
        return replace(first, params={**first.params, UNCOUNTED_VOTERS: [str(person) for person in lost]})

    async def _requires_approval(self, change: Change, policy: ChannelPolicy) -> bool:
        """Check whether the policy asks for an approval, also of the edit of a flow that may go live, or just did.

        Raises:
            DependencyError: the database did not answer.
        """
        request = change.request
        if requires_approval(request, policy.approval):
            return True
        if request.flow is None or not requires_approval(request, policy.approval, may_go_live=True):
            return False
        return await may_go_live(self.store, request.flow, self.clock(), since=change.created_at)


async def may_go_live(store: ChangeStore, flow: FlowId, now: datetime, *, since: datetime | None = None) -> bool:
    """Check whether an enable of the flow may take effect that was not seen yet, or was seen after `since`.

    Raises:
        DependencyError: the database did not answer.
    """
    writes = await store.sent_since(flow, (since or now) - LATE_EFFECTS)
    return bool(find_late_enables(writes, now)) or (since is not None and was_enabled_since(writes, since))


async def find_sought_blocker(store: ChangeStore, request: ChangeRequest, now: datetime) -> Outcome | None:
    """Return why a change must wait for an earlier one of its kind and flow, which flowbot looks for; None if not.

    Raises:
        DependencyError: the database did not answer.
    """
    if request.flow is None or request.kind not in UNREPEATABLE:
        return None
    sought = find_sought(await store.sent_since(request.flow, now - LATE_EFFECTS), request.kind, now)
    if sought is None:
        return None
    minutes = math.ceil((sought.changed_at + SEARCH_TIME - now) / timedelta(minutes=1))
    return Outcome("not_done.searching", {"id": str(request.flow), "n": minutes})
