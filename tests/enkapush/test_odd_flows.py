"""Odd values in Enkapush's flows: what is shown for each, while other flows stay as they are."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.flow import Flow, fingerprint
from flowbot.domain.search import FlowQuery, IndexedFlow, Page, SortOrder, search, sort_newest_first
from flowbot.enkapush.client import models
from flowbot.enkapush.client.errors import Exchange, Redactor
from flowbot.enkapush.client.responses import Response, ResponseReader
from flowbot.enkapush.reader import to_flow, to_segment
from flowbot.services.flow_queries import FlowDetails, FlowList, ListRequest
from flowbot.slack.forms.widgets import segment_options
from flowbot.slack.views.flow_list import flow_list_message
from flowbot.slack.views.push import flow_details_message
from flowbot.storage.documents import Document
from tests.enkapush.scripted_server import flow_json, page_body
from tests.slack.test_empty_parts import read_lines
from tests.slack.test_request_views import EN, TR

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISTANBUL: Final = ZoneInfo("Europe/Istanbul")
FLOWS: Final = ResponseReader(models.Flow)
STORED: Final = Document(Flow)
LARGE: Final = "1,000,000,000,000,000"
UNREADABLE: Final = None


@dataclass(frozen=True)
class Odd:
    """An odd flow: what differs from the documented example, and what its page says; None where it cannot be read."""

    changes: dict[str, Any]
    shown: str | None = UNREADABLE
    hidden: str = "Something"


def total(value: Any, shown: str | None) -> Odd:
    return Odd({"total_sent_push_notifications": value, "total_displayed_push_notifications": 1}, shown)


def created(value: Any) -> Odd:
    return Odd({"datetime": value}, "#2", hidden="Created")


CASES: Final = {
    # Numbers: clamped.
    "a total of 10^30": total(10**30, f"Sent {LARGE} "),
    "a total of 1e+30": total(1e30, f"Sent {LARGE} "),
    "an infinite total": total(float("inf"), f"Sent {LARGE} "),
    "a negative total": total(-5, "Sent 0 "),
    "a total of -10^30": total(-(10**30), "Sent 0 "),
    "a total that is no number": total(float("nan"), "Sent 0 "),
    "a total in words": total("many", "Sent 0 "),
    "half a total": total(2.5, "Sent 0 "),
    "a total as text": total("7", "Sent 7 "),
    "a list as a total": total([7], "Sent 0 "),
    "a wait of 10^25": Odd({"wait_time": 10**25}, f"{LARGE} days after"),
    "a wait of 1e+25": Odd({"wait_time": 1e25}, f"{LARGE} days after"),
    "a negative wait": Odd({"wait_time": -3}, "-3 days after"),
    "a time to live of 10^30": Odd({"settings": {"ttl": 10**30}}, "Time to live: 1,000,"),
    "a negative time to live": Odd({"settings": {"ttl": -60}}, "Time to live: -1 minute"),
    # What people set, and what tells flows apart: nothing is guessed.
    "a wait in words": Odd({"wait_time": "soon"}),
    "a wait that is no number": Odd({"wait_time": float("nan")}),
    "no wait": Odd({"wait_time": None}),
    "a time to live in words": Odd({"settings": {"ttl": "long"}}),
    "no state": Odd({"is_enabled": None}),
    "a state in words": Odd({"is_enabled": "perhaps"}),
    "a list as a name": Odd({"name": ["a"]}),
    "an id as text": Odd({"id": "2", "website_id": "1"}, "#2"),
    "an id beyond a column": Odd({"id": 2**63}),
    "an id of 10^30": Odd({"id": 10**30}),
    "an id of 1e+30": Odd({"id": 1e30}),
    "an id of 0": Odd({"id": 0}),
    "a negative id": Odd({"id": -1}),
    "no id": Odd({"id": None}),
    "the largest id": Odd({"id": 2**63 - 1}, "#9223372036854775807"),
    "a website beyond a column": Odd({"website_id": 2**63}),
    "no website": Odd({"website_id": None}),
    # Moments: unknown.
    "made in year 1": created("0001-01-01 00:00:00"),
    "made before 1911": created("1905-01-01 00:00:00"),
    "made at the epoch": created("1970-01-01 00:00:00"),
    "made in year 0": created("0000-00-00 00:00:00"),
    "made before Christ": created("-0044-03-15 00:00:00"),
    "made in 9999": created("9999-12-31 23:59:59"),
    "made in 9999 in the west": created("9999-12-31T23:59:59-14:00"),
    "made in year 1 in the east": created("0001-01-01T00:00:00+14:00"),
    "made after 9999": created("10000-01-01 00:00:00"),
    "made at an offset with seconds": created("2025-01-01T00:00:00+01:56:56"),
    "made at second 10^25": created(10**25),
    "made at a number that is none": created(float("nan")),
    "made at a list": created([]),
    "made at an offset": Odd({"datetime": "2025-01-01T10:00:00+05:30"}, "Created: Jan 1, 2025 "),
    # Texts: as they are, with U+FFFD for what is none.
    "half a surrogate in the name": Odd({"name": "Sale \ud83d now"}, "Sale \ufffd now"),
    "the other half": Odd({"name": "Sale \udf89 now"}, "Sale \ufffd now"),
    "halves in the wrong order": Odd({"title": "Sale \udf89\ud83d now"}, "Sale \ufffd\ufffd now"),
    "half a surrogate in a unit": Odd({"wait_time_type": "\ud800s"}, "3 \ufffds after"),
    "half a surrogate in an address": Odd({"url": "https://shop.example/\ud800"}, "shop.example"),
    "half a surrogate in what nobody reads": Odd({"settings": {"urgency": "\ud800"}}, "#2"),
    "half a surrogate as a key": Odd({"\ud800": 1}, "#2"),
    "a backslash before what looks like half a surrogate": Odd({"name": "C:\\ud800"}, "C:\\ud800"),
    "a whole pair": Odd({"name": "Sale 🎉"}, "Sale 🎉"),
    "no name": Odd({"name": None}, "(no name)"),
    "a number as a name": Odd({"name": 2026}, "2026"),
    "a NUL in the name": Odd({"name": "a\0b"}, "#2"),
    "2 MB of name": Odd({"name": "Sale " * 400_000}, "Sale Sale"),
    "2 MB of text": Odd({"description": "sın🎉 " * 400_000}, "sın🎉"),
    "2 MB of address": Odd({"url": "https://shop.example/" + "a" * 2_000_000}, "shop.example"),
    # Shapes.
    "no settings": Odd({"settings": None}),
    "a list of settings": Odd({"settings": [1]}),
    "what nobody reads is odd": Odd({"user_id": "?", "settings": {"urgency": {}}}, "#2"),
    "nested 5,000 deep": Odd({"new": "[" * 5000 + "]" * 5000}),
    "a number of 5,000 digits": Odd({"new": "9" * 5000}),
}


def write_page(changes: dict[str, Any]) -> bytes:
    """Write a page of the account with the odd flow between two others."""
    settings = changes.get("settings", {})
    odd = flow_json(2, **{name: value for name, value in changes.items() if name != "settings"})
    odd["settings"] = odd["settings"] | settings if isinstance(settings, dict) else settings
    text = page_body(flow_json(1, name="First"), odd, flow_json(3, name="Third"))
    raw = changes.get("new", "")
    return text.replace(f'"{raw}"', raw, 1).encode() if raw else text.encode()


def read_flows(content: bytes) -> tuple[list[Flow], tuple[int | None, ...]]:
    response = Response(Exchange(path="/flows/", status=200), content, Redactor("key"))
    page = asyncio.run(FLOWS.read_page(response, 1, 1000))
    return [to_flow(record, ISTANBUL) for record in page.items], page.unreadable


def show_list(flows: list[Flow], unreadable: int) -> str:
    result = FlowList(ListRequest(), Page(tuple(flows), 1, 1, len(flows)), {}, {}, True, unreadable=unreadable)
    return "\n".join(read_lines(flow_list_message(result, EN, NOW).blocks))


@pytest.mark.parametrize("name", CASES)
def test_an_odd_flow_is_shown_as_far_as_it_can_be_or_counted_and_costs_no_other(name: str) -> None:
    odd = CASES[name]
    flows, unreadable = read_flows(write_page(odd.changes))
    assert {flow.name for flow in flows} >= {"First", "Third"}
    assert (len(flows), len(unreadable)) == ((2, 1) if odd.shown is UNREADABLE else (3, 0))
    listed = show_list(flows, len(unreadable))
    assert ("1 flow of these websites could not be read" in listed) == (odd.shown is UNREADABLE)
    indexed = sort_newest_first(map(IndexedFlow.of, flows))
    for order in SortOrder:
        assert len(search(indexed, FlowQuery(("sale",), order=order))) <= len(search(indexed, FlowQuery(order=order)))
    for flow in flows:
        assert fingerprint(flow)
        assert STORED.read(json.loads(json.dumps(STORED.write(flow)))) == flow
    if odd.shown is not UNREADABLE:
        details = FlowDetails(flows[1], {}, may_share=True, may_edit=True)
        page = "\n".join(read_lines(flow_details_message(details, EN, NOW).blocks))
        assert odd.shown in page
        assert odd.hidden not in page


NUMBERS: Final = st.integers() | st.integers(-(10**40), 10**40) | st.floats() | st.sampled_from([2**63, 1e30, -0.0])
TEXTS: Final = st.text(st.characters(exclude_categories=[]), max_size=30) | st.datetimes().map(str) | NUMBERS.map(str)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def any_changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw anything at all for a few of a flow's fields and settings."""
    flow = flow_json()
    settings = draw(VALUES | st.dictionaries(st.sampled_from(sorted(flow["settings"])), VALUES))
    return draw(st.dictionaries(st.sampled_from(sorted(flow)), VALUES, max_size=4)) | {"settings": settings}


