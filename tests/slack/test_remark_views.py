"""What is shown of remarks: to whom it may be, as it was typed, and forms that an older flowbot opened."""

from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.audit import AuditAction
from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.domain.progress import ChangeWish, Progress
from flowbot.domain.remarks import UNKNOWN, Remark
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.forms.approval import ApprovalFormMetadata
from flowbot.slack.forms.reason import ReasonForm, ReasonMetadata, ReasonPurpose
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.payloads.view_state import ViewPayload
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.remarks import remark_list, remark_notice, remark_reply
from flowbot.slack.views.request_message import request_message
from tests.slack.test_request_views import (
    BURAK,
    EMMA,
    EN,
    NOW,
    RULE,
    TR,
    buttons_by_label,
    check_blocks,
    request_details,
    text_of,
)

MARK: Final = "Zqxmark <!channel> *bold* <https://evil.example|click>"
DIFFERENCES: Final = {"differences": [{"field": "title", "before": f"{MARK} old", "after": f"{MARK} new"}]}
REMARKS: Final = (
    Remark(AuditAction.COMMENTED, BURAK, NOW, MARK),
    Remark(AuditAction.CHANGES_REQUESTED, BURAK, NOW, MARK),
    Remark(AuditAction.REVISED, EMMA, NOW, told=DIFFERENCES),
    Remark(AuditAction.REVISED, EMMA, NOW, told=DIFFERENCES | {UNKNOWN: True}),
)


def remarked_details(**more: Any) -> RequestDetails:
    """Build a pending request with a wish and a revision."""
    progress = Progress(remarks=3, wish=ChangeWish(BURAK, MARK, NOW), round=2)
    return request_details(change={"progress": progress}, revision=REMARKS[2], **more)


def draw_all(details: RequestDetails, t: Translator) -> list[Message]:
    replies = [remark_reply(details, each, t, MENTIONED, mentions=True) for each in REMARKS]
    return [check_blocks(each) for each in (request_message(details, t, NOW), *replies)]


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_what_people_wrote_is_shown_as_it_was_typed_and_mentions_nobody(t: Translator) -> None:
    named = People({BURAK: "Burak", EMMA: "Emma"})
    messages = [*draw_all(remarked_details(), t), check_blocks(remark_notice(remarked_details(), REMARKS[1], t, named))]
    for message in messages:
        assert MARK in text_of(message)
        assert "<!channel>" not in message.text
    listed = check_blocks(Message((*request_message(remarked_details(), t, NOW).blocks, *remark_list(REMARKS, t))))
    assert text_of(listed).count(MARK) >= 4


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_another_organisation_reads_none_of_it(t: Translator) -> None:
    messages = draw_all(remarked_details().without_content(), t)
    assert all("Zqxmark" not in text_of(message) + message.text for message in messages)
    assert all(buttons_by_label(message) for message in messages)


def test_a_wish_goes_with_the_end_of_the_request() -> None:
    details = remarked_details()
    ended = replace(details, change=replace(details.change, state=ChangeState.WITHDRAWN))
    assert MARK not in text_of(check_blocks(request_message(ended, EN, NOW)))


@pytest.mark.parametrize(
    ("kind", "rule", "offered"),
    [
        ("enable", RULE, ["Request changes", "Comment"]),
        ("edit", RULE, ["Request changes", "Comment"]),
        ("disable", RULE, ["Comment"]),
        ("delete", RULE, ["Comment"]),
        ("edit", None, []),
    ],
)
def test_what_may_be_said_stands_between_the_decisions_and_withdraw(kind: str, rule: Any, offered: list[str]) -> None:
    details = request_details(ChangeState.SCHEDULED, ChangeKind(kind), rule=rule)
    labels = [each for each in buttons_by_label(check_blocks(request_message(details, EN, NOW))) if each != "Show"]
    assert labels == ["Reject", *offered, "Withdraw"]


def test_a_button_stands_for_the_content_beside_it() -> None:
    buttons = buttons_by_label(check_blocks(request_message(remarked_details(), EN, NOW)))
    assert ChangeValue.model_validate_json(buttons["Approve"]["value"]).round == 2


# --- what an older flowbot made ------------------------------------------------------------------------------------


def test_buttons_and_forms_of_an_older_flowbot_are_for_the_first_content() -> None:
    assert ChangeValue.model_validate_json('{"c": "k7m2"}').round == 1
    assert ApprovalFormMetadata.model_validate_json('{"change": "k7m2"}').round == 1
    older = '{"purpose": "break_glass", "change": "k7m2", "channel": "C1", "locale": "tr-TR"}'
    submitted = ReasonForm.parse(ViewPayload(type="modal", private_metadata=older))
    assert submitted is not None
    assert (submitted.metadata.purpose, submitted.metadata.round) == (ReasonPurpose.BREAK_GLASS, 1)


def test_what_an_older_flowbot_reads_of_a_new_form_is_as_it_was() -> None:
    first = ReasonMetadata(purpose=ReasonPurpose.REJECT, change=ChangeId("k7m2"), channel=None)
    assert first.dump() == '{"purpose":"reject","change":"k7m2","channel":null}'


def test_a_form_for_something_unknown_is_none() -> None:
    newer = '{"purpose": "praise", "change": "k7m2", "channel": "C1"}'
    assert ReasonForm.parse(ViewPayload(type="modal", private_metadata=newer)) is None
