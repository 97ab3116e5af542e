"""Reports: stored once a token, replaced in versions, one open finding a flow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowbot.domain.audit import AuditAction, AuditEvent
from flowbot.domain.breaker import Trip
from flowbot.domain.change import ChangeState
from flowbot.domain.digest import Digest
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd, Summary
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, ReportId, ReportToken, UserId, WebsiteId
from flowbot.domain.report import NewReport, ReportKind, ReportState
from flowbot.domain.step import Step, StepEnd, StepKind
from flowbot.errors import Text
from flowbot.services.ports.reports import ReportConflictError
from flowbot.storage.repositories.reports import ReportRepository
from flowbot.storage.unit_of_work import Database
from tests.services.test_flow_cache import new_flow
from tests.slack.test_weekly_digest_view import FULL, TRIP, UNKNOWN

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
WAS = replace(new_flow(40), is_enabled=False)
NOW_LIVE = replace(WAS, is_enabled=True)
EMMA = UserId("U0EMMA")
ASKING = Step(StepKind.CREATE, "Fx1", EMMA, typed={"title": "Spring"}, is_admitted=True)


@pytest.fixture
def reports(database: Database) -> ReportRepository:
    """Return the store of reports."""
    return ReportRepository(database, lambda: NOW)


def new_finding(token: str, flow: int = 40) -> NewReport:
    content = Finding(WAS, NOW_LIVE)
    return NewReport(ReportToken(token), ReportKind.FINDING, content, FlowId(flow), WebsiteId(1))


async def test_the_same_token_is_the_same_report(reports: ReportRepository) -> None:
    new = NewReport(ReportToken("s"), ReportKind.SUMMARY, Summary((ReportId("a"),)), channel=ChannelId("C1"))
    first, is_new = await reports.submit(new)
    again, is_new_again = await reports.submit(replace(new, content=Summary(())))
    assert (is_new, is_new_again) == (True, False)
    assert again == first == await reports.get_by_token(ReportToken("s"))
    assert first.told == new


async def test_a_flow_has_one_open_finding(reports: ReportRepository) -> None:
    first, _ = await reports.submit(new_finding("one"))
    assert await reports.submit(new_finding("two")) == (first, False)
    assert await reports.open_finding(FlowId(40)) == first
    closing = FindingClosing(FindingEnd.ACCEPTED, UserId("U1"))
    closed = replace(first.told, state=ReportState.CLOSED, content=Finding(WAS, NOW_LIVE, closing=closing))
    moved = await reports.replace_if_unchanged(first, closed)
    assert (moved.told, moved.version) == (closed, 2)
    second, is_new = await reports.submit(new_finding("two"))
    assert is_new
    assert {each.id: each for each in await reports.findings(flow=FlowId(40))} == {moved.id: moved, second.id: second}
    assert await reports.findings(website=WebsiteId(2)) == ()


async def test_who_is_late_learns_what_it_is_now(reports: ReportRepository) -> None:
    event = AuditEvent(NOW, AuditAction.CHECKED, None)
    first, _ = await reports.submit(new_finding("one"), event)
    moved = await reports.replace_if_unchanged(first, replace(first.told, website=WebsiteId(2)), event)
    with pytest.raises(ReportConflictError) as conflict:
        await reports.replace_if_unchanged(first, first.told)
    assert conflict.value.current == moved


async def test_a_version_counts_as_shown_once_and_never_back(reports: ReportRepository) -> None:
    first, _ = await reports.submit(new_finding("one"))
    assert await reports.unshown() == (first,)
    moved = await reports.replace_if_unchanged(first, first.told)
    await reports.mark_shown(first.id, 1)
    assert [report.version for report in await reports.unshown()] == [2]
    await reports.mark_shown(moved.id, 2)
    await reports.mark_shown(moved.id, 1)
    assert await reports.unshown() == ()
    assert await reports.get(first.id) == replace(moved, shown_version=2)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (ReportKind.DIGEST, FULL),
        (ReportKind.DIGEST, UNKNOWN),
        (ReportKind.BREAKER, TRIP),
        (ReportKind.STEP, ASKING),
        (ReportKind.STEP, replace(ASKING, change=ChangeId("c"), end=StepEnd(ChangeState.APPLIED, FlowId(7), EMMA))),
        (ReportKind.STEP, replace(ASKING, end=StepEnd(problem=Text("show.no_such_flow", {"id": "7"})))),
    ],
)
async def test_what_it_tells_is_read_as_it_was_written(
    reports: ReportRepository, kind: ReportKind, content: Digest | Trip | Step
) -> None:
    report, _ = await reports.submit(NewReport(ReportToken("one"), kind, content))
    assert await reports.get(report.id) == report


async def test_reports_are_listed_by_token_by_kind_and_by_age(reports: ReportRepository) -> None:
    one, _ = await reports.submit(new_finding("one"))
    two, _ = await reports.submit(new_finding("two", 41))
    trip = NewReport(ReportToken("three"), ReportKind.BREAKER, TRIP, FlowId(40), WebsiteId(2), state=ReportState.CLOSED)
    await reports.submit(trip)
    assert await reports.get_by_tokens([two.told.token, ReportToken("none")]) == (two,)
    assert {each.id for each in await reports.list_open(ReportKind.FINDING)} == {one.id, two.id}
    assert await reports.list_open(ReportKind.BREAKER) == ()
    later = NOW + timedelta(seconds=1)
    assert len(await reports.list_since(ReportKind.FINDING, NOW)) == 2
    assert await reports.list_since(ReportKind.FINDING, later) == ()
