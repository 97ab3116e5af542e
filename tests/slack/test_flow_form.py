"""The flow form: what it shows fits Slack, and what comes back is what was typed."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbot.domain.fields import (
    FIELDS,
    FieldKind,
    FormKind,
    default_values,
    duplicate_values,
    fits_field,
    form_values,
)
from flowbot.domain.flow import Flow, FlowButton, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChannelId, FlowId, FormToken, WebsiteId
from flowbot.domain.validation import draft_content, parse_wait, validate_form
from flowbot.errors import Text
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_message, check_view
from flowbot.sandbox.slack.blocks import add_missing_ids, build_state_values
from flowbot.sandbox.slack.form_checks import find_form_errors
from flowbot.sandbox.slack.models import View
from flowbot.sandbox.slack.mutations import build_view
from flowbot.services.ports.enkapush import Segment
from flowbot.slack.forms import widgets
from flowbot.slack.forms.flow.form import FlowForm, FlowFormData, FormMetadata, SubmittedForm, format_copy_name
from flowbot.slack.views import form_status as views
from flowbot.slack.views import push
from tests.flow_fields import LABELS
from tests.slack.form_views import receive_form, receive_view

WORKSPACE = build_demo_workspace()
LOCALES = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN, TR = LOCALES.for_reader("en-US"), LOCALES.for_reader("tr-TR")
SHOP, BLOG = WebsiteId(1), WebsiteId(2)
SITES = {SHOP: "Shop", BLOG: "Blog"}
TOKEN = FormToken("token")
METADATA_MAX = 3000
"""Characters that Slack allows in `private_metadata`."""
METADATA = FormMetadata(token=TOKEN, kind=FormKind.CREATE, channel=ChannelId("C0MARKETING"))
FLOW = Flow(
    SHOP,
    "Welcome",
    "Hello",
    "Glad that you are here",
    WaitTime(3, "days"),
    id=FlowId(7),
    is_enabled=False,
    url="https://shop.example/hello",
    image_url="https://cdn.example/7.png",
    ttl=3600,
    is_silent=True,
    button_1=FlowButton("See", "https://shop.example/see"),
)
WIDE = "\N{PARTY POPPER}مرحبا漢<!channel> ğ"
ANY_TEXT = st.one_of(st.text(max_size=60), st.sampled_from(["", " ", "\n", WIDE, (WIDE * 400)[:2000], "a\r\nb"]))


def metadata_of(kind: FormKind) -> FormMetadata:
    return METADATA.model_copy(update={"kind": kind})


def build_form(
    typed: dict[str, str] | None = None, kind: FormKind = FormKind.CREATE, t: Translator = EN, **more: Any
) -> dict[str, Any]:
    given: dict[str, Any] = {"websites": SITES, "segments": [], "metadata": metadata_of(kind)}
    data = FlowFormData(typed=default_values(SHOP) if typed is None else typed, **(given | more))
    view: dict[str, Any] = json.loads(json.dumps(FlowForm.build(data, t)))
    return check_view(view, WORKSPACE, "modal")


def open_view(definition: dict[str, Any]) -> View:
    """Return the form before a person, as Slack's client holds it."""
    view = build_view("U0AYSE", definition)
    view.blocks = add_missing_ids(view.blocks) or []
    view.values = build_state_values(view.blocks, {})
    return view


def submission_of(view: View) -> dict[str, Any]:
    """Return the form as Slack sends it."""
    return {"type": "modal", "private_metadata": view.private_metadata, "state": {"values": view.values}}


def submit_unchanged(definition: dict[str, Any]) -> SubmittedForm:
    submitted = FlowForm.parse(receive_form(submission_of(open_view(definition))))
    assert submitted is not None
    return submitted


def input_blocks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["label"]["text"]: block for block in definition["blocks"] if block["type"] == "input"}


def text_of_blocks(definition: dict[str, Any]) -> str:
    return json.dumps(definition["blocks"], ensure_ascii=False)


