"""Preconditions: may a change be requested, and may it still be written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from flowbot.domain.approval import is_in_scope, requires_approval, stricter_rule
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, Outcome, VoteChoice
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.outcomes import LAPSED, LAPSED_CHANNEL, LAPSED_PERSON, LAPSED_SCOPE, UNCOUNTED_VOTERS
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Decision, Permission, Reason
from flowbot.errors import DependencyError
from flowbot.services.authorization import decide_in_channel
from flowbot.services.ports.storage import ChangeStore, PolicyStore
from flowbot.services.users import DECIDING_SECONDS, Caller, CurrentUser, UserService

FORM_KINDS: Final = frozenset({ChangeKind.CREATE, ChangeKind.EDIT})
"""What is asked for by a form. A form can be sent long after it was opened, by somebody who has left the channel."""


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
"""Slack's words that are an answer: asked again, it says the same until a person sees to it. How a change ends by each.

Any other may be a trouble that passes.
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Either a refusal; or the rule to be approved by; or, with neither, leave to do it at once."""

    refusal: Outcome | None = None
    rule: ApprovalRule | None = None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Looks at the policies as they are now."""

    policies: PolicyStore
    users: UserService
    store: ChangeStore

    async def evaluate_request(self, asked: ChangeRequest, reader: CurrentUser) -> Evaluation:
        """Whether `reader` may ask for it, and whether it needs an approval.

        Raises:
            DependencyError: the database did not answer.
        """
        policy = (await self.policies.get_scope(asked.channel)).policy
        decision = await self._may_ask(policy, asked, reader)
        if not decision.allowed or policy is None:
            return Evaluation(refusal=Outcome(decision.reason.key))
        if not is_in_scope(asked, policy):
            return Evaluation(refusal=Outcome("form.website_gone"))
        if not requires_approval(asked, policy.approval):
            return Evaluation()
        if not policy.approvers and not policy.approval.break_glass:
            return Evaluation(refusal=Outcome("request.no_approvers"))
        return Evaluation(rule=policy.approval)

    async def _may_ask(self, policy: ChannelPolicy | None, asked: ChangeRequest, reader: CurrentUser) -> Decision:
        """Whether `reader` may ask for it. All else than a form is asked for in the channel, or looked at before."""

        async def members(channel: ChannelId) -> frozenset[UserId]:
            try:
                return await self.users.reload_members(channel)
            except DependencyError:
                # They were in it when the form was opened; more cannot be known where flowbot is not in it.
                return frozenset({reader.id})

        where = None if asked.kind in FORM_KINDS else asked.channel
        return await decide_in_channel(policy, reader, where, members, Permission.EDIT)

    async def revalidate_approvals(self, change: Change) -> Outcome | None:
        """Why a change that was about to be applied may not be any more; None where it still may.

        The policy may have changed since it was asked for, or since the votes: people lose rights, websites move. A
        person whose right Slack refuses to tell has none: what waited for such an answer would wait for ever.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        policy = (await self.policies.get_scope(change.request.channel)).policy
        if policy is None or not is_in_scope(change.request, policy):
            return Outcome("form.website_gone")
        if change.rule is None:
            return Outcome(LAPSED) if requires_approval(change.request, policy.approval) else None
        if (breaker := change.progress.skipped_by) is not None:
            return await self._lost(policy, breaker, Permission.BREAK_GLASS)
        return await self._approvals_lost(change, stricter_rule(change.rule, policy.approval), policy)

    async def _approvals_lost(self, change: Change, rule: ApprovalRule, policy: ChannelPolicy) -> Outcome | None:
        """Why the approvals do not suffice any more, and whose do not count; None where they still do.

        Raises:
            DependencyError: as `_lost`.
        """
        votes = await self.store.votes(change.id)
        approvers = [vote.person for vote in votes if vote.choice is VoteChoice.APPROVE]
        own = None if rule.self_approval else change.request.requester
        lost = {
            person: Outcome(LAPSED) if person == own else await self._lost(policy, person, Permission.APPROVE)
            for person in approvers
        }
        reasons = {person: reason for person, reason in lost.items() if reason is not None}
        if len(approvers) - len(reasons) >= rule.quorum:
            return None
        if not reasons:
            return Outcome(LAPSED)
        why = next(iter(reasons.values()))
        return replace(why, params={**why.params, UNCOUNTED_VOTERS: [str(person) for person in reasons]})

    async def _lost(self, policy: ChannelPolicy, person: UserId, permission: Permission) -> Outcome | None:
        """Why `person` may not do it any more; None where they still may.

        Raises:
            DependencyError: Slack does not say; that is no answer, so the change stays as it is and is looked at again.
        """
        try:
            return None if await self._still_may(policy, person, permission) else Outcome(LAPSED)
        except DependencyError as fault:
            error = str(fault.params.get("error"))
            if error not in FINAL_SLACK_ERRORS:
                raise
            return Outcome(FINAL_SLACK_ERRORS[error], {"error": error})

    async def _still_may(self, policy: ChannelPolicy, person: UserId, permission: Permission) -> bool:
        """Whether `person` may still do it.

        Raises:
            DependencyError: Slack does not say.
        """
        reader = await self.users.load_user(Caller(person, None), within=DECIDING_SECONDS)
        members = partial(self.users.load_members, within=DECIDING_SECONDS)
        decision = await decide_in_channel(policy, reader, None, members, permission)
        if decision.reason is Reason.UNCERTAIN:
            # Asked once more for Slack's own word why it does not tell them.
            await self.users.load_groups(within=DECIDING_SECONDS)
            raise DependencyError("fault.slack", error="user groups unknown")
        return decision.allowed


IN_FLIGHT_AT_MOST: Final = timedelta(minutes=1)
"""A request of this age is not under way at Enkapush any more: what it did not do by then it will not do."""


CONFLICTING_KINDS: Final[Mapping[ChangeKind, ChangeKind]] = {
    ChangeKind.ENABLE: ChangeKind.EDIT,
    ChangeKind.EDIT: ChangeKind.ENABLE,
}
"""What is not done while one of the other kind may still come, of which it is not known what became.

An edit of a disabled flow needs no approval, and an approval to enable is of the flow as it was. Whichever of the two
comes late, the flow would run with what nobody has approved.
"""


async def find_unsettled_change(store: ChangeStore, asked: ChangeRequest, now: datetime) -> Outcome | None:
    """Why a change is not done yet, for people; None where nothing that may still come would meet it.

    Raises:
        DependencyError: the database did not answer.
    """
    other = CONFLICTING_KINDS.get(asked.kind)
    if asked.flow is None or other is None or _edits_live_flow(asked):
        return None
    if not await store.has_unsettled(asked.flow, other, now, within=IN_FLIGHT_AT_MOST):
        return None
    return Outcome("not_done.under_way", {"id": str(asked.flow)})


def _edits_live_flow(asked: ChangeRequest) -> bool:
    """Whether it edits an enabled flow: that is judged as an enabling, whatever comes before or after it."""
    return asked.kind is ChangeKind.EDIT and asked.before is not None and asked.before.is_enabled
