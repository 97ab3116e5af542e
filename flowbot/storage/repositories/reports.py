"""The repository of reports."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.audit import AuditEvent
from flowbot.domain.breaker import Trip
from flowbot.domain.digest import Digest
from flowbot.domain.finding_answers import found_event
from flowbot.domain.findings import Finding, Summary
from flowbot.domain.ids import ChannelId, FlowId, ReportId, ReportToken, WebsiteId
from flowbot.domain.report import NewReport, Report, ReportKind, ReportState
from flowbot.domain.step import Step
from flowbot.domain.stop import Stop
from flowbot.errors import DatabaseFaultError
from flowbot.services.batches import batched
from flowbot.services.ports import Clock
from flowbot.services.ports.messages import MessageRole
from flowbot.services.ports.readings import NewSummary
from flowbot.services.ports.reports import ReportConflictError, ReportStore
from flowbot.storage.documents import Document
from flowbot.storage.inserts import insert_if_absent
from flowbot.storage.repositories.change_rows import append_events
from flowbot.storage.tables import messages, new_id, reports
from flowbot.storage.unit_of_work import Database
from flowbot.storage.unreadable import fetch_readable, find_readable, row_reader

READ_PAGE: Final = 500
WRITTEN_PAGE: Final = 100
"""Reports that are written by one statement: between two of them others have their turn."""
DOCUMENTS: Final[Mapping[ReportKind, Document[Any]]] = {
    ReportKind.FINDING: Document(Finding, has_mappings=False),
    ReportKind.SUMMARY: Document(Summary),
    ReportKind.BREAKER: Document(Trip),
    ReportKind.DIGEST: Document(Digest),
    ReportKind.STOP: Document(Stop),
    ReportKind.STEP: Document(Step),
}
"""How the content of each kind is stored."""
_IS_OPEN_FINDING: Final = (reports.c.kind == ReportKind.FINDING.value) & (reports.c.state == ReportState.OPEN.value)


class ReportRepository(ReportStore):
    """The reports in the database.

    Args:
        database: migrated and open.
        clock: tells when a report was written.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def submit(self, new: NewReport, *events: AuditEvent) -> tuple[Report, bool]:
        async with self._database.write() as connection:
            report = await insert_report(connection, new, self._clock())
            if report is not None:
                await append_events(connection, events)
                return report, True
            is_same = reports.c.token == new.token
            if new.kind is ReportKind.FINDING:
                is_same |= _IS_OPEN_FINDING & (reports.c.flow_id == new.flow)
            known = await find_readable(connection, select(reports).where(is_same), read_report)
        if known is None:
            raise DatabaseFaultError
        return known, False

    async def get(self, report: ReportId) -> Report | None:
        return await self._find(reports.c.id == report)

    async def get_many(self, wanted: Collection[ReportId]) -> tuple[Report, ...]:
        return await self._list(reports.c.id.in_(wanted))

    async def get_by_token(self, token: ReportToken) -> Report | None:
        return await self._find(reports.c.token == token)

    async def open_finding(self, flow: FlowId) -> Report | None:
        return await self._find(_IS_OPEN_FINDING & (reports.c.flow_id == flow))

    async def open_findings(self, flows: Collection[FlowId]) -> Mapping[FlowId, Report]:
        found = [
            report
            for page in batched(flows, READ_PAGE)
            for report in await self._list(_IS_OPEN_FINDING & reports.c.flow_id.in_(page))
        ]
        return {report.told.flow: report for report in found if report.told.flow is not None}

    async def findings(self, *, flow: FlowId | None = None, website: WebsiteId | None = None) -> tuple[Report, ...]:
        condition = reports.c.kind == ReportKind.FINDING.value
        if flow is not None:
            condition &= reports.c.flow_id == flow
        if website is not None:
            condition &= reports.c.website_id == website
        return await self._list(condition)

    async def replace_if_unchanged(self, seen: Report, moved: NewReport, *events: AuditEvent) -> Report:
        async with self._database.write() as connection:
            report = await replace_report(connection, seen, moved, self._clock())
            await redraw_summaries(connection, [report])
            await append_events(connection, events)
        return report

    async def get_by_tokens(self, tokens: Collection[ReportToken]) -> tuple[Report, ...]:
        return await self._list(reports.c.token.in_(tokens))

    async def list_since(self, kind: ReportKind, since: datetime) -> tuple[Report, ...]:
        return await self._list((reports.c.kind == kind.value) & (reports.c.created_at >= since))

    async def list_open(self, kind: ReportKind) -> tuple[Report, ...]:
        return await self._list((reports.c.kind == kind.value) & (reports.c.state == ReportState.OPEN.value))

    async def replace_all_if_unchanged(self, moves: Sequence[tuple[Report, NewReport]], *events: AuditEvent) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            moved = [await replace_report(connection, seen, told, now) for seen, told in moves]
            await redraw_summaries(connection, moved)
            for page in batched(events, WRITTEN_PAGE):
                await append_events(connection, page)

    async def unshown(self, *, limit: int = 50) -> tuple[Report, ...]:
        return await self._list(reports.c.shown_version < reports.c.version, limit)

    async def mark_shown(self, report: ReportId, version: int) -> None:
        is_older = (reports.c.id == report) & (reports.c.shown_version < version)
        is_older_message = and_(messages.c.subject == report, messages.c.shown_version < version)
        is_behind = exists().where(is_report_message(), is_older_message)
        async with self._database.write(alone="channels") as connection:
            await connection.execute(update(reports).where(is_older, ~is_behind).values(shown_version=version))

    async def _find(self, condition: ColumnElement[bool]) -> Report | None:
        async with self._database.query() as connection:
            return await find_readable(connection, select(reports).where(condition), read_report)

    async def _list(self, condition: ColumnElement[bool], limit: int | None = None) -> tuple[Report, ...]:
        wanted = select(reports).where(condition).order_by(reports.c.created_at, reports.c.id).limit(limit)
        async with self._database.query() as connection:
            return await fetch_readable(connection, reports, wanted, read_report)


