"""The look of requests: every state says what it must, and any content fits Slack and stays inert."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.approval_terms import ApprovalTerms
from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.fields import FormKind
from flowbot.domain.flow import (
    DesiredFlow,
    FieldDifference,
    Flow,
    FlowButton,
    FlowContent,
    WaitTime,
    WriteOnlyFields,
    content_differences,
)
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, GroupId, ImageId, UserId, WebsiteId
from flowbot.domain.known_settings import KnownSettings, KnownValue
from flowbot.domain.policy import ChannelPolicy
from flowbot.domain.progress import Closure, ClosureKind, ImageFault, Progress
from flowbot.domain.votes import Vote, VoteChoice
from flowbot.errors import Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_message, check_view
from flowbot.sandbox.slack.blocks import add_missing_ids, build_state_values
from flowbot.sandbox.slack.mutations import build_view
from flowbot.services.flow_queries import FlowDetails
from flowbot.services.flow_settings import FlowSettings
from flowbot.services.request_details import RequestDetails
from flowbot.slack.forms.flow.form import FlowForm
from flowbot.slack.forms.reason import ReasonForm, ReasonMetadata, ReasonPurpose
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import form_status, push, sentences
from flowbot.slack.views.approvals import LISTED_MAX, ListedRequests, RequestList, approvals_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.notices import (
    reminder_message,
    request_ended_message,
    request_sent_message,
    skipped_approval_message,
)
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.request_blocks import outcome_text
from flowbot.slack.views.request_message import request_message
from tests.slack.form_views import receive_form, receive_view

WORKSPACE = build_demo_workspace()
LOCALES = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN, TR = LOCALES.for_reader("en-US"), LOCALES.for_reader("tr-TR")
NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
SHOP = WebsiteId(1)
NO_REQUESTS = RequestList([], 0)
EMMA, AYSE, BURAK = UserId("U0EMMA"), UserId("U0AYSE"), UserId("U0BURAK")
LEADS = GroupId("S0LEADS")
CHANNEL = ChannelId("C0MARKETING")
FLOW = Flow(
    SHOP,
    "Spring sale",
    "Tulips!",
    "Half price until Sunday",
    WaitTime(3, "days"),
    id=FlowId(12),
    is_enabled=False,
    url="https://shop.example/spring",
    image_url="https://cdn.example/12.png",
    button_1=FlowButton("See", "https://shop.example/see"),
)
RULE = ApprovalRule(quorum=2)
CLOSINGS = {
    ChangeState.REJECTED: Closure(BURAK, ClosureKind.REJECTED, "Not before June"),
    ChangeState.WITHDRAWN: Closure(EMMA, ClosureKind.WITHDRAWN),
}
OUTCOMES = {
    ChangeState.FAILED: Outcome("not_done.refused", {"said": "Title is too long"}),
    ChangeState.UNKNOWN: Outcome("unknown.edit", {"id": "12"}),
    ChangeState.APPLIED: Outcome("applied.edit", {"id": "12"}, FLOW.id),
    ChangeState.OUT_OF_DATE: Outcome(
        "out_of_date.edit",
        {"differences": [
            {"field": "title", "before": "Tulips!", "after": "Roses!"},
            {"field": "wait", "before": {"amount": 3, "unit": "days"}, "after": {"amount": 1, "unit": "hours"}},
            {"field": "is_enabled", "before": False, "after": True},
        ]},
    ),
}  # fmt: skip
WORD = {
    ChangeState.APPLYING: "Approved",
    ChangeState.APPLIED: "Applied",
    ChangeState.FAILED: "Failed",
    ChangeState.UNKNOWN: "not known",
    ChangeState.REJECTED: "Rejected",
    ChangeState.WITHDRAWN: "Withdrawn",
    ChangeState.EXPIRED: "Expired",
    ChangeState.OUT_OF_DATE: "Out of date",
}
DECIDED = {ChangeState.SCHEDULED, ChangeState.APPLYING, ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN}
WIDE = "\N{PARTY POPPER}مرحبا漢<!channel> *b* <@U0AYSE> https://evil.example ğ"
LONG = (WIDE * 100)[:3000]
ANY_TEXT = st.one_of(st.text(max_size=40), st.sampled_from(["", " ", "\n", WIDE, LONG, "\0person\0", "{person}"]))


UNSEEN: Mapping[Translator, str] = {
    EN: "“Spring sale”",
    TR: "“Spring sale”",
}


def request_details(
    state: ChangeState = ChangeState.PENDING,
    kind: ChangeKind = ChangeKind.ENABLE,
    *,
    rule: ApprovalRule | None = RULE,
    approved_by: tuple[UserId, ...] | None = None,
    change: Mapping[str, Any] | None = None,
    asked: Mapping[str, Any] | None = None,
    **more: Any,
) -> RequestDetails:
    new = ChangeRequest(FormToken("t"), kind, EMMA, CHANNEL, SHOP, FLOW.id, FLOW, reason="The sale begins on Friday")
    kept = Change(
        ChangeId("k7m2"),
        replace(new, **(asked or {})),
        state,
        3,
        NOW - timedelta(hours=2),
        NOW,
        rule=rule,
        progress=Progress(CLOSINGS.get(state), starts_at=NOW + timedelta(days=1) if state == "scheduled" else None),
        outcome=OUTCOMES.get(state),
    )
    if approved_by is None:
        approved_by = (AYSE, BURAK) if rule and state in DECIDED else ()
    votes = tuple(Vote(person, VoteChoice.APPROVE, NOW) for person in approved_by)
    return RequestDetails(replace(kept, **(change or {})), votes, {SHOP: "Shop"}, **more)


def edit_details(**more: Any) -> RequestDetails:
    content = replace(
        FlowContent.of(FLOW), title="Tulips and roses!", wait=WaitTime(2, "hours"), button_1=FlowButton("", "")
    )
    wanted = DesiredFlow(content, WriteOnlyFields(segment="3", utm_source="spring"), image=ImageId("new"))
    return request_details(
        kind=ChangeKind.EDIT, asked={"wanted": wanted, "before": replace(FLOW, is_enabled=True)}, **more
    )


def known_settings(
    *values: str | None, flow_changed_at: datetime | None = NOW, names: Mapping[str, str] | None = None
) -> FlowSettings:
    """Return values that were set at the moment `NOW`, when the flow was changed last but for `flow_changed_at`."""
    known = [None if value is None else KnownValue(value, NOW, ChangeId("k7m2"), flow_changed_at) for value in values]
    return FlowSettings(KnownSettings(*known), NOW, names or {})


def skipped_details(state: ChangeState = ChangeState.APPLIED) -> RequestDetails:
    closing = Closure(AYSE, ClosureKind.BREAK_GLASS, "The shop sells what it has not")
    return request_details(state, approved_by=(), change={"progress": Progress(closing)}, approvers=("*", LEADS, BURAK))


def check_blocks(message: Message) -> Message:
    sent = message.fitted()
    check_message(sent.text, json.loads(json.dumps(sent.blocks)), WORKSPACE)
    return message


def draw_request(given: RequestDetails, t: Translator = EN) -> Message:
    return check_blocks(request_message(given, t, NOW))


def list_elements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the blocks, at any depth."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from list_elements(each)


def text_of(message: Message) -> str:
    """Return what a person reads: all texts in their order, people and channels by their ids."""
    names = ("user_id", "usergroup_id", "channel_id", "fallback")
    found = []
    for element in list_elements(message.blocks):
        if isinstance(element.get("text"), str):
            found.append(element["text"])
        found += [f"@{element[name]}" for name in names if name in element]
    return "".join(found)


def list_mentions(message: Message) -> list[str]:
    """List the people and groups that a message mentions, in its blocks and in `text`."""
    ids = [each.get("user_id") or each.get("usergroup_id") for each in list_elements(message.blocks)]
    return [str(each) for each in ids if each] + re.findall("<@([A-Z0-9]+)>", message.text)


def buttons_by_label(message: Message) -> dict[str, dict[str, Any]]:
    return {each["text"]["text"]: each for each in list_elements(message.blocks) if each.get("type") == "button"}


def test_a_request_says_who_asks_for_what_and_why() -> None:
    message = draw_request(request_details())
    assert message.text == "<@U0EMMA> asks to enable flow #12 Spring sale"
    assert text_of(message).startswith("@U0EMMA asks to enable flow #12 Spring sale⏳ Waiting for approval")
    assert "Reason: The sale begins on Friday" in text_of(message)


@pytest.mark.parametrize("t", UNSEEN, ids=["en", "tr"])
@pytest.mark.parametrize("key", ["unknown.create", "unknown.create_unseen"])
def test_a_flow_of_which_it_is_not_known_whether_it_was_made_again_goes_by_its_name(t: Translator, key: str) -> None:
    asked = {"flow": None}
    message = draw_request(
        request_details(
            ChangeState.UNKNOWN, ChangeKind.RESTORE, rule=None, asked=asked, change={"outcome": Outcome(key)}
        ),
        t,
    )
    assert UNSEEN[t] in text_of(message)


def test_a_request_in_turkish() -> None:
    message = draw_request(request_details(), TR)
    assert message.text == "<@U0EMMA>, #12 Spring sale akışı için etkinleştirme onayı istiyor"
    assert text_of(message).startswith(
        "@U0EMMA, #12 Spring sale akışı için etkinleştirme onayı istiyor⏳ Onay bekliyor"
    )
    assert "0/2 onay" in text_of(message)
    assert list(buttons_by_label(message)) == ["Onayla", "Reddet", "Değişiklik iste", "Yorum yap", "Geri çek"]


def test_a_request_shows_the_push_where_it_goes_and_when() -> None:
    message = draw_request(request_details(remarks=(Text("lint.no_utm"),)))
    for part in (
        "Tulips!", "Half price until Sunday", "[ See ]", "Website: Shop", "Wait: 3 days after subscribing",
        "URL: https://shop.example/spring", "Button 1: See → https://shop.example/see", "⚠ No UTM values",
    ):  # fmt: skip
        assert part in text_of(message)
    assert [block["hero_image"]["image_url"] for block in message.blocks if block["type"] == "card"] == [FLOW.image_url]


def test_votes_show_as_progress_and_the_end_on_each_readers_clock() -> None:
    message = draw_request(request_details(approved_by=(BURAK,)))
    assert "1/2 approvals: @U0BURAK" in text_of(message)
    assert "Expires @May 4, 2026" in text_of(message)
    (date,) = [each for each in list_elements(message.blocks) if each.get("type") == "date"]
    assert date["timestamp"] == int((NOW + timedelta(hours=70)).timestamp())


FIRST_TERMS = ApprovalTerms((LEADS,), (AYSE,), quorum=2, self_approval=True, covers_website=True)


@pytest.mark.parametrize(
    ("t", "policy", "line"),
    [
        (
            EN,
            {"approvers": [BURAK], "approval": {"quorum": 3}},
            "Rules changed since the request: @U0BURAK can approve · @S0LEADS can no longer approve · @U0AYSE can",
        ),
        (
            TR,
            {"approvers": ["*", "S0LEADS"], "approval": {"break_glass": [AYSE, BURAK]}},
            "İstekten sonra kurallar değişti: @C0MARKETING kanalındakiler onaylayabilir · @U0BURAK onayı atlayabilir",
        ),
        (EN, {"approval": {"quorum": 3}}, " · 3 approvals needed, not 2 · nobody can approve their own request"),
        (EN, {"websites": [2]}, "Rules changed since the request: @C0MARKETING no longer has this website"),
        (TR, None, "İstekten sonra kurallar değişti: @C0MARKETING kanalında artık bu web sitesi yok"),
    ],
)
def test_a_pending_request_shows_the_rules_of_now_and_what_changed(
    t: Translator, policy: dict[str, object] | None, line: str
) -> None:
    now = policy and ChannelPolicy.model_validate({"id": CHANNEL, "websites": "all", **policy})
    details = request_details(change={"progress": Progress(first_terms=FIRST_TERMS)}, policy=now or None)
    assert line in text_of(draw_request(details, t))
    new = request_message(details, t, NOW, people=People({AYSE: "Ayşe", BURAK: "Burak"}))
    assert not re.search("@U0BURAK|@U0AYSE|@S0", text_of(new)), "nobody is notified"


def test_an_end_that_is_past_is_not_announced() -> None:
    assert "Expires" not in text_of(check_blocks(request_message(request_details(), EN, NOW + timedelta(days=9))))


def test_a_request_can_be_decided_by_buttons_that_carry_its_id() -> None:
    found = buttons_by_label(draw_request(request_details()))
    assert list(found) == ["Approve", "Reject", "Request changes", "Comment", "Withdraw"]
    assert {button["value"] for button in found.values()} == {ChangeValue(change=ChangeId("k7m2")).dump()}
    assert [button.get("style") for button in found.values()] == ["primary", "danger", None, None, None]
    assert ChangeValue.model_validate_json(found["Reject"]["value"]).change == "k7m2"


def test_break_glass_is_offered_where_the_rule_names_somebody() -> None:
    assert "Skip approval" in buttons_by_label(draw_request(request_details(rule=ApprovalRule(break_glass=(AYSE,)))))


@pytest.mark.parametrize(
    ("kind", "title"),
    [(ChangeKind.ENABLE, "Enable flow #12?"), (ChangeKind.DELETE, "Delete flow #12?"), (ChangeKind.DISABLE, None)],
)
@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_what_weighs_most_is_asked_once_more(kind: ChangeKind, title: str | None, t: Translator) -> None:
    confirm = next(iter(buttons_by_label(draw_request(request_details(kind=kind), t)).values())).get("confirm")
    assert (confirm is not None) is (title is not None)
    if confirm and t is EN:
        assert confirm["title"]["text"] == title
        assert "Shop" in confirm["text"]["text"]
        assert kind is ChangeKind.DELETE or "3 days" in confirm["text"]["text"]


def test_the_times_of_a_request_are_asked_once_more_with_their_zone() -> None:
    times = {"not_before": NOW + timedelta(days=1), "ends_at": NOW + timedelta(days=2)}
    button = buttons_by_label(draw_request(request_details(asked=times)))["Approve"]
    said = "Starts {} (Europe/Istanbul) · Ends {} (Europe/Istanbul)\nNew subscribers of Shop"
    assert button["confirm"]["text"]["text"].startswith(said.format(*map(EN.format_datetime, times.values())))


AUDIENCE: Mapping[Translator, tuple[str, str]] = {
    EN: ("everyone", "If it has a segment, only that segment gets it"),
    TR: ("herkes", "Segmenti varsa yalnızca o segment alır"),
}


@pytest.mark.parametrize("t", AUDIENCE, ids=["en", "tr"])
def test_the_audience_is_not_claimed_since_enkapush_does_not_tell_it(t: Translator) -> None:
    message = draw_request(request_details(), t)
    asked_again = next(iter(buttons_by_label(message).values()))["confirm"]["text"]["text"]
    claimed, untold = AUDIENCE[t]
    assert claimed not in asked_again.lower()
    assert untold in asked_again
    assert f"Segment: {t('flow.segment_untold')}" in text_of(message)


@pytest.mark.parametrize(
    ("t", "lost"),
    [
        (EN, "without segment and UTM values set outside flowbot"),
        (TR, "flowbot dışında ayarlanan segment ve UTM değerleri gelmez"),
    ],
)
def test_what_a_restore_cannot_bring_back_is_said_before_the_delete(t: Translator, lost: str) -> None:
    assert (
        lost
        in next(iter(buttons_by_label(draw_request(request_details(kind=ChangeKind.DELETE), t)).values()))["confirm"][
            "text"
        ]["text"]
    )


def test_the_host_is_the_one_that_a_browser_opens() -> None:
    flow = replace(FLOW, url=r"https://evil.example\@shop.example/", image_url=None)
    text = text_of(draw_request(request_details(asked={"before": flow})))
    assert "\nevil.example" in text
    assert "\nshop.example" not in text


def test_the_segment_that_an_edit_sets_stands_among_the_settings() -> None:
    assert "Segment: Segment 3" in text_of(draw_request(edit_details()))


def test_what_is_known_stands_among_the_settings_with_its_date() -> None:
    settings = known_settings("3", "news", "", names={"3": "VIP"})
    text = text_of(draw_request(replace(request_details(), settings=settings)))
    assert f"Segment: VIP (set {EN.format_datetime(NOW)})" in text
    assert f"UTM source: news (set {EN.format_datetime(NOW)})" in text
    assert "UTM medium" not in text
    assert "UTM campaign: Not shown by Enkapush" in text


@pytest.mark.parametrize(
    ("t", "said"),
    [
        (EN, "(set {when}, may have changed since)"),
        (TR, "({when} tarihinde ayarlandı, sonradan değişmiş olabilir)"),
    ],
)
def test_what_is_doubtful_is_marked_and_an_empty_value_in_doubt_is_unknown(t: Translator, said: str) -> None:
    settings = known_settings("all", "", flow_changed_at=None)
    text = text_of(draw_request(replace(request_details(), settings=settings), t))
    assert f"{t('form.segment_all')} {said.format(when=t.format_datetime(NOW))}" in text
    assert f"{t('field.utm')}: {t('flow.segment_untold')}" in text


def test_an_edit_names_the_segment_and_what_is_known_of_the_old_value() -> None:
    settings = known_settings("7", "", names={"3": "VIP", "7": "Others"})
    text = text_of(draw_request(replace(edit_details(), settings=settings)))
    assert f"Segment: Others (set {EN.format_datetime(NOW)}) → VIP" in text
    assert "UTM source: → spring" in text
    assert "Segment: VIPURL: " in text


def test_an_edit_is_shown_field_by_field() -> None:
    text = text_of(draw_request(edit_details()))
    for part in (
        "Title: Tulips! → Tulips and roses!", "Wait: 3 days → 2 hours",
        "Button 1: See → https://shop.example/see → removed", "Segment: → Segment 3", "UTM source: → spring",
        "Image: → a new picture",
    ):  # fmt: skip
        assert text.count(part) == 1


def test_an_edits_new_picture_does_not_show_as_the_old_one() -> None:
    assert not [block for block in draw_request(edit_details()).blocks if block["type"] == "card"]


def test_what_differs_from_the_last_approval_is_shown() -> None:
    text = text_of(
        draw_request(
            request_details(since_approved=(FieldDifference("description", "Until Monday", FLOW.description),))
        )
    )
    assert "Changed since the last approval" in text
    assert "Description: Until Monday → Half price until Sunday" in text
    assert "last approval" not in text_of(draw_request(request_details(since_approved=())))


@pytest.mark.parametrize("state", WORD)
def test_a_finished_request_carries_its_outcome_and_no_votes(state: ChangeState) -> None:
    message = draw_request(request_details(state))
    assert WORD[state] in text_of(message)
    assert not {"Approve", "Reject", "Withdraw", "Skip approval"} & set(buttons_by_label(message))
    assert "#12 Spring sale" in message.text
    assert "Requested by @U0EMMA" in text_of(message)
    others = {"Applied", "Failed", "Rejected", "Withdrawn", "Expired", "Out of date"} - {WORD[state]}
    assert not [word for word in others if word in text_of(message)]


@pytest.mark.parametrize("state", ChangeState)
def test_approved_is_said_where_it_is_so(state: ChangeState) -> None:
    message = draw_request(request_details(state))
    assert ("approved by @U0AYSE, @U0BURAK" in text_of(message)) is (state in DECIDED)
    assert ("Approved" in text_of(message)) is (state in DECIDED - {ChangeState.FAILED})


def test_a_rejection_names_its_person_and_reason() -> None:
    text = text_of(draw_request(request_details(ChangeState.REJECTED)))
    assert text.startswith("Request to enable flow #12 Spring sale was rejected · by @U0BURAK⛔ Rejected")
    assert "Reason for rejecting: Not before June" in text


def test_a_withdrawal_and_an_expiry_say_how_it_ended() -> None:
    assert "↩ Withdrawn · Requested by @U0EMMA" in text_of(draw_request(request_details(ChangeState.WITHDRAWN)))
    assert "Nobody decided within 3 days, so nothing was changed." in text_of(
        draw_request(request_details(ChangeState.EXPIRED))
    )


def test_votes_that_were_not_enough_are_kept_in_view() -> None:
    assert "1/2 approvals: @U0AYSE" in text_of(draw_request(request_details(ChangeState.EXPIRED, approved_by=(AYSE,))))


def test_a_failure_gives_its_reason() -> None:
    assert "Enkapush refused this, so nothing was changed. It says: Title is too long" in text_of(
        draw_request(request_details(ChangeState.FAILED))
    )


@pytest.mark.parametrize("key", sorted(sentences.NAMED_CHANNEL_KEYS))
def test_a_failure_for_a_channels_policy_names_the_channel_wherever_it_is_read(key: str) -> None:
    given = request_details(
        ChangeState.FAILED, approved_by=(), change={"outcome": Outcome(key, {"n": 1, "stage": 2, "people": [BURAK]})}
    )
    for message in (draw_request(given), check_blocks(request_ended_message(given, EN, MENTIONED))):
        assert f"@{CHANNEL}" in text_of(message)
        assert "could not be" in text_of(message)
        assert "this channel" not in text_of(message).lower()


@pytest.mark.parametrize("outcome", [None, Outcome("from.the_future")])
def test_a_failure_of_an_unknown_kind_is_still_told(outcome: Outcome | None) -> None:
    details = request_details(ChangeState.FAILED, change={"outcome": outcome})
    assert EN("request.outcome_unreadable") in text_of(draw_request(details))
    assert outcome_text(details.change, EN) == Text("request.outcome_unreadable")


def test_what_is_not_known_says_what_to_look_at_and_can_be_looked_at_again() -> None:
    message = draw_request(request_details(ChangeState.UNKNOWN))
    assert "Your change doesn't show in Enkapush yet." in text_of(message)
    assert buttons_by_label(message)["Check again"]["action_id"] == "changes.check_again"


def test_out_of_date_shows_what_changed_and_can_be_asked_again() -> None:
    message = draw_request(request_details(ChangeState.OUT_OF_DATE))
    for part in ("Title: Tulips! → Roses!", "Wait: 3 days → 1 hour", "State: Disabled → Enabled"):
        assert part in text_of(message)
    assert buttons_by_label(message)["Ask again"]["action_id"] == "changes.ask_again"


def test_a_flow_that_is_gone_cannot_be_asked_for_again() -> None:
    message = draw_request(
        request_details(ChangeState.OUT_OF_DATE, change={"outcome": Outcome("out_of_date.gone", {"id": "12"})})
    )
    assert "no longer exists in Enkapush" in text_of(message)
    assert not buttons_by_label(message)


def test_a_deleted_flow_can_be_restored() -> None:
    message = draw_request(request_details(ChangeState.APPLIED, ChangeKind.DELETE))
    assert list(buttons_by_label(message)) == ["Restore"]
    assert not [block for block in message.blocks if block["type"] == "card"]


def test_a_restored_flow_says_where_it_comes_from() -> None:
    outcome = Outcome("applied.restore", {"id": "57"}, FlowId(57))
    given = request_details(
        ChangeState.APPLIED, ChangeKind.RESTORE, rule=None, asked={"flow": None}, change={"outcome": outcome}
    )
    message = draw_request(given)
    assert message.text == "Flow #12 Spring sale was restored as #57 · by <@U0EMMA>"
    assert "Applied" in text_of(message)
    assert "Restored from #12 as #57, disabled." in text_of(message)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ImageFault.LOST, "The picture can't be saved. Restore brings the flow back without it."),
        (ImageFault.LATE, "The picture can't be loaded right now."),
    ],
)
def test_a_picture_that_is_not_kept_is_said_before_the_buttons(fault: ImageFault, said: str) -> None:
    progress = Progress(image_fault=fault)
    message = draw_request(request_details(kind=ChangeKind.DELETE, change={"progress": progress}))
    *_, warning, buttons = message.blocks
    assert said in json.dumps(warning, ensure_ascii=False)
    assert buttons["type"] == "actions"


@pytest.mark.parametrize(("image", "is_lost"), [(None, True), (ImageId("kept"), False)])
def test_what_a_deleted_and_a_restored_flow_lack_is_said(image: ImageId | None, is_lost: bool) -> None:
    outcome = Outcome("applied.delete", {"id": "12"}, FLOW.id)
    deleted = draw_request(
        request_details(
            ChangeState.APPLIED, ChangeKind.DELETE, change={"outcome": outcome, "progress": Progress(image=image)}
        )
    )
    assert ("Its picture couldn't be saved" in text_of(deleted)) is is_lost
    outcome = Outcome("applied.restore", {"id": "57"}, FlowId(57))
    wanted = DesiredFlow(FlowContent.of(FLOW), image=image)
    given = request_details(
        ChangeState.APPLIED,
        ChangeKind.RESTORE,
        rule=None,
        asked={"flow": None, "wanted": wanted},
        change={"outcome": outcome},
    )
    assert ("Its picture is missing. Upload it again." in text_of(draw_request(given))) is is_lost


def test_what_needed_no_approval_is_told_without_votes() -> None:
    message = draw_request(request_details(ChangeState.APPLIED, ChangeKind.DISABLE, rule=None))
    assert text_of(message).startswith("Flow #12 Spring sale is disabled · by @U0EMMA✅ Applied")
    assert "pproval" not in text_of(message)
    assert not buttons_by_label(message)


@pytest.mark.parametrize("state", sorted(DECIDED))
def test_a_broken_glass_stands_out(state: ChangeState) -> None:
    text = text_of(draw_request(skipped_details(state)))
    assert "🚨 @U0AYSE skipped approval" in text
    assert "Reason for skipping: The shop sells what it has not" in text
    assert "Approved" not in text


def test_an_alarm_names_person_flow_and_reason_and_mentions_the_approvers() -> None:
    message = check_blocks(skipped_approval_message(skipped_details(), EN))
    assert message.text == "🚨 <@U0AYSE> skipped approval to enable flow #12 Spring sale"
    text = text_of(message)
    assert text.startswith("🚨 @U0AYSE skipped approval to enable flow #12 Spring sale")
    assert "The shop sells what it has not" in text
    assert "FYI @S0LEADS" in text
    kinds = [
        each["type"] for each in list_elements(message.blocks) if each.get("type") in {"user", "usergroup", "broadcast"}
    ]
    assert kinds == ["user", "usergroup", "user"]
    quiet = check_blocks(skipped_approval_message(skipped_details(), EN, NAMED, mentions=False))
    assert list_mentions(quiet) == []


NAMED = People({EMMA: "Emma Clarke", AYSE: "Ayşe Yılmaz", BURAK: "Burak Demir"})
WHY: Mapping[ChangeState, tuple[str, ...]] = {
    ChangeState.APPLIED: ("was changed · approved by Ayşe Yılmaz, Burak Demir", "New subscribers get the new version."),
    ChangeState.FAILED: ("Title is too long",),
    ChangeState.UNKNOWN: ("approved by", "not known"),
    ChangeState.REJECTED: ("was rejected · by Burak Demir", "Reason for rejecting: Not before June"),
    ChangeState.WITHDRAWN: ("was withdrawn", "Nothing was changed."),
    ChangeState.EXPIRED: ("Nobody decided within 3 days",),
    ChangeState.OUT_OF_DATE: ("Title: Tulips! → Roses!", "State: Disabled → Enabled"),
}


@pytest.mark.parametrize("state", WHY)
def test_who_asked_is_told_by_whom_and_why_it_ended(state: ChangeState) -> None:
    link = "https://team.slack.example/archives/C0/p1"
    message = check_blocks(request_ended_message(edit_details(state=state), EN, NAMED, link=link))
    assert "#12 Spring sale" in message.text
    for part in (message.text, *WHY[state]):
        assert part in text_of(message)
    assert list_mentions(message) == []
    mentioning = check_blocks(request_ended_message(edit_details(state=state), EN, NAMED, mentions=True))
    assert list_mentions(mentioning) == ["U0EMMA"]


@pytest.mark.parametrize("kind", ChangeKind)
@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
@pytest.mark.parametrize("state", ChangeState)
def test_the_first_block_and_the_notification_carry_the_same_headline(
    kind: ChangeKind, t: Translator, state: ChangeState
) -> None:
    given = request_details(state, kind)
    messages = [request_message(given, t, NOW, people=NAMED), reminder_message(given, t, NOW, NAMED)]
    if state in WHY:
        messages.append(request_ended_message(given, t, NAMED))
    for message in messages:
        assert text_of(Message(message.blocks[:1])) == re.sub(r"<!date[^|]*\|([^>]*)>", r"@\1", message.text)
        assert "#12 Spring sale" in message.text


REMARKS = ("Request changes", "Comment")
TOMORROW = NOW + timedelta(days=1)
RULE_TO_SKIP = RULE.model_copy(update={"break_glass": (AYSE,)})


@pytest.mark.parametrize(
    ("state", "asked", "skipped", "says", "buttons"),
    [
        ("pending", {}, False, "It goes live @", {"Approve", "Reject", *REMARKS, "Withdraw", "Skip approval"}),
        ("scheduled", {}, False, "goes live @", {"Reject", *REMARKS, "Withdraw", "Skip approval"}),
        ("scheduled", {}, True, "approval skipped by", {"Reject", *REMARKS, "Withdraw"}),
        ("scheduled", {"kind": "disable", "ends": "e1"}, False, "will be disabled @", {"Withdraw"}),
        ("scheduled", {"kind": "disable", "rule": None}, False, "will be disabled @", {"Reject", "Withdraw"}),
        ("applied", {"ends_at": TOMORROW}, False, "is live until @", set()),
        ("withdrawn", {"kind": "disable", "ends": "e1"}, False, "stays live", set()),
        ("out_of_date", {"kind": "disable", "ends": "e1"}, False, "no longer counts", set()),
        ("expired", {}, False, "within an hour of its start", {"Ask again"}),
    ],
)
@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_a_request_with_times_says_them_and_offers_what_is_left_to_decide(
    t: Translator, state: str, asked: dict[str, Any], skipped: bool, says: str, buttons: set[str]
) -> None:
    outcomes, asked = {"out_of_date": "out_of_date.disabled_before", "expired": "expired.late"}, dict(asked)
    closing = Closure(AYSE, ClosureKind.BREAK_GLASS, "Now") if skipped else None
    details = request_details(
        ChangeState(state),
        ChangeKind(asked.pop("kind", "enable")),
        rule=asked.pop("rule", RULE_TO_SKIP),
        policy=ChannelPolicy(id=CHANNEL, websites="all", approval=RULE_TO_SKIP),
        asked={"not_before": TOMORROW, **asked},
        change={
            "progress": Progress(closing, starts_at=TOMORROW),
            "outcome": Outcome(outcomes[state], {"id": "12"}) if state in outcomes else None,
        },
    )
    message = check_blocks(request_message(details, t, NOW))
    if t is EN:
        assert says in text_of(message)
        assert set(buttons_by_label(message)) - {"Show"} == buttons


def test_more_approvers_than_a_headline_holds_are_counted() -> None:
    people = tuple(UserId(f"U0{number}0") for number in range(1, 6))
    message = draw_request(request_details(ChangeState.APPLIED, approved_by=people))
    assert message.text == "Flow #12 Spring sale is live · approved by <@U010>, <@U020>, <@U030>, 2 more"


@pytest.mark.parametrize("mentions", [True, False])
def test_a_new_request_mentions_its_approvers_and_nobody_else(mentions: bool) -> None:
    people = tuple(UserId(f"U0{number}0") for number in range(1, 13))
    given = request_details(approvers=("*", *people[:6], EMMA, LEADS, *people[6:]))
    message = check_blocks(request_message(given, EN, NOW, people=NAMED, mentions=mentions))
    assert list_mentions(message) == (["S0LEADS", *people[:10]] if mentions else [])
    assert ("Needs approval from" in text_of(message)) is mentions


def test_who_asked_is_told_who_broke_the_glass_and_why() -> None:
    text = text_of(check_blocks(request_ended_message(skipped_details(), EN, MENTIONED)))
    assert "🚨 @U0AYSE skipped approval" in text
    assert "Reason for skipping: The shop sells what it has not" in text


def test_there_is_no_alarm_where_nobody_skipped_anything() -> None:
    with pytest.raises(ValueError, match="nobody"):
        skipped_approval_message(request_details(), EN)


def test_a_reminder_says_what_waits_for_whom() -> None:
    message = check_blocks(reminder_message(request_details(approved_by=(BURAK,), approvers=(LEADS,)), EN, NOW))
    assert message.text == "Still waiting for approval: enable flow #12 Spring sale, requested 2 hours ago"
    for part in (message.text, "1/2 approvals: @U0BURAK", "Expires", "@S0LEADS"):
        assert part in text_of(message)


@pytest.mark.parametrize("link", [None, "https://team.slack.example/archives/C0/p1"])
def test_the_requester_is_told_where_approval_is_asked_for(link: str | None) -> None:
    rule = ApprovalRule(channel=ChannelId("C0APPROVALS"))
    message = check_blocks(request_sent_message(request_details(rule=rule), link, EN, NOW))
    assert "Approval requested in @C0APPROVALS – Enable: #12 Spring sale" in text_of(message)
    assert [button["url"] for button in buttons_by_label(message).values()] == ([link] if link else [])


def test_an_empty_list_of_approvals_says_so() -> None:
    message = check_blocks(approvals_message(ListedRequests(NO_REQUESTS, NO_REQUESTS, NO_REQUESTS), {}, EN, NOW))
    assert "Nothing needs approval" in text_of(message)


def test_the_list_of_approvals_has_a_head_over_what_there_is_and_a_link_to_each_request() -> None:
    link = "https://team.slack.example/archives/C0/p1"
    mine = [request_details(approved_by=(BURAK,)), request_details(ChangeState.REJECTED)]
    lists = NO_REQUESTS, RequestList(mine, 2), RequestList([edit_details()], 1)
    message = check_blocks(approvals_message(ListedRequests(*lists), {ChangeId("k7m2"): link}, EN, NOW))
    heads = [block["text"]["text"] for block in message.blocks if block["type"] == "header"]
    assert heads == ["Your requests", "Other open requests"]
    text = text_of(message)
    for part in (
        "Enable #12 Spring sale",
        "Waiting for approval · 1/2 approvals\nExpires <!date^",
        "Requested by <@U0EMMA>",
        "Rejected",
    ):
        assert part in text
    assert buttons_by_label(message)["Open"]["url"] == link


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_a_long_list_of_approvals_fits_and_counts_the_rest(t: Translator) -> None:
    many = RequestList([edit_details()] * LISTED_MAX, 200)
    links = {ChangeId("k7m2"): "https://team.slack.example/archives/C0/p1"}
    message = check_blocks(approvals_message(ListedRequests(many, many, many), links, t, NOW))
    assert len(buttons_of(message)) == 3 * LISTED_MAX
    assert ("190 more" in text_of(message)) is (t is EN)


def buttons_of(message: Message) -> list[dict[str, Any]]:
    return [each for each in list_elements(message.blocks) if each.get("type") == "button"]


def test_the_page_of_a_flow_offers_what_an_editor_may_do() -> None:
    for flow, first, style in ((FLOW, "Enable", "primary"), (replace(FLOW, is_enabled=True), "Disable", None)):
        page = FlowDetails(flow, {SHOP: "Shop"}, may_share=True, may_edit=True)
        found = buttons_by_label(check_blocks(push.flow_details_message(page, EN, NOW)))
        assert list(found) == [first, "Edit", "Duplicate", "Share", "Delete"]
        assert (found[first].get("style"), found["Delete"]["style"]) == (style, "danger")
    reader = FlowDetails(FLOW, {SHOP: "Shop"}, may_share=False, may_edit=False)
    assert not buttons_by_label(push.flow_details_message(reader, EN, NOW))


def test_a_new_flow_can_be_enabled_from_its_creation() -> None:
    for kind, first in ((FormKind.CREATE, "Enable"), (FormKind.DUPLICATE, "Enable"), (FormKind.EDIT, "Edit")):
        assert next(iter(buttons_by_label(form_status.saved_message(kind, FLOW, (), EN, may_share=True)))) == first


# --- the form that asks why -------------------------------------------------------------------------------------------


def reason_view(purpose: ReasonPurpose, t: Translator = EN, given: RequestDetails | None = None) -> dict[str, Any]:
    metadata = ReasonMetadata(purpose=purpose, change=ChangeId("k7m2"), channel=CHANNEL)
    view: dict[str, Any] = json.loads(json.dumps(ReasonForm.build(metadata, (given or request_details()).change, t)))
    return check_view(view, WORKSPACE, "modal")


def submission_of(definition: dict[str, Any], reason: str) -> dict[str, Any]:
    view = build_view("U0AYSE", definition)
    values = build_state_values(add_missing_ids(view.blocks) or [], {})
    for block in values.values():
        for entry in block.values():
            entry["value"] = reason
    return {"private_metadata": view.private_metadata, "state": {"values": values}}


@pytest.mark.parametrize(
    ("purpose", "title", "submit"),
    [(ReasonPurpose.REJECT, "Reject request", "Reject"), (ReasonPurpose.BREAK_GLASS, "Skip approval", "Skip approval")],
)
def test_the_form_asks_for_a_reason_that_is_required(purpose: ReasonPurpose, title: str, submit: str) -> None:
    view = reason_view(purpose)
    assert (view["title"]["text"], view["submit"]["text"]) == (title, submit)
    (field,) = [block for block in view["blocks"] if block["type"] == "input"]
    assert (field["label"]["text"], field["optional"]) == ("Reason", False)
    assert "Enable #12 Spring sale" in json.dumps(view)


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
@pytest.mark.parametrize("purpose", ReasonPurpose)
def test_a_reason_comes_back_as_it_was_typed(purpose: ReasonPurpose, t: Translator) -> None:
    submitted = ReasonForm.parse(receive_form(submission_of(reason_view(purpose, t), "  <!channel> *why*\nnot ")))
    assert submitted is not None
    assert submitted.reason == "<!channel> *why*\nnot"
    assert (submitted.metadata.purpose, submitted.metadata.change) == (purpose, "k7m2")
    assert ReasonForm.field_errors(submitted, t) == {}


def test_a_blank_reason_is_none_at_all() -> None:
    view = reason_view(ReasonPurpose.BREAK_GLASS)
    submitted = ReasonForm.parse(receive_form(submission_of(view, " \n ")))
    assert submitted is not None
    errors = ReasonForm.field_errors(submitted, EN)
    assert errors == {view["blocks"][-1]["block_id"]: "Fill this in."}


@pytest.mark.parametrize(
    "view", [None, [], {}, {"private_metadata": "{}"}, {"private_metadata": '{"purpose":"reject","change":"a"}'}]
)
def test_what_is_no_form_for_a_reason_is_not_read(view: Any) -> None:
    received = receive_view(view)
    assert received is None or ReasonForm.parse(received) is None


def test_the_two_forms_are_not_taken_for_one_another() -> None:
    assert FlowForm.parse(receive_form(submission_of(reason_view(ReasonPurpose.REJECT), "why"))) is None


# --- any content ------------------------------------------------------------------------------------------------------


def check_inert(message: Message, *foreign: str) -> None:
    """Check that foreign text is parsed neither at the top nor in `mrkdwn`; a lone `<` may be flowbot's own."""
    parsed = [message.text] + [each["text"] for each in list_elements(message.blocks) if each.get("type") == "mrkdwn"]
    for text in foreign:
        if len(text) > 3 and ("<" in text or "*" in text):
            assert not [each for each in parsed if text[:20] in each]


