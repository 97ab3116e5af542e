"""Policy checks: whether a channel's policy can work with its people and groups."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flowbot.domain.approval_rule import EVERYONE, ApprovalRule, Principal
from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.quorum import list_possible_stages
from flowbot.errors import Text
from flowbot.services.ports.slack import UserGroup
from flowbot.services.quorum import (
    Candidates,
    Fitness,
    QuorumChecker,
    list_candidates,
    list_fit,
    list_people,
    without_person,
)
from flowbot.services.users import UserService

UNTOLD_KEY: Final = "setup.problem_untold"
"""The problem of a policy of whose approvers Slack does not tell enough."""


class PolicyField(StrEnum):
    """The fields of the form. A problem stands at one of these."""

    WEBSITES = "websites"
    ALL_WEBSITES = "all_websites"
    NAMES = "names"
    VIEWERS = "viewers"
    VIEWER_PEOPLE = "viewer_people"
    VIEWER_GROUPS = "viewer_groups"
    EDITORS = "editors"
    EDITOR_PEOPLE = "editor_people"
    EDITOR_GROUPS = "editor_groups"
    APPROVERS = "approvers"
    APPROVER_PEOPLE = "approver_people"
    APPROVER_GROUPS = "approver_groups"
    STAGES = "stages"
    STAGE_EVERYONE = "stage_everyone"
    STAGE_PEOPLE = "stage_people"
    STAGE_GROUPS = "stage_groups"
    QUORUM = "quorum"
    GATES = "gates"
    QUORUM_OVER = "quorum_over"
    SELF_APPROVAL = "self_approval"
    STAND_INS = "stand_ins"
    REASON_REQUIRED = "reason_required"
    EXPIRES = "expires"
    ESCALATE_AFTER = "escalate_after"
    ESCALATE_TO = "escalate_to"
    ESCALATE_PEOPLE = "escalate_people"
    ESCALATE_GROUPS = "escalate_groups"
    CHANNEL = "channel"
    NOTIFY = "notify"
    BREAK_GLASS = "break_glass"
    OUTSIDERS = "outsiders"
    LANGUAGE = "language"
    WATCH = "watch"
    BREAKER = "breaker"
    BREAKER_SENT = "breaker_sent"
    BREAKER_CLICKS = "breaker_clicks"
    BREAKER_CLOSES = "breaker_closes"
    DIGEST = "digest"
    FREEZES = "freezes"
    FREEZE_NAME = "freeze_name"
    FREEZE_HOURS = "freeze_hours"
    FREEZE_FROM = "freeze_from"
    FREEZE_TO = "freeze_to"
    FREEZE_COUNTRY = "freeze_country"
    FREEZE_HALF_DAY = "freeze_half_day"


_PROBLEM_KEYS: Final[Mapping[Fitness, str]] = {
    Fitness.BOT: "setup.problem_bot",
    Fitness.EXTERNAL: "setup.problem_external",
    Fitness.DEACTIVATED: "setup.problem_deactivated",
    Fitness.NOBODY: "setup.problem_person_untold",
    Fitness.UNKNOWN: "setup.problem_person_untold",
}


@dataclass(frozen=True, slots=True)
class PolicyChecker:
    """Checks policies before they are saved. What Slack does not tell counts against them."""

    users: UserService
    quorum: QuorumChecker

    async def find_problems(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None
    ) -> Mapping[PolicyField, Text]:
        """Find what is wrong with a policy, by field.

        Args:
            wanted: the policy.
            groups: all user groups; None where Slack did not tell them.
        """
        members = {group: found.members for group, found in (groups or {}).items()}
        return (
            await self.find_people_problems(wanted, groups)
            or await self.find_approval_problem(wanted, members)
            or await self.find_useless_rules(wanted, members)
        )

    async def find_people_problems(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None
    ) -> Mapping[PolicyField, Text]:
        """Find who cannot be chosen, by field; `groups` as in `find_problems`."""
        chosen = {
            PolicyField.VIEWER_GROUPS: wanted.viewers,
            PolicyField.EDITOR_GROUPS: wanted.editors,
            PolicyField.APPROVER_GROUPS: wanted.approvers,
            PolicyField.STAGES: _list_staged(wanted),
            PolicyField.ESCALATE_GROUPS: wanted.approval.escalate_to,
        }
        key = "setup.problem_groups_untold" if groups is None else "setup.problem_group"
        problems: dict[PolicyField, Text] = {}
        for field, entries in chosen.items():
            unknown = [str(entry) for entry in entries if isinstance(entry, GroupId) and entry not in (groups or {})]
            if unknown:
                problems[field] = Text(key, {"groups": unknown})
        return problems | await self._find_unfit_people(wanted)

    async def _find_unfit_people(self, wanted: ChannelPolicy) -> dict[PolicyField, Text]:
        """Find the fields with people who cannot be chosen; of each, the first kind of them."""
        chosen = {
            PolicyField.VIEWER_PEOPLE: list_people(wanted.viewers, {}),
            PolicyField.EDITOR_PEOPLE: list_people(wanted.editors, {}),
            PolicyField.APPROVER_PEOPLE: list_people(wanted.approvers, {}),
            PolicyField.STAGES: list_people(_list_staged(wanted), {}),
            PolicyField.ESCALATE_PEOPLE: list_people(wanted.approval.escalate_to, {}),
            PolicyField.BREAK_GLASS: list(wanted.approval.break_glass),
        }
        found = await self.quorum.find_fitness(user for users in chosen.values() for user in users)
        problems: dict[PolicyField, Text] = {}
        for field, users in chosen.items():
            for fitness, key in _PROBLEM_KEYS.items():
                if unfit := [user for user in users if found[user] is fitness]:
                    names = await self.users.find_names(unfit)
                    problems[field] = Text(key, {"people": list(names.values())})
                    break
        return problems

    async def find_unapprovable(
        self, policies: Iterable[ChannelPolicy], groups: Mapping[GroupId, frozenset[UserId]]
    ) -> dict[ChannelId, tuple[Text, ...]]:
        """Find the policies whose requests nobody could ever approve, as far as Slack tells, and why, by channel."""
        found = {}
        for policy in policies:
            problems = (await self.find_approval_problem(policy, groups)).values()
            if known := tuple(problem for problem in problems if problem.key != UNTOLD_KEY):
                found[policy.id] = known
        return found

    async def find_approval_problem(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, frozenset[UserId]]
    ) -> dict[PolicyField, Text]:
        """Find out why no request could ever be approved: too few approvers in a stage, or none but the requesters.

        Args:
            wanted: the policy.
            groups: the members of all user groups.
        """
        rule, candidates = wanted.approval, list_candidates(list_possible_stages(wanted), groups)
        found: dict[UserId, Fitness] = {}
        if (shortage := await self.quorum.find_shortage(candidates, rule.quorum, found)) is not None:
            counts = {"quorum": rule.quorum, "n": rule.quorum - shortage.missing}
            if Fitness.UNKNOWN in found.values():
                return {PolicyField.QUORUM: Text(UNTOLD_KEY, counts)}
            missing = {"stage": shortage.stage + 1, "n": shortage.missing}
            in_stage = {PolicyField.STAGES: Text("setup.problem_stage", missing)}
            return in_stage if rule.stages else {PolicyField.QUORUM: Text("setup.problem_quorum", counts)}
        if rule.self_approval or EVERYONE in wanted.editors:
            return {}
        is_blocked = await self._is_blocked_by_own_approvals(candidates, rule.quorum, wanted.editors, groups)
        problem = Text("setup.problem_self_approval", {"quorum": rule.quorum})
        return {PolicyField.SELF_APPROVAL: problem} if is_blocked else {}

    async def _is_blocked_by_own_approvals(
        self,
        candidates: Candidates,
        quorum: int,
        editors: Collection[Principal],
        groups: Mapping[GroupId, frozenset[UserId]],
    ) -> bool:
        """Check whether everybody who edits is an approver without whom the quorum cannot be reached."""
        approvers = {person for people in candidates for person in people or ()}
        people = list_people(editors, groups)
        own = [person for person in people if person in approvers]
        if not own or list_fit(await self.quorum.find_fitness((each for each in people if each not in approvers), 1)):
            return False
        found: dict[UserId, Fitness] = {}
        for person in own:
            others = without_person(candidates, person)
            is_reached = await self.quorum.find_shortage(others, quorum, found) is None
            if is_reached and list_fit(await self.quorum.find_fitness([person])):
                return False
        return True

    async def find_useless_rules(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, frozenset[UserId]]
    ) -> dict[PolicyField, Text]:
        """Find the rules that can never do what they say: an escalation to nobody or too late, a quorum out of reach.

        Args:
            wanted: a policy whose requests can be approved.
            groups: the members of all user groups.
        """
        if problems := find_escalation_problems(wanted.approval):
            return problems
        most = wanted.approval.quorum_for(None)
        if most == wanted.approval.quorum:
            return {}
        # Those whom an escalation calls do not count: it never makes a request need more approvals.
        candidates, found = list_candidates(wanted.stages, groups), dict[UserId, Fitness]()
        shortage = await self.quorum.find_shortage(candidates, most, found)
        if shortage is None or Fitness.UNKNOWN in found.values():
            return {}
        return {PolicyField.QUORUM_OVER: Text("setup.problem_quorum_over", {"quorum": most})}


def find_unescalated(policies: Iterable[ChannelPolicy]) -> tuple[ChannelId, ...]:
    """Find the channels whose escalation would do nothing."""
    return tuple(policy.id for policy in policies if find_escalation_problems(policy.approval))


def find_escalation_problems(rule: ApprovalRule) -> dict[PolicyField, Text]:
    """Find out why an escalation would do nothing: it has no time or nobody, or comes after the expiry."""
    hours = rule.escalate_after_hours
    if hours is None:
        return {PolicyField.ESCALATE_AFTER: Text("setup.problem_escalate_after")} if rule.escalate_to else {}
    if not rule.escalate_to:
        return {PolicyField.ESCALATE_PEOPLE: Text("setup.problem_escalate_to")}
    if hours >= rule.expires_after_hours:
        return {PolicyField.ESCALATE_AFTER: Text("setup.problem_escalate_late", {"hours": rule.expires_after_hours})}
    return {}


def _list_staged(policy: ChannelPolicy) -> tuple[Principal, ...]:
    """List the approvers that stages name; none where the policy has just approvers."""
    return policy.all_approvers if policy.approval.stages else ()
