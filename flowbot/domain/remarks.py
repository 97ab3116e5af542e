"""Remarks: what people say about a request while it is open, or make of it, as the audit trail has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.ids import UserId

REMARK_ACTIONS: Final = frozenset({AuditAction.COMMENTED, AuditAction.CHANGES_REQUESTED, AuditAction.REVISED})
"""The actions of events that are remarks."""

UNKNOWN: Final = "is_unknown"
"""The detail of a revision's event of which it is not known whether it took effect."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark on a request.

    Attributes:
        action: Which of `REMARK_ACTIONS` it is.
        text: As it was typed, or no text.
        told: All that the audit trail says of a stored one: of a revision its differences.
        form: The form that it was typed into, so that a form sent twice makes one remark.
    """

    action: str
    by: UserId
    at: datetime
    text: str = ""
    form: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        """Return the remark that an event tells of."""
        details = event.details
        text, form = str(details.get("text", "")), str(details.get("form", ""))
        return cls(event.action, event.actor or UserId(""), event.at, text, form, details)

    @property
    def details(self) -> Mapping[str, Any]:
        """Return what the audit trail says of it beside who and when."""
        return {"text": self.text, "form": self.form}

    @property
    def is_revision(self) -> bool:
        """Check whether the requester changed what the request is about, so that its votes began anew."""
        return self.action == AuditAction.REVISED

    @property
    def is_known_revision(self) -> bool:
        """Check whether it is a revision that took effect for certain."""
        return self.is_revision and not self.told.get(UNKNOWN)

    @property
    def asks_for_changes(self) -> bool:
        """Check whether an approver asks the author to change something."""
        return self.action == AuditAction.CHANGES_REQUESTED
