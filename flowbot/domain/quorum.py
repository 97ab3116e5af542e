"""Quorum: whether enough people, or how many, can come together in every stage of an approval."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flowbot.domain.approval_rule import Principal
from flowbot.domain.ids import UserId
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.votes import Vote, approvals_in


@dataclass(frozen=True, slots=True)
class Shortage:
    """The first stage that cannot be reached.

    Attributes:
        stage: The stage, from 0.
        missing: The approvals that it lacks, whoever approves in the others.
        related: The stages of which one needs more people: this one, and those that need somebody of its people, too.
    """

    stage: int
    missing: int
    related: frozenset[int]


def find_shortage(stages: Sequence[Collection[UserId] | None], quorum: int) -> Shortage | None:
    """Find the first stage whose quorum cannot be reached; None where each can, with nobody in two stages.

    Args:
        stages: the people who may approve in each; None for everyone in a channel, who reach any quorum.
        quorum: the approvals that each stage needs.
    """
    chosen: dict[UserId, int] = {}
    for stage, people in enumerate(stages):
        if people is None:
            continue
        for given in range(quorum):
            visited = {stage}
            if not _choose(stage, stages, chosen, visited):
                return Shortage(stage, quorum - given, frozenset(visited))
    return None


def _choose(
    stage: int, stages: Sequence[Collection[UserId] | None], chosen: dict[UserId, int], visited: set[int]
) -> bool:
    """Choose one more person for a stage; where all are taken, one whose own stage finds another in their place."""
    people = stages[stage] or ()
    free = next((person for person in people if person not in chosen), None)
    if free is not None:
        chosen[free] = stage
        return True
    for person in people:
        other = chosen[person]
        if other in visited:
            continue
        visited.add(other)
        if _choose(other, stages, chosen, visited):
            chosen[person] = stage
            return True
    return False


def bound_quorums(
    quorum: int, raised: int, able: Sequence[Collection[UserId] | None], votes: Collection[Vote]
) -> tuple[int, ...]:
    """Raise each stage's quorum from `quorum` towards `raised`, as far as enough people can approve.

    Args:
        quorum: the approvals that each stage needs whatever the audience.
        raised: the approvals that each stage needs for the audience.
        able: the people who may approve in each stage; None for everyone in a channel, who are no bound.
        votes: the votes so far, which bind their voters to a stage.
    """
    bound = {person for vote in votes for person in vote.people}
    free = [None if people is None else [each for each in people if each not in bound] for people in able]
    counts: list[int] = []
    for stage, people in enumerate(able):
        given = [vote.right_of or vote.person for vote in approvals_in(votes, stage)]
        counts.append(raised if people is None else sum(person in people for person in given))
    chosen: dict[UserId, int] = {}
    for _ in range(raised):
        for stage in range(len(able)):
            if counts[stage] < raised and _choose(stage, free, chosen, {stage}):
                counts[stage] += 1
    return tuple(max(quorum, min(raised, count)) for count in counts)


def list_possible_stages(policy: ChannelPolicy) -> tuple[tuple[Principal, ...], ...]:
    """List who may approve in each stage before a request expires: with `escalate_to`, where that comes in time."""
    rule = policy.approval
    hours = rule.escalate_after_hours
    joined = rule.escalate_to if hours is not None and hours < rule.expires_after_hours else ()
    return tuple(tuple(dict.fromkeys((*stage, *joined))) for stage in policy.stages)
