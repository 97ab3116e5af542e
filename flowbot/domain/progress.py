"""Progress: the notes about a change under way."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowbot.domain.approval_terms import ApprovalTerms
from flowbot.domain.ids import ChangeId, ImageId, UserId
from flowbot.domain.votes import Decider


class ClosureKind(StrEnum):
    """The ways in which a person closes a pending change, other than by the last approval."""

    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class Closure:
    """The closing of a waiting change: by whom, how, and why.

    Attributes:
        right_of: The absent approver in whose place it was rejected; None for one by the person's own right.
    """

    by: UserId
    how: ClosureKind
    reason: str = ""
    right_of: UserId | None = None

    @property
    def decider(self) -> Decider:
        """Return who closed it, and in whose place."""
        return Decider(self.by, self.right_of)


class ImageFault(StrEnum):
    """The reasons why the image of a flow to be deleted is not stored."""

    LATE = "late"
    """It could not be fetched in time; the deletion tries once more."""
    LOST = "lost"
    """It cannot be had; the flow is deleted without it."""


@dataclass(frozen=True, slots=True)
class ChangeWish:
    """What an approver wants to be changed before they approve."""

    by: UserId
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Notes about a change under way.

    Attributes:
        closing: Who closed it, if a person did.
        image: The stored image of a flow that is deleted, for a restore.
        reminders: The number of reminders that were sent.
        is_alarmed: `skip_announced`, as it is stored.
        told_apart: `requester_notified_version`, as it is stored.
        image_fault: Why `image` is not stored, where that was tried.
        is_resent: The write was sent more than once, since an earlier one was not answered, and may come yet.
        needs_skip: When it was requested nobody could approve it: only a skipped approval lets it go on.
        first_terms: The terms when it was requested, where the policy has changed them since.
        starts_at: When it starts, where it has a time or a freeze held it, as that was found last.
        waits_since: Since when it waits for approvals, where it does so again after it was approved.
        put_off_version: The version in which it was put off after its approval: taken back to waiting, or given another
            start; 0 for none.
        round: Grows as votes begin anew; those of earlier rounds are in the audit trail alone.
        quorums: The approvals that each stage needs, where its audience raises them; else the rule's quorum counts.
        audience: The subscribers who may get the push; None for all of them, or where that is not known.
        has_grown: Its audience has grown since it was requested, or last waited, so that it needs more approvals.
        escalated_at: When it was escalated; None where it was not.
        remarks: The number of remarks: comments, changes that were asked for, and revisions.
        wish: The changes that an approver asked for, until there is new content.
        revised_by: The edit by its requester that is being written to the flow; until it has ended nobody decides.
        snapshot_at: As of when it remembers its flow, where a revision took another look at that.
    """

    closing: Closure | None = None
    image: ImageId | None = None
    reminders: int = 0
    is_alarmed: bool = False
    told_apart: int = 0
    image_fault: ImageFault | None = None
    is_resent: bool = False
    needs_skip: bool = False
    first_terms: ApprovalTerms | None = None
    starts_at: datetime | None = None
    waits_since: datetime | None = None
    put_off_version: int = 0
    round: int = 1
    quorums: tuple[int, ...] = ()
    audience: int | None = None
    has_grown: bool = False
    escalated_at: datetime | None = None
    remarks: int = 0
    wish: ChangeWish | None = None
    revised_by: ChangeId | None = None
    snapshot_at: datetime | None = None

    @property
    def is_escalated(self) -> bool:
        """Check whether it was escalated, so that others may decide, too."""
        return self.escalated_at is not None

    @property
    def skip_announced(self) -> bool:
        """Check whether the channel was told that its approval was skipped."""
        return self.is_alarmed

    @property
    def requester_notified_version(self) -> int:
        """Return the version that only the requester was told of, since not everybody could be; 0 for none."""
        return self.told_apart

    @property
    def skipped_by(self) -> UserId | None:
        """Return who skipped the approval; None where nobody did."""
        closing = self.closing
        return closing.by if closing is not None and closing.how is ClosureKind.BREAK_GLASS else None
