"""Policy checks: whether a channel's policy can work with its people and groups."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import EVERYONE, ChannelPolicy, Principal
from flowbot.errors import DependencyError, Text, UserError
from flowbot.services.users import DECIDING_SECONDS, Caller, UserService

AT_ONCE: Final = 10
"""People who are looked up together."""

SLACKBOT: Final = UserId("USLACKBOT")
"""Slack does not call it a bot."""

log = structlog.get_logger(__name__)


class PolicyField(StrEnum):
    """The fields of the form. A problem stands at one of these."""

    WEBSITES = "websites"
    ALL_WEBSITES = "all_websites"
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


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group with its name and its members."""

    name: str
    members: frozenset[UserId]


class _Fitness(StrEnum):
    """The reason that keeps a person out of a policy, if any."""

    FIT = "fit"
    BOT = "bot"
    EXTERNAL = "external"
    DEACTIVATED = "deactivated"
    UNKNOWN = "unknown"


_PROBLEM_KEYS: Final[Mapping[_Fitness, str]] = {
    _Fitness.BOT: "setup.problem_bot",
    _Fitness.EXTERNAL: "setup.problem_external",
    _Fitness.DEACTIVATED: "setup.problem_deactivated",
    _Fitness.UNKNOWN: "setup.problem_person_untold",
}


@dataclass(frozen=True, slots=True)
class PolicyChecker:
    """Checks policies before they are saved. What Slack does not tell counts against them."""

    users: UserService

    async def find_problems(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None
    ) -> Mapping[PolicyField, Text]:
        """Find what is wrong with a policy, by field.

        Args:
            wanted: the policy.
            groups: all user groups; None where Slack did not tell them.
        """
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
        problems |= await self._find_people_problems(wanted)
        return problems or await self._find_approval_problem(wanted, groups or {})

    async def _find_people_problems(self, wanted: ChannelPolicy) -> dict[PolicyField, Text]:
        """Find the fields with people who cannot be chosen; of each, the first kind of them."""
        chosen = {
            PolicyField.VIEWER_PEOPLE: _people(wanted.viewers),
            PolicyField.EDITOR_PEOPLE: _people(wanted.editors),
            PolicyField.APPROVER_PEOPLE: _people(wanted.approvers),
            PolicyField.BREAK_GLASS: list(wanted.approval.break_glass),
        }
        found = await self._find_fitness(user for users in chosen.values() for user in users)
        problems: dict[PolicyField, Text] = {}
        for field, users in chosen.items():
            for fitness, key in _PROBLEM_KEYS.items():
                if unfit := [user for user in users if found[user] is fitness]:
                    names = await self.users.find_names(unfit)
                    problems[field] = Text(key, {"people": list(names.values())})
                    break
        return problems

    async def _find_fitness(self, users: Iterable[UserId], enough: int | None = None) -> dict[UserId, _Fitness]:
        """Find out who may be chosen; with `enough`, only until so many fit, or Slack tells of nobody."""
        left, found = list(dict.fromkeys(users)), dict[UserId, _Fitness]()
        is_away = False
        while left and (enough is None or (len(_fit(found)) < enough and not is_away)):
            batch, left = left[:AT_ONCE], left[AT_ONCE:]
            answers = await asyncio.gather(*map(self._look_up, batch))
            found |= dict(zip(batch, answers, strict=True))
            # Else a large channel would be asked for to its end.
            is_away = set(answers) == {_Fitness.UNKNOWN}
        return found

    async def _look_up(self, user: UserId) -> _Fitness:
        """Look up what keeps a person out. As a caller's, their organisation is checked wherever Slack names it."""
        try:
            actor = (await self.users.identify(Caller(user, None))).actor
            profile = await self.users.get_profile(user)
        except (UserError, DependencyError):
            return _Fitness.UNKNOWN
        if profile.is_bot or user == SLACKBOT:
            return _Fitness.BOT
        if profile.is_deactivated:
            return _Fitness.DEACTIVATED
        return _Fitness.EXTERNAL if actor.is_external else _Fitness.FIT

    async def _find_approval_problem(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup]
    ) -> dict[PolicyField, Text]:
        """Find out why no request could ever be approved: too few approvers, or none but the requesters."""
        approvers = await self._find_people(wanted.approvers, wanted.id, groups)
        if approvers is None:
            return {}
        rule, editors = wanted.approval, await self._find_people(wanted.editors, wanted.id, groups)
        found = await self._find_fitness(approvers, rule.quorum + 1)
        able = _fit(found)
        if len(able) < rule.quorum:
            key = "setup.problem_untold" if _Fitness.UNKNOWN in found.values() else "setup.problem_quorum"
            return {PolicyField.QUORUM: Text(key, {"quorum": rule.quorum, "n": len(able)})}
        if rule.self_approval or len(able) > rule.quorum or not editors:
            return {}
        others = [user for user in editors if user not in able]
        if _fit(await self._find_fitness(others, 1)):
            return {}
        return {PolicyField.SELF_APPROVAL: Text("setup.problem_self_approval", {"quorum": rule.quorum})}

    async def _find_people(
        self, entries: Sequence[Principal], channel: ChannelId, groups: Mapping[GroupId, UserGroup]
    ) -> list[UserId] | None:
        """Find everybody whom the entries name: people first, then members of groups, then everyone in the channel.

        Returns:
            None where Slack does not say who is in the channel: there may be enough of them.
        """
        members = (groups[entry].members for entry in entries if isinstance(entry, GroupId) and entry in groups)
        named = [*_people(entries), *(user for each in members for user in sorted(each))]
        if EVERYONE in entries:
            try:
                named += sorted(await self.users.load_members(channel, within=DECIDING_SECONDS))
            except DependencyError as error:
                log.warning("setup_form.members_untold", channel=channel, error=str(error))
                return None
        return list(dict.fromkeys(named))


def _people(entries: Iterable[Principal]) -> list[UserId]:
    return [entry for entry in entries if isinstance(entry, UserId)]


def _fit(found: Mapping[UserId, _Fitness]) -> set[UserId]:
    return {user for user, fitness in found.items() if fitness is _Fitness.FIT}
