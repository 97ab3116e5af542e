"""What the audit trail calls what happened."""

from enum import StrEnum

from flowbot.domain.changes import State


class AuditAction(StrEnum):
    """What an event tells: `noun.verb`. The words are kept for ever, so none of them ever changes."""

    SUBMITTED = "change.submitted"
    PENDING = "change.pending"
    VOTE = "change.vote"
    APPROVED = "change.approved"
    BREAK_GLASS = "change.break_glass"
    APPLYING = "change.applying"
    APPLIED = "change.applied"
    FAILED = "change.failed"
    UNKNOWN = "change.unknown"
    CHECKED = "change.checked"
    REJECTED = "change.rejected"
    WITHDRAWN = "change.withdrawn"
    EXPIRED = "change.expired"
    OUT_OF_DATE = "change.out_of_date"
    POLICY_CHANGED = "policy.changed"
    POLICY_IMPORTED = "policy.imported"

    @classmethod
    def reached(cls, state: State) -> "AuditAction":
        """That a change has come to `state`.

        Raises:
            ValueError: no change comes to it: one is submitted as a draft.
        """
        return cls(f"change.{state}")