def test_every_field_has_its_own_block_and_the_agreed_label() -> None:
    shown = input_blocks(build_form())
    assert tuple(shown) == LABELS
    assert [block["block_id"].split(".")[0] for block in shown.values()] == list(FIELDS)


@pytest.mark.parametrize(
    ("kind", "title", "submit"),
    [
        (FormKind.CREATE, "New flow", "Create"),
        (FormKind.EDIT, "Edit flow", "Save"),
        (FormKind.DUPLICATE, "Duplicate flow", "Create"),
    ],
)
def test_each_form_says_what_it_is_for(kind: FormKind, title: str, submit: str) -> None:
    view = build_form(form_values(FLOW), kind, before=FLOW)
    assert (view["title"]["text"], view["submit"]["text"], view["notify_on_close"]) == (title, submit, True)


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
@pytest.mark.parametrize("kind", FormKind)
def test_every_view_fits_slack_in_both_languages(kind: FormKind, t: Translator) -> None:
    build_form(form_values(FLOW), kind, t, before=FLOW, segments=None)
    for view in (
        views.loading_view(kind, t),
        views.saving_view(kind, t),
        views.sentence_view(kind, t, Text("show.no_such_flow", {"id": "<!channel>"})),
        views.result_view(kind, t, views.saved_message(kind, FLOW, (), t, may_share=True)),
    ):
        checked = check_view(view, WORKSPACE, "modal")
        assert "submit" not in checked


def test_required_fields_cannot_be_left_empty_and_others_can() -> None:
    view = open_view(build_form(dict.fromkeys(FIELDS, "")))
    assert list(find_form_errors(view)) == ["website", "name", "title", "description", "wait", "wait_unit"]


@pytest.mark.parametrize(
    "flow",
    [
        FLOW,
        replace(FLOW, description="", title=" "),
        replace(FLOW, description="long " * 700, url="x" * 3001),
        replace(FLOW, ttl=None, wait=WaitTime(-3, "weeks"), url="ftp://a.example", title="two\nlines"),
        replace(FLOW, ttl=-7, wait=WaitTime(0, ""), url="https://müşteri.example"),
        replace(FLOW, wait=WaitTime(10**30, "x" * 151), ttl=10**30),
    ],
)
def test_a_flow_can_be_edited_unchanged_whatever_it_has(flow: Flow) -> None:
    definition = build_form(form_values(flow), FormKind.EDIT, before=flow)
    assert find_form_errors(open_view(definition)) == {}
    submitted = submit_unchanged(definition)
    checked = validate_form(submitted.typed, kind=FormKind.EDIT, before=flow, websites=SITES)
    unread = validate_form(form_values(flow), kind=FormKind.EDIT, before=flow, websites=SITES)
    assert checked == unread
    assert checked.problems == {}


TYPED_BY_KIND = {
    FieldKind.TEXT: ANY_TEXT,
    FieldKind.LONG_TEXT: ANY_TEXT,
    FieldKind.URL: st.one_of(ANY_TEXT, st.just("https://a.example/b?c#d")),
    FieldKind.NUMBER: st.one_of(ANY_TEXT, st.integers().map(str)),
    FieldKind.CHECKBOX: st.sampled_from(["", "1"]),
    FieldKind.CHOICE: st.sampled_from(["", "minutes", "hours", "days", "weeks"]),
    FieldKind.TTL: st.sampled_from(["", "0", "2419200", "7", "-7"]),
    FieldKind.WEBSITE: st.sampled_from(["", "1", "2"]),
    FieldKind.SEGMENT: st.sampled_from(["", "all", "3", "404"]),
    FieldKind.IMAGE: st.sampled_from(["", "0123456789abcdef"]),
}
FILLED = st.fixed_dictionaries({name: TYPED_BY_KIND[field.kind] for name, field in FIELDS.items()})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(FILLED, st.sampled_from(FormKind), st.booleans(), st.integers(0, 3))
def test_a_form_that_is_sent_unchanged_brings_back_what_it_was_filled_with(
    typed: dict[str, str], kind: FormKind, many: bool, turn: int
) -> None:
    segments = [Segment(number, SHOP, WIDE, 5) for number in range(1, 300 if many else 5)]
    given_metadata = METADATA.model_copy(update={"kind": kind, "turn": turn})
    assert submit_unchanged(build_form(typed, metadata=given_metadata, segments=segments, before=FLOW)).typed == typed


