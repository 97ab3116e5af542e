"""Finding flows: Turkish folding, filters, order and pages."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.flow import Flow, Totals, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.search import (
    FlowQuery,
    IndexedFlow,
    SortOrder,
    find_website,
    insert_flow,
    paginate,
    remove_flow,
    search,
    sort_newest_first,
)
from flowbot.domain.text import collation_key, fold

FLOW = Flow(WebsiteId(1), "Name", "Title", "Description", WaitTime(3, "days"), id=FlowId(1), is_enabled=True)
DAY = datetime(2026, 5, 1, tzinfo=UTC)


def build_index(flows: Iterable[Flow]) -> tuple[IndexedFlow, ...]:
    """Make the flows ready for searching."""
    return sort_newest_first(IndexedFlow.of(flow) for flow in flows)


def search_flows(flows: Iterable[Flow], query: FlowQuery) -> list[Flow]:
    return [entry.flow for entry in search(build_index(flows), query)]


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("İNDİRİM", "indirim"),
        ("indirim", "İNDİRİM"),
        ("ILIK", "ılık"),
        ("ılık", "ILIK"),
        ("Istanbul", "İstanbul"),
        ("istanbul", "ISTANBUL"),
        ("GÜNEŞ", "güneş"),
        ("straße", "STRASSE"),
        ("i\N{COMBINING DOT ABOVE}ndirim", "indirim"),
        ("u\N{COMBINING DIAERESIS}ye", "üye"),
    ],
)
def test_search_folds_case_and_the_turkish_i(typed: str, there: str) -> None:
    flow = replace(FLOW, title=f"Bugün {there}!")
    assert search_flows([flow], FlowQuery((typed,))) == [flow]


def test_accents_count() -> None:
    assert fold("gül") != fold("gul")


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_upper_case_folds_like_the_text_itself(text: str) -> None:
    assert fold(fold(text).upper()) == fold(fold(text).upper().lower())


SALE = "A late spring sale for you"


@pytest.mark.parametrize("flow", [replace(FLOW, name=SALE), replace(FLOW, title=SALE), replace(FLOW, description=SALE)])
def test_words_match_name_title_or_description(flow: Flow) -> None:
    flows = [flow, replace(FLOW, id=FlowId(2))]
    assert search_flows(flows, FlowQuery(("spring", "SALE"))) == [flow]


def test_every_word_must_match_but_anywhere() -> None:
    flow = replace(FLOW, name="spring", description="sale")
    assert search_flows([flow], FlowQuery(("sale", "spring"))) == [flow]
    assert search_flows([flow], FlowQuery(("sale", "winter"))) == []


def test_a_word_does_not_match_across_fields() -> None:
    flow = replace(FLOW, name="spring", title="sale")
    assert search_flows([flow], FlowQuery(("springsale",))) == []


def test_filters_narrow_by_state_and_website() -> None:
    on, off = replace(FLOW, id=FlowId(1)), replace(FLOW, id=FlowId(2), is_enabled=False, website_id=WebsiteId(2))
    flows = [on, off]
    assert search_flows(flows, FlowQuery(is_enabled=True)) == [on]
    assert search_flows(flows, FlowQuery(is_enabled=False)) == [off]
    assert search_flows(flows, FlowQuery(website=WebsiteId(2))) == [off]


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 3)), unique_by=lambda pair: pair[0]))
def test_newest_first_by_time_then_by_id(rows: list[tuple[int, int | None]]) -> None:
    flows = [
        replace(FLOW, id=FlowId(number), created_at=None if day is None else DAY + timedelta(days=day))
        for number, day in rows
    ]
    ordered = [entry.flow for entry in build_index(flows)]
    keys = [(flow.created_at is not None, flow.created_at or DAY, flow.id) for flow in ordered]
    assert keys == sorted(keys, reverse=True)
    assert sorted(flow.id for flow in ordered) == sorted(flow.id for flow in flows)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 3)), unique_by=lambda pair: pair[0]),
    st.tuples(st.integers(0, 9), st.none() | st.integers(0, 3)),
)
def test_a_flow_that_is_put_in_stands_where_it_would_have_stood(
    rows: list[tuple[int, int | None]], put: tuple[int, int | None]
) -> None:
    *flows, new = [
        replace(FLOW, id=FlowId(number), created_at=None if day is None else DAY + timedelta(days=day))
        for number, day in [*rows, put]
    ]
    others = [flow for flow in flows if flow.id != new.id]
    assert insert_flow(build_index(flows), new) == build_index([*others, new])
    assert remove_flow(build_index(flows), new.id) == build_index(others)


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        (SortOrder.NEW, [5, 4, 3, 2, 1]),
        (SortOrder.NAME, [2, 4, 1, 3, 5]),
        (SortOrder.SENT, [3, 1, 5, 4, 2]),
        (SortOrder.BEST, [1, 4, 3, 5, 2]),
        (SortOrder.WORST, [3, 4, 1, 5, 2]),
    ],
)
def test_flows_are_sorted_with_what_is_unknown_last(order: SortOrder, ids: list[int]) -> None:
    rows = {
        1: ("İnci", Totals(900, 100, 10)),
        2: ("çay", Totals(0, 0, 0)),
        3: ("zil", Totals(5_000, 100, 0)),
        4: ("ığdır", Totals(100, 100, 5)),
        5: ("", Totals(100, 0, 0)),
    }
    flows = [replace(FLOW, id=FlowId(number), name=name, totals=totals) for number, (name, totals) in rows.items()]
    assert [flow.id for flow in search_flows(flows, FlowQuery(order=order))] == ids


def test_names_sort_as_in_a_turkish_and_an_english_index() -> None:
    words = "10 Cam çay Çilek dal ığdır Ilık ilk İzmir kâğıt kam öz quiz Şal van web xl zil"
    assert sorted(words.split(), key=collation_key) == words.split()


@given(st.text(st.characters()))
def test_any_text_has_a_place_in_the_order(text: str) -> None:
    assert sorted([text, "çay"], key=collation_key)


@given(st.integers(0, 60), st.integers(1, 12))
def test_pages_cover_everything_once(count: int, size: int) -> None:
    items = list(range(count))
    first = paginate(items, 1, size)
    assert first is not None
    pages = [paginate(items, number, size) for number in range(1, first.pages + 1)]
    assert [item for page in pages if page for item in page.items] == items
    assert all(page and page.total == count for page in pages)


@pytest.mark.parametrize("number", [0, -1, 3, 10**9])
def test_a_page_that_does_not_exist_is_none(number: int) -> None:
    assert paginate(list(range(20)), number) is None


NAMES = {WebsiteId(1): "Lale Moda", WebsiteId(2): "Kitap Durağı", WebsiteId(3): "İpek", WebsiteId(12): "Kitap"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1", 1),
        ("lale moda", 1),
        ("LALE", 1),
        ("kitap", 12),
        ("kitap d", 2),
        ("ipek", 3),
        ("IPEK", 3),
        ("k", None),
        ("", None),
        ("4", None),
        ("¹", None),
        ("nobody", None),
    ],
)
def test_a_website_goes_by_id_name_or_a_clear_beginning(wanted: str, found: int | None) -> None:
    assert find_website(wanted, NAMES) == found
