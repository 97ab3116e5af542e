"""Quorum: whether the people whom a policy names can give the approvals that it asks for."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from flowbot.domain.approval import count_missing_approvals
from flowbot.domain.approval_rule import EVERYONE, Principal
from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.errors import DependencyError, SlackFaultError, Text
from flowbot.services.users import DECIDING_SECONDS, Caller, UserService

AT_ONCE: Final = 10
"""People who are looked up together."""
SLACKBOT: Final = UserId("USLACKBOT")
"""Slack does not call it a bot."""
NOBODY_ERRORS: Final = frozenset({"user_not_found", "user_not_visible"})
"""Slack's words for an id that is nobody's."""

log = structlog.get_logger(__name__)


class Fitness(StrEnum):
    """The reason that keeps a person out of a policy, if any."""

    FIT = "fit"
    BOT = "bot"
    EXTERNAL = "external"
    DEACTIVATED = "deactivated"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class QuorumGap:
    """The approvals that are missing, whoever approves.

    Attributes:
        text: Says that nobody can approve, and what is missing.
        can_be_skipped: Whether somebody may skip the approval.
    """

    text: Text
    can_be_skipped: bool


@dataclass(frozen=True, slots=True)
class QuorumChecker:
    """Looks up the people of policies, only until there are enough of them."""

    users: UserService

    async def find_gap(
        self, policy: ChannelPolicy, requester: UserId, seconds: float | None = None
    ) -> QuorumGap | None:
        """Find out why nobody can approve a request; None where the quorum can be reached, or that is not known.

        Args:
            policy: the policy of the request's channel.
            requester: the requester, who approves only where the policy lets them.
            seconds: how long Slack may take; None for as long as it takes.
        """
        if EVERYONE in policy.approvers:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self._find_gap(policy, requester)
        except (DependencyError, TimeoutError) as error:
            log.warning("quorum.unknown", channel=policy.id, error=str(error) or "slow")
            return None

    async def _find_gap(self, policy: ChannelPolicy, requester: UserId) -> QuorumGap | None:
        rule, groups = policy.approval, dict[GroupId, frozenset[UserId]]()
        if any(isinstance(entry, GroupId) for entry in policy.approvers):
            groups |= await self.users.load_groups(within=DECIDING_SECONDS)
        named = list_people(policy.approvers, groups)
        is_own = requester in named and not rule.self_approval
        found = await self.find_fitness((person for person in named if not is_own or person != requester), rule.quorum)
        missing = count_missing_approvals(rule, list_fit(found), requester)
        if not missing or Fitness.UNKNOWN in found.values():
            return None
        if not policy.approvers:
            text = Text("request.no_approvers")
        elif not named:
            text = Text("request.empty_groups")
        else:
            text = Text("request.too_few_other_approvers" if is_own else "request.too_few_approvers", {"n": missing})
        skippers = await self.find_fitness(rule.break_glass, 1)
        return QuorumGap(text, can_be_skipped=not {Fitness.FIT, Fitness.UNKNOWN}.isdisjoint(skippers.values()))

    async def find_fitness(self, users: Iterable[UserId], enough: int | None = None) -> dict[UserId, Fitness]:
        """Find out who may be in a policy; with `enough`, only until so many fit, or Slack tells of nobody."""
        left, found = list(dict.fromkeys(users)), dict[UserId, Fitness]()
        while left and (enough is None or len(list_fit(found)) < enough):
            size = AT_ONCE if enough is None else min(AT_ONCE, enough - len(list_fit(found)))
            batch, left = left[:size], left[size:]
            answers = await asyncio.gather(*map(self._look_up, batch))
            found |= dict(zip(batch, answers, strict=True))
            if enough is not None and set(found.values()) == {Fitness.UNKNOWN}:
                # Slack is away: a large group is not asked for to its end.
                break
        return found

    async def _look_up(self, user: UserId) -> Fitness:
        """Look up what keeps a person out. As a caller's, their organisation is checked wherever Slack names it."""
        try:
            actor = (await self.users.load_user(Caller(user, None))).actor
            profile = await self.users.get_profile(user)
        except DependencyError as error:
            is_nobody = isinstance(error, SlackFaultError) and error.code in NOBODY_ERRORS
            return Fitness.NOBODY if is_nobody else Fitness.UNKNOWN
        if profile.is_bot or user == SLACKBOT:
            return Fitness.BOT
        if profile.is_deactivated:
            return Fitness.DEACTIVATED
        return Fitness.EXTERNAL if actor.is_external else Fitness.FIT


def list_people(entries: Collection[Principal], groups: Mapping[GroupId, Collection[UserId]]) -> list[UserId]:
    """List everybody whom the entries name, people before members of groups. "Everyone" names nobody."""
    people = [entry for entry in entries if isinstance(entry, UserId)]
    members = (sorted(groups.get(entry, ())) for entry in entries if isinstance(entry, GroupId))
    return list(dict.fromkeys([*people, *(user for each in members for user in each)]))


def list_fit(found: Mapping[UserId, Fitness]) -> set[UserId]:
    """Return the people whom nothing keeps out."""
    return {user for user, fitness in found.items() if fitness is Fitness.FIT}
