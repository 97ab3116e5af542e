"""Workflows' steps, kept in step with their requests in the same transactions."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.change import Change
from flowbot.domain.report import Report, ReportState
from flowbot.domain.step import Step, has_ended, parse_step_token
from flowbot.services.ports.reports import StepOverError
from flowbot.storage.repositories import change_queries as queries
from flowbot.storage.repositories.reports import read_report, replace_report
from flowbot.storage.tables import reports
from flowbot.storage.unreadable import find_readable


async def note_request(connection: AsyncConnection, change: Change) -> None:
    """Note a new change in the step whose token it has; a change without such a token concerns none.

    Raises:
        StepOverError: the step has ended, has a request already, or asks for another.
    """
    if parse_step_token(change.request.token) is None:
        return
    report = await _lock_step(connection, change)
    step = None if report is None or not report.is_open else report.told.content_as(Step)
    if report is None or step is None or step.change is not None or not step.is_requested_by(change):
        raise StepOverError
    told = replace(report.told, content=step.begun_by(change))
    await replace_report(connection, report, told, change.created_at)


async def end_step(connection: AsyncConnection, change: Change) -> None:
    """End the step of a request that has ended."""
    report = await _lock_step(connection, change) if has_ended(change) else None
    if report is None or not report.is_open:
        return
    votes = await queries.fetch_votes(connection, change.id)
    told = replace(report.told, content=report.told.content_as(Step).ended_by(change, votes), state=ReportState.CLOSED)
    await replace_report(connection, report, told, change.changed_at)


async def _lock_step(connection: AsyncConnection, change: Change) -> Report | None:
    """Read and lock the report of the step whose token a change has; None where it has none."""
    step = parse_step_token(change.request.token)
    if step is None:
        return None
    report = await find_readable(connection, select(reports).where(reports.c.id == step).with_for_update(), read_report)
    return report if report is not None and isinstance(report.told.content, Step) else None
