"""History: the audit trail for people in a channel, and its whole export."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.change import CREATING_KINDS, Change, ChangeKind, ChangeState
from flowbot.domain.findings import Finding
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, ReportId, UserId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, Permission, decide
from flowbot.domain.remarks import Remark
from flowbot.domain.report import Report
from flowbot.domain.versions import Step, VersionRef, content_after, content_before, find_versions
from flowbot.errors import DependencyError, UserError
from flowbot.services.authorization import NoSuchFlowError, load_visible_flow, require_permission
from flowbot.services.flow_settings import FlowSettings
from flowbot.services.ports import Clock, ProgressReport, ignore_progress
from flowbot.services.ports.changes import ChangeStore, EventFilter, VotedChange
from flowbot.services.ports.enkapush import FlowSource
from flowbot.services.ports.policies import PolicyStore
from flowbot.services.ports.reports import ReportStore
from flowbot.services.request_details import RequestDetails
from flowbot.services.restores import find_restore
from flowbot.services.segments import SegmentCache
from flowbot.services.users import CurrentUser

PAGE_SIZE: Final = 10
FLOW_PAGE_SIZE: Final = 5
"""Changes a page: of one flow, each is told at length."""
DELETIONS_LIMIT: Final = 20
REPORTED_ROWS: Final = 500
COLUMNS: Final = ("number", "at", "action", "actor", "channel", "change", "kind", "flow", "website", "details")


class Format(StrEnum):
    """A file format of the exported audit trail."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of a flow through flowbot: when, who requested it, and the flow's number since it was restored."""

    flow: FlowId
    at: datetime
    requester: UserId
    restored_as: FlowId | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of a history, newest first.

    Attributes:
        flow: Whose changes they are; None for all of the channel's websites.
        number: From 1.
        versions: The earlier contents of the flow that the reader may ask for again.
        findings: What was changed outside flowbot in between; of one flow alone.
        remarks: The remarks on the changes; of one flow alone.
    """

    flow: FlowId | None
    changes: tuple[RequestDetails, ...]
    number: int
    has_next: bool
    versions: Mapping[VersionRef, FlowContent] = field(default_factory=dict)
    findings: tuple["SeenFinding", ...] = ()
    website_names: Mapping[WebsiteId, str] = field(default_factory=dict)
    remarks: Mapping[ChangeId, Sequence[Remark]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Check whether there is nothing on it."""
        return not self.changes and not self.findings


