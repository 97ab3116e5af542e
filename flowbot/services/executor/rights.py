"""The check of people's rights before a change is written: whose approval counts no longer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from flowbot.domain.absences import may_stand_in
from flowbot.domain.approval import may_decide, stage_policy
from flowbot.domain.change import Change, Outcome
from flowbot.domain.ids import UserId
from flowbot.domain.outcomes import LAPSED, LAPSED_CHANNEL, LAPSED_PERSON, LAPSED_SCOPE
from flowbot.domain.policy import ChannelPolicy, Permission, Reason
from flowbot.domain.votes import Vote
from flowbot.errors import SlackFaultError
from flowbot.services.authorization import decide_in_channel
from flowbot.services.users import DECIDING_SECONDS, Caller, UserService

FINAL_SLACK_ERRORS: Final[Mapping[str, str]] = {
    "user_not_found": LAPSED_PERSON,
    "user_not_visible": LAPSED_PERSON,
    "channel_not_found": LAPSED_CHANNEL,
    "not_in_channel": LAPSED_CHANNEL,
    "missing_scope": LAPSED_SCOPE,
    "no_permission": LAPSED_SCOPE,
    "not_allowed_token_type": LAPSED_SCOPE,
    "access_denied": LAPSED_SCOPE,
}
"""Slack's errors that are an answer, with the outcome of a change that meets one: Slack repeats it until somebody acts.

Any other error may pass.
"""


@dataclass(frozen=True, slots=True)
class RightsCheck:
    """Looks up whether people still have the rights by which they decided."""

    users: UserService

    async def find_lost_votes(
        self, policy: ChannelPolicy, change: Change, votes: Iterable[Vote]
    ) -> dict[UserId, Outcome]:
        """Find the people whose votes count no longer, and why.

        Args:
            policy: the policy of the change's channel now.
            change: the change, under a rule with the stages of the policy.
            votes: the votes on it.

        Raises:
            DependencyError: Slack does not say, so the change stays as it is until the next try.
        """
        lost = {vote.person: await self._find_lost_vote(policy, change, vote) for vote in votes}
        return {person: reason for person, reason in lost.items() if reason is not None}

    async def _find_lost_vote(self, policy: ChannelPolicy, change: Change, vote: Vote) -> Outcome | None:
        rule, requester = change.rule, change.request.requester
        narrowed = stage_policy(policy, vote.stage, is_escalated=change.progress.is_escalated)
        if vote.right_of is None:
            is_own = not may_decide(vote.person, requester, rule)
            return Outcome(LAPSED) if is_own else await self.find_lost(narrowed, vote.person, Permission.APPROVE)
        if rule is None or not rule.stand_ins or requester in vote.people:
            return Outcome(LAPSED)
        try:
            stand_in = await self.users.load_user(Caller(vote.person, None), within=DECIDING_SECONDS)
        except SlackFaultError as fault:
            return _final_outcome(fault)
        if not may_stand_in(stand_in.actor):
            return Outcome(LAPSED)
        return await self.find_lost(narrowed, vote.right_of, Permission.APPROVE)

    async def find_lost(self, policy: ChannelPolicy, person: UserId, permission: Permission) -> Outcome | None:
        """Find out why a person has a permission no longer; None where they still have it.

        Raises:
            DependencyError: Slack does not say, so the change stays as it is until the next try.
        """
        try:
            user = await self.users.load_user(Caller(person, None), within=DECIDING_SECONDS)
            find_members = partial(self.users.load_members, within=DECIDING_SECONDS)
            decision = await decide_in_channel(policy, user, None, find_members, permission)
            if decision.reason is not Reason.UNCERTAIN:
                return None if decision.allowed else Outcome(LAPSED)
            # Asked once more for the error with which Slack withholds the groups.
            await self.users.load_groups(within=DECIDING_SECONDS)
        except SlackFaultError as fault:
            return _final_outcome(fault)
        raise SlackFaultError("user groups unknown")


def _final_outcome(fault: SlackFaultError) -> Outcome:
    """Return the outcome of a change for an error of Slack's that is an answer.

    Raises:
        DependencyError: it may pass.
    """
    if fault.code not in FINAL_SLACK_ERRORS:
        raise fault
    return Outcome(FINAL_SLACK_ERRORS[fault.code], {"error": fault.code})
