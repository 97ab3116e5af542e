"""Findings: what was changed in a flow outside flowbot, as far as it is known."""

from dataclasses import dataclass
from enum import StrEnum

from flowbot.domain.flow import Flow
from flowbot.domain.ids import ChangeId, ReportId, UserId


class FindingEnd(StrEnum):
    """The ways in which a finding ends."""

    ACCEPTED = "accepted"
    REVERTED = "reverted"
    DISABLED = "disabled"
    GONE = "gone"
    """The flow is as it was known before, without anybody of the team."""


@dataclass(frozen=True, slots=True)
class FindingClosing:
    """The end of a finding: how, by whom (None: nobody of the team), and by which change, if by one."""

    how: FindingEnd
    by: UserId | None = None
    change: ChangeId | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that nobody made through flowbot.

    Attributes:
        before: The flow as it was known; None where it is new.
        after: The flow as it was read; None where it is gone.
        summary: The report that tells of it together with others, where it is not told by itself.
    """

    before: Flow | None
    after: Flow | None
    summary: ReportId | None = None
    closing: FindingClosing | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The findings of one round that are too many to be told one by one."""

    findings: tuple[ReportId, ...]
