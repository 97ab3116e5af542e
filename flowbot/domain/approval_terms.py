"""The terms on which one request is decided, by the rules of a moment."""

from dataclasses import dataclass
from typing import NamedTuple

from flowbot.domain.approval_rule import Principal
from flowbot.domain.ids import UserId


class ChangedRights(NamedTuple):
    """Who got or lost a right on a request; groups, people and everybody."""

    may_approve: tuple[Principal, ...] = ()
    may_no_longer_approve: tuple[Principal, ...] = ()
    may_skip: tuple[Principal, ...] = ()
    may_no_longer_skip: tuple[Principal, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """The terms on which one request is decided: who may approve or skip that, and how many have to.

    Attributes:
        approvers: Those of all stages.
        covers_website: Whether the channel still works with the request's website.
        stages: The groups that approve one after the other; none for one stage.
        stand_ins: Whether the stand-in of an absent approver may approve.
        quorum_over: The audiences that need more approvals, each with its quorum, the smallest first.
    """

    approvers: tuple[Principal, ...]
    skippers: tuple[UserId, ...]
    quorum: int
    self_approval: bool
    covers_website: bool
    stages: tuple[tuple[Principal, ...], ...] = ()
    stand_ins: bool = True
    quorum_over: tuple[tuple[int, int], ...] = ()

    def compare_rights(self, earlier: "ApprovalTerms") -> ChangedRights:
        """Return who has rights on these terms that they had not on the earlier ones, and the other way round."""

        def subtract(entries: tuple[Principal, ...], others: tuple[Principal, ...]) -> tuple[Principal, ...]:
            return tuple(entry for entry in entries if entry not in others)

        return ChangedRights(
            may_approve=subtract(self.approvers, earlier.approvers),
            may_no_longer_approve=subtract(earlier.approvers, self.approvers),
            may_skip=subtract(self.skippers, earlier.skippers),
            may_no_longer_skip=subtract(earlier.skippers, self.skippers),
        )
