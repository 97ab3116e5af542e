"""Enkapush's flows as flowbot's: what is read again and has not changed is not made anew."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.ids import FlowId
from flowbot.enkapush.client import ApiPage, EnkapushClient
from flowbot.enkapush.client.responses import Response, ResponseReader
from flowbot.enkapush.reader import EnkapushReader
from flowbot.sandbox.enkapush import EnkapushSandbox, Fault, generate_flows
from flowbot.sandbox.enkapush import Flow as SandboxFlow

KEY = "a-key"
EMPTY = '{"data": [], "meta": {"total": 2500}}'
UNCOUNTED = '{"data": [], "meta": {"total_pages": 0}}'


@pytest.fixture
def account() -> EnkapushSandbox:
    return EnkapushSandbox(api_key=KEY, flows=generate_flows(2500))


@pytest.fixture
async def flows(account: EnkapushSandbox) -> AsyncIterator[EnkapushReader]:
    async with account.serve() as url, EnkapushClient(url, KEY) as client:
        yield EnkapushReader(client, ZoneInfo("Europe/Istanbul"))


async def test_a_flow_that_did_not_change_is_the_same_object_when_it_is_read_again(
    account: EnkapushSandbox, flows: EnkapushReader
) -> None:
    before = {flow.id: flow for flow in (await flows.list_flows()).flows}
    account.store.update_flow(7, title="Another title")
    account.store.delete_flow(8)
    new = account.store.add_flow(name="New")
    after = {flow.id: flow for flow in (await flows.list_flows()).flows}
    assert {flow for flow in after if after[flow] is not before.get(flow)} == {7, new.id}
    assert before.keys() - after.keys() == {8}
    assert after[FlowId(7)].title == "Another title"
    assert after[FlowId(new.id)].name == "New"


async def test_a_page_that_came_as_before_is_not_decoded_again(
    account: EnkapushSandbox, flows: EnkapushReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    read_page = ResponseReader.read_page

    async def note(self: ResponseReader[Any], response: Response, number: int, size: int) -> ApiPage[Any]:
        decoded.append(number)
        return await read_page(self, response, number, size)

    monkeypatch.setattr(ResponseReader, "read_page", note)
    before = (await flows.list_flows()).flows
    assert sorted(decoded) == [1, 2, 3]
    decoded.clear()
    assert (await flows.list_flows()).flows == before
    assert not decoded
    account.store.update_flow(before[1500].id, title="Another title")
    assert (await flows.list_flows()).flows[1500].title == "Another title"
    assert decoded == [2]


async def test_flows_that_are_alike_share_their_parts(flows: EnkapushReader) -> None:
    read = (await flows.list_flows()).flows
    assert len({id(button) for flow in read for button in flow.buttons}) == 1
    assert len({id(flow.wait) for flow in read}) == len({flow.wait for flow in read}) < len(read) / 10


@pytest.mark.parametrize(
    ("in_order", "faults", "most_requests"),
    [
        pytest.param(lambda flows: flows, (), 2, id="oldest first"),
        pytest.param(lambda flows: flows[::-1], (), 2, id="newest first"),
        pytest.param(lambda flows: sorted(flows, key=lambda flow: flow.name), (), 5, id="by name"),
        pytest.param(lambda flows: flows[:7], (), 1, id="one page"),
        pytest.param(lambda _flows: [], (), 1, id="none"),
        pytest.param(lambda flows: flows, [Fault.status(404, path="/flows", skip=1)], 5, id="no last page"),
        pytest.param(lambda flows: flows, [Fault.status(200, EMPTY, path="/flows", skip=1)], 5, id="an empty page"),
        pytest.param(lambda flows: flows, [Fault.status(200, UNCOUNTED, path="/flows")], 5, id="no total"),
    ],
)
async def test_the_newest_flow_is_found_in_a_few_requests(
    in_order: Callable[[list[SandboxFlow]], list[SandboxFlow]], faults: Sequence[Fault], most_requests: int
) -> None:
    flows = in_order(list(generate_flows(2500)))
    account = EnkapushSandbox(api_key=KEY, flows=flows)
    account.faults.add(*faults)
    async with account.serve() as url, EnkapushClient(url, KEY) as client:
        newest = await EnkapushReader(client, ZoneInfo("Europe/Istanbul")).find_newest()
    assert newest == max((flow.id for flow in flows), default=None)
    assert len(account.requests) <= most_requests
