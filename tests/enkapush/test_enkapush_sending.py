"""What cannot be sent to Enkapush is said to be so, and not to have been refused by it."""

from dataclasses import replace
from typing import Final

import pytest

from flowbot.domain.flow import Flow, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.writer import EnkapushWriter
from flowbot.sandbox.enkapush import EnkapushSandbox
from flowbot.services.ports.flows import NotDone

CONTENT: Final = FlowContent.of(
    Flow(
        FlowId(1), WebsiteId(1), "Name", "Title", "Text", WaitTime(3, "days"), is_enabled=False, url="https://a.example"
    )
)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (replace(CONTENT, ttl=7201), "ttl"),
        (replace(CONTENT, description=""), "description"),
        (replace(CONTENT, name="half a character \ud800"), "name"),
    ],
)
async def test_what_enkapush_would_not_take_is_not_sent_and_named(content: FlowContent, field: str) -> None:
    sandbox = EnkapushSandbox(api_key="k")
    async with sandbox.serve() as url, EnkapushClient(url, "k") as client:
        with pytest.raises(NotDone) as refused:
            await EnkapushWriter(client).create(content, WriteOnlyFields(), None)
    assert refused.value.key == "not_done.unfit"
    assert field in refused.value.params["said"]
    assert sandbox.requests == []