def test_a_thousand_segments_and_many_websites_fit_and_stay_chosen() -> None:
    sites = {WebsiteId(number): WIDE * 20 for number in range(1, 151)}
    segments = [Segment(number, SHOP, WIDE * 20, 10**12) for number in range(1, 1001)]
    long = dict.fromkeys(("name", "title", "description", "utm_source", "button_1_title"), (WIDE * 400)[:1500])
    typed = default_values(WebsiteId(150)) | long | {"segment": "1000"}
    view = build_form(typed, websites=sites, segments=segments)
    assert input_blocks(view)["Website"]["element"]["type"] == "external_select"
    assert input_blocks(view)["Segment"]["element"]["type"] == "external_select"
    assert submit_unchanged(view).typed == typed


@pytest.mark.parametrize("count", [1, 99, 100])
def test_short_menus_need_no_search(count: int) -> None:
    sites = {WebsiteId(number): f"Site {number}" for number in range(1, count + 1)}
    assert input_blocks(build_form(websites=sites))["Website"]["element"]["type"] == "static_select"


def test_searching_a_menu_folds_case_and_is_capped() -> None:
    segments = [Segment(number, SHOP, f"İzmir {number}", number) for number in range(1, 1001)]
    found = FlowForm.suggest_segments(segments, "izmir 99", EN)["options"]
    assert [option["value"] for option in found] == ["99", *map(str, range(990, 1000))]
    assert len(FlowForm.suggest_segments(segments, "", EN)["options"]) == 100
    assert FlowForm.suggest_segments(segments, "", EN)["options"][0]["value"] == "all"
    assert FlowForm.suggest_websites(SITES, "BL", EN)["options"][0]["value"] == "2"
    assert FlowForm.suggest_websites(SITES, "none", EN) == {"options": []}


LONG = "Customers who looked at running shoes for women in the last ninety days and "


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((f"{LONG}bought", f"{LONG}did not buy"), ("bought", "did not buy")),
        ((f"{LONG}bought", f"{LONG}bought"), ("… #1", "… #2")),
        (("VIP", "VIP", "Vip"), ("VIP #1", "VIP #2", "Vip")),
        (("VIP", "V\u200bIP"), ("VIP #1", "V\u200bIP #2")),
        ((f"{LONG}ش1", f"{LONG}ش2"), ("ش1\u2069", "ش2\u2069")),
    ],
)
def test_names_that_would_look_alike_in_a_menu_are_told_apart(names: tuple[str, ...], shown: tuple[str, ...]) -> None:
    numbered = dict(enumerate(names, 1))
    websites = widgets.website_options({WebsiteId(key): name for key, name in numbered.items()}, EN)
    segments = widgets.segment_options([Segment(key, SHOP, name, 1234) for key, name in numbered.items()], "", EN)
    assert_told_apart([each["text"]["text"] for each in websites], shown)
    assert_told_apart([each["text"]["text"].removesuffix(" (1,234)") for each in segments[1:]], shown)


def assert_told_apart(labels: list[str], ends: tuple[str, ...]) -> None:
    assert all(len(label) <= 75 and label.endswith(end) for label, end in zip(labels, ends, strict=True))
    assert len(set(labels)) == len(labels)


def test_typing_finds_what_stands_behind_the_cut() -> None:
    name = f"{LONG * 2} İSTANBUL {LONG}"
    assert FlowForm.suggest_segments([Segment(3, SHOP, name, 9)], "istanbul", EN)["options"][0]["value"] == "3"
    assert FlowForm.suggest_websites({WebsiteId(7): name}, "istanbul", EN)["options"][0]["value"] == "7"