@dataclass(frozen=True, slots=True)
class SeenFinding:
    """A change that was made outside flowbot, as far as a channel may see it, and when it was seen."""

    report: ReportId
    finding: Finding
    at: datetime


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """An earlier content of a flow, and when the flow had it."""

    flow: FlowId
    content: FlowContent
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """The use cases that look back."""

    policies: PolicyStore
    store: ChangeStore
    reports: ReportStore
    source: FlowSource
    segments: SegmentCache
    clock: Clock

    async def load_page(
        self, user: CurrentUser, channel: ChannelId, flow: FlowId | None, number: int = 1
    ) -> HistoryPage:
        """Load a page of the changes of the channel's websites, or of one flow; the first where there is none such.

        A flow's has what was changed outside flowbot, too.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        scope = await self.policies.get_scope(channel)
        policy = require_permission(scope.policy, user, Permission.VIEW)
        size = PAGE_SIZE if flow is None else FLOW_PAGE_SIZE
        findings = await self._find_findings(flow, policy)
        # What lies in between has to be known from the beginning. One more tells whether there is a next page.
        skipped, end = 0 if findings else (number - 1) * size, number * size + 1
        listed = await self.store.list_history(policy.named_websites, flow, offset=skipped, limit=end - skipped)
        entries: list[VotedChange | SeenFinding] = [*listed, *findings]
        entries = sorted(entries, key=_moment_of, reverse=True)[(number - 1) * size - skipped :]
        if not entries and number > 1:
            return await self.load_page(user, channel, flow)
        entries, following = entries[:size], next(iter(entries[size:]), None)
        shown = [
            RequestDetails(_hide_other_websites(entry.change, policy), entry.votes, scope.website_names)
            for entry in entries
            if isinstance(entry, VotedChange)
        ]
        if flow is not None:
            names = await self.segments.find_names(*(each.sent.segment for each in shown))
            shown = [replace(each, settings=FlowSettings(segment_names=names)) for each in shown]
        versions: Mapping[VersionRef, FlowContent] = {}
        if flow is not None and entries and decide(policy, user.actor, Permission.EDIT).allowed:
            versions = await self._find_versions(flow, entries, following, policy)
        seen = tuple(entry for entry in entries if isinstance(entry, SeenFinding))
        remarked = [details.change for details in shown if flow is not None and details.change.progress.remarks]
        remarks = await self.store.list_remarks(remarked) if remarked else {}
        has_next = following is not None
        return HistoryPage(flow, tuple(shown), number, has_next, versions, seen, scope.website_names, remarks)

    async def _find_findings(self, flow: FlowId | None, policy: ChannelPolicy) -> list[SeenFinding]:
        """Find what was changed in a flow outside flowbot, as far as the channel may see it."""
        found = []
        for report in () if flow is None else await self.reports.findings(flow=flow):
            seen = _seen_finding(report, policy)
            if seen is not None:
                found.append(seen)
        return found

    async def _find_versions(
        self,
        flow: FlowId,
        newest_first: Sequence[VotedChange | SeenFinding],
        older: VotedChange | SeenFinding | None,
        policy: ChannelPolicy,
    ) -> Mapping[VersionRef, FlowContent]:
        """Find the earlier contents of a flow that is still there."""
        try:
            current = await load_visible_flow(self.source, flow, policy)
        except (NoSuchFlowError, DependencyError):
            return {}
        steps = [_step_of(entry) for entry in newest_first]
        found = find_versions(steps, _step_of(older) if older else None, FlowContent.of(current))
        return {ref: content for ref, content in found.items() if policy.covers_website(content.website_id)}

    async def find_version(self, user: CurrentUser, channel: ChannelId, ref: VersionRef) -> FlowVersion:
        """Find an earlier content of a flow, to be asked for again.

        Raises:
            UserError: not allowed, or there is none such.
            DependencyError: the database did not answer.
        """
        policy = require_permission((await self.policies.get_scope(channel)).policy, user, Permission.EDIT)
        if ref.is_finding:
            return await self._find_seen_version(ref, policy)
        change = await self.store.get(ChangeId(ref.origin))
        if change is None or not policy.covers_website(change.request.website):
            raise UserError("request.gone")
        content = content_before(change) if ref.is_before else content_after(change)
        made = change.outcome.flow if change.outcome and change.request.kind in CREATING_KINDS else None
        flow = made or change.request.flow
        if content is None or flow is None or not policy.covers_website(content.website_id):
            raise UserError("request.gone")
        return FlowVersion(flow, content, change.created_at if ref.is_before else change.changed_at)

    async def _find_seen_version(self, ref: VersionRef, policy: ChannelPolicy) -> FlowVersion:
        report = await self.reports.get(ReportId(ref.origin))
        seen = None if report is None else _seen_finding(report, policy)
        flow = None if seen is None else seen.finding.before if ref.is_before else seen.finding.after
        if seen is None or flow is None:
            raise UserError("request.gone")
        return FlowVersion(flow.id, FlowContent.of(flow), seen.at)

    async def find_deletion(self, user: CurrentUser, channel: ChannelId, flow: FlowId) -> Deletion | None:
        """Find out how a flow of the channel's websites was deleted through flowbot, if it was.

        A deletion that was unknown at first does not count: somebody else may have deleted the flow before the recheck.

        Raises:
            UserError: not allowed.
            DependencyError: the database did not answer.
        """
        policy = require_permission((await self.policies.get_scope(channel)).policy, user, Permission.VIEW)
        scope = EventFilter(policy.named_websites, flow, frozenset(AuditAction) - {AuditAction.APPLIED})
        ends = await self.store.latest_events(scope, limit=DELETIONS_LIMIT)
        last = next((event for event in ends if event.flow == flow), None)
        if last is None or last.kind is not ChangeKind.DELETE or last.change is None:
            return None
        change = await self.store.get(last.change)
        if change is None:
            return None
        _, restore = await find_restore(self.store, change.id, self.clock())
        restored = restore.outcome if restore and restore.state is ChangeState.APPLIED else None
        return Deletion(flow, last.at, change.request.requester, restored.flow if restored else None)


def _seen_finding(report: Report, policy: ChannelPolicy) -> SeenFinding | None:
    """Return what a channel may see of a finding; None where that is nothing."""
    content = report.told.content
    finding = content.seen_by(policy.covers_website) if isinstance(content, Finding) else None
    return None if finding is None or finding.flow is None else SeenFinding(report.id, finding, report.created_at)


def _moment_of(entry: VotedChange | SeenFinding) -> datetime:
    return entry.at if isinstance(entry, SeenFinding) else entry.change.changed_at


def _step_of(entry: VotedChange | SeenFinding) -> Step:
    if isinstance(entry, SeenFinding):
        return Step.of_finding(entry.report, entry.finding)
    return Step.of_change(entry.change)


def _hide_other_websites(change: Change, policy: ChannelPolicy) -> Change:
    """Return the change without what it wants where that is on a website that the policy does not name."""
    request = change.request
    if request.wanted is None or policy.covers_website(request.wanted.content.website_id):
        return change
    return replace(change, request=replace(request, wanted=None))


async def export(
    events: AsyncIterator[AuditEvent],
    file_format: Format,
    write: Callable[[str], object],
    report: ProgressReport = ignore_progress,
) -> int:
    """Write all events, oldest first, a line each, and return their number; `report` is told it on the way."""
    is_csv = file_format is Format.CSV
    if is_csv:
        write(_csv_line({column: column for column in COLUMNS}))
    count = 0
    async for event in events:
        row = {column: getattr(event, column) for column in COLUMNS} | {"at": event.at.isoformat()}
        details = dict(event.details)
        if is_csv:
            write(_csv_line(row | {"details": _json(details)}))
        else:
            write(_json(row | {"details": details}) + "\n")
        count += 1
        if count % REPORTED_ROWS == 0:
            report(count, None)
    return count


def _json(value: Any) -> str:
    """Return JSON as it is read, with an escape in the place of half a surrogate pair, which no file takes."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _csv_line(values: Mapping[str, Any]) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, COLUMNS).writerow(values)
    return buffer.getvalue()
