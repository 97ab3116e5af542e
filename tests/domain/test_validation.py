"""The flow form's rules: what it asks for, what it refuses, and what it leaves alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.change import ChangeKind
from flowbot.domain.fields import (
    FIELDS,
    TTL_SECONDS,
    FormKind,
    default_values,
    duplicate_values,
    form_values,
    reset_segment,
)
from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.validation import (
    ValidationResult,
    draft_content,
    is_optional,
    matches_flow,
    rebase_values,
    validate_form,
)

SHOP, BLOG = WebsiteId(1), WebsiteId(2)
FLOW = Flow(
    SHOP,
    "Welcome",
    "Hello",
    "Glad that you are here",
    WaitTime(3, "days"),
    id=FlowId(7),
    is_enabled=False,
    url="https://shop.example/hello",
    ttl=3600,
    is_silent=True,
    button_1=FlowButton("See", "https://shop.example/see"),
)
FILLED = default_values(SHOP) | {"name": "Welcome", "title": "Hello", "description": "Glad"}
ANY_FLOW = st.builds(
    Flow,
    id=st.just(FlowId(7)),
    website_id=st.just(SHOP),
    name=st.text(),
    title=st.text(),
    description=st.one_of(st.text(), st.just("long " * 700)),
    wait=st.builds(
        WaitTime, st.integers(), st.one_of(st.sampled_from(["days", "hours", "weeks"]), st.text(max_size=200))
    ),
    is_enabled=st.booleans(),
    url=st.text(),
    ttl=st.one_of(st.none(), st.integers(), st.sampled_from(TTL_SECONDS)),
    is_silent=st.booleans(),
    is_auto_hide=st.booleans(),
    button_1=st.builds(FlowButton, st.text(), st.text()),
    button_2=st.builds(FlowButton, st.text(), st.text()),
)


def check_create(**typed: str) -> ValidationResult:
    return validate_form(FILLED | typed, kind=FormKind.CREATE, before=None, websites=[SHOP, BLOG])


KNOWN = WriteOnlyFields("3", "news", "", None)
"""What is known of the flow's write-only fields."""


def check_edit(flow: Flow = FLOW, **typed: str) -> ValidationResult:
    return validate_form(form_values(flow) | typed, kind=FormKind.EDIT, before=flow, websites=[SHOP, BLOG])


def require_wanted(checked: ValidationResult) -> DesiredFlow:
    assert checked.problems == {}
    assert checked.wanted is not None
    return checked.wanted


def require_refused(checked: ValidationResult) -> dict[str, str]:
    assert checked.wanted is None
    return {name: problem.key for name, problem in checked.problems.items()}


def test_a_new_flow_is_what_was_typed_with_the_defaults_for_the_rest() -> None:
    content = FlowContent(SHOP, "Welcome", "Hello", "Glad", WaitTime(1, "days"), ttl=2_419_200)
    assert require_wanted(check_create()) == DesiredFlow(content, WriteOnlyFields(segment="all"))


def test_everything_that_can_be_typed_is_wanted() -> None:
    checked = check_create(
        website="2",
        url="https://shop.example/sale",
        wait="90",
        wait_unit="minutes",
        segment="12",
        button_1_title="See",
        button_1_url="https://shop.example/see",
        button_2_title="Later",
        button_2_url="http://shop.example/later",
        silent="1",
        auto_hide="1",
        ttl="0",
        utm_source="push",
        utm_medium="web",
        utm_campaign="spring",
        image="kept",
    )
    assert require_wanted(checked) == DesiredFlow(
        FlowContent(
            BLOG,
            "Welcome",
            "Hello",
            "Glad",
            WaitTime(90, "minutes"),
            url="https://shop.example/sale",
            ttl=0,
            is_silent=True,
            is_auto_hide=True,
            button_1=FlowButton("See", "https://shop.example/see"),
            button_2=FlowButton("Later", "http://shop.example/later"),
        ),
        WriteOnlyFields("12", "push", "web", "spring"),
        "kept",
    )