@pytest.mark.parametrize("name", ["", "  ", "\n", "\u200b"])
def test_what_has_no_name_is_called_by_its_number(name: str) -> None:
    view = build_form(websites={SHOP: name}, segments=[Segment(3, SHOP, name, 1234)])
    assert input_blocks(view)["Website"]["element"]["options"][0]["text"]["text"] == "Website 1"
    assert input_blocks(view)["Segment"]["element"]["options"][1]["text"]["text"] == "Segment 3 (1,234)"


def test_a_long_segment_keeps_its_count() -> None:
    view = build_form(segments=[Segment(3, SHOP, "x" * 200, 1234)])
    assert input_blocks(view)["Segment"]["element"]["options"][1]["text"]["text"].endswith("…\N{SPACE}(1,234)")


def test_times_to_live_and_units_are_in_words() -> None:
    shown = input_blocks(build_form())
    assert shown["Time to live"]["element"]["initial_option"]["text"]["text"] == "4 weeks"
    assert [option["text"]["text"] for option in shown["Wait unit"]["element"]["options"]] == [
        "minutes",
        "hours",
        "days",
    ]


def test_an_edit_says_what_enkapush_does_not_tell() -> None:
    shown = input_blocks(build_form(form_values(FLOW), FormKind.EDIT, before=FLOW))
    for label in ("Segment", "UTM source", "UTM medium", "UTM campaign"):
        assert shown[label]["optional"]
        assert "isn't shown" in shown[label]["hint"]["text"]
    assert "initial_option" not in shown["Segment"]["element"]


def test_segments_that_could_not_be_read_leave_all_subscribers() -> None:
    form = build_form(segments=None)
    assert [option["value"] for option in input_blocks(form)["Segment"]["element"]["options"]] == ["all"]
    assert "isn't showing this website's segments right now" in str(form["blocks"])


def test_a_text_that_no_field_can_hold_is_left_out_and_said() -> None:
    flow = replace(FLOW, description="long " * 700)
    edit = input_blocks(build_form(form_values(flow), FormKind.EDIT, before=flow))["Description"]
    assert (edit["optional"], "initial_value" in edit["element"]) == (True, False)
    assert "to keep it" in edit["hint"]["text"]
    copy = input_blocks(build_form(duplicate_values(flow, WriteOnlyFields()), FormKind.DUPLICATE, before=flow))[
        "Description"
    ]
    assert (copy["optional"], "Type a shorter one" in copy["hint"]["text"]) == (False, True)


def test_a_draft_can_be_kept_at_every_character() -> None:
    shown = input_blocks(build_form())
    assert all(block["dispatch_action"] for label, block in shown.items() if label != "Image")
    for label in ("Name", "Title", "Description", "URL", "Wait", "UTM source"):
        config = shown[label]["element"]["dispatch_action_config"]
        assert config == {"trigger_actions_on": ["on_character_entered"]}


def test_another_website_forgets_the_segment_that_was_chosen_before() -> None:
    first = open_view(
        build_form(default_values(SHOP) | {"segment": "3"}, segments=[Segment(3, SHOP, "Of the shop", 5)])
    )
    second = build_form(default_values(BLOG), segments=[Segment(4, SHOP, "Of the blog", 5)])
    first.values["name"]["flows.form.typed"]["value"] = "typed meanwhile"
    view = open_view(second)
    view.values = build_state_values(view.blocks, first.values)
    submitted = FlowForm.parse(receive_form(submission_of(view)))
    assert submitted is not None
    assert (submitted.metadata.website, submitted.typed["segment"]) == (BLOG, "all")
    assert submitted.typed["name"] == "typed meanwhile"


def test_a_form_filled_anew_forgets_what_was_typed() -> None:
    first = open_view(build_form(default_values(SHOP) | {"name": "old"}))
    view = open_view(build_form(metadata=METADATA.model_copy(update={"turn": 1})))
    view.values = build_state_values(view.blocks, first.values)
    submitted = FlowForm.parse(receive_form(submission_of(view)))
    assert submitted is not None
    assert submitted.typed == default_values(SHOP)
    assert submitted.metadata.turn == 1