@given(any_changes())
def test_nothing_at_all_in_a_flow_costs_another(changes: dict[str, Any]) -> None:
    flows, unreadable = read_flows(write_page(changes))
    assert {flow.name for flow in flows} >= {"First", "Third"}
    assert len(flows) + len(unreadable) == 3
    assert show_list(flows, len(unreadable))
    for flow in flows:
        assert STORED.read(json.loads(json.dumps(STORED.write(flow)))) == flow
        for t in (EN, TR):
            blocks = flow_details_message(FlowDetails(flow, {}, may_share=True, may_edit=True), t, NOW).blocks
            assert json.dumps(blocks, ensure_ascii=False).encode()


ODD_SEGMENTS: Final[tuple[tuple[dict[str, Any], str | None], ...]] = (
    ({"name": "VIP"}, "VIP (5)"),
    ({"name": "Half \ud83d"}, "Half \ufffd (5)"),
    ({"name": None}, "Segment 6 (5)"),
    ({"name": "a" * 2_000_000}, "a" * 70 + "… (5)"),
    ({"name": []}, UNREADABLE),
    ({"total_subscribers": 10**30}, f"Group ({LARGE})"),
    ({"total_subscribers": float("nan")}, "Group"),
    ({"total_subscribers": -5}, "Group"),
    ({"type": {}, "datetime": []}, "Group (5)"),
    ({"id": 10**30}, UNREADABLE),
    ({"website_id": None}, UNREADABLE),
)
"""Odd segments, and what a form offers for each; None where it cannot be read."""


