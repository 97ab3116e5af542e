"""Voting rights: in which stage a person may decide on a request now, and by whose right."""

from dataclasses import dataclass, replace

from flowbot.domain.absences import absences_at, list_represented, may_stand_in
from flowbot.domain.approval import may_decide, stage_policy, waiting_stage
from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import (
    RequestAuthorizer,
    decide_in_channel,
    name_entitled,
    require_for_request,
    require_in_scope,
)
from flowbot.services.ports import Clock
from flowbot.services.ports.changes import RequestRecord
from flowbot.services.users import DECIDING_SECONDS, Caller, CurrentUser, UserService


@dataclass(frozen=True, slots=True)
class VotingRight:
    """The right by which a person decides on a request.

    Attributes:
        stage: The stage that waits, from 0; None where none does: the request waits for its time.
        right_of: The absent approver in whose place they decide; None for their own right.
    """

    stage: int | None
    right_of: UserId | None = None


@dataclass(frozen=True, slots=True)
class VotingRights:
    """Finds the right by which somebody decides on a request."""

    authorizer: RequestAuthorizer
    users: UserService
    clock: Clock

    async def require(self, user: CurrentUser, record: RequestRecord, acting_from: ChannelId | None) -> VotingRight:
        """Return the right by which a person may decide now: their own, else that of somebody they stand in for.

        Args:
            user: the person, with their rights of this moment.
            record: the waiting request, under a rule with the stages of today's policy.
            acting_from: the channel that they act from; None for none.

        Raises:
            UserError: they may not: says who may, or whose turn it is.
            DependencyError: Slack does not tell the rights of whom they stand in for.
        """
        change = record.change
        stage = waiting_stage(change, record.votes) if change.state is ChangeState.PENDING else None
        # Checked first: it holds whatever the policy grants, and tells the requester what to do instead.
        if not may_decide(user.id, change.request.requester, change.rule):
            raise _own_request_error(record)
        policy = record.scope.policy or require_for_request(record, None, user, Permission.APPROVE)
        narrowed, absent = _narrow(record, policy, stage), None
        effective = await self.authorizer.find_policy(narrowed, user, acting_from)
        if not decide(effective, user.actor, Permission.APPROVE).allowed:
            absent = await self._find_absent(user, narrowed)
            if absent is None:
                await self._refuse_other_stage(user, record, policy, stage, acting_from)
                require_for_request(narrowed, effective, user, Permission.APPROVE)
        require_in_scope(policy, change)
        return VotingRight(stage, absent)

    async def _find_absent(self, user: CurrentUser, record: RequestRecord) -> UserId | None:
        """Find an approver of the stage whom a person stands in for, and who counts by nobody else's vote.

        A right does not pass on from stand-in to stand-in: the approver's own is looked up.

        Raises:
            DependencyError: Slack does not tell that right.
        """
        change, policy = record.change, record.scope.policy
        rule, requester = change.rule, change.request.requester
        if policy is None or rule is None or not rule.stand_ins or not may_stand_in(user.actor):
            return None
        # Whoever approved in somebody's place may still reject in it.
        counted = {person for vote in record.votes if vote.person != user.id for person in vote.people}
        fault: DependencyError | None = None
        for person in list_represented(absences_at(record.scope.absences, self.clock()), user.id, requester):
            if person in counted:
                continue
            try:
                absent = await self.users.load_user(Caller(person, None), within=DECIDING_SECONDS)
            except DependencyError as error:
                # The right of another may be enough.
                fault = error
                continue
            find_members = self.users.find_current_members
            decision = await decide_in_channel(policy, absent, None, find_members, Permission.APPROVE)
            if decision.allowed:
                return person
        if fault is not None:
            raise fault
        return None

    async def _refuse_other_stage(
        self,
        user: CurrentUser,
        record: RequestRecord,
        policy: ChannelPolicy,
        stage: int | None,
        acting_from: ChannelId | None,
    ) -> None:
        """Refuse somebody who approves in another stage than the one that waits.

        Raises:
            UserError: says whose turn it is.
        """
        if stage is None:
            return
        for other in range(len(policy.stages)):
            effective = await self.authorizer.find_policy(_narrow(record, policy, other), user, acting_from)
            if decide(effective, user.actor, Permission.APPROVE).allowed:
                people = name_entitled(_narrow(record, policy, stage).scope.policy, Permission.APPROVE)
                # Keys: stage.done, stage.not_yet
                raise UserError("stage.done" if other < stage else "stage.not_yet", people=people)


def _narrow(record: RequestRecord, policy: ChannelPolicy, stage: int | None) -> RequestRecord:
    """Return the record with only a stage's approvers in its policy."""
    narrowed = stage_policy(policy, stage, is_escalated=record.change.progress.is_escalated)
    return replace(record, scope=replace(record.scope, policy=narrowed))


def _own_request_error(record: RequestRecord) -> UserError:
    """Build the refusal to decide on one's own request: it says who may."""
    requester = record.change.request.requester
    others = [each for each in name_entitled(record.scope.policy, Permission.APPROVE) if each != requester]
    return UserError("request.own_others", people=others) if others else UserError("request.own")