def test_the_reason_and_a_way_to_start_over_stand_on_top() -> None:
    view = build_form(
        problem=Text("show.no_such_flow", {"id": "<!channel>"}),
        typed_at=datetime(2026, 5, 1, 9, 0, tzinfo=UTC),
    )
    top, draft = view["blocks"][:2]
    assert top["text"] == {"type": "plain_text", "text": "⚠ There is no flow #<!channel> here.", "emoji": False}
    assert "May 1, 2026" in draft["text"]["text"]
    assert (draft["accessory"]["text"]["text"], draft["accessory"]["value"]) == ("Start over", TOKEN)


@pytest.mark.parametrize(("t", "said"), [(EN, "This flow has an open request"), (TR, "Bu akış için açık bir istek")])
def test_that_a_request_is_open_stands_on_top_of_an_edit_alone(t: Translator, said: str) -> None:
    top = build_form(form_values(FLOW), FormKind.EDIT, t, before=FLOW, has_open_request=True)["blocks"][0]
    assert said in top["text"]["text"]
    assert said not in text_of_blocks(build_form(form_values(FLOW), FormKind.EDIT, t, before=FLOW))
    assert said not in text_of_blocks(
        build_form(form_values(FLOW), FormKind.DUPLICATE, t, before=FLOW, has_open_request=True)
    )


def test_a_picture_that_is_kept_stays_with_the_form() -> None:
    view = build_form(default_values(SHOP) | {"image": "kept"})
    assert "is saved" in input_blocks(view)["Image"]["hint"]["text"]
    assert submit_unchanged(view).typed["image"] == "kept"


def test_a_picture_that_was_added_comes_back_as_a_file() -> None:
    view = open_view(build_form())
    view.values["image"]["flows.form.typed"]["files"] = [
        {"id": "F0123", "name": "a.png", "mimetype": "image/png", "size": 5, "url_private_download": "https://f"}
    ]
    submitted = FlowForm.parse(receive_form(submission_of(view)))
    assert submitted is not None
    assert submitted.file is not None
    assert (submitted.file.file, submitted.file.name) == ("F0123", "a.png")


def test_problems_stand_at_their_fields() -> None:
    definition = build_form()
    problems = {name: Text("form.problem_required") for name in FIELDS}
    errors = FlowForm.field_errors(problems, submit_unchanged(definition).metadata, EN)
    assert set(errors) == {block["block_id"] for block in definition["blocks"] if block["type"] == "input"}
    assert set(errors.values()) == {"Fill this in."}


@pytest.mark.parametrize(
    "state", [None, {}, {"values": None}, {"values": {}}, {"values": {"name": None}}, {"values": {"name": {"x": None}}}]
)
def test_what_slack_leaves_out_is_empty(state: Any) -> None:
    submitted = FlowForm.parse(receive_form({"private_metadata": METADATA.dump(), "state": state}))
    assert submitted == SubmittedForm(METADATA, dict.fromkeys(FIELDS, ""), None)


@pytest.mark.parametrize(
    "view",
    [
        None,
        [],
        "view",
        {},
        {"private_metadata": "", "state": {}},
        {"private_metadata": '{"token": "a"}'},
        {"private_metadata": "null"},
        {"private_metadata": METADATA.dump(), "state": []},
        {"private_metadata": METADATA.dump(), "state": {"values": []}},
        {"private_metadata": METADATA.dump(), "state": {"values": {"name": []}}},
        {"private_metadata": METADATA.dump(), "state": {"values": {"name": {"flows.form.typed": {"value": 5}}}}},
        {"private_metadata": METADATA.dump(), "state": {"values": {"ttl": {"x": {"selected_option": "0"}}}}},
        {"private_metadata": METADATA.dump(), "state": {"values": {"image": {"x": {"files": [{"id": "../x"}]}}}}},
    ],
)
def test_what_is_no_such_form_is_not_read(view: Any) -> None:
    received = receive_view(view)
    assert received is None or FlowForm.parse(received) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(
    st.one_of(st.text(), st.sampled_from(["state", "values", "name", "private_metadata"])), v)))  # fmt: skip
