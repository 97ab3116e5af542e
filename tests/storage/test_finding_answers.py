"""Findings that changes answer: each transaction that moves the change moves the finding."""

from dataclasses import replace

import pytest

from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.finding_answers import close_finding
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.ids import ChannelId, ReportId
from flowbot.domain.report import Report
from flowbot.services.ports.reports import ReportConflictError
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import AYSE, FLOW, NOON, OURS, move_through, new_event, new_request, submit_change
from tests.storage.test_reports import new_finding


@pytest.fixture
def reports(database: Database) -> ReportRepository:
    """Return the store of reports."""
    return ReportRepository(database, lambda: NOON)


@pytest.fixture
def changes(database: Database) -> ChangeRepository:
    """Return the store of changes."""
    return ChangeRepository(database, lambda: NOON)


async def read(reports: ReportRepository, report: ReportId) -> tuple[Report, Finding]:
    found = await reports.get(report)
    assert found is not None
    assert isinstance(found.told.content, Finding)
    return found, found.told.content


@pytest.mark.parametrize(
    ("kind", "end", "how"),
    [
        (ChangeKind.DELETE, ChangeState.APPLIED, FindingEnd.REVERTED),
        (ChangeKind.DISABLE, ChangeState.APPLIED, FindingEnd.DISABLED),
        (ChangeKind.ENABLE, ChangeState.FAILED, None),
        (ChangeKind.ENABLE, ChangeState.UNKNOWN, None),
    ],
)
async def test_a_finding_ends_with_the_change_that_answers_it(
    reports: ReportRepository, changes: ChangeRepository, kind: ChangeKind, end: ChangeState, how: FindingEnd | None
) -> None:
    report, _ = await reports.submit(new_finding("one", FLOW))
    change = await submit_change(changes, kind=kind, answers=report.id)
    noted, finding = await read(reports, report.id)
    assert (noted.version, noted.is_open) == (2, True)
    answer = finding.answer
    assert answer is not None
    assert (answer.by, answer.change) == (AYSE, change.id)
    settled = await move_through(changes, change, ChangeState.APPLYING, end)
    ended, finding = await read(reports, report.id)
    assert ended.is_open is (how is None)
    assert finding.closing == (None if how is None else FindingClosing(how, AYSE, change.id))
    assert finding.answer is None
    if end is ChangeState.UNKNOWN:
        await move_through(changes, settled, ChangeState.APPLIED)
        assert not (await read(reports, report.id))[0].is_open
    trail = [event.action async for event in changes.all_events()]
    assert trail.count("outside_change.reverted") + trail.count("outside_change.disabled") == (
        end is not ChangeState.FAILED
    )


async def test_what_has_ended_is_answered_no_more(reports: ReportRepository, changes: ChangeRepository) -> None:
    report, _ = await reports.submit(new_finding("one", FLOW))
    closed = close_finding(report, FindingClosing(FindingEnd.ACCEPTED, AYSE))
    await reports.replace_if_unchanged(report, closed)
    with pytest.raises(ReportConflictError):
        await changes.submit(new_request(answers=report.id), OURS, new_event())
    assert await changes.open_change_of(FLOW) is None


async def test_a_finding_that_was_accepted_meanwhile_stays_so(
    reports: ReportRepository, changes: ChangeRepository
) -> None:
    report, _ = await reports.submit(new_finding("one", FLOW))
    change = await submit_change(changes, answers=report.id)
    noted, _ = await read(reports, report.id)
    closed = close_finding(noted, FindingClosing(FindingEnd.GONE))
    await reports.replace_if_unchanged(noted, closed)
    await move_through(changes, change, ChangeState.APPLYING, ChangeState.APPLIED)
    assert (await read(reports, report.id))[1].closing == FindingClosing(FindingEnd.GONE)


async def test_a_finding_is_shown_anew_once_the_request_that_answers_it_has_a_message(
    reports: ReportRepository, changes: ChangeRepository
) -> None:
    report, _ = await reports.submit(new_finding("one", FLOW))
    change = await submit_change(changes, answers=report.id)
    await reports.mark_shown(report.id, 2)
    assert await reports.unshown() == ()
    await changes.mark_posted(change.id, 1, (ChannelId("C1"), "1.5"), is_first=True)
    assert [each.id for each in await reports.unshown()] == [report.id]


async def test_other_changes_are_stored_as_ever(changes: ChangeRepository) -> None:
    change = await submit_change(changes)
    assert change.request == replace(new_request(), answers=None)
