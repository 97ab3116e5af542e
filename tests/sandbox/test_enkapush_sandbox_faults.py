"""The stand-in Enkapush breaks on order, and lets go of everything when it closes."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import httpx
import pytest

from flowbot.sandbox.enkapush import EnkapushSandbox, Fault

FLOW = {
    "website_id": "1",
    "name": "n",
    "title": "t",
    "description": "d",
    "wait_time": "1",
    "wait_time_type": "days",
}
FORM = {name: (None, text) for name, text in FLOW.items()}
IMPATIENT = httpx.Timeout(5, read=0.1)
KEY = {"Authorization": "Bearer key"}


@pytest.fixture
async def sandbox() -> EnkapushSandbox:
    sandbox = EnkapushSandbox(api_key="key")
    sandbox.store.add_flow(name="Old")
    return sandbox


@pytest.fixture
async def client(sandbox: EnkapushSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with sandbox.serve() as base, httpx.AsyncClient(base_url=base, headers=KEY, verify=False) as client:
        yield client


async def test_answers_bear_the_date_that_is_ordered(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    assert (await client.get("/flows/1")).headers["date"].endswith(" GMT")
    sandbox.date = "Thu, 01 Jan 1970 00:00:00 GMT"
    assert (await client.get("/flows/1")).headers["date"] == sandbox.date
    sandbox.date = ""
    assert "date" not in (await client.get("/flows/1")).headers


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body"),
    [
        (Fault.status(500), 500, "application/json", '{"errors": [{"title": "Out of order."}]}'),
        (Fault.status(403, "no", content_type="text/plain"), 403, "text/plain", "no"),
        (Fault.empty(), 200, "application/json", ""),
        (Fault.empty(503), 503, "application/json", ""),
    ],
)
async def test_an_ordered_answer_comes_instead(
    sandbox: EnkapushSandbox,
    client: httpx.AsyncClient,
    fault: Fault,
    status: int,
    content_type: str,
    body: str,
) -> None:
    sandbox.faults.add(fault)
    answer = await client.get("/flows/1")
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-type"].split(";")[0] == content_type
    assert (await client.get("/flows/1")).status_code == 200


async def test_rate_limits_come_with_and_without_retry_after(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Fault.too_many(7), Fault.too_many())
    answers = [await client.get("/flows/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["7", None, None]


async def test_an_error_page_is_html(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.html())
    answer = await client.get("/flows/")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


async def test_a_redirect_leads_where_it_was_told(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.redirect("/login", 303))
    answer = await client.post("/flows", files=FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert list(sandbox.store.flows) == [1]


async def test_truncated_json_stops_in_the_middle_after_the_effect(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Fault.truncated())
    answer = await client.post("/flows", files=FORM)
    assert (answer.status_code, answer.text) == (200, '{"data": ')
    assert list(sandbox.store.flows) == [1, 2]


@pytest.mark.parametrize(("after_effect", "flows"), [(False, [1]), (True, [1, 2])])
async def test_a_reset_comes_before_or_after_the_effect(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, after_effect: bool, flows: list[int]
) -> None:
    sandbox.faults.add(Fault.reset(after_effect=after_effect))
    with pytest.raises(httpx.ReadError):
        await client.post("/flows", files=FORM)
    assert list(sandbox.store.flows) == flows
    assert sandbox.requests[-1].status is None


@pytest.mark.parametrize(("after_effect", "flows"), [(False, [1]), (True, [1, 2])])
async def test_a_hang_comes_before_or_after_the_effect_and_is_over_for_who_has_gone(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, after_effect: bool, flows: list[int]
) -> None:
    sandbox.faults.add(Fault.hang(after_effect=after_effect))
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/flows", files=FORM, timeout=IMPATIENT)
    assert list(sandbox.store.flows) == flows
    sandbox.release()
    assert (await client.get("/flows/")).json()["meta"]["total"] == len(flows)


async def test_a_released_hang_goes_on_for_who_still_waits(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.hang(method="POST"))
    creation = asyncio.ensure_future(client.post("/flows", files=FORM))
    while not sandbox.request_count("POST"):
        await client.get("/flows/")
    sandbox.release()
    assert (await creation).json() == {"data": {"id": 2}}


async def test_an_effect_can_come_long_after_its_sender_gave_up(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Fault.hang(outlives_sender=True, method="DELETE"))
    with pytest.raises(httpx.ReadTimeout):
        await client.delete("/flows/1", timeout=IMPATIENT)
    assert (await client.get("/flows/1")).status_code == 200
    sandbox.release()
    while (await client.get("/flows/1")).status_code == 200:
        assert sandbox.request_count("DELETE") == 1
    assert not sandbox.store.flows


async def test_a_status_can_lie_about_the_effect(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.status(500, after_effect=True, method="DELETE"))
    assert (await client.delete("/flows/1")).status_code == 500
    assert not sandbox.store.flows


async def test_a_delay_passes_before_the_effect(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.delay(0.05))
    started = monotonic()
    assert (await client.get("/flows/1")).status_code == 200
    assert monotonic() - started >= 0.05


@pytest.mark.parametrize(
    "fault",
    [
        Fault.hang(path="/flows/1"),
        Fault.hang(path="/flows/1", after_effect=True),
        Fault.hang(path="/flows/1", outlives_sender=True),
        Fault.delay(3600, path="/flows/1"),
    ],
)
async def test_closing_is_quick_whatever_hangs(sandbox: EnkapushSandbox, fault: Fault) -> None:
    sandbox.faults.add(fault)
    async with httpx.AsyncClient(headers=KEY, verify=False) as client:
        async with sandbox.serve() as base:
            hanging = asyncio.ensure_future(client.get(f"{base}/flows/1", timeout=60))
            while not sandbox.request_count(path_prefix="/flows/1"):
                await client.get(f"{base}/segments/")
            started = monotonic()
        assert monotonic() - started < 1
        with pytest.raises(httpx.TransportError):
            await hanging


async def test_a_sandbox_that_closed_can_serve_again(sandbox: EnkapushSandbox) -> None:
    for _ in range(2):
        sandbox.faults.add(Fault.delay(0.01))
        async with sandbox.serve() as base, httpx.AsyncClient(headers=KEY, verify=False) as client:
            assert (await client.get(f"{base}/flows/1")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault.status(500, times=None, path="/flows"), ["GET /flows/", "GET /flows", "POST /flows"]),
        (Fault.status(500, times=None, path="/flows/*"), ["GET /flows/1"]),
        (Fault.status(500, times=None, method="POST"), ["POST /flows"]),
        (Fault.status(500, times=2), ["GET /flows/", "GET /flows"]),
        (Fault.status(500, times=1, skip=2), ["GET /flows/1"]),
    ],
    ids=["list and creation", "items", "a method", "twice", "the third"],
)
async def test_a_fault_hits_what_it_names_as_often_as_it_says(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, fault: Fault, hit: list[str]
) -> None:
    sandbox.faults.add(fault)
    calls = ["GET /flows/", "GET /flows", "GET /flows/1", "POST /flows", "GET /segments/"]
    answers = {call: await client.request(*call.split()) for call in calls}
    assert [call for call, answer in answers.items() if answer.status_code == 500] == hit


async def test_cleared_faults_are_over(sandbox: EnkapushSandbox, client: httpx.AsyncClient) -> None:
    sandbox.faults.add(Fault.status(500, times=None))
    sandbox.faults.clear()
    assert (await client.get("/flows/")).status_code == 200
    assert not sandbox.faults.pending