def test_garbage_is_never_an_error(view: Any) -> None:
    received = receive_view(view)
    assert received is None or FlowForm.parse(received) is None


def test_a_forms_identity_fits_slack_and_comes_back() -> None:
    full = FormMetadata(
        token=FormToken("t" * 150),
        kind=FormKind.DUPLICATE,
        channel=ChannelId("C" + "0" * 62),
        flow=FlowId(2**63 - 1),
        locale="\x01" * 150,
        timezone="z" * 150,
        website=WebsiteId(2**63 - 1),
        image="i" * 150,
        turn=10**9,
    )
    assert len(full.dump()) <= METADATA_MAX
    assert FormMetadata.model_validate_json(full.dump()) == full


def test_an_author_is_told_what_was_made_and_what_can_be_done_next() -> None:
    message = views.saved_message(
        FormKind.CREATE, FLOW, push.remark_blocks([Text("lint.no_utm")], EN), EN, may_share=True
    )
    check_message(message.text, json.loads(json.dumps(message.blocks)), WORKSPACE)
    assert message.text.startswith("Flow #7 was created: ")
    buttons = [element["text"]["text"] for element in message.blocks[-1]["elements"]]
    assert buttons == ["Enable", "Edit", "Duplicate", "Share"]
    assert "UTM" in json.dumps(message.blocks)
    alone = views.saved_message(FormKind.EDIT, FLOW, [], EN, may_share=False)
    assert [element["text"]["text"] for element in alone.blocks[-1]["elements"]] == ["Edit", "Duplicate"]


def test_the_menus_are_read_in_words_too() -> None:
    chosen = submit_unchanged(build_form(default_values(SHOP), segments=[Segment(7, SHOP, "VIP", 12)])).chosen_labels
    assert (chosen["website"], chosen["segment"]) == (SITES[SHOP], "All subscribers")


@pytest.mark.parametrize("text", [None, "", 3, [], {"text": 3}, {"text": None}])
def test_a_choice_without_words_is_still_a_choice(text: Any) -> None:
    view = submission_of(open_view(build_form()))
    view["state"]["values"]["website"]["flows.form.website"]["selected_option"] = {"value": str(SHOP), "text": text}
    submitted = FlowForm.parse(receive_form(view))
    assert submitted is not None
    assert submitted.typed["website"] == str(SHOP)
    assert "website" not in submitted.chosen_labels


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.booleans(), st.one_of(st.none(), ANY_TEXT, st.just(FLOW.image_url)))
def test_any_push_can_be_previewed(title: str, text: str, url: str, adds: bool, image: str | None) -> None:
    content = draft_content({"title": title, "description": text, "url": url, "button_1_title": title})
    audience = push.audience_block(title, parse_wait({"wait": text}, None), text, EN)
    pushed = push.preview_blocks(content, [], EN, image_url=image)
    view = push.preview_view(pushed, audience, EN, note=push.format_unshown_image(None, EN) if adds else "")
    assert "submit" not in check_view(json.loads(json.dumps(view)), WORKSPACE, "modal")
    assert ("once the flow is saved" in text_of_blocks(view)) is adds


@pytest.mark.parametrize(("name", "t", "copy"), [("Winter sale", EN, "Winter sale (copy)"), ("Kış", TR, "Kış (kopya)")])
def test_the_name_of_a_copy_says_so_and_fits_the_field(name: str, t: Translator, copy: str) -> None:
    assert format_copy_name(name, t) == copy
    assert format_copy_name(" ", t) == " "
    long = format_copy_name("🌷" * 1500, t)
    assert fits_field("name", long)
    assert long.endswith(copy.removeprefix(name))


def test_addresses_are_fields_that_keep_what_they_show() -> None:
    shown = input_blocks(build_form())
    labels = ("URL", "Button 1 URL", "Button 2 URL")
    assert [shown[label]["element"]["type"] for label in labels] == ["plain_text_input"] * 3
