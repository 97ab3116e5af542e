"""The views of reports, by kind: what is loaded beside each, and how its messages are built."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowbot.domain.findings import Finding, Summary
from flowbot.domain.report import Report, ReportKind
from flowbot.services.batches import batched
from flowbot.services.ports.changes import ChangeStore
from flowbot.services.ports.reports import ReportStore
from flowbot.slack.api.archive_links import ArchiveLinks
from flowbot.slack.views.breaker import breaker_message, load_trip
from flowbot.slack.views.digest import digest_message, load_digest
from flowbot.slack.views.finding import FindingDetails, SummaryDetails, finding_message, summary_message
from flowbot.slack.views.report import ReportView
from flowbot.slack.views.stop import load_stop, stop_message

AT_ONCE = 200
"""So many findings of a summary are read at a time: between them others have their turn."""


@dataclass(frozen=True, slots=True)
class ReportViews:
    """Loads what is shown beside reports."""

    reports: ReportStore
    changes: ChangeStore
    links: ArchiveLinks

    def build(self) -> Mapping[ReportKind, ReportView]:
        """Return how the messages of each kind of report are built."""
        return {
            ReportKind.FINDING: ReportView(finding_message, self.load_finding, lambda details: details.people),
            ReportKind.SUMMARY: ReportView(summary_message, self.load_summary, lambda details: details.people),
            ReportKind.STOP: ReportView(stop_message, load_stop, lambda stop: [stop.person]),
            ReportKind.BREAKER: ReportView(breaker_message, load_trip),
            ReportKind.DIGEST: ReportView(digest_message, load_digest),
        }

    async def load_finding(self, report: Report) -> FindingDetails:
        """Load a finding with the link to what answers it.

        Raises:
            DependencyError: the database did not answer.
        """
        finding = report.told.content
        if not isinstance(finding, Finding):
            raise TypeError(f"report {report.id} is no finding")
        answer = finding.answer
        change = None if answer is None or answer.change is None else await self.changes.get(answer.change)
        return FindingDetails(report, finding, None if change is None else await self.links.find_one(change))

    async def load_summary(self, report: Report) -> SummaryDetails:
        """Load the findings of a summary, those first that it names.

        Raises:
            DependencyError: the database did not answer.
        """
        summary = report.told.content
        if not isinstance(summary, Summary):
            raise TypeError(f"report {report.id} is no summary")
        found: dict[str, Finding] = {}
        for page in batched(summary.findings, AT_ONCE):
            for each in await self.reports.get_many(page):
                if isinstance(each.told.content, Finding):
                    found[each.id] = each.told.content
        return SummaryDetails(report, [found[each] for each in summary.findings if each in found])
