"""The look of what comes late: unknown outcomes, values stored otherwise, and what an earlier write may still do."""

from dataclasses import replace
from typing import Any, Final

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeState, Outcome
from flowbot.domain.flow import DesiredFlow, FieldDifference, FlowContent
from flowbot.domain.ids import FlowId, UserId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import form_status
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_blocks import format_subject, outcome_text
from flowbot.slack.views.sentences import format_text, sentence_message
from tests.slack.test_request_views import (
    BURAK,
    EN,
    FLOW,
    NOW,
    SHOP,
    TR,
    buttons_by_label,
    buttons_of,
    check_blocks,
    draw_request,
    edit_details,
    request_details,
    text_of,
)

BOTH: Final = pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
SENT: Final = "Half price until Sunday, on everything in the shop, and on what comes in before Saturday"
STORED: Final = "Half price until Sunday, on everything in the s"
CUT: Final = [{"field": "description", "before": SENT, "after": STORED}]
WANTED: Final = DesiredFlow(replace(FlowContent.of(FLOW), description=SENT))


def action_ids(message: Message) -> list[str]:
    return [button["action_id"] for button in buttons_of(message)]


def unknown_details(kind: ChangeKind, *, is_sought: bool, **more: Any) -> RequestDetails:
    """Build a request whose effect was not seen, during the search or after it."""
    outcome = Outcome(f"unknown.{kind}", {"id": "12"}, FLOW.id)
    change = {"outcome": outcome, "due_at": NOW if is_sought else None}
    return request_details(ChangeState.UNKNOWN, kind, change=change, **more)


def form_change(kind: ChangeKind, outcome: Outcome | None, *, state: ChangeState = ChangeState.APPLIED) -> Change:
    """Build a change that came from a form and needed no approval."""
    asked: dict[str, Any] = {"wanted": WANTED}
    if kind is ChangeKind.CREATE:
        asked |= {"flow": None, "before": None}
    return request_details(state, kind, rule=None, asked=asked, change={"outcome": outcome}).change


# --- not known -----------------------------------------------------------------------------------------------------

UNSEEN: Final[dict[ChangeKind, tuple[str, str]]] = {
    ChangeKind.ENABLE: (
        "may still go live. To stop it, use /flows disable 12.",
        "yayına girebilir. Durdurmak için: /flows durdur 12",
    ),
    ChangeKind.DISABLE: (
        "Flow #12 doesn't show as disabled in Enkapush yet. It may still be sending.",
        "#12 numaralı akış Enkapush'ta hâlâ etkin görünüyor. Gönderim sürüyor olabilir.",
    ),
    ChangeKind.EDIT: (
        "Your change doesn't show in Enkapush yet.",
        "Değişiklik henüz Enkapush'ta görünmüyor.",
    ),
    ChangeKind.DELETE: (
        "Enkapush still shows flow #12.",
        "Enkapush #12 numaralı akışı hâlâ gösteriyor.",
    ),
}


@BOTH
@pytest.mark.parametrize("kind", UNSEEN)
def test_what_is_looked_for_says_what_is_not_seen_and_can_be_looked_at_at_once(kind: ChangeKind, t: Translator) -> None:
    message = draw_request(unknown_details(kind, is_sought=True), t)
    assert t("request.state_unknown") in text_of(message)
    assert UNSEEN[kind][t is TR] in text_of(message)
    assert t("request.searching") in text_of(message)
    assert t("request.searched") not in text_of(message)
    assert action_ids(message) == ["changes.check_again"]


@BOTH
@pytest.mark.parametrize("kind", UNSEEN)
def test_after_the_search_the_same_can_be_asked_for_again(kind: ChangeKind, t: Translator) -> None:
    message = draw_request(unknown_details(kind, is_sought=False), t)
    assert t("request.searched") in text_of(message)
    assert t("request.searching") not in text_of(message)
    assert action_ids(message) == ["changes.check_again", "changes.ask_again"]
    assert list(buttons_by_label(message)) == [t("request.check_again"), t("request.ask_again")]
    assert {button["value"] for button in buttons_of(message)} == {ChangeValue(change=edit_details().change.id).dump()}


@BOTH
def test_a_restore_is_asked_for_again_by_the_button_of_its_delete(t: Translator) -> None:
    message = draw_request(unknown_details(ChangeKind.RESTORE, is_sought=False), t)
    assert action_ids(message) == ["changes.check_again"]