async def insert_report(connection: AsyncConnection, new: NewReport, now: datetime) -> Report | None:
    """Insert a report in the transaction of `connection`; None where its token, or its flow's finding, is there."""
    report = Report(ReportId(new_id()), new, 1, 0, now, now)
    return report if await insert_if_absent(connection, reports, _whole_row(report)) else None


async def insert_findings(
    connection: AsyncConnection, new: Sequence[NewReport], now: datetime, *, are_shown: bool = False
) -> list[Report]:
    """Insert findings of flows without an open one, in the transaction of `connection`; perhaps as shown already."""
    found = [Report(ReportId(new_id()), each, 1, int(are_shown), now, now) for each in new]
    for page in batched(found, WRITTEN_PAGE):
        await append_events(connection, [found_event(each.id, each.told, now) for each in page])
        # An open one that nobody could read would keep them out.
        is_unread = _IS_OPEN_FINDING & reports.c.flow_id.in_([each.told.flow for each in page])
        await connection.execute(update(reports).where(is_unread).values(state=ReportState.CLOSED.value))
        await connection.execute(insert(reports), [_whole_row(report) for report in page])
    return found


async def insert_summary(connection: AsyncConnection, summary: NewSummary, now: datetime) -> Report:
    """Write the findings that are told together, and the report that tells them, in the transaction of `connection`.

    Raises:
        ReportConflictError: somebody has moved one of the open ones.
    """
    own = ReportId(new_id())
    told = [_told_in(own, new) for new in summary.findings]
    findings = await insert_findings(connection, told, now, are_shown=True)
    findings += [await replace_report(connection, seen, _told_in(own, new), now) for seen, new in summary.updates]
    content = Summary(tuple(each.id for each in findings))
    report = Report(own, NewReport(summary.token, ReportKind.SUMMARY, content), 1, 0, now, now)
    await connection.execute(insert(reports), _whole_row(report))
    return report


def _told_in(summary: ReportId, finding: NewReport) -> NewReport:
    return replace(finding, content=replace(finding.content_as(Finding), summary=summary))


