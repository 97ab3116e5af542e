"""Earlier contents of a flow, which its changes and the findings of it carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from flowbot.domain.change import CREATING_KINDS, Change, ChangeState
from flowbot.domain.findings import Finding
from flowbot.domain.flow import FlowContent, is_equivalent
from flowbot.domain.ids import ChangeId, ReportId
from flowbot.domain.outcomes import stored_content


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A content that a change carries, or a finding: of the flow before that where `is_before`, else after it."""

    origin: ChangeId | ReportId
    is_before: bool
    is_finding: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a flow, or a finding, as far as the flow's content goes; None where there was, or is, no flow."""

    origin: ChangeId | ReportId
    before: FlowContent | None
    after: FlowContent | None
    is_finding: bool = False

    @classmethod
    def of_change(cls, change: Change) -> Self:
        """Return the step that a change is."""
        return cls(change.id, content_before(change), content_after(change))

    @classmethod
    def of_finding(cls, report: ReportId, finding: Finding) -> Self:
        """Return the step that a finding is."""
        before, after = (flow and FlowContent.of(flow) for flow in (finding.before, finding.after))
        return cls(report, before, after, is_finding=True)


def content_before(change: Change) -> FlowContent | None:
    """Return the flow's content before the change; None where the change makes the flow."""
    before = change.request.before
    return None if before is None or change.request.kind in CREATING_KINDS else FlowContent.of(before)


def content_after(change: Change) -> FlowContent | None:
    """Return the flow's content after the change, which is the one before unless it was applied."""
    wanted = change.request.wanted
    if change.state is not ChangeState.APPLIED or wanted is None:
        return content_before(change)
    return stored_content(wanted.content, change.outcome) if change.outcome else wanted.content


def find_versions(
    newest_first: Sequence[Step], older: Step | None, current: FlowContent
) -> dict[VersionRef, FlowContent]:
    """Find the contents in the steps of a flow that are not its current one, each where it came to be.

    Args:
        newest_first: some steps of the flow, one after another.
        older: the step before the last of them, if there is one.
        current: the flow's content as it is now.
    """
    found: dict[VersionRef, FlowContent] = {}
    for step, previous in zip(newest_first, (*newest_first[1:], older), strict=False):
        before, after = step.before, step.after
        earlier = previous.after if previous else None
        if after is not None and (before is None or not is_equivalent(before, after)):
            found[VersionRef(step.origin, is_before=False, is_finding=step.is_finding)] = after
        if before is not None and (earlier is None or not is_equivalent(earlier, before)):
            found[VersionRef(step.origin, is_before=True, is_finding=step.is_finding)] = before
    return {ref: content for ref, content in found.items() if not is_equivalent(content, current)}
