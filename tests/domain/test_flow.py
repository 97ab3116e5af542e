"""A flow, its content and its fingerprint."""

from dataclasses import replace

from flowbot.domain.flow import DesiredFlow, Flow, FlowButton, FlowContent, WaitTime, fingerprint, is_unchanged
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


def test_the_fingerprint_is_the_same_in_every_version() -> None:
    assert fingerprint(FLOW) == "d5b620bb2aff152af69601f9024390b669defcdd201f9ebdf3ec85fcee7e4cc8"


def test_a_flow_with_the_wanted_content_is_unchanged() -> None:
    content = FlowContent.of(FLOW)
    assert type(content) is FlowContent
    assert is_unchanged(DesiredFlow(content), FLOW)
    assert not is_unchanged(DesiredFlow(replace(content, button_1=FlowButton("", ""))), FLOW)