@pytest.mark.parametrize("blank", ["", " ", "\n\t ", "\N{NO-BREAK SPACE}"])
@pytest.mark.parametrize("name", ["name", "title", "description"])
def test_blank_texts_are_refused(name: str, blank: str) -> None:
    assert require_refused(check_create(**{name: blank})) == {name: "form.problem_required"}


def test_an_empty_form_names_every_field_that_is_required() -> None:
    checked = validate_form({}, kind=FormKind.CREATE, before=None, websites=[SHOP])
    assert require_refused(checked) == dict.fromkeys(
        (name for name, field in FIELDS.items() if field.is_required), "form.problem_required"
    )


@pytest.mark.parametrize("name", ["name", "title", "description"])
@pytest.mark.parametrize("text", ["  two blanks around  ", "a\nb", "<!channel> *bold*", "\N{PARTY POPPER}", "مرحبا"])
def test_texts_are_kept_exactly_as_typed(name: str, text: str) -> None:
    assert getattr(require_wanted(check_create(**{name: text})).content, name) == text


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "http://shop.example:8080/a?b=c#d",
        "HTTPS://Shop.Example/",
        "https://müşteri.example/indirim",
        "https://пример.рф/",
        "https://例え.jp/道",
        "https://हिन्दी.example/",
        "https://shop.example./",
        "http://192.0.2.1/x",
        "http://[2001:db8::1]/x",
        "https://shop.example/?q=a%20b&utm_source=push",
        "https://نامه\u200cای.example/نامه\u200cای",
        "https://shop.example/❤\ufe0f",
        f"https://{'a' * 63}.example",
    ],
)
def test_web_addresses_are_taken(url: str) -> None:
    checked = check_create(url=f"  {url}\n", button_2_title="Go", button_2_url=f"\u202a {url}\u200b ")
    assert require_wanted(checked).content.url == url
    assert require_wanted(checked).content.button_2 == FlowButton("Go", url)


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://shop.example",
        "javascript:alert(1)",
        "//shop.example",
        "https://",
        "https:///path",
        "https://?q",
        "https://shop .example",
        "https://shop.example/a b",
        "https://shop.example/a\nb",
        "https://shop.exa\x00mple/",
        "https://shop.exa\x7fmple/",
        "https://shop..example",
        "https://sh<op.example",
        "https://shop.example:port/",
        "https://shop.example:99999/",
        "https://[::1",
        "https://[nonsense]/",
        "https://\ud800.example/",
        "mailto:a@shop.example",
        "https:shop.example",
        "https://999.1.1.1/",
        "https://shop.1",
        "https://sh,op.example",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 130}example",
        "https://shop\u200b.example",
        "https://shop.example/sa\u00adle",
        "https://shop.example/sale\u200dx",
        "https://shop.example/\u202egnp.exe",
        "https://shop.example/\u2069x",
    ],
)
def test_anything_else_is_no_web_address(url: str) -> None:
    assert require_refused(check_create(url=url)) == {"url": "form.problem_url"}
    assert require_refused(check_create(button_1_title="Go", button_1_url=url)) == {"button_1_url": "form.problem_url"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_button_has_both_its_parts_or_none(number: int) -> None:
    title, url = f"button_{number}_title", f"button_{number}_url"
    assert require_refused(check_create(**{title: "Go"})) == {url: "form.problem_button_url"}
    assert require_refused(check_create(**{url: "https://a.example"})) == {title: "form.problem_button_title"}
    assert require_refused(check_create(**{url: "https://a.example", title: " "})) == {
        title: "form.problem_button_title"
    }


def test_a_blank_button_is_none() -> None:
    assert require_wanted(check_create(button_1_title=" \u200b", button_1_url="\ufeff")).content.button_1 == FlowButton(
        "", ""
    )


@pytest.mark.parametrize(
    ("amount", "unit", "wait"),
    [
        (" 15 ", "minutes", WaitTime(15, "minutes")),
        ("007", "hours", WaitTime(7, "hours")),
        ("365", "days", WaitTime(365, "days")),
        ("8760", "hours", WaitTime(8760, "hours")),
        ("525600", "minutes", WaitTime(525_600, "minutes")),
        ("０３", "days", WaitTime(3, "days")),
        ("٣", "days", WaitTime(3, "days")),
        ("\u200b1\u00ad2\ufeff", "days", WaitTime(12, "days")),
    ],
)
def test_a_wait_is_a_whole_number_of_a_unit(amount: str, unit: str, wait: WaitTime) -> None:
    assert require_wanted(check_create(wait=amount, wait_unit=unit)).content.wait == wait


@pytest.mark.parametrize(
    ("amount", "unit", "key"),
    [
        ("0", "days", "form.problem_number"),
        ("000", "days", "form.problem_number"),
        ("-1", "days", "form.problem_number"),
        ("+1", "days", "form.problem_number"),
        ("1.5", "days", "form.problem_number"),
        ("1e3", "days", "form.problem_number"),
        ("1_000", "days", "form.problem_number"),
        ("³", "days", "form.problem_number"),
        ("three", "days", "form.problem_number"),
        ("  ", "days", "form.problem_required"),
        ("366", "days", "form.problem_wait_long"),
        ("8761", "hours", "form.problem_wait_long"),
        ("525601", "minutes", "form.problem_wait_long"),
        ("9" * 5000, "minutes", "form.problem_wait_long"),
    ],
)
def test_other_waits_are_refused(amount: str, unit: str, key: str) -> None:
    assert require_refused(check_create(wait=amount, wait_unit=unit)) == {"wait": key}


@pytest.mark.parametrize(
    "typed",
    [
        {"website": "3"},
        {"website": "٣"},
        {"website": "-1"},
        {"wait_unit": "weeks"},
        {"ttl": "1"},
        {"ttl": "-0"},
        {"segment": "0"},
        {"segment": "everyone"},
    ],
)
def test_only_what_was_offered_can_be_chosen(typed: dict[str, str]) -> None:
    assert require_refused(check_create(**typed)) == dict.fromkeys(typed, "form.problem_choice")


@pytest.mark.parametrize("seconds", TTL_SECONDS)
def test_every_time_to_live_of_enkapush_can_be_chosen(seconds: int) -> None:
    assert require_wanted(check_create(ttl=str(seconds))).content.ttl == seconds


def test_nothing_chosen_means_everyone_and_four_weeks_for_a_new_flow() -> None:
    new = require_wanted(check_create(segment="", ttl=""))
    assert (new.unread, new.content.ttl) == (WriteOnlyFields(segment="all"), 2_419_200)


def test_nothing_typed_leaves_an_edited_flow_as_it_is() -> None:
    assert require_wanted(check_edit()) == DesiredFlow(FlowContent.of(FLOW), WriteOnlyFields())


def test_an_edit_changes_what_was_typed_and_nothing_else() -> None:
    kept = require_wanted(check_edit(title="Good day", utm_source="push", utm_medium="  "))
    assert kept == DesiredFlow(replace(FlowContent.of(FLOW), title="Good day"), WriteOnlyFields(utm_source="push"))


@given(ANY_FLOW)
def test_an_edit_leaves_alone_whatever_the_flow_has(flow: Flow) -> None:
    assert require_wanted(check_edit(flow)) == DesiredFlow(FlowContent.of(flow), WriteOnlyFields())


def test_an_edit_leaves_a_text_alone_that_the_form_cannot_hold() -> None:
    flow = replace(FLOW, description="long " * 700, title="\N{PARTY POPPER}" * 1501)
    assert require_wanted(check_edit(flow, description="", title="")).content == FlowContent.of(flow)
    assert require_wanted(check_edit(flow, description="short", title="x")).content.description == "short"


def test_an_edit_leaves_line_ends_alone_that_slack_turned_into_its_own() -> None:
    flow = replace(FLOW, description="one\r\ntwo\rthree")
    assert require_wanted(check_edit(flow, description="one\ntwo\nthree")).content == FlowContent.of(flow)


@given(ANY_FLOW, ANY_FLOW)
def test_what_was_left_alone_follows_a_flow_that_changed(before: Flow, now: Flow) -> None:
    assert rebase_values(form_values(before), before, now) == form_values(now)


@given(st.sampled_from([name for name in FIELDS if name not in {"website", "image"}]), st.text(min_size=1))
def test_what_was_typed_stays_as_typed_whatever_the_flow_has_become(name: str, text: str) -> None:
    theirs = replace(FLOW, name="Theirs", wait=WaitTime(8, "hours"), url="https://shop.example/theirs", ttl=0)
    mine = form_values(FLOW) | {name: text}
    if text != form_values(FLOW)[name]:
        assert rebase_values(mine, FLOW, theirs)[name] == text


@given(ANY_FLOW)
def test_a_form_that_nobody_touched_is_as_it_was_shown(flow: Flow) -> None:
    assert matches_flow(form_values(flow), flow, ChangeKind.EDIT, KNOWN)
    assert matches_flow(duplicate_values(flow, KNOWN), flow, ChangeKind.CREATE, KNOWN)
    assert matches_flow(duplicate_values(flow, WriteOnlyFields()), flow, ChangeKind.CREATE, WriteOnlyFields())
    assert not matches_flow(form_values(flow) | {"utm_source": "news"}, flow, ChangeKind.EDIT, KNOWN)
    assert not matches_flow(duplicate_values(flow, KNOWN) | {"segment": "7"}, flow, ChangeKind.CREATE, KNOWN)
    assert not matches_flow(duplicate_values(flow, KNOWN) | {"utm_source": ""}, flow, ChangeKind.CREATE, KNOWN)


def test_a_wait_is_not_put_together_from_two_peoples_halves() -> None:
    theirs = replace(FLOW, wait=WaitTime(2, "hours"), button_1=FlowButton("See", "https://shop.example/theirs"))
    moved = rebase_values(form_values(FLOW) | {"wait": "30", "button_1_title": "Look"}, FLOW, theirs)
    assert (moved["wait"], moved["wait_unit"]) == ("30", "days")
    assert (moved["button_1_title"], moved["button_1_url"]) == ("Look", "https://shop.example/see")


def test_a_segment_does_not_follow_a_flow_to_another_website() -> None:
    mine = form_values(FLOW) | {"segment": "7"}
    assert rebase_values(mine, FLOW, replace(FLOW, website_id=BLOG))["segment"] == ""
    assert rebase_values(mine, FLOW, replace(FLOW, name="Theirs"))["segment"] == "7"


@pytest.mark.parametrize(
    ("flow", "typed", "problem"),
    [
        (replace(FLOW, url="ftp://a.example"), {"url": "ftp://b.example"}, {"url": "form.problem_url"}),
        (replace(FLOW, ttl=7), {"ttl": "8"}, {"ttl": "form.problem_choice"}),
        (replace(FLOW, wait=WaitTime(0, "days")), {"wait": "-1"}, {"wait": "form.problem_number"}),
        (replace(FLOW, wait=WaitTime(3, "weeks")), {"wait_unit": "years"}, {"wait_unit": "form.problem_choice"}),
        (replace(FLOW, name=""), {"name": " "}, {"name": "form.problem_required"}),
    ],
)
def test_an_edit_checks_what_is_new_even_where_the_old_was_odd(
    flow: Flow, typed: dict[str, str], problem: dict[str, str]
) -> None:
    assert require_refused(check_edit(flow, **typed)) == problem


def test_an_edit_can_remove_what_is_optional() -> None:
    kept = require_wanted(check_edit(url="", button_1_title="", button_1_url="", silent="")).content
    assert (kept.url, kept.button_1, kept.is_silent) == ("", FlowButton("", ""), False)


def test_half_a_button_that_the_flow_has_is_left_alone() -> None:
    flow = replace(FLOW, button_1=FlowButton("Half", ""))
    assert require_wanted(check_edit(flow, name="Other")).content.button_1 == FlowButton("Half", "")


def test_a_duplicate_is_checked_like_a_new_flow() -> None:
    typed = duplicate_values(replace(FLOW, url="ftp://a.example"), WriteOnlyFields())
    checked = validate_form(typed, kind=FormKind.DUPLICATE, before=FLOW, websites=[SHOP])
    assert require_refused(checked) == {"url": "form.problem_url"}
    assert FormKind.DUPLICATE.change_kind is ChangeKind.CREATE
    assert FormKind.EDIT.change_kind is ChangeKind.EDIT


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        (WriteOnlyFields(), WriteOnlyFields(segment="all")),
        (WriteOnlyFields("3", "news", "", None), WriteOnlyFields("3", "news")),
    ],
)
def test_a_duplicate_has_all_that_can_be_read_or_is_known(known: WriteOnlyFields, sent: WriteOnlyFields) -> None:
    checked = validate_form(duplicate_values(FLOW, known), kind=FormKind.DUPLICATE, before=FLOW, websites=[SHOP])
    assert require_wanted(checked) == DesiredFlow(FlowContent.of(FLOW), sent)


