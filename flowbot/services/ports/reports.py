"""The port of reports: what flowbot tells a team by itself."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import FlowId, ReportId, ReportToken, WebsiteId
from flowbot.domain.report import NewReport, Report, ReportKind
from flowbot.errors import UserError


class ReportConflictError(Exception):
    """The report has moved since it was read. `current` is what it is now."""

    def __init__(self, current: Report) -> None:
        super().__init__(f"report {current.id} is in version {current.version}")
        self.current = current


class StepOverError(UserError):
    """The step that a request is made by has ended, or another request was made by it."""

    def __init__(self) -> None:
        super().__init__("workflow.over")


class ReportStore(Protocol):
    """The store of reports. Every method is one transaction, and raises DependencyError where the database fails."""

    async def submit(self, new: NewReport, *events: AuditEvent) -> tuple[Report, bool]:
        """Add a report in version 1, not shown yet, or find the one with the same token, or the flow's open finding.

        Returns:
            The report, and whether it is new. `events` are written only then.
        """

    async def get(self, report: ReportId) -> Report | None:
        """Return one report."""

    async def get_many(self, reports: Collection[ReportId]) -> tuple[Report, ...]:
        """Return those of `reports` that there are, oldest first."""

    async def get_by_token(self, token: ReportToken) -> Report | None:
        """Return the report with that token."""

    async def open_finding(self, flow: FlowId) -> Report | None:
        """Return the open finding of a flow."""

    async def open_findings(self, flows: Collection[FlowId]) -> Mapping[FlowId, Report]:
        """Return the open findings of flows, by the flow."""

    async def findings(self, *, flow: FlowId | None = None, website: WebsiteId | None = None) -> tuple[Report, ...]:
        """List the findings, open and closed, of a flow or a website, oldest first."""

    async def replace_if_unchanged(self, seen: Report, moved: NewReport, *events: AuditEvent) -> Report:
        """Put `moved` in the place of `seen`, in the next version, if version is still as seen.

        Token, kind and flow stay.

        Raises:
            ReportConflictError: somebody was faster; nothing was written.
            LookupError: there is no such report.
        """

    async def get_by_tokens(self, tokens: Collection[ReportToken]) -> tuple[Report, ...]:
        """Return those with `tokens` that there are, oldest first."""

    async def list_since(self, kind: ReportKind, since: datetime) -> tuple[Report, ...]:
        """List the reports of a kind that were made since then, oldest first."""

    async def list_open(self, kind: ReportKind) -> tuple[Report, ...]:
        """List the open reports of a kind, oldest first."""

    async def replace_all_if_unchanged(self, moves: Sequence[tuple[Report, NewReport]], *events: AuditEvent) -> None:
        """Put reports in the place of those that were seen, all or none, as `replace_if_unchanged`."""

    async def unshown(self, *, limit: int = 50) -> tuple[Report, ...]:
        """List the reports whose newest version was not shown, oldest first."""

    async def mark_shown(self, report: ReportId, version: int) -> None:
        """Note that its messages show `version`, unless one of them does not, or they show a newer one already."""


class ReportNotifier(Protocol):
    """Shows a report to people."""

    async def __call__(self, report: ReportId, /) -> None:
        """Bring the report's messages up to date: call it after each version that was written.

        Raises:
            DependencyError: a channel could not be told; the recovery tries again.
        """
