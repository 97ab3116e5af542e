"""Earlier contents of a flow, which its changes carry."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowbot.domain.change import CREATING_KINDS, Change, ChangeState
from flowbot.domain.flow import FlowContent, is_equivalent
from flowbot.domain.ids import ChangeId
from flowbot.domain.outcomes import stored_content


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A content that a change carries: of the flow before the change where `is_before`, else after it."""

    change: ChangeId
    is_before: bool


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
    newest_first: Sequence[Change], older: Change | None, current: FlowContent
) -> dict[VersionRef, FlowContent]:
    """Find the contents in the changes of a flow that are not its current one, each where it came to be.

    Args:
        newest_first: some changes of the flow, one after another.
        older: the change before the last of them, if there is one.
        current: the flow's content as it is now.
    """
    found: dict[VersionRef, FlowContent] = {}
    for change, previous in zip(newest_first, (*newest_first[1:], older), strict=False):
        before, after = content_before(change), content_after(change)
        earlier = content_after(previous) if previous else None
        if after is not None and (before is None or not is_equivalent(before, after)):
            found[VersionRef(change.id, is_before=False)] = after
        if before is not None and (earlier is None or not is_equivalent(earlier, before)):
            found[VersionRef(change.id, is_before=True)] = before
    return {ref: content for ref, content in found.items() if not is_equivalent(content, current)}