def test_a_segment_of_the_website_that_was_left_is_refused() -> None:
    typed = FILLED | {"website": "2", "segment": "5"}
    known: dict[str, Any] = {"kind": FormKind.CREATE, "before": None, "websites": [SHOP, BLOG]}
    assert require_refused(validate_form(typed, **known, segment_website=SHOP)) == {
        "segment": "form.problem_segment_website"
    }
    assert require_wanted(validate_form(typed, **known, segment_website=BLOG)).unread.segment == "5"
    assert (
        require_wanted(validate_form(typed | {"segment": "all"}, **known, segment_website=SHOP)).unread.segment == "all"
    )


def test_a_flow_that_moves_to_another_website_needs_its_segment_said() -> None:
    assert require_refused(check_edit(website="2")) == {"segment": "form.problem_segment_website"}
    assert require_wanted(check_edit(website="2", segment="all")).content.website_id == BLOG


def test_another_website_begins_with_all_its_subscribers() -> None:
    assert reset_segment(FILLED | {"website": "2", "segment": "5"}, None)["segment"] == "all"
    assert reset_segment(form_values(FLOW) | {"website": "2"}, FLOW)["segment"] == "all"
    assert reset_segment(form_values(FLOW) | {"segment": "5"}, FLOW)["segment"] == ""


