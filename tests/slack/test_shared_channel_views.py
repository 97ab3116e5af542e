"""What messages show in a channel shared with another organisation: never the push, whatever it says."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.change import STORED_OTHERWISE, WAITING_STATES, ChangeKind, ChangeState, Outcome
from flowbot.domain.flow import (
    DesiredFlow,
    FieldDifference,
    Flow,
    FlowButton,
    FlowContent,
    WriteOnlyFields,
    content_differences,
)
from flowbot.domain.ids import ImageId
from flowbot.domain.images import ImageUpload
from flowbot.domain.search import FlowQuery, Page
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.flow_queries import FlowDetails, FlowList, ListRequest
from flowbot.services.request_details import RequestDetails
from flowbot.slack.notify.outcome_notices import ENDED
from flowbot.slack.views.flow_list import shared_list_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.notices import (
    put_off_message,
    reminder_message,
    request_ended_message,
    skipped_approval_message,
)
from flowbot.slack.views.people import MENTIONED
from flowbot.slack.views.push import shared_flow_message
from flowbot.slack.views.request_message import request_message
from tests.slack.test_request_views import (
    EMMA,
    EN,
    FLOW,
    NOW,
    SHOP,
    TR,
    buttons_by_label,
    check_blocks,
    edit_details,
    known_settings,
    request_details,
    skipped_details,
    text_of,
)

MARK: Final = "Zqxmark"
MARKED: Final = st.text(max_size=30).map(lambda text: f"{MARK}{text}")
URLS: Final = MARKED.map(lambda text: f"https://{MARK}.example/{text}")
BUTTONS: Final = st.builds(FlowButton, MARKED, URLS)
PUSHES: Final = {"title": MARKED, "description": MARKED, "url": URLS, "button_1": BUTTONS, "button_2": BUTTONS}
FLOWS: Final[st.SearchStrategy[Flow]] = st.builds(replace, st.just(FLOW), image_url=URLS, **PUSHES)
CONTENTS: Final[st.SearchStrategy[FlowContent]] = st.builds(replace, st.just(FlowContent.of(FLOW)), **PUSHES)
SAID: Final = "Enkapush does not take it like this, and nothing was changed."


def plain_differences(before: FlowContent, after: FlowContent) -> list[dict[str, Any]]:
    """List differences as outcomes hold them."""
    found = (*content_differences(before, after), FieldDifference("image_url", MARK, f"{MARK}2"))
    return [{"field": each.field, "before": str(each.before), "after": str(each.after)} for each in found]


ENDS: Final[tuple[tuple[ChangeState, str, tuple[str, ...]], ...]] = (
    *((state, "", ()) for state in ChangeState),
    (ChangeState.OUT_OF_DATE, "out_of_date.edit", ("differences",)),
    (ChangeState.APPLIED, "applied.enable", ("differences",)),
    (ChangeState.APPLIED, "applied.edit", (STORED_OTHERWISE, "differences")),
    (ChangeState.FAILED, "not_done.refused", ("said",)),
    (ChangeState.FAILED, "not_done.unfit", ("said",)),
)
"""States, outcomes' keys, and those of their parameters that hold something of the push."""
MAKING: Final = frozenset({ChangeKind.CREATE, ChangeKind.EDIT, ChangeKind.RESTORE})


def full_details(
    flow: Flow, content: FlowContent, kind: ChangeKind, end: tuple[ChangeState, str, tuple[str, ...]]
) -> RequestDetails:
    """Return a request about a flow with all that details may hold."""
    (state, key, names), differences = end, content_differences(flow, content)
    values = {"said": f"{MARK} is too long"}
    params = {name: values.get(name, plain_differences(flow, content)) for name in names}
    wanted = DesiredFlow(content, WriteOnlyFields(MARK, MARK, MARK, MARK), image=ImageId("new"))
    picture = ImageUpload("F1", MARK, MARK)
    return request_details(
        state,
        kind,
        asked={"before": flow, "wanted": wanted if kind in MAKING else None, "picture": picture},
        change={"outcome": Outcome(key, {"id": "12", **params}, FLOW.id) if key else None},
        remarks=(Text("lint.other_host", {"host": MARK, "usual": MARK}),),
        since_approved=differences,
        late_edits=differences,
        settings=known_settings(MARK, MARK, names={MARK: MARK}),
    )


