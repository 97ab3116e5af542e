"""What a change that answers a finding means for that, in its transaction."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import Change
from flowbot.domain.finding_answers import begin_answer, closing_event, settle_answer
from flowbot.domain.findings import Finding
from flowbot.domain.report import Report
from flowbot.services.ports.reports import ReportConflictError
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.repositories.reports import read_report, redraw_summaries, replace_report
from flowbot.storage.tables import reports
from flowbot.storage.unreadable import find_readable


async def note_answer(connection: AsyncConnection, change: Change) -> None:
    """Note at the finding that the change answers, if it does, that it does.

    Raises:
        ReportConflictError: the finding has ended.
    """
    report = await _lock_answered(connection, change)
    if report is None:
        return
    if not report.is_open:
        raise ReportConflictError(report)
    await replace_report(connection, report, begin_answer(report, change), change.created_at)


async def settle_finding(connection: AsyncConnection, change: Change) -> None:
    """End the finding that an applied change answers; let it be answered otherwise where the change came to nothing."""
    report = await _lock_answered(connection, change)
    settled = None if report is None else settle_answer(report, change)
    if report is None or settled is None:
        return
    moved = await replace_report(connection, report, settled, change.changed_at)
    await redraw_summaries(connection, [moved])
    if not moved.is_open:
        await append_events(connection, [closing_event(moved, moved.told, change.changed_at)])


async def _lock_answered(connection: AsyncConnection, change: Change) -> Report | None:
    """Read the finding that a change answers; nobody else moves it until the transaction ends."""
    if change.request.answers is None:
        return None
    wanted = select(reports).where(reports.c.id == change.request.answers).with_for_update()
    report = await find_readable(connection, wanted, read_report)
    return report if report is not None and isinstance(report.told.content, Finding) else None