FLOWS = st.builds(
    Flow,
    id=st.integers(1, 2**63 - 1).map(FlowId),
    website_id=st.integers(1, 5).map(WebsiteId),
    name=ANY_TEXT,
    title=ANY_TEXT,
    description=ANY_TEXT,
    wait=st.builds(WaitTime, st.integers(0, 10**9), st.one_of(st.sampled_from(["minutes", "hours", "days"]), ANY_TEXT)),
    is_enabled=st.booleans(),
    url=st.one_of(ANY_TEXT, st.just("https://a.example/b")),
    image_url=st.one_of(st.none(), ANY_TEXT, st.just("https://a.example/b.png")),
    ttl=st.one_of(st.none(), st.integers(0, 10**7)),
    is_silent=st.booleans(),
    button_1=st.builds(FlowButton, ANY_TEXT, ANY_TEXT),
    button_2=st.builds(FlowButton, ANY_TEXT, ANY_TEXT),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["amount", "unit", "title", "url"]), each)
    ),
    max_leaves=4,
)
FOUND = st.lists(
    st.fixed_dictionaries({
        "field": st.one_of(st.sampled_from(["ttl", "wait", "button_2", "website_id", "is_enabled", "name"]), ANY_TEXT),
        "before": PLAIN,
        "after": PLAIN,
    }),
    max_size=4,
)  # fmt: skip