@pytest.mark.parametrize("at", range(len(ODD_SEGMENTS)))
def test_an_odd_segment_is_offered_as_far_as_it_can_be_and_costs_no_other(at: int) -> None:
    changes, shown = ODD_SEGMENTS[at]
    even = {"id": 7, "website_id": 1, "name": "Even", "total_subscribers": 3}
    odd = {"id": 6, "website_id": 1, "name": "Group", "total_subscribers": 5} | changes
    response = Response(Exchange(path="/segments/"), page_body(odd, even).encode(), Redactor("key"))
    read = asyncio.run(ResponseReader(models.Segment).read_page(response, 1, 1000)).items
    labels = [entry["text"]["text"] for entry in segment_options([*map(to_segment, read)], "all", EN)]
    assert labels[-1] == "Even (3)"
    assert labels[1:-1] == ([] if shown is UNREADABLE else [shown])


@pytest.mark.parametrize("name", ["2 MB of name", "2 MB of text", "2 MB of address"])
def test_megabytes_of_text_delay_nobody_for_long(name: str) -> None:
    content = write_page(CASES[name].changes)
    started = time.process_time()
    flows, _ = read_flows(content)
    sort_newest_first(map(IndexedFlow.of, flows))
    show_list(flows, 0)
    assert time.process_time() - started < 0.5


def test_a_moment_can_be_stored_and_read_again_whatever_the_zone() -> None:
    first, last = (f"{year}-01-01 00:00:00" for year in (models.FIRST_YEAR, models.LAST_YEAR))
    record = models.Flow.model_validate(flow_json(1, datetime=first, last_datetime=last))
    for zone in map(ZoneInfo, available_timezones()):
        flow = to_flow(record, zone)
        assert STORED.read(json.loads(json.dumps(STORED.write(flow)))) == flow