def list_messages(details: RequestDetails, t: Translator) -> Iterator[Message]:
    """List every message that a channel gets of a request."""
    yield request_message(details, t, NOW, mentions=True)
    yield reminder_message(details, t, NOW)
    if details.change.state in ENDED:
        yield request_ended_message(details, t, MENTIONED, mentions=True)
    if details.change.state in WAITING_STATES:
        yield put_off_message(details, t, MENTIONED, mentions=True)


@given(FLOWS, CONTENTS, st.sampled_from(ChangeKind), st.sampled_from(ENDS), st.sampled_from([EN, TR]))
def test_no_message_of_a_request_carries_the_push(
    flow: Flow, content: FlowContent, kind: ChangeKind, end: tuple[ChangeState, str, tuple[str, ...]], t: Translator
) -> None:
    details = full_details(flow, content, kind, end)
    for message in list_messages(details.without_content(), t):
        payload = json.dumps([message.text, message.blocks], ensure_ascii=False)
        assert MARK not in payload
        assert "Spring sale" in payload
    # What this test would find, were it there.
    assert MARK in json.dumps(request_message(details, t, NOW).blocks, ensure_ascii=False)


def test_what_enkapush_stores_otherwise_is_named_without_its_values() -> None:
    params = {"id": "12", STORED_OTHERWISE: plain_differences(FLOW, replace(FlowContent.of(FLOW), title=MARK))}
    details = edit_details(state=ChangeState.APPLIED, change={"outcome": Outcome("applied.edit", params, FLOW.id)})
    seen = text_of(request_message(details.without_content(), EN, NOW))
    assert "Enkapush changed what was sent" in seen
    assert "Title" in seen
    assert MARK not in seen


@given(FLOWS, st.sampled_from([EN, TR]))
def test_a_flow_or_a_list_that_is_shared_carries_no_push(flow: Flow, t: Translator) -> None:
    details = FlowDetails(flow, {SHOP: "Shop"}, may_share=True, may_edit=True, settings=known_settings(MARK, MARK))
    query = ListRequest(FlowQuery((MARK,)))
    listed = FlowList(query, Page((flow,), 1, 1, 1), {SHOP: "Shop"}, {SHOP: "Shop"}, may_share=True)
    for message in (
        shared_flow_message(details.without_content(), EMMA, t, NOW),
        shared_list_message(listed.without_content(), EMMA, t, NOW),
    ):
        payload = json.dumps([message.text, message.blocks], ensure_ascii=False)
        assert MARK not in payload
        for word in ("#12", "Spring sale", "Shop"):
            assert word in payload


def test_number_name_website_reason_people_and_fields_stay() -> None:
    message = check_blocks(request_message(edit_details().without_content(), EN, NOW))
    seen = text_of(message)
    for word in ("#12", "Spring sale", "Shop", "The sale begins on Friday", "0/2 approvals", "Title", "Wait"):
        assert word in seen
    assert "Press Show to see it." in seen
    assert "Tulips" not in seen
    assert list(buttons_by_label(message)) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw", "Show"]


@pytest.mark.parametrize("state", ChangeState)
def test_the_push_can_be_shown_whatever_became_of_the_request(state: ChangeState) -> None:
    assert "Show" in buttons_by_label(request_message(request_details(state).without_content(), EN, NOW))
    assert "Show" not in buttons_by_label(request_message(request_details(state), EN, NOW))


def test_approve_asks_nothing_more_where_its_form_does() -> None:
    shown, hidden = request_details(), request_details().without_content()
    assert "confirm" in buttons_by_label(request_message(shown, EN, NOW))["Approve"]
    assert "confirm" not in buttons_by_label(request_message(hidden, EN, NOW))["Approve"]


def test_a_refusal_of_enkapushs_goes_without_its_words() -> None:
    details = request_details(ChangeState.FAILED).without_content()
    assert SAID in text_of(request_message(details, EN, NOW))
    assert "Title is too long" not in text_of(request_ended_message(details, EN, MENTIONED))


def test_a_skipped_approval_tells_nothing_of_the_push_anywhere() -> None:
    seen = text_of(skipped_approval_message(skipped_details(), EN))
    assert "Spring sale" in seen
    assert "Tulips" not in seen


def test_the_next_step_keeps_its_wait() -> None:
    details = request_details(ChangeState.APPLIED).without_content()
    assert "New subscribers get it 3 days after subscribing." in text_of(request_ended_message(details, EN, MENTIONED))
