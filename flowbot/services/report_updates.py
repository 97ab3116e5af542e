"""Updates of reports that several processes may write."""

from collections.abc import Callable

from flowbot.domain.report import NewReport, Report
from flowbot.services.ports.reports import ReportConflictError, ReportStore


async def update_report(
    reports: ReportStore, report: Report, change: Callable[[NewReport], NewReport]
) -> Report | None:
    """Write what `change` makes of a report, whoever else writes; None where it changes nothing.

    Args:
        reports: where it is stored.
        report: the report as it was read.
        change: called again with the newest report where somebody was faster.

    Raises:
        DependencyError: the database did not answer.
    """
    while (moved := change(report.told)) != report.told:
        try:
            return await reports.replace_if_unchanged(report, moved)
        except ReportConflictError as conflict:
            report = conflict.current
    return None
