"""Policy checks: whether a channel's policy can work with its people and groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flowbot.domain.approval import count_missing_approvals
from flowbot.domain.approval_rule import EVERYONE
from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import Text
from flowbot.services.quorum import Fitness, QuorumChecker, list_fit, list_people
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
    QUORUM = "quorum"
    GATES = "gates"
    SELF_APPROVAL = "self_approval"
    EXPIRES = "expires"
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


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group with its name and its members."""

    name: str
    members: frozenset[UserId]


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
        return await self.find_people_problems(wanted, groups) or await self.find_approval_problem(wanted, members)

    async def find_people_problems(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None
    ) -> Mapping[PolicyField, Text]:
        """Find who cannot be chosen, by field; `groups` as in `find_problems`."""
        chosen = {
            PolicyField.VIEWER_GROUPS: wanted.viewers,
            PolicyField.EDITOR_GROUPS: wanted.editors,
            PolicyField.APPROVER_GROUPS: wanted.approvers,
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
        """Find out why no request could ever be approved: too few approvers, or none but the requesters.

        Args:
            wanted: the policy.
            groups: the members of all user groups.
        """
        if EVERYONE in wanted.approvers:
            return {}
        rule = wanted.approval
        found = await self.quorum.find_fitness(list_people(wanted.approvers, groups), rule.quorum + 1)
        able, editors = list_fit(found), list_people(wanted.editors, groups)
        if count_missing_approvals(rule, able, None):
            key = UNTOLD_KEY if Fitness.UNKNOWN in found.values() else "setup.problem_quorum"
            return {PolicyField.QUORUM: Text(key, {"quorum": rule.quorum, "n": len(able)})}
        is_enough = not any(count_missing_approvals(rule, able, person) for person in able)
        if is_enough or EVERYONE in wanted.editors or not editors:
            return {}
        others = [user for user in editors if user not in able]
        if list_fit(await self.quorum.find_fitness(others, 1)):
            return {}
        return {PolicyField.SELF_APPROVAL: Text("setup.problem_self_approval", {"quorum": rule.quorum})}