def test_a_field_that_an_earlier_form_did_not_have_follows_the_flow() -> None:
    theirs = replace(FLOW, title="Theirs", description="Theirs")
    assert rebase_values({}, FLOW, theirs) == form_values(theirs)
    assert rebase_values({"title": "Mine"}, FLOW, theirs) == form_values(theirs) | {"title": "Mine"}


def test_what_a_flow_has_not_need_not_be_typed_to_edit_it() -> None:
    assert [name for name in FIELDS if not is_optional(name, None)] == [
        name for name, field in FIELDS.items() if field.is_required
    ]
    assert not is_optional("description", FLOW)
    assert is_optional("description", replace(FLOW, description=" "))
    assert is_optional("description", replace(FLOW, description="long " * 700))


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(list(FIELDS)), st.text()), st.one_of(st.text(), st.sampled_from(["1", "all"]))
    ),
    st.sampled_from(FormKind),
    st.one_of(st.none(), ANY_FLOW),
)
def test_anything_at_all_is_either_wanted_or_refused_by_field(
    typed: dict[str, str], kind: FormKind, before: Flow | None
) -> None:
    checked = validate_form(typed, kind=kind, before=before, websites=[SHOP, BLOG], segment_website=SHOP)
    assert (checked.wanted is None) is bool(checked.problems)
    assert checked.problems.keys() <= set(FIELDS)


def test_a_sketch_shows_what_was_typed_so_far() -> None:
    assert draft_content({"title": "Hello", "button_1_title": "Go"}).title == "Hello"
    assert draft_content({"button_1_title": "Go"}).button_1 == FlowButton("Go", "")
