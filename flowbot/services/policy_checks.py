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
    """What the form asks for; a problem stands at one of these."""

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
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group: its name, and who is in it."""

    name: str
    members: frozenset[UserId]


class _Membership(StrEnum):
    """What keeps a person out of a policy, if anything."""

    FIT = "fit"
    BOT = "bot"
    EXTERNAL = "external"
    DEACTIVATED = "deactivated"
    UNKNOWN = "unknown"


_UNFIT: Final[Mapping[_Membership, str]] = {
    _Membership.BOT: "setup.problem_bot",
    _Membership.EXTERNAL: "setup.problem_external",
    _Membership.DEACTIVATED: "setup.problem_deactivated",
    _Membership.UNKNOWN: "setup.problem_person_untold",
}


@dataclass(frozen=True, slots=True)
class PolicyChecker:
    """Checks policies before they are kept. What Slack does not tell counts against them."""

    users: UserService

    async def find_problems(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None
    ) -> Mapping[PolicyField, Text]:
        """What is wrong, by field.

        Args:
            wanted: the policy.
            groups: all user groups; None where Slack did not tell them.
        """
        problems = _group_problems(wanted, groups) | await self._people_problems(wanted)
        return problems or await self._approval_problem(wanted, groups or {})

    async def find_name(self, user: UserId) -> str:
        """A person's name; who Slack does not tell goes by their id."""
        try:
            return (await self.users.get_profile(user)).name or str(user)
        except DependencyError:
            return str(user)

    async def _standing(self, user: UserId) -> _Membership:
        """What keeps a person out. As a caller's, their organisation is looked at wherever Slack names it."""
        try:
            actor = (await self.users.identify(Caller(user, None))).actor
            profile = await self.users.get_profile(user)
        except (UserError, DependencyError):
            return _Membership.UNKNOWN
        found = {
            _Membership.BOT: profile.is_bot or user == SLACKBOT,
            _Membership.DEACTIVATED: profile.is_deactivated,
            _Membership.EXTERNAL: actor.is_external,
        }
        return next((standing for standing, stands in found.items() if stands), _Membership.FIT)

    async def _people_problems(self, wanted: ChannelPolicy) -> dict[PolicyField, Text]:
        chosen = {
            PolicyField.VIEWER_PEOPLE: _people(wanted.viewers),
            PolicyField.EDITOR_PEOPLE: _people(wanted.editors),
            PolicyField.APPROVER_PEOPLE: _people(wanted.approvers),
            PolicyField.BREAK_GLASS: list(wanted.approval.break_glass),
        }
        standings = await self._standings(user for users in chosen.values() for user in users)
        found = {field: await self._unfit(users, standings) for field, users in chosen.items()}
        return {field: problem for field, problem in found.items() if problem}

    async def _unfit(self, users: Sequence[UserId], standings: Mapping[UserId, _Membership]) -> Text | None:
        """The first kind of people among `users` who cannot be chosen."""
        for standing, key in _UNFIT.items():
            if unfit := [user for user in users if standings[user] is standing]:
                return Text(key, {"people": [await self.find_name(user) for user in unfit]})
        return None

    async def _standings(self, users: Iterable[UserId], enough: int | None = None) -> dict[UserId, _Membership]:
        """Everybody's standing; with `enough`, only until so many are found who fit, or Slack tells of nobody."""
        left, found = list(dict.fromkeys(users)), dict[UserId, _Membership]()
        is_away = False
        while left and (enough is None or (len(_fit(found)) < enough and not is_away)):
            batch, left = left[:AT_ONCE], left[AT_ONCE:]
            standings = await asyncio.gather(*map(self._standing, batch))
            found |= dict(zip(batch, standings, strict=True))
            # A large channel would be asked for to its end.
            is_away = set(standings) == {_Membership.UNKNOWN}
        return found

    async def _approval_problem(
        self, wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup]
    ) -> dict[PolicyField, Text]:
        """Why no request could ever be approved, if so: too few who may, or none but those who ask."""
        approvers = await self._reached(wanted.approvers, wanted.id, groups)
        if approvers is None:
            return {}
        rule, editors = wanted.approval, await self._reached(wanted.editors, wanted.id, groups)
        standings = await self._standings(approvers, rule.quorum + 1)
        able = _fit(standings)
        if len(able) < rule.quorum:
            doubtful = _Membership.UNKNOWN in standings.values()
            params = {"quorum": rule.quorum, "n": len(able)}
            return {PolicyField.QUORUM: Text("setup.problem_untold" if doubtful else "setup.problem_quorum", params)}
        if rule.self_approval or len(able) > rule.quorum or not editors:
            return {}
        others = [user for user in editors if user not in able]
        if _fit(await self._standings(others, 1)):
            return {}
        return {PolicyField.SELF_APPROVAL: Text("setup.problem_self_approval", {"quorum": rule.quorum})}

    async def _reached(
        self, entries: Sequence[Principal], channel: ChannelId, groups: Mapping[GroupId, UserGroup]
    ) -> list[UserId] | None:
        """Everybody whom the entries name: people first, then the members of groups, then everyone in the channel.

        None where that cannot be told, since Slack does not say who is in the channel: there may be enough of them.
        """
        named = _named(entries, groups)
        if EVERYONE not in entries:
            return named
        try:
            members = await self.users.load_members(channel, within=DECIDING_SECONDS)
        except DependencyError as fault:
            log.warning("setup_form.members_untold", channel=channel, error=str(fault))
            return None
        return list(dict.fromkeys([*named, *sorted(members)]))


def _people(entries: Iterable[Principal]) -> list[UserId]:
    return [entry for entry in entries if isinstance(entry, UserId)]


def _named(entries: Sequence[Principal], groups: Mapping[GroupId, UserGroup]) -> list[UserId]:
    """Everybody whom the entries name by themselves or by a group: people first, then the members of groups."""
    members = (groups[entry].members for entry in entries if isinstance(entry, GroupId) and entry in groups)
    return list(dict.fromkeys([*_people(entries), *(user for each in members for user in sorted(each))]))


def _fit(standings: Mapping[UserId, _Membership]) -> set[UserId]:
    return {user for user, standing in standings.items() if standing is _Membership.FIT}


def _group_problems(wanted: ChannelPolicy, groups: Mapping[GroupId, UserGroup] | None) -> dict[PolicyField, Text]:
    """Groups that do not exist, or of which Slack does not tell."""
    chosen = {
        PolicyField.VIEWER_GROUPS: wanted.viewers,
        PolicyField.EDITOR_GROUPS: wanted.editors,
        PolicyField.APPROVER_GROUPS: wanted.approvers,
    }
    unknown = {
        field: [str(entry) for entry in entries if isinstance(entry, GroupId) and entry not in (groups or {})]
        for field, entries in chosen.items()
    }
    key = "setup.problem_groups_untold" if groups is None else "setup.problem_group"
    return {field: Text(key, {"groups": ids}) for field, ids in unknown.items() if ids}
