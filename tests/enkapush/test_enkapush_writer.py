"""Flowbot's writes as Enkapush's: undocumented responses, and content that cannot be sent."""

import gc
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final

import pytest

from flowbot.domain.flow import FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import ImageFile
from flowbot.enkapush.client import EnkapushClient
from flowbot.enkapush.writer import EnkapushWriter
from flowbot.sandbox.enkapush import EnkapushSandbox, Fault
from flowbot.services.ports.enkapush import FlowUpdate, WriteRefusedError, WriteUnclearError

KEY: Final = "a-key"
BEFORE: Final = FlowContent(WebsiteId(1), "Name", "Title", "Text", WaitTime(1, "days"))
AFTER: Final = replace(BEFORE, title="New")
PICTURE: Final = ImageFile(b"\x89PNG\r\n\x1a\n", "image/png", "a.png")
ODD: Final[dict[str, Callable[[], Fault]]] = {
    "nothing": lambda: Fault.empty(method="POST"),
    "a page": lambda: Fault.html(200, method="POST"),
    "another id": lambda: Fault.status(200, '{"data": {"id": 7}}', method="POST"),
}
UNREADABLE: Final = {
    "a segment": FlowUpdate(BEFORE, AFTER, WriteOnlyFields(segment="all")),
    "a picture": FlowUpdate(BEFORE, AFTER, WriteOnlyFields(), PICTURE),
}


@pytest.fixture
def account() -> EnkapushSandbox:
    sandbox = EnkapushSandbox(api_key=KEY)
    sandbox.store.add_flow()
    return sandbox


@pytest.fixture
async def writer(account: EnkapushSandbox) -> AsyncIterator[EnkapushWriter]:
    async with account.serve() as url, EnkapushClient(url, KEY) as client:
        yield EnkapushWriter(client)


@pytest.mark.parametrize("odd", ODD)
async def test_any_success_is_an_answer_to_what_can_be_read_back(
    account: EnkapushSandbox, writer: EnkapushWriter, odd: str
) -> None:
    account.faults.add(*[ODD[odd]()] * 2)
    await writer.set_enabled(FlowId(1), True)
    await writer.update(FlowId(1), FlowUpdate(BEFORE, AFTER, WriteOnlyFields()))
    assert account.request_count("POST") == 2


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("update", UNREADABLE)
async def test_what_cannot_be_read_back_needs_the_documented_answer(
    account: EnkapushSandbox, writer: EnkapushWriter, odd: str, update: str
) -> None:
    account.faults.add(ODD[odd]())
    with pytest.raises(WriteUnclearError):
        await writer.update(FlowId(1), UNREADABLE[update])
    await writer.update(FlowId(1), UNREADABLE[update])


async def test_a_picture_is_let_go_once_it_is_sent(writer: EnkapushWriter) -> None:
    content = b"\x89PNG\r\n\x1a\n" + bytes(1000)
    before = sys.getrefcount(content)
    gc.disable()
    try:
        await writer.update(FlowId(1), FlowUpdate(BEFORE, AFTER, WriteOnlyFields(), replace(PICTURE, content=content)))
        assert sys.getrefcount(content) == before
    finally:
        gc.enable()


async def test_a_redirected_write_is_unclear(account: EnkapushSandbox, writer: EnkapushWriter) -> None:
    account.faults.add(*[Fault.redirect("/api/flows/1", 307)] * 2)
    with pytest.raises(WriteUnclearError):
        await writer.set_enabled(FlowId(1), True)
    with pytest.raises(WriteUnclearError):
        await writer.delete(FlowId(1))


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (replace(BEFORE, ttl=7201), "ttl"),
        (replace(BEFORE, description=""), "description"),
        (replace(BEFORE, name="broken character \ud800"), "name"),
    ],
)
async def test_what_enkapush_would_not_take_is_not_sent_and_named(
    account: EnkapushSandbox, writer: EnkapushWriter, content: FlowContent, field: str
) -> None:
    with pytest.raises(WriteRefusedError) as refused:
        await writer.create(content, WriteOnlyFields(), None)
    assert refused.value.text.key == "not_done.unfit"
    assert field in refused.value.text.params["said"]
    assert account.requests == []
