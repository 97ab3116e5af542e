"""Preconditions: checks before a change is requested, and again before it is written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from flowbot.domain.approval import approved_by, is_expired, is_in_scope, may_decide, requires_approval, stricter_rule
from flowbot.domain.change import FORM_KINDS, Change, ChangeKind, ChangeRequest, Outcome
from flowbot.domain.ids import ChannelId, UserId
from flowbot.domain.outcomes import LAPSED, LAPSED_CHANNEL, LAPSED_PERSON, LAPSED_SCOPE, LAPSED_TIME, UNCOUNTED_VOTERS
from flowbot.domain.policy import ApprovalRule, ChannelPolicy, Permission, Reason
from flowbot.errors import DependencyError, SlackFaultError, UserError
from flowbot.services.authorization import decide_in_channel
from flowbot.services.ports.storage import ChangeStore, PolicyStore
from flowbot.services.users import DECIDING_SECONDS, Caller, CurrentUser, UserService

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
IN_FLIGHT_AT_MOST: Final = timedelta(minutes=1)
"""No request is under way at Enkapush for longer: what it did not do by then it will not do."""
CONFLICTING_KINDS: Final[Mapping[ChangeKind, ChangeKind]] = {
    ChangeKind.ENABLE: ChangeKind.EDIT,
    ChangeKind.EDIT: ChangeKind.ENABLE,
}
"""For each kind, the other kind that it waits for while that other one may still take effect unseen.

An edit of a disabled flow needs no approval, and an approval to enable is of the flow as it was. Whichever of the two
comes late, the flow would run with what nobody has approved.
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A refusal; or the rule to be approved by; or, with neither, leave to apply the change at once."""

    refusal: Outcome | None = None
    rule: ApprovalRule | None = None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Checks of changes against the policies and the people's rights as they are now."""

    policies: PolicyStore
    users: UserService
    store: ChangeStore

    async def evaluate_request(
        self, request: ChangeRequest, requester: CurrentUser | Caller | None = None
    ) -> Evaluation:
        """Check whether the requester may request the change, and whether it needs an approval.

        Args:
            request: the change that is requested.
            requester: the requester, where more is known of them than the request says.

        Raises:
            DependencyError: the database did not answer.
        """
        if not isinstance(requester, CurrentUser):
            try:
                requester = await self.users.identify(requester or Caller(request.requester, None))
            except UserError as error:
                return Evaluation(refusal=Outcome.of(error.text))
        user = await self.users.reload_user(requester)

        async def find_members(channel: ChannelId) -> frozenset[UserId]:
            try:
                return await self.users.reload_members(channel)
            except DependencyError:
                # They were in it when the form was opened; more cannot be known where flowbot is not in it.
                return frozenset({user.id})

        policy = (await self.policies.get_scope(request.channel)).policy
        # All but a form is requested in the channel itself, or was checked before.
        acting_from = None if request.kind in FORM_KINDS else request.channel
        decision = await decide_in_channel(policy, user, acting_from, find_members, Permission.EDIT)
        if not decision.allowed or policy is None:
            return Evaluation(refusal=Outcome(decision.reason.key))
        if not is_in_scope(request, policy):
            return Evaluation(refusal=Outcome("form.website_gone"))
        if not requires_approval(request, policy.approval):
            return Evaluation()
        if not policy.approvers and not policy.approval.break_glass:
            return Evaluation(refusal=Outcome("request.no_approvers"))
        return Evaluation(rule=policy.approval)

    async def find_blocker(self, change: Change, now: datetime) -> Outcome | None:
        """Find what stands against applying a change; None where nothing does.

        Nothing is sent after its request has expired, even if Slack or flowbot was away for days: the approvers had
        that time in mind.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        if change.sent_at is not None:
            return await self.revalidate_approvals(change)
        if is_expired(change, now):
            return Outcome(LAPSED_TIME)
        return await self.revalidate_approvals(change) or await find_unsettled_blocker(self.store, change.request, now)

    async def revalidate_approvals(self, change: Change) -> Outcome | None:
        """Find out why a change that was about to be applied may not be any more; None where it still may.

        Since the request or the votes the policy may have changed: people lose rights, websites move. Where Slack
        refuses to tell somebody's right they have none, since waiting for that answer would never end.

        Raises:
            DependencyError: the database or Slack did not answer.
        """
        record = await self.store.get_record(change.id)
        policy = record.scope.policy
        if policy is None or not is_in_scope(change.request, policy):
            return Outcome("form.website_gone")
        if change.rule is None:
            return Outcome(LAPSED) if requires_approval(change.request, policy.approval) else None
        if (skipped_by := change.progress.skipped_by) is not None:
            return await self._find_lost_right(policy, skipped_by, Permission.BREAK_GLASS)
        rule = stricter_rule(change.rule, policy.approval)
        people = approved_by(record.votes)
        lost: dict[UserId, Outcome] = {}
        for person in people:
            is_own = not may_decide(replace(change, rule=rule), person)
            reason = Outcome(LAPSED) if is_own else await self._find_lost_right(policy, person, Permission.APPROVE)
            if reason is not None:
                lost[person] = reason
        if len(people) - len(lost) >= rule.quorum:
            return None
        if not lost:
            return Outcome(LAPSED)
        first = next(iter(lost.values()))
        return replace(first, params={**first.params, UNCOUNTED_VOTERS: [str(person) for person in lost]})

    async def _find_lost_right(self, policy: ChannelPolicy, person: UserId, permission: Permission) -> Outcome | None:
        """Find out why a person may not do it any more; None where they still may.

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
            if fault.code not in FINAL_SLACK_ERRORS:
                raise
            return Outcome(FINAL_SLACK_ERRORS[fault.code], {"error": fault.code})
        raise SlackFaultError("user groups unknown")


async def find_unsettled_blocker(store: ChangeStore, request: ChangeRequest, now: datetime) -> Outcome | None:
    """Return why a change must wait for an unknown one; None if it need not.

    An edit of an enabled flow waits for nothing: it is approved as an enabling is.

    Raises:
        DependencyError: the database did not answer.
    """
    other = CONFLICTING_KINDS.get(request.kind)
    edits_enabled = request.kind is ChangeKind.EDIT and request.before is not None and request.before.is_enabled
    if request.flow is None or other is None or edits_enabled:
        return None
    if not await store.has_unsettled(request.flow, other, now, within=IN_FLIGHT_AT_MOST):
        return None
    return Outcome("not_done.under_way", {"id": str(request.flow)})
