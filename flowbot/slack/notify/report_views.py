"""The views of reports, by kind: what is loaded beside each, and how its messages are built."""

from collections.abc import Mapping

from flowbot.domain.findings import Finding
from flowbot.domain.report import Report, ReportKind
from flowbot.slack.views.breaker import breaker_message, load_trip
from flowbot.slack.views.digest import digest_message, load_digest
from flowbot.slack.views.finding import FindingDetails, finding_message
from flowbot.slack.views.report import ReportView
from flowbot.slack.views.stop import load_stop, stop_message


def build_report_views() -> Mapping[ReportKind, ReportView]:
    """Return how the messages of each kind of report are built."""
    return {
        ReportKind.FINDING: ReportView(finding_message, _load_finding, lambda details: details.people),
        ReportKind.SUMMARY: ReportView(lambda *_: None),
        ReportKind.STOP: ReportView(stop_message, load_stop, lambda stop: [stop.person]),
        ReportKind.BREAKER: ReportView(breaker_message, load_trip),
        ReportKind.DIGEST: ReportView(digest_message, load_digest),
    }


async def _load_finding(report: Report) -> FindingDetails:
    content = report.told.content
    if not isinstance(content, Finding):
        raise TypeError(f"report {report.id} is no finding")
    return FindingDetails(report, content)
