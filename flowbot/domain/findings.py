"""Findings: what was changed in a flow outside flowbot, as far as it is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from flowbot.domain.change import ChangeKind
from flowbot.domain.flow import FieldDifference, Flow, flow_differences
from flowbot.domain.ids import ChangeId, ReportId, UserId, WebsiteId


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
        closing: How it ended; None while it is open.
        answer: The end that somebody asked for, and that is reached once its change is applied.
    """

    before: Flow | None
    after: Flow | None
    summary: ReportId | None = None
    closing: FindingClosing | None = None
    answer: FindingClosing | None = None

    @property
    def flow(self) -> Flow | None:
        """Return the flow as it is now, or as it was last known where it is gone; None where neither may be seen."""
        return self.after or self.before

    @property
    def is_live(self) -> bool:
        """Check whether the flow is live, or went live."""
        return self.after is not None and self.after.is_enabled

    @property
    def concerns_live(self) -> bool:
        """Check whether the flow is live, or was."""
        return self.is_live or (self.before is not None and self.before.is_enabled)

    @property
    def kind(self) -> ChangeKind:
        """Return what was done to the flow: to change its state counts for more than an edit."""
        if self.before is None or self.after is None:
            return ChangeKind.CREATE if self.before is None else ChangeKind.DELETE
        if self.before.is_enabled == self.after.is_enabled:
            return ChangeKind.EDIT
        return ChangeKind.ENABLE if self.after.is_enabled else ChangeKind.DISABLE

    @property
    def differences(self) -> tuple[FieldDifference, ...]:
        """Return what differs, field by field; nothing of a flow that is new or gone."""
        return tuple(flow_differences(self.before, self.after)) if self.before and self.after else ()

    def seen_by(self, covers_website: Callable[[WebsiteId], bool]) -> "Finding":
        """Return what may be seen of it: a flow that was moved to or from another website is new or gone."""
        before, after = (
            flow if flow is not None and covers_website(flow.website_id) else None for flow in (self.before, self.after)
        )
        return replace(self, before=before, after=after)


def bring_up_to_date(finding: Finding, expected: Flow | None, seen: Flow | None) -> Finding:
    """Return an open finding as it is about its flow as that was read now; `closing` says that nothing is left of it.

    Args:
        finding: what was found before.
        expected: the flow that flowbot's own changes since then made of `finding.after`: they count on both sides.
        seen: the flow as it was read.
    """
    before, known = finding.before, finding.after
    if expected is None and known is not None:
        before = None
    elif before is not None and expected is not None and known is not None:
        before = replace(before, **{each.field: each.after for each in flow_differences(known, expected)})
    is_over = before is seen if before is None or seen is None else not any(flow_differences(before, seen))
    if is_over:
        return replace(finding, closing=FindingClosing(FindingEnd.GONE))
    is_own = expected is seen if expected is None or seen is None else not any(flow_differences(expected, seen))
    return replace(finding, before=before, after=seen, summary=finding.summary if is_own else None)


@dataclass(frozen=True, slots=True)
class Summary:
    """The findings of one round that are too many to be told one by one."""

    findings: tuple[ReportId, ...]
