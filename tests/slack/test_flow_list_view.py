"""The look of a list: two lines a flow, its menu, and the menus that filter and sort, within Slack's limits."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.flow import Flow, Totals, WaitTime
from flowbot.domain.ids import MAX_ID, FlowId, UserId, WebsiteId
from flowbot.domain.search import FlowQuery, Page, SortOrder
from flowbot.i18n.translator import Translator, Translators
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_message
from flowbot.sandbox.slack.blocks import iter_elements
from flowbot.sandbox.slack.visible_text import text_of
from flowbot.services.flow_queries import FlowDetails, FlowList, ListRequest
from flowbot.services.ports.policies import FlowTimes
from flowbot.slack.payloads.button_values import ListValue, parse_value
from flowbot.slack.views.flow_list import flow_list_message, shared_list_message
from flowbot.slack.views.message import Message
from flowbot.slack.views.push import flow_details_message

LOCALES = Translators(fixed=None, zone=ZoneInfo("Europe/Istanbul"))
EN, TR = LOCALES.for_reader("en-US"), LOCALES.for_reader("tr-TR")
NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
SHOP, BLOG = WebsiteId(1), WebsiteId(2)
FLOW = Flow(
    SHOP,
    "Winter sale",
    "Half price",
    "",
    WaitTime(1, "days"),
    id=FlowId(40),
    is_enabled=True,
    totals=Totals(sent=12_400, displayed=10_000, clicked=210),
)
WIDE = "\N{PARTY POPPER}مرحبا漢<!channel> *b* <@U0AYSE> https://evil.example ğ"


def make_list(*flows: Flow, total: int | None = None, query: FlowQuery | None = None, **more: Any) -> FlowList:
    count = len(flows) if total is None else total
    given: dict[str, Any] = {"websites": {SHOP: "Shop", BLOG: "Blog"}, "may_share": False} | more
    page = Page(flows, 1, max(1, -(-count // 10)), count)
    return FlowList(ListRequest(query or FlowQuery()), page, {SHOP: "Shop", BLOG: "Blog"}, **given)


def draw(result: FlowList, t: Translator = EN) -> Message:
    return checked(flow_list_message(result, t, NOW))


def checked(message: Message) -> Message:
    check_message(message.text, json.loads(json.dumps(message.blocks)), build_demo_workspace())
    return message


def read(message: Message) -> str:
    return text_of(list(message.blocks))


def find_menus(message: Message, kind: str) -> list[dict[str, Any]]:
    blocks = [{"block_id": "", **block} for block in message.blocks]
    return [placed.element for placed in iter_elements(blocks) if placed.element["type"] == kind]


def list_labels(menu: dict[str, Any]) -> list[str]:
    return [option["text"]["text"] for option in menu["options"]]


@pytest.mark.parametrize(
    ("t", "lines"),
    [
        (EN, ["Enabled", "Shop", "“Half price” after 1 day", "12,400 sent", "2.1% click rate"]),
        (TR, ["Etkin", "Shop", "“Half price”, abonelikten 1 gün sonra", "12.400 gönderildi", "%2,1 tıklama"]),
    ],
    ids=["en", "tr"],
)
def test_a_flow_takes_two_lines_with_its_state_as_a_word(t: Translator, lines: list[str]) -> None:
    first, second = read(draw(make_list(FLOW), t)).splitlines()[1:3]
    assert [*first.split(" · "), *second.split(" · ")] == ["🟢 #40 Winter sale", *lines]


def test_what_is_not_known_of_a_flow_is_left_out() -> None:
    bare = replace(FLOW, name=" ", title="", is_enabled=False, totals=Totals())
    assert read(draw(make_list(bare))).splitlines()[1:3] == [
        "⚪ #40 (no name) · Disabled",
        "Shop · after 1 day · never sent",
    ]


def test_a_flows_menu_has_what_its_reader_may_do_and_names_the_flow() -> None:
    shown = draw(make_list(FLOW, replace(FLOW, is_enabled=False), may_edit=True))
    on, off = find_menus(shown, "overflow")
    assert list_labels(on) == ["Show", "Edit", "Disable", "Duplicate", "Delete"]
    assert list_labels(off) == ["Show", "Edit", "Enable", "Duplicate", "Delete"]
    assert on["options"][0]["description"]["text"] == "#40 Winter sale"
    reading = draw(make_list(FLOW))
    assert list_labels(find_menus(reading, "overflow")[0]) == ["Show"]


def test_a_list_without_pages_has_no_line_on_them_and_one_headline() -> None:
    shown = draw(make_list(FLOW, replace(FLOW, id=FlowId(41))))
    assert shown.text == shown.blocks[0]["text"]["text"] == "2 flows"
    assert [block["type"] for block in shown.blocks] == ["header", "actions", "section", "section"]
    assert "Page 1 of 3" in read(draw(make_list(FLOW, total=30)))


def test_a_shared_list_has_what_everybody_may_do_and_no_words_of_a_push() -> None:
    result = make_list(FLOW, total=30, query=FlowQuery(order=SortOrder.BEST), may_edit=True, may_share=True)
    shared = checked(shared_list_message(result, UserId("U0EMMA"), EN, NOW))
    assert [list_labels(menu) for menu in find_menus(shared, "overflow")] == [["Show"]]
    assert not find_menus(shared, "static_select")
    assert not find_menus(shared, "button")
    assert "Half price" not in json.dumps(shared.blocks)
    assert "Sorted by: Best click rate" in read(shared)


def test_menus_show_what_is_chosen_and_carry_the_whole_list() -> None:
    query = FlowQuery(("sale",), is_enabled=False, website=BLOG, order=SortOrder.BEST)
    state, website, sort = find_menus(draw(make_list(query=query)), "static_select")
    assert [menu["placeholder"]["text"] for menu in (state, website, sort)] == ["State", "Website", "Sort"]
    chosen = [menu["initial_option"]["text"]["text"] for menu in (state, website, sort)]
    assert chosen == ["Disabled", "Blog", "Best click rate"]
    assert list_labels(website) == ["All websites", "Blog", "Shop"]
    asked = [parse_value(ListValue, option["value"]).request for option in state["options"]]
    assert asked == [
        ListRequest(FlowQuery(("sale",), is_enabled, order=SortOrder.BEST), "2") for is_enabled in (None, True, False)
    ]
    plain = find_menus(draw(make_list(FLOW, total=2)), "static_select")
    assert not any("initial_option" in menu for menu in plain)


def test_a_list_with_nothing_to_choose_has_no_menus() -> None:
    assert not find_menus(draw(make_list()), "static_select")
    one_site = draw(make_list(FLOW, FLOW, websites={SHOP: "Shop"}))
    assert [menu["placeholder"]["text"] for menu in find_menus(one_site, "static_select")] == ["State", "Sort"]


def test_more_websites_than_a_menu_takes_are_typed() -> None:
    many = {WebsiteId(number): f"Site {number}" for number in range(1, 101)}
    shown = draw(make_list(FLOW, FLOW, websites=many))
    assert [menu["placeholder"]["text"] for menu in find_menus(shown, "static_select")] == ["State", "Sort"]
    assert "Type website:NAME" in read(shown)
    del many[WebsiteId(100)]
    assert len(find_menus(draw(make_list(FLOW, FLOW, websites=many)), "static_select")[1]["options"]) == 100


def test_a_search_that_no_menu_can_carry_says_what_to_type() -> None:
    assert len(find_menus(draw(make_list(query=FlowQuery(("x" * 90,)))), "static_select")) == 3
    shown = draw(make_list(query=FlowQuery(("x" * 400,))))
    assert not find_menus(shown, "static_select")
    assert "too long for the menus" in read(shown)


@pytest.mark.parametrize("t", [EN, TR], ids=["en", "tr"])
def test_a_full_page_of_the_longest_texts_fits_slack(t: Translator) -> None:
    wide = replace(FLOW, id=FlowId(MAX_ID), name=WIDE * 20, title=WIDE * 20, website_id=WebsiteId(MAX_ID))
    names = {WebsiteId(MAX_ID): WIDE * 20, SHOP: WIDE}
    result = replace(make_list(*[wide] * 10, total=10**6, may_edit=True, may_share=True), websites=names)
    for message in (draw(result, t), checked(shared_list_message(result, UserId("U0EMMA"), t, NOW))):
        assert len(read(message)) < 5_000


def test_a_button_of_an_older_list_goes_by_the_newest() -> None:
    assert parse_value(ListValue, '{"w":["sale"],"p":2}').request == ListRequest(FlowQuery(("sale",)), page=2)


def test_a_row_and_a_flows_page_say_when_it_starts_and_ends() -> None:
    times = FlowTimes(NOW + timedelta(days=1), NOW + timedelta(days=3))
    shown = read(draw(make_list(FLOW, replace(FLOW, id=FlowId(41)), times={FLOW.id: times})))
    assert "#40 Winter sale · Enabled · starts May 2 12:00 PM · ends May 4 12:00 PM" in shown.replace("\u202f", " ")
    assert "#41 Winter sale · Enabled\n" in shown
    assert "Etkin · başlangıç 2 May 12:00 · bitiş 4 May 12:00" in read(
        draw(make_list(FLOW, times={FLOW.id: times}), TR)
    )
    page = flow_details_message(FlowDetails(FLOW, {}, may_share=False, may_edit=False, times=times), EN, NOW)
    assert "ends May 4 12:00" in read(checked(page))
