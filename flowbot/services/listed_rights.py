"""The rights by which a person may decide on the requests of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flowbot.domain.approval import may_decide, required_quorums, stage_policy
from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.votes import find_stage
from flowbot.services.authorization import effective_policy
from flowbot.services.ports.changes import WaitingRequest
from flowbot.services.users import CurrentUser, MembershipLookup


class ListedRight(NamedTuple):
    """The right by which a person may decide on a request.

    `basis` is the policy's entry that grants it; `right_of` the absent approver in whose place they decide, None for
    their own right; `is_escalated` says that the entry grants it only since the request was escalated.
    """

    basis: str
    right_of: UserId | None = None
    is_escalated: bool = False


@dataclass(frozen=True, slots=True)
class RightFinder:
    """Finds a person's right to decide on each of many requests; what Slack tells may be a minute old.

    Attributes:
        user: The person.
        represented: The absent people in whose place they may approve.
        acting_from: The channel that the person acts from; None for none.
    """

    user: CurrentUser
    represented: Sequence[CurrentUser]
    acting_from: ChannelId | None
    find_membership: MembershipLookup
    _known: dict[tuple[ChannelId, int | None, bool], list[ListedRight]] = field(default_factory=dict)

    async def __call__(self, request: WaitingRequest, policy: ChannelPolicy) -> ListedRight | None:
        """Return the person's right to decide on a request under a policy; None where they have none, or did so."""
        rule, requester, stage = request.rule, request.requester, None
        counted = {person for vote in request.votes for person in vote.people}
        if request.state is ChangeState.PENDING:
            is_same = rule is not None and rule.stages == policy.approval.stages
            stage = find_stage(required_quorums(rule, request.progress), request.votes) if is_same else 0
            if self.user.id in counted:
                return None
        for right in await self._find_rights(policy, stage, is_escalated=request.progress.is_escalated):
            if right.right_of is None:
                if may_decide(self.user.id, requester, rule):
                    return right
                continue
            is_allowed = rule is not None and rule.stand_ins and policy.approval.stand_ins
            if is_allowed and requester not in {self.user.id, right.right_of} and right.right_of not in counted:
                return right
        return None

    async def _find_rights(self, policy: ChannelPolicy, stage: int | None, *, is_escalated: bool) -> list[ListedRight]:
        """Find the rights in a stage under a policy: the person's own first."""
        key = (policy.id, stage, is_escalated)
        if key not in self._known:
            narrowed, rights = stage_policy(policy, stage, is_escalated=is_escalated), list[ListedRight]()
            approvers = stage_policy(policy, stage, is_escalated=False).all_approvers
            for each in (self.user, *self.represented):
                acting_from = self.acting_from if each is self.user else None
                effective = await effective_policy(narrowed, each, acting_from, self.find_membership(each.id))
                decision = decide(effective, each.actor, Permission.APPROVE)
                if decision.basis is not None:
                    right_of = None if each is self.user else each.id
                    rights.append(ListedRight(decision.basis, right_of, decision.basis not in approvers))
            self._known[key] = rights
        return self._known[key]
