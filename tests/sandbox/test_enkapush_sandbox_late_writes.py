"""The stand-in Enkapush carries writes out late, otherwise than they were sent, twice or never, on order."""

import html
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from flowbot.sandbox.enkapush import EnkapushSandbox, Fault
from flowbot.sandbox.enkapush.faults import Answer, Hang, Reply, Reset
from tests.sandbox.test_enkapush_sandbox_faults import FORM, IMPATIENT, KEY


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> EnkapushSandbox:
    sandbox = EnkapushSandbox(api_key="key", clock=clock)
    sandbox.store.add_flow(name="Old", title="Old title")
    sandbox.store.add_flow(name="Other", website_id=2)
    return sandbox


@pytest.fixture
async def client(sandbox: EnkapushSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with sandbox.serve() as base, httpx.AsyncClient(base_url=base, headers=KEY, verify=False) as client:
        yield client


async def update(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await client.post("/flows/1", files={name: (None, text) for name, text in fields.items()})


async def test_a_late_write_sets_what_it_sent_in_the_flow_as_it_is_then(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, clock: Clock
) -> None:
    sandbox.faults.add(Fault.write(20, path="/flows/1"))
    assert (await update(client, is_enabled="1")).json() == {"data": {"id": 1}}
    await update(client, title="Newer title")
    clock.pass_seconds(19)
    assert (await client.get("/flows/1")).json()["data"]["is_enabled"] is False
    assert not sandbox.requests[0].changed
    clock.pass_seconds(1)
    flow = (await client.get("/flows/1")).json()["data"]
    assert (flow["is_enabled"], flow["title"]) == (True, "Newer title")
    assert sandbox.requests[0].changed == (1,)


async def test_a_late_write_takes_effect_once_and_in_the_order_of_its_time(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, clock: Clock
) -> None:
    sandbox.faults.add(Fault.write(20), Fault.write(10))
    await update(client, title="Late")
    await update(client, title="Sooner")
    clock.pass_seconds(60)
    assert sandbox.store.flow(1).title == "Late"
    sandbox.store.update_flow(1, title="By somebody")
    clock.pass_seconds(60)
    sandbox.store.land_writes()
    assert sandbox.store.flow(1).title == "By somebody"


async def test_a_write_without_a_time_waits_until_it_is_told(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, clock: Clock
) -> None:
    sandbox.faults.add(Fault.write(None, method="DELETE"))
    assert (await client.delete("/flows/1")).status_code == 200
    clock.pass_seconds(10**6)
    assert 1 in sandbox.store.flows
    sandbox.store.land_writes()
    assert 1 not in sandbox.store.flows


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_late_write_does_nothing_where_the_flow_is_gone(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, method: str
) -> None:
    sandbox.faults.add(Fault.write(None, method=method))
    await client.request(method, "/flows/1", files={"title": (None, "Late")})
    await client.delete("/flows/1") if method == "POST" else sandbox.store.delete_flow(1)
    sandbox.store.land_writes()
    assert list(sandbox.store.flows) == [2]
    assert not sandbox.requests[0].changed


@pytest.mark.parametrize(
    ("answer", "status"), [(Reset(), None), (Hang(), None), (Reply(503), 503), (Reply(200, '{"data": {"id": 1}}'), 200)]
)
async def test_a_late_write_has_any_answer_and_survives_its_sender(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, clock: Clock, answer: Answer, status: int | None
) -> None:
    sandbox.faults.add(Fault.write(5, answer=answer))
    sent = client.post("/flows", files=FORM, timeout=IMPATIENT)
    if status is None:
        with pytest.raises(httpx.TransportError):
            await sent
    else:
        assert (await sent).status_code == status
    assert list(sandbox.store.flows) == [1, 2]
    clock.pass_seconds(5)
    assert list(sandbox.store.flows) == [1, 2, 3]


async def test_a_refused_write_is_refused_at_once_and_never_takes_effect(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Fault.write(None))
    assert (await update(client, ttl="1")).status_code == 422
    sandbox.store.land_writes()
    assert sandbox.store.flow(1).last_datetime is None


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_write_is_confirmed_and_never_takes_effect(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, method: str
) -> None:
    before = dict(sandbox.store.flows)
    sandbox.faults.add(Fault.write(method=method, copies=0, times=2))
    assert (await client.request(method, "/flows/1", files={"title": (None, "New")})).status_code == 200
    if method == "POST":
        assert (await client.post("/flows", files=FORM)).json() == {"data": {"id": 3}}
    sandbox.store.land_writes()
    assert sandbox.store.flows == before


@pytest.mark.parametrize(
    ("stored", "sent", "kept"),
    [
        (lambda text: text[:6], "Sepette %10", "Sepett"),
        (str.strip, "  Sepette ", "Sepette"),
        (html.escape, "Al & git", "Al &amp; git"),
    ],
    ids=["shortened", "trimmed", "escaped"],
)
async def test_a_field_is_stored_otherwise(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, stored: Callable[[str], str], sent: str, kept: str
) -> None:
    sandbox.faults.add(Fault.write(stored={"title": stored}, ignored=["url"], times=2))
    form = {**FORM, "title": (None, sent), "url": (None, "https://shop.example")}
    assert (await client.post("/flows", files=form)).json() == {"data": {"id": 3}}
    await update(client, title=sent, url="https://shop.example", description="New")
    assert [(sandbox.store.flow(each).title, sandbox.store.flow(each).url) for each in (1, 3)] == [(kept, "")] * 2
    assert sandbox.store.flow(1).description == "New"
    assert sandbox.requests[0].texts["title"] == sent


@pytest.mark.parametrize("after", [0, 30])
async def test_a_create_is_answered_with_the_id_of_another_flow(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, clock: Clock, after: float
) -> None:
    sandbox.faults.add(Fault.write(after, answered_id=2))
    assert (await client.post("/flows", files=FORM)).json() == {"data": {"id": 2}}
    assert (3 in sandbox.store.flows) is (after == 0)
    clock.pass_seconds(30)
    assert (sandbox.store.flow(2).name, sandbox.store.flow(3).name) == ("Other", "n")


async def test_a_create_makes_two_flows(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.write(copies=2))
    assert (await client.post("/flows", files=FORM)).json() == {"data": {"id": 3}}
    assert [sandbox.store.flow(each).name for each in (3, 4)] == ["n", "n"]
    assert sandbox.requests[0].changed == (3, 4)


async def test_reads_pass_by_a_fault_of_writes(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.write(copies=0))
    await client.get("/flows/1")
    assert sandbox.faults.pending
