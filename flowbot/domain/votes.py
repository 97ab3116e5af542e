"""Votes on a request: in which stage and by whose right each counts, and what is still missing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from flowbot.domain.ids import UserId


class VoteChoice(StrEnum):
    """The two choices of a vote."""

    APPROVE = "approve"
    REJECT = "reject"


class Decider(NamedTuple):
    """Who decided on a request; `right_of` is the absent approver in whose place, None for one by their own right."""

    person: UserId
    right_of: UserId | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """A person's vote on a change.

    Attributes:
        stage: The stage that it counts in, from 0.
        right_of: The absent approver in whose place it was given; None for one by the person's own right.
    """

    person: UserId
    choice: VoteChoice
    at: datetime
    stage: int = 0
    right_of: UserId | None = None

    @property
    def decider(self) -> Decider:
        """Return who gave it, and in whose place."""
        return Decider(self.person, self.right_of)

    @property
    def people(self) -> frozenset[UserId]:
        """Return the voter and the approver in whose place they vote: nobody counts twice on a request."""
        return frozenset({self.person} if self.right_of is None else {self.person, self.right_of})


def approvals_in(votes: Iterable[Vote], stage: int) -> tuple[Vote, ...]:
    """List the approvals that were given in a stage."""
    return tuple(vote for vote in votes if vote.stage == stage and vote.choice is VoteChoice.APPROVE)


def approved_by(votes: Iterable[Vote]) -> tuple[UserId, ...]:
    """List the people whose vote approves, in whichever stage."""
    return tuple(vote.person for vote in votes if vote.choice is VoteChoice.APPROVE)


def list_deciders(votes: Iterable[Vote]) -> tuple[Decider, ...]:
    """List the voters who approve, in whichever stage, each with the approver in whose place."""
    return tuple(vote.decider for vote in votes if vote.choice is VoteChoice.APPROVE)


def find_stage(quorums: Collection[int], votes: Collection[Vote]) -> int | None:
    """Find the stage that waits: the first with fewer approvals than its quorum; None where none does."""
    return next((stage for stage, quorum in enumerate(quorums) if len(approvals_in(votes, stage)) < quorum), None)


def counts_already(vote: Vote, votes: Iterable[Vote]) -> bool:
    """Check whether the voter, or the approver in whose place they vote, counts by another vote."""
    return any(not vote.people.isdisjoint(given.people) for given in votes)
