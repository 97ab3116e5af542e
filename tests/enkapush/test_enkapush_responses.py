"""Answers of Enkapush: single flaws are tolerated, a wrong shape never."""

import asyncio
import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flowbot.enkapush.client import Exchange, Flow, MalformedResponseError, Segment
from flowbot.enkapush.client.errors import Redactor
from flowbot.enkapush.client.responses import Response, ResponseReader, read_created_id, read_updated_id
from tests.enkapush.scripted_server import flow_json, item_body, page_body

FLOWS = ResponseReader(Flow)


def read_answer(body: str | bytes, method: str = "GET") -> Response:
    content = body.encode() if isinstance(body, str) else body
    return Response(Exchange(method=method, path="/flows/", status=200), content, Redactor("key"))


def read(**changes: Any) -> Flow:
    return FLOWS.read_one(read_answer(item_body(flow_json(12, **changes))), 12)


def test_the_documented_example_is_read_whole() -> None:
    flow = read()
    assert (flow.id, flow.website_id, flow.name, flow.url) == (12, 1, "Example", "https://example.com")
    assert (flow.wait_time, flow.wait_time_type, flow.is_enabled) == (3, "days", True)
    assert (flow.settings.ttl, flow.settings.is_silent, flow.settings.is_auto_hide) == (2419200, False, False)
    assert flow.created_at == dt.datetime(2025, 9, 16, 23, 5, 58)  # noqa: DTZ001  # the API's are naive
    assert (flow.image_url, flow.last_sent_at, flow.changed_at) == (None, None, None)


@pytest.mark.parametrize(("wire", "value"), [(0, False), (1, True), ("0", False), ("1", True), (True, True)])
def test_booleans_come_in_many_spellings(wire: Any, value: bool) -> None:
    flow = read(is_enabled=wire, settings={"is_silent": wire, "is_auto_hide": wire})
    assert (flow.is_enabled, flow.settings.is_silent, flow.settings.is_auto_hide) == (value,) * 3


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"url": None}, "url", ""),
        ({"title": None}, "title", ""),
        ({"name": 2026}, "name", "2026"),
        ({"image_url": ""}, "image_url", None),
        ({"wait_time_type": "weeks"}, "wait_time_type", "weeks"),
        ({"wait_time": "5"}, "wait_time", 5),
        ({"total_sent_push_notifications": None}, "total_sent_push_notifications", 0),
        ({"last_sent_datetime": "0000-00-00 00:00:00"}, "last_sent_at", None),
        ({"last_sent_datetime": ""}, "last_sent_at", None),
        ({"something_new": {"x": 1}}, "id", 12),
    ],
)
def test_small_surprises_do_not_lose_a_flow(changes: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read(**changes), field) == value


@pytest.mark.parametrize(("wire", "ttl"), [(60, 60), ("900", 900), (None, None), ("", None)])
def test_an_unknown_time_to_live_is_kept(wire: Any, ttl: int | None) -> None:
    assert read(settings={"ttl": wire}).settings.ttl == ttl


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        '{"data": null}',
        '{"data": []}',
        '{"data": {"id": 12}}',
        '{"data": {"id": 12},}',
        item_body(flow_json(13)),
        item_body(flow_json(12, is_enabled=None)),
        b"\xff",
        "[" * 100_000,
    ],
)
def test_an_answer_that_is_not_the_flow_is_an_error(body: str | bytes) -> None:
    with pytest.raises(MalformedResponseError) as caught:
        FLOWS.read_one(read_answer(body), 12)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"data": []}', '{"data": {}, "meta": {"total": 0}}', "<p>"])
async def test_an_answer_that_is_no_list_is_an_error(body: str) -> None:
    with pytest.raises(MalformedResponseError):
        await FLOWS.read_page(read_answer(body), 1, 25)


async def test_broken_items_are_left_out_noted_by_their_website_and_logged() -> None:
    body = page_body(flow_json(1), {"id": 2, "website_id": "5"}, "nonsense", flow_json(3), {"website_id": []}, None)
    with capture_logs() as logs:
        page = await FLOWS.read_page(read_answer(body), 1, 25)
    assert ([flow.id for flow in page.items], page.unreadable, page.total) == ([1, 3], (5, None, None, None), 6)
    assert [(log["event"], log["id"]) for log in logs] == [
        ("enkapush.item_skipped", 2),
        *[("enkapush.item_skipped", None)] * 3,
    ]


