"""The look of a history: any content fits Slack, and stays inert."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbot.domain.change import ChangeKind, ChangeState, Outcome
from flowbot.domain.findings import Finding, FindingClosing, FindingEnd
from flowbot.domain.flow import FlowContent
from flowbot.domain.ids import ChangeId, FlowId, ReportId, UserId
from flowbot.domain.progress import Closure, ClosureKind, Progress
from flowbot.domain.versions import VersionRef, content_before
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.i18n.translator import Translator
from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.services.history import FLOW_PAGE_SIZE, PAGE_SIZE, HistoryPage, SeenFinding
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views.history import history_message
from tests.slack.test_home_view import EN, NOW, TEXTS, TR, WIDE, WORKSPACE, request_details


def ended(number: int, state: ChangeState, text: str, how: ClosureKind | None = None) -> RequestDetails:
    details = request_details(number, state, text=text)
    closing = None if how is None else Closure(UserId("U0DENIZ"), how, text)
    outcome = None if state is ChangeState.PENDING else Outcome("out_of_date.gone", {"id": str(number)}, FlowId(number))
    change = replace(details.change, progress=Progress(closing), outcome=outcome)
    votes = tuple(Vote(UserId(f"U0N{person}"), VoteChoice.APPROVE, NOW) for person in range(3))
    return replace(details, change=change, votes=votes)


def draw(page: HistoryPage, t: Translator = EN) -> str:
    links = {details.change.id: "https://lale.slack.com/archives/C0MARKETING/p1" for details in page.changes}
    message = history_message(page, links, t).fitted()
    blocks = json.loads(json.dumps(message.blocks))
    check_message(message.text, blocks, WORKSPACE)
    return json.dumps(blocks, ensure_ascii=False)


@given(text=TEXTS, t=st.sampled_from([EN, TR]), state=st.sampled_from(ChangeState))
def test_the_fullest_page_with_any_text_fits(text: str, t: Translator, state: ChangeState) -> None:
    changes = tuple(ended(number, state, text, ClosureKind.BREAK_GLASS) for number in range(1, PAGE_SIZE + 1))
    draw(HistoryPage(None, changes, 2, has_next=True), t)
    changes = changes[:FLOW_PAGE_SIZE]
    refs = [VersionRef(each.change.id, is_before) for each in changes for is_before in (True, False)]
    content = content_before(changes[0].change)
    assert content is not None
    draw(HistoryPage(FlowId(1), changes, 2, has_next=True, versions=dict.fromkeys(refs, content)), t)


@settings(max_examples=10, deadline=None)
@given(text=TEXTS, t=st.sampled_from([EN, TR]), how=st.sampled_from(FindingEnd))
def test_a_page_of_changes_made_outside_with_any_text_fits(text: str, t: Translator, how: FindingEnd) -> None:
    before = request_details(1, text=text).flow
    assert before is not None
    after = replace(before, title=text * 2, url=text, is_enabled=not before.is_enabled)
    closing = FindingClosing(how, UserId("U0DENIZ"))
    contents = [Finding(before, after), Finding(None, after, closing=closing), Finding(before, None, closing=closing)]
    seen = tuple(SeenFinding(ReportId(f"r{number}"), each, NOW) for number, each in enumerate(contents))
    refs = [VersionRef(each.report, is_before, is_finding=True) for each in seen for is_before in (True, False)]
    versions = dict.fromkeys(refs, FlowContent.of(after))
    draw(HistoryPage(FlowId(1), (), 1, has_next=False, versions=versions, findings=seen), t)


@pytest.mark.parametrize("how", ClosureKind)
def test_who_ended_it_is_named(how: ClosureKind) -> None:
    shown = draw(HistoryPage(FlowId(1), (ended(1, ChangeState.REJECTED, "Spring", how),), 1, has_next=False))
    assert "U0DENIZ" in shown
    assert '"button"' not in shown


def test_foreign_text_is_never_parsed() -> None:
    for flow in (None, FlowId(1)):
        page = HistoryPage(flow, (request_details(kind=ChangeKind.ENABLE, text=WIDE),), 1, has_next=False)
        message = history_message(page, {ChangeId("c1"): "https://lale.slack.com/archives/C0/p1"}, EN)
        assert "mrkdwn" not in json.dumps(message.blocks)
        assert "<!channel>" not in message.text
