"""Remarks on pushes that are allowed and probably not meant."""

from dataclasses import replace

import pytest

from flowbot.domain.flow import FlowButton, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import WebsiteId
from flowbot.domain.lint import lint
from flowbot.errors import Text

FINE = FlowContent(
    WebsiteId(1), "Name", "Title", "Description", WaitTime(1, "days"), url="https://shop.example/sale?utm_source=push"
)


def lint_remarks(
    content: FlowContent, unread: WriteOnlyFields | None = None, siblings: tuple[str, ...] = ("shop.example",)
) -> list[str]:
    return [remark.key for remark in lint(content, unread or WriteOnlyFields(), sibling_hosts=siblings)]


def test_a_fine_push_gets_no_remark() -> None:
    assert lint_remarks(FINE) == []


@pytest.mark.parametrize(("length", "expected"), [(50, []), (51, ["lint.long_title"])])
def test_a_title_that_browsers_cut_is_remarked_on(length: int, expected: list[str]) -> None:
    assert lint_remarks(replace(FINE, title="x" * length)) == expected


@pytest.mark.parametrize(("length", "expected"), [(150, []), (151, ["lint.long_description"])])
def test_a_description_that_browsers_cut_is_remarked_on(length: int, expected: list[str]) -> None:
    assert lint_remarks(replace(FINE, description="x" * length)) == expected


def test_lengths_count_what_a_person_sees() -> None:
    family, letter = "👩\u200d👩\u200d👧", "g\u0306"
    assert lint_remarks(replace(FINE, title=family * 50, description=letter * 150)) == []
    assert lint_remarks(replace(FINE, title=family * 51)) == ["lint.long_title"]


def test_a_remark_on_length_names_both_numbers() -> None:
    found = lint(replace(FINE, title="x" * 60), WriteOnlyFields(), sibling_hosts=())
    assert found == (Text("lint.long_title", {"length": 60, "shown": 50}),)


def test_another_host_than_the_other_flows_lead_to_is_remarked_on() -> None:
    found = lint(FINE, WriteOnlyFields(), sibling_hosts=["b.example", "a.example", "www.a.example"])
    assert found == (Text("lint.other_host", {"host": "shop.example", "usual": ["a.example", "b.example"]}),)


@pytest.mark.parametrize("siblings", [(), ("",), ("shop.example", "a.example"), ("www.shop.example",)])
def test_the_usual_host_and_a_first_flow_are_fine(siblings: tuple[str, ...]) -> None:
    assert lint_remarks(FINE, siblings=siblings) == []


def test_a_push_without_utm_is_remarked_on() -> None:
    bare = replace(FINE, url="https://shop.example/?q=utm_source")
    assert lint_remarks(bare) == ["lint.no_utm"]
    assert lint_remarks(bare, WriteOnlyFields(utm_campaign="spring")) == []
    assert lint_remarks(replace(bare, url="")) == []


@pytest.mark.parametrize("query", ["utm_source=push", "a=b&UTM_SOURCE=push", "utm%5Fcampaign=spring"])
def test_utm_values_in_the_url_beside_the_fields_are_remarked_on(query: str) -> None:
    tagged = replace(FINE, url=f"https://shop.example/?{query}")
    assert lint_remarks(tagged) == []
    assert lint_remarks(tagged, WriteOnlyFields(utm_campaign="spring")) == ["lint.utm_twice"]


def test_the_host_is_the_one_that_a_browser_opens() -> None:
    found = lint(
        replace(FINE, url=r"https://evil.example\@shop.example/?utm_source=a"),
        WriteOnlyFields(),
        sibling_hosts=["shop.example"],
    )
    assert found == (Text("lint.other_host", {"host": "evil.example", "usual": ["shop.example"]}),)


def test_utm_values_that_may_be_there_unseen_are_not_missed() -> None:
    bare = replace(FINE, url="https://shop.example/")
    assert lint(bare, WriteOnlyFields(), sibling_hosts=(), utm_may_be_set=True) == ()


@pytest.mark.parametrize(
    "content",
    [
        replace(FINE, url="http://shop.example/?utm_source=push"),
        replace(FINE, button_1=FlowButton("Go", "http://shop.example")),
        replace(FINE, button_2=FlowButton("Go", "HTTP://shop.example")),
    ],
)
def test_plain_http_is_remarked_on_once(content: FlowContent) -> None:
    assert lint_remarks(content) == ["lint.plain_http"]


@pytest.mark.parametrize("url", ["nonsense", "https://[", "https://a:b", "ftp://x"])
def test_a_url_that_is_none_is_no_trouble(url: str) -> None:
    assert "lint.plain_http" not in lint_remarks(replace(FINE, url=url))