async def test_others_have_their_turn_while_a_page_of_a_thousand_is_read() -> None:
    reading = asyncio.create_task(FLOWS.read_page(read_answer(page_body(*map(flow_json, range(1, 1001)))), 1, 1000))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await reading).items) == 1000
    assert turns >= 5


@pytest.mark.parametrize("spread", [(",", ":"), (" , ", " : "), (",\r\n\t", ":\n")])
async def test_an_item_that_no_parser_takes_is_cut_out_by_its_brackets(spread: tuple[str, str]) -> None:
    """Quotes, brackets and commas in texts, lists and objects in items, and `data` elsewhere mislead nobody."""
    name = 'a "quoted" ],}{[ \\ \\" name'
    items = [flow_json(1, name=name), flow_json(2, new={"data": [1, [2]]}), "SPOILT", [], flow_json(3)]
    body = {"links": {"data": [{}]}, "meta": {"total": 5, "data": []}, "x": "data", "data": items, "more": [[]]}
    for spoilt in ("[" * 5000 + "]" * 5000, "9" * 5000, "nonsense", ""):
        text = json.dumps(body, separators=spread).replace('"SPOILT"', spoilt)
        page = await FLOWS.read_page(read_answer(text), 1, 25)
        assert ([flow.id for flow in page.items], page.items[0].name) == ([1, 2, 3], name)
        assert page.unreadable == ((None, None) if spoilt else (None,))


async def test_what_the_meta_leaves_out_follows_from_the_question() -> None:
    page = await FLOWS.read_page(read_answer(json.dumps({"data": [], "meta": {"total": 51}})), 2, 25)
    assert (page.page, page.results_per_page, page.total_pages) == (2, 25, 3)


@pytest.mark.parametrize("odd", [None, -1, "many", float("nan"), 2.5, [], {}])
async def test_odd_counts_in_the_meta_are_taken_for_none(odd: Any) -> None:
    meta = dict.fromkeys(("page", "results_per_page", "total", "total_pages"), odd)
    page = await FLOWS.read_page(read_answer(json.dumps({"data": [flow_json(1)], "meta": meta})), 2, 25)
    assert (len(page.items), page.page, page.results_per_page, page.total, page.total_pages) == (1, 2, 25, None, 3)


def test_a_segment_is_read() -> None:
    body = item_body({"id": 3, "website_id": 1, "name": "Sadık müşteriler", "type": "smart", "total_subscribers": 9})
    segment = ResponseReader(Segment).read_one(read_answer(body), 3)
    assert (segment.website_id, segment.name, segment.total_subscribers) == (1, "Sadık müşteriler", 9)


NO_ID = ["", "{}", "<p>", '{"data": {}}', '{"data": {"id": null}}']


@pytest.mark.parametrize("body", NO_ID)
def test_a_creation_that_answers_no_id_is_ambiguous(body: str) -> None:
    with pytest.raises(MalformedResponseError) as caught:
        read_created_id(read_answer(body, "POST"))
    assert caught.value.ambiguous


@pytest.mark.parametrize(("body", "answered"), [(body, None) for body in NO_ID] + [('{"data": {"id": 8}}', 8)])
def test_a_write_to_a_flow_that_answers_no_id_or_another_one_is_logged(body: str, answered: int | None) -> None:
    with capture_logs() as logs:
        assert read_updated_id(read_answer(body, "POST"), 7) == answered
        assert read_updated_id(read_answer('{"data": {"id": "7"}}', "POST"), 7) == 7
    assert [log["event"] for log in logs] == ["enkapush.odd_answer"]


@pytest.mark.long
async def test_a_hundred_thousand_flows_are_read_in_seconds() -> None:
    body = read_answer(page_body(*(flow_json(number) for number in range(1, 1001))))
    started = time.process_time()
    read_flows = sum([len((await FLOWS.read_page(body, page, 1000)).items) for page in range(1, 101)])
    assert read_flows == 100_000
    assert time.process_time() - started < 15


@given(st.text(), st.text(), st.text())
def test_every_text_is_read_as_it_was_written(name: str, title: str, description: str) -> None:
    flow = read(name=name, title=title, description=description)
    assert (flow.name, flow.title, flow.description) == (name, title, description)
