"""A flow, its content and its fingerprint."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, Totals, WaitTime, fingerprint, is_unchanged
from flowbot.domain.ids import FlowId, WebsiteId

FLOW = Flow(
    WebsiteId(1),
    "Hoş geldin",
    "Merhaba",
    "İyi ki geldin",
    WaitTime(3, "days"),
    url="https://shop.example/hello",
    ttl=3600,
    is_silent=True,
    button_1=FlowButton("See", "https://shop.example/see"),
    id=FlowId(7),
    is_enabled=True,
    image_url="https://cdn.example/1.png",
)


@pytest.mark.parametrize(
    ("flow", "is_the_same"),
    [
        (replace(FLOW, title="Selam"), False),
        (replace(FLOW, wait=WaitTime(3, "hours")), False),
        (replace(FLOW, button_2=FlowButton("Go", "")), False),
        (replace(FLOW, image_url=None), False),
        (replace(FLOW, is_enabled=False), False),
        (replace(FLOW, id=FlowId(8), totals=Totals(sent=5), changed_at=datetime(2026, 1, 1, tzinfo=UTC)), True),
    ],
)
def test_the_fingerprint_covers_content_image_and_state_alone(flow: Flow, is_the_same: bool) -> None:
    assert (fingerprint(flow) == fingerprint(FLOW)) is is_the_same


def test_a_flow_with_the_wanted_content_is_unchanged() -> None:
    content = FlowContent.of(FLOW)
    assert type(content) is FlowContent
    assert is_unchanged(DesiredFlow(content), FLOW)
    assert not is_unchanged(DesiredFlow(replace(content, button_1=FlowButton("", ""))), FLOW)
