"""Whose audience counts: what the change sends, else what is known of the flow for certain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from flowbot.domain.audience import find_segment, find_website
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.domain.flow import DesiredFlow, Flow, WriteOnlyFields
from flowbot.domain.ids import ChangeId, ChannelId, FormToken, UserId, WebsiteId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, KnownValue
from tests.services.executor_harness import CONTENT, flow_of

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW: Final = flow_of(CONTENT, 7, changed_at=NOON)
TOUCHED: Final = replace(FLOW, changed_at=NOON + timedelta(seconds=1))
REQUEST: Final = ChangeRequest(
    FormToken("t"), ChangeKind.ENABLE, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1), flow=FLOW.id, before=FLOW
)


def known(segment: str, changed_at: datetime | None = NOON, *, overtaken: bool = False) -> KnownSettings:
    return KnownSettings(segment=KnownValue(segment, NOON, ChangeId("c"), changed_at, was_overtaken=overtaken))


def edit(segment: str | None, website: int = 1) -> ChangeRequest:
    wanted = DesiredFlow(replace(CONTENT, website_id=WebsiteId(website)), WriteOnlyFields(segment))
    return replace(REQUEST, kind=ChangeKind.EDIT, wanted=wanted)


@pytest.mark.parametrize(
    ("request_", "settings", "flow", "segment"),
    [
        pytest.param(REQUEST, NOTHING_KNOWN, FLOW, None, id="never set through flowbot"),
        pytest.param(REQUEST, known("4"), FLOW, "4", id="known"),
        pytest.param(REQUEST, known("all"), FLOW, "all", id="known to be all"),
        pytest.param(REQUEST, known(""), FLOW, None, id="created without any"),
        pytest.param(REQUEST, known("4", overtaken=True), FLOW, None, id="overtaken"),
        pytest.param(REQUEST, known("4", None), FLOW, None, id="never read back"),
        pytest.param(REQUEST, known("4"), TOUCHED, None, id="changed since"),
        pytest.param(REQUEST, known("4"), None, None, id="no flow to compare with"),
        pytest.param(edit("9"), known("4"), FLOW, "9", id="what is sent counts"),
        pytest.param(edit("9"), NOTHING_KNOWN, None, "9", id="what is sent is never doubtful"),
        pytest.param(edit(None), known("4"), FLOW, "4", id="an edit of something else"),
    ],
)
def test_the_segment_that_counts(
    request_: ChangeRequest, settings: KnownSettings, flow: Flow | None, segment: str | None
) -> None:
    assert find_segment(request_, settings, flow) == segment


@pytest.mark.parametrize(
    ("request_", "late", "segment"),
    [
        pytest.param(REQUEST, edit("9"), None, id="another"),
        pytest.param(REQUEST, edit("all"), None, id="all"),
        pytest.param(REQUEST, edit("4"), "4", id="the same"),
        pytest.param(REQUEST, edit(None), "4", id="none"),
        pytest.param(REQUEST, edit(None, 2), None, id="another website"),
        pytest.param(edit("9"), edit("4"), None, id="another than is sent"),
        pytest.param(edit("9", 2), edit("9"), "9", id="nothing of the website"),
    ],
)
def test_an_edit_that_may_come_yet_makes_another_segment_doubtful(
    request_: ChangeRequest, late: ChangeRequest, segment: str | None
) -> None:
    unknown = Change(ChangeId("late"), late, ChangeState.UNKNOWN, 3, NOON, NOON)
    assert find_segment(request_, known("4"), FLOW, [unknown]) == segment


def test_a_flow_that_moves_reaches_the_subscribers_of_where_it_goes() -> None:
    assert [find_website(each) for each in (REQUEST, edit(None), edit(None, 2))] == [1, 1, 2]