async def replace_report(connection: AsyncConnection, seen: Report, moved: NewReport, now: datetime) -> Report:
    """Put `moved` in the place of `seen` in the transaction of `connection`, as `ReportStore.replace_if_unchanged`."""
    kept = replace(moved, token=seen.told.token, kind=seen.told.kind, flow=seen.told.flow)
    report = replace(seen, told=kept, version=seen.version + 1, changed_at=now)
    shown: dict[str, Any] = {}
    if isinstance(kept.content, Finding) and kept.content.summary is not None:
        # What only a summary tells has no message of its own.
        is_told = exists().where(is_report_message(), messages.c.subject == seen.id)
        shown["shown_version"] = case((is_told, reports.c.shown_version), else_=report.version)
    is_seen = (reports.c.id == seen.id) & (reports.c.version == seen.version)
    written = await connection.execute(update(reports).where(is_seen).values(_changing_columns(report) | shown))
    if not written.rowcount:
        current = await find_readable(connection, select(reports).where(reports.c.id == seen.id), read_report)
        if current is None:
            raise LookupError(f"no report {seen.id}")
        raise ReportConflictError(current)
    return report


def _whole_row(report: Report) -> dict[str, Any]:
    return {
        "id": report.id,
        "token": report.told.token,
        "kind": report.told.kind.value,
        "flow_id": report.told.flow,
        "shown_version": report.shown_version,
        "created_at": report.created_at,
    } | _changing_columns(report)


def _changing_columns(report: Report) -> dict[str, Any]:
    told = report.told
    return {
        "state": told.state.value,
        "version": report.version,
        "website_id": told.website,
        "channel_id": None if told.channel is None else str(told.channel),
        "document": DOCUMENTS[told.kind].write(told.content),
        "changed_at": report.changed_at,
    }


def is_report_message() -> ColumnElement[bool]:
    """Match the messages of reports that were sent, one a channel."""
    return and_(messages.c.role == MessageRole.REPORT.value, messages.c.ts.is_not(None))


async def mark_reports_unshown(connection: AsyncConnection, channel: ChannelId) -> None:
    """Let the open reports that have a message in a channel count as not shown there, in their newest version."""
    is_here = and_(is_report_message(), messages.c.recipient == str(channel))
    is_told = reports.c.id.in_(select(messages.c.subject).where(is_here))
    is_open = reports.c.state == ReportState.OPEN.value
    await _mark_unshown(connection, and_(is_open, is_told), is_here)


async def redraw_summaries(connection: AsyncConnection, moved: Iterable[Report]) -> None:
    """Let the summaries of findings that moved count as not shown: they say how many are open."""
    contents = (report.told.content for report in moved)
    told = {each.summary for each in contents if isinstance(each, Finding) and each.summary is not None}
    await redraw_reports(connection, told)


async def redraw_reports(connection: AsyncConnection, redrawn: Collection[ReportId]) -> None:
    """Let reports count as not shown in their newest version: what stands beside them has changed."""
    if redrawn:
        await _mark_unshown(connection, reports.c.id.in_(redrawn), is_report_message())


async def _mark_unshown(
    connection: AsyncConnection, is_meant: ColumnElement[bool], is_message: ColumnElement[bool]
) -> None:
    """Let reports count as not shown in their newest version, by those of their messages that are meant."""
    shown = update(reports).where(is_meant, reports.c.shown_version >= reports.c.version)
    await connection.execute(shown.values(shown_version=reports.c.version - 1))
    subjects = select(reports.c.id).where(is_meant)
    behind = update(messages).where(is_message, messages.c.subject.in_(subjects))
    await connection.execute(behind.values(shown_version=0))


@row_reader(reports)
def read_report(row: Row[Any]) -> Report:
    """Read the report from its row."""
    kind = ReportKind(row.kind)
    told = NewReport(
        token=ReportToken(row.token),
        kind=kind,
        content=DOCUMENTS[kind].read(row.document),
        flow=None if row.flow_id is None else FlowId(row.flow_id),
        website=None if row.website_id is None else WebsiteId(row.website_id),
        channel=None if row.channel_id is None else ChannelId(row.channel_id),
        state=ReportState(row.state),
    )
    return Report(ReportId(row.id), told, row.version, row.shown_version, row.created_at, row.changed_at)