@given(
    FLOWS,
    FLOWS,
    ANY_TEXT,
    st.tuples(st.sampled_from(ChangeState), st.sampled_from(ChangeKind)),
    FOUND,
    st.sampled_from([EN, TR]),
)
def test_any_change_fits_slack_and_stays_inert(
    before: Flow,
    after: Flow,
    reason: str,
    way: tuple[ChangeState, ChangeKind],
    found: list[dict[str, Any]],
    t: Translator,
) -> None:
    outcome = Outcome("not_done.refused", {"said": reason, "differences": found, "id": reason})
    given_shown = request_details(
        *way,
        asked={
            "before": before,
            "wanted": DesiredFlow(FlowContent.of(after), WriteOnlyFields(reason, reason, "", None)),
            "reason": reason,
        },
        change={"outcome": outcome, "progress": Progress(Closure(AYSE, ClosureKind.BREAK_GLASS, reason))},
        since_approved=content_differences(FlowContent.of(before), FlowContent.of(after)),
        remarks=(Text("lint.other_host", {"host": reason, "usual": [reason]}),),
        approvers=("*", LEADS, BURAK),
    )
    settings = known_settings(reason, after.name, "", names={reason: before.title})
    named = replace(given_shown, website_names={WebsiteId(1): reason, WebsiteId(2): LONG}, settings=settings)
    link, one = {ChangeId("k7m2"): "https://team.slack.example/archives/C0/p1"}, RequestList([named], 1)
    messages = [
        draw_request(named, t),
        check_blocks(reminder_message(named, t, NOW)),
        check_blocks(skipped_approval_message(named, t)),
        check_blocks(request_sent_message(named, None, t, NOW)),
        check_blocks(approvals_message(ListedRequests(one, RequestList([named] * LISTED_MAX, 12), one), link, t, NOW)),
        check_blocks(push.flow_details_message(FlowDetails(before, {}, True, True, settings=settings), t, NOW)),
    ]
    if way[0] in WHY:
        by_name = People({EMMA: reason, AYSE: reason})
        messages.append(check_blocks(request_ended_message(named, t, by_name, link=link[ChangeId("k7m2")])))
    for message in messages:
        check_inert(message, reason, before.name, after.title)
    reason_view(ReasonPurpose.REJECT, t, named)