@BOTH
@pytest.mark.parametrize("state", [state for state in ChangeState if state is not ChangeState.UNKNOWN])
def test_nothing_else_is_looked_for(state: ChangeState, t: Translator) -> None:
    message = draw_request(request_details(state), t)
    assert t("request.searching") not in text_of(message)
    assert "changes.check_again" not in action_ids(message)


@BOTH
def test_a_form_whose_flow_is_not_known_is_opened_again_or_looked_for(t: Translator) -> None:
    change = form_change(ChangeKind.CREATE, Outcome("unknown.create"), state=ChangeState.UNKNOWN)
    text = outcome_text(change, t)
    message = check_blocks(form_status.failed_message(change, t, text))
    assert "Spring sale" in text_of(message)
    assert "iki kez" in text_of(message) if t is TR else "may create it twice" in text_of(message)
    opened, checked = buttons_of(message)
    assert (opened["action_id"], opened["value"]) == ("flows.form.open", change.request.token)
    assert (checked["action_id"], checked["value"]) == ("changes.check_again", ChangeValue(change=change.id).dump())


@BOTH
@pytest.mark.parametrize("state", [ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.OUT_OF_DATE])
@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.EDIT])
def test_a_form_that_was_not_saved_is_named(kind: ChangeKind, state: ChangeState, t: Translator) -> None:
    change = form_change(kind, Outcome("denied.uncertain"), state=state)
    message = check_blocks(form_status.failed_message(change, t, outcome_text(change, t)))
    assert format_subject(change, t) in message.text


@BOTH
def test_a_form_that_failed_is_only_opened_again(t: Translator) -> None:
    change = form_change(ChangeKind.CREATE, Outcome("not_done.slow"), state=ChangeState.FAILED)
    message = check_blocks(form_status.failed_message(change, t, outcome_text(change, t)))
    assert [button["action_id"] for button in buttons_of(message)] == ["flows.form.open"]


# --- stored otherwise ----------------------------------------------------------------------------------------------


def stored_details(**more: Any) -> RequestDetails:
    outcome = Outcome("applied.edit", {"id": "12", "stored_otherwise": CUT}, FLOW.id)
    before = replace(FLOW, is_enabled=True)
    asked = {"before": before, "wanted": WANTED}
    return request_details(ChangeState.APPLIED, ChangeKind.EDIT, asked=asked, change={"outcome": outcome}, **more)


@BOTH
def test_what_is_stored_otherwise_stands_before_the_result(t: Translator) -> None:
    message = draw_request(stored_details(), t)
    text = text_of(message)
    title = text.index(t("request.stored_otherwise"))
    assert SENT in text[title:]
    assert STORED in text[title:]
    assert text.index(t("request.changes")) > title


@BOTH
def test_the_push_is_shown_as_it_is_stored_and_the_edit_as_it_was_sent(t: Translator) -> None:
    details = stored_details()
    assert details.content is not None
    assert details.content.description == STORED
    assert [each.after for each in details.edits if each.field == "description"] == [SENT]
    shown = text_of(draw_request(details, t)).partition(t("show.as_seen"))[2]
    assert STORED in shown
    assert SENT not in shown


@BOTH
def test_what_is_stored_as_sent_is_not_said(t: Translator) -> None:
    assert t("request.stored_otherwise") not in text_of(draw_request(request_details(ChangeState.APPLIED), t))


@BOTH
@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.EDIT])
def test_the_author_reads_first_what_is_stored_otherwise_and_opens_the_form_as_it_was_typed(
    kind: ChangeKind, t: Translator
) -> None:
    change = form_change(kind, Outcome(f"applied.{kind}", {"id": "12", "stored_otherwise": CUT}, FLOW.id))
    saved = sentence_message(t, outcome_text(change, t))
    message = check_blocks(form_status.with_remarks(saved, change, {SHOP: "Shop"}, t))
    text = text_of(message)
    assert t("request.stored_otherwise") in text[: text.index(SENT)]
    assert text.index(STORED) < text.index(text_of(saved))
    (button,) = buttons_of(message)
    assert (button["action_id"], button["value"]) == ("flows.form.open", change.request.token)


