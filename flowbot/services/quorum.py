"""Quorum: whether the people whom a policy names can give the approvals that it asks for."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from flowbot.domain.approval_rule import EVERYONE, Principal
from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.quorum import Shortage, find_shortage, list_possible_stages
from flowbot.errors import DependencyError, SlackFaultError, Text
from flowbot.services.users import DECIDING_SECONDS, NO_SUCH_PERSON, Caller, UserService

AT_ONCE: Final = 10
"""People who are looked up together."""
SLACKBOT: Final = UserId("USLACKBOT")
"""Slack does not call it a bot."""

log = structlog.get_logger(__name__)


Candidates = Sequence[Sequence[UserId] | None]
"""By stage, the people who may approve in it, as far as they are fit; None for everyone in the channel."""


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

    def text_elsewhere(self, channel: ChannelId) -> Text:
        """Return the text for readers outside the channel: it names that."""
        if self.text.key == "request.empty_groups":
            return self.text
        # Keys: request.no_approvers_in, request.too_few_approvers_in, request.too_few_other_approvers_in,
        # request.too_few_in_stage_in
        return Text(f"{self.text.key}_in", {**self.text.params, "channel": channel})


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
        stages = list_possible_stages(policy)
        if all(EVERYONE in stage for stage in stages):
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self._find_gap(policy, stages, requester)
        except (DependencyError, TimeoutError) as error:
            log.warning("quorum.unknown", channel=policy.id, error=str(error) or "slow")
            return None

    async def _find_gap(
        self, policy: ChannelPolicy, stages: Sequence[Sequence[Principal]], requester: UserId
    ) -> QuorumGap | None:
        rule, groups = policy.approval, dict[GroupId, frozenset[UserId]]()
        if any(isinstance(entry, GroupId) for stage in stages if EVERYONE not in stage for entry in stage):
            groups |= await self.users.load_groups(within=DECIDING_SECONDS)
        named, found = list_candidates(stages, groups), dict[UserId, Fitness]()
        others = named if rule.self_approval else without_person(named, requester)
        shortage = await self.find_shortage(others, rule.quorum, found)
        if shortage is None or Fitness.UNKNOWN in found.values():
            return None
        stage = shortage.stage
        if len(stages) > 1:
            text = Text("request.too_few_in_stage", {"n": shortage.missing, "stage": stage + 1})
        elif not stages[stage]:
            text = Text("request.no_approvers")
        elif not named[stage]:
            text = Text("request.empty_groups")
        else:
            is_own = others[stage] != named[stage]
            key = "request.too_few_other_approvers" if is_own else "request.too_few_approvers"
            text = Text(key, {"n": shortage.missing})
        skippers = await self.find_fitness(rule.break_glass, 1)
        return QuorumGap(text, can_be_skipped=not {Fitness.FIT, Fitness.UNKNOWN}.isdisjoint(skippers.values()))

    async def find_shortage(self, stages: Candidates, quorum: int, found: dict[UserId, Fitness]) -> Shortage | None:
        """Find the first stage that cannot be reached, looking up as few people as that takes.

        Args:
            stages: the candidates of each.
            quorum: the approvals that each needs.
            found: who was looked up before; those who are now are added. Where Slack told of nobody at all, the search
                is given up: a large group is not asked for to its end.
        """
        while True:
            fit = list_fit(found)
            able = [None if people is None else [each for each in people if each in fit] for people in stages]
            shortage = find_shortage(able, quorum)
            if shortage is None or (found and set(found.values()) == {Fitness.UNKNOWN}):
                return shortage
            # More people in other stages would not help.
            related = sorted(shortage.related, key=lambda stage: (stage != shortage.stage, stage))
            left = dict.fromkeys(user for stage in related for user in stages[stage] or () if user not in found)
            if not left:
                return shortage
            found |= await self.find_fitness(list(left)[: min(AT_ONCE, shortage.missing)])

    async def find_fitness(
        self, users: Iterable[UserId], enough: int | None = None, *, within: float | None = None
    ) -> dict[UserId, Fitness]:
        """Find out who may be in a policy; with `enough`, only until so many fit, or Slack tells of nobody.

        Slack's answers may be a minute old, or `within` seconds.
        """
        left, found = list(dict.fromkeys(users)), dict[UserId, Fitness]()
        while left and (enough is None or len(list_fit(found)) < enough):
            size = AT_ONCE if enough is None else min(AT_ONCE, enough - len(list_fit(found)))
            batch, left = left[:size], left[size:]
            answers = await asyncio.gather(*(self._look_up(user, within) for user in batch))
            found |= dict(zip(batch, answers, strict=True))
            if enough is not None and set(found.values()) == {Fitness.UNKNOWN}:
                # Slack is away: a large group is not asked for to its end.
                break
        return found

    async def _look_up(self, user: UserId, within: float | None) -> Fitness:
        """Look up what keeps a person out. As a caller's, their organisation is checked wherever Slack names it."""
        try:
            actor = (await self.users.load_user(Caller(user, None), within=within)).actor
            profile = await self.users.get_profile(user, within=within)
        except DependencyError as error:
            is_nobody = isinstance(error, SlackFaultError) and error.code in NO_SUCH_PERSON
            return Fitness.NOBODY if is_nobody else Fitness.UNKNOWN
        if profile.is_bot or user == SLACKBOT:
            return Fitness.BOT
        if profile.is_deactivated:
            return Fitness.DEACTIVATED
        return Fitness.EXTERNAL if actor.is_external else Fitness.FIT


def list_candidates(
    stages: Iterable[Collection[Principal]], groups: Mapping[GroupId, Collection[UserId]]
) -> Candidates:
    """List the people whom each stage names, by name or as members of groups."""
    return [None if EVERYONE in stage else list_people(stage, groups) for stage in stages]


def without_person(stages: Candidates, person: UserId) -> Candidates:
    """Return the candidates of each stage but for one person."""
    return [None if people is None else [each for each in people if each != person] for people in stages]


async def load_people(
    users: UserService, entries: Collection[Principal], *, within: float | None = None
) -> list[UserId]:
    """Load everybody whom the entries name, as `list_people`; groups a minute old at most, or `within` seconds.

    Raises:
        DependencyError: Slack did not tell the groups, and an entry is one.
    """
    has_groups = any(isinstance(entry, GroupId) for entry in entries)
    return list_people(entries, await users.load_groups(within=within) if has_groups else {})


def list_people(entries: Collection[Principal], groups: Mapping[GroupId, Collection[UserId]]) -> list[UserId]:
    """List everybody whom the entries name, people before members of groups. "Everyone" names nobody."""
    people = [entry for entry in entries if isinstance(entry, UserId)]
    members = (sorted(groups.get(entry, ())) for entry in entries if isinstance(entry, GroupId))
    return list(dict.fromkeys([*people, *(user for each in members for user in each)]))


def list_fit(found: Mapping[UserId, Fitness]) -> set[UserId]:
    """Return the people whom nothing keeps out."""
    return {user for user, fitness in found.items() if fitness is Fitness.FIT}