@BOTH
def test_an_author_whose_form_is_stored_as_sent_reads_the_result_alone(t: Translator) -> None:
    change = form_change(ChangeKind.EDIT, Outcome("applied.edit", {"id": "12"}, FLOW.id))
    saved = sentence_message(t, outcome_text(change, t))
    assert form_status.with_remarks(saved, change, {}, t).blocks == tuple(saved.blocks)


@BOTH
def test_an_image_that_is_not_there_is_stored_otherwise(t: Translator) -> None:
    lost = [{"field": "image_url", "before": None, "after": None}]
    change = form_change(ChangeKind.EDIT, Outcome("applied.edit", {"id": "12", "stored_otherwise": lost}, FLOW.id))
    message = check_blocks(form_status.with_remarks(sentence_message(t, outcome_text(change, t)), change, {}, t))
    assert t("request.picture_not_stored") in text_of(message)
    assert t("request.stored_otherwise") not in text_of(message)


@BOTH
def test_what_cannot_be_read_back_is_said_of_an_edit(t: Translator) -> None:
    assert t("request.unreadable") in text_of(draw_request(edit_details(state=ChangeState.APPLIED), t))
    asked = {"before": FLOW, "wanted": WANTED}
    plain = request_details(ChangeState.APPLIED, ChangeKind.EDIT, asked=asked)
    assert t("request.unreadable") not in text_of(draw_request(plain, t))


@BOTH
def test_a_second_flow_that_a_create_made_is_named(t: Translator) -> None:
    for kind in (ChangeKind.CREATE, ChangeKind.RESTORE):
        change = form_change(kind, Outcome(f"applied.{kind}_twice", {"id": "57", "twin": "58"}, FlowId(57)))
        text = format_text(t, outcome_text(change, t))
        assert "#57" in text
        assert "#58" in text


# --- what may come yet ---------------------------------------------------------------------------------------------


@BOTH
def test_who_decides_reads_which_earlier_edits_may_still_come(t: Translator) -> None:
    late = (FieldDifference("title", "Tulips!", "Roses for all!"),)
    pending = draw_request(request_details(late_edits=late), t)
    assert t("request.late_edits") in text_of(pending)
    assert "Roses for all!" in text_of(pending)
    assert t("request.late_edits") not in text_of(draw_request(request_details(), t))


@BOTH
def test_who_decides_on_an_edit_reads_that_the_flow_may_go_live(t: Translator) -> None:
    asked = {"wanted": WANTED, "before": FLOW}
    gated = request_details(kind=ChangeKind.EDIT, asked=asked)
    assert t("request.may_go_live") in text_of(draw_request(gated, t))
    live = request_details(kind=ChangeKind.EDIT, asked=asked | {"before": replace(FLOW, is_enabled=True)})
    assert t("request.may_go_live") not in text_of(draw_request(live, t))
    assert t("request.may_go_live") not in text_of(draw_request(request_details(), t))


@BOTH
def test_a_disable_that_follows_says_what_it_waits_for(t: Translator) -> None:
    change = {"follows": "k7m1", "outcome": None}
    waiting = request_details(ChangeState.APPLYING, ChangeKind.DISABLE, rule=None, change=change)
    assert t("request.follows") in text_of(draw_request(waiting, t))
    alone = request_details(ChangeState.APPLYING, ChangeKind.DISABLE, rule=None)
    assert t("request.follows") not in text_of(draw_request(alone, t))


@BOTH
def test_a_disable_that_flowbot_repeats_says_why(t: Translator) -> None:
    outcome = Outcome("applied.disable", {"id": "12"}, FLOW.id)
    given = request_details(
        ChangeState.APPLIED, ChangeKind.DISABLE, rule=None, asked={"repeats": "k7m1"}, change={"outcome": outcome}
    )
    assert t("request.disabled_again", id="12") in text_of(draw_request(given, t))
    assert not buttons_of(draw_request(given, t))


@BOTH
def test_a_request_that_a_disable_displaced_names_who_disabled_and_can_be_asked_again(t: Translator) -> None:
    outcome = Outcome("out_of_date.disabled", {"id": "12", "person": str(BURAK)})
    message = draw_request(request_details(ChangeState.OUT_OF_DATE, change={"outcome": outcome}), t)
    before, after = t("out_of_date.disabled", person="|").split("|")
    assert f"{before}@{UserId(str(BURAK))}{after}" in text_of(message)
    assert t("request.changed_since") not in text_of(message)
    assert action_ids(message) == ["changes.ask_again"]
