"""The stand-in Enkapush answers reads as the page "Akışlar" documents them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from flowbot.sandbox.enkapush import EnkapushSandbox, Flow, Segment, generate_flows
from tests.flow_fields import DOCUMENTED_FLOW

NOW = datetime(2026, 3, 1, 21, 30, 15, tzinfo=UTC)
CREATED = datetime.fromisoformat("2025-09-16 23:05:58")
EXAMPLE = Flow(
    id=1,
    website_id=1,
    name="Example",
    title="Sample message",
    description="This is coming from the API.",
    url="https://example.com",
    wait_time=3,
    wait_time_type="days",
    is_enabled=True,
    datetime=CREATED,
    segment="7",
    utm_source="secret-source",
)


@pytest.fixture
async def sandbox() -> EnkapushSandbox:
    segment = Segment(id=7, website_id=1, name="VIP", type="filter", total_subscribers=12, datetime=CREATED)
    return EnkapushSandbox(api_key="key", flows=[EXAMPLE], segments=[segment], clock=lambda: NOW)


@pytest.fixture
async def client(sandbox: EnkapushSandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer key"}
    async with sandbox.serve() as base, httpx.AsyncClient(base_url=base, headers=headers, verify=False) as client:
        yield client


async def test_a_flow_reads_back_as_documented_and_without_its_write_only_fields(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/flows/1")).json() == {"data": DOCUMENTED_FLOW}


async def test_settings_are_digits_and_is_enabled_is_a_boolean(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    sandbox.store.update_flow(1, is_silent=True, is_enabled=False)
    text = (await client.get("/flows/1")).text
    assert '"is_silent": 1' in text
    assert '"is_enabled": false' in text


@pytest.mark.parametrize("path", ["/flows/", "/flows"])
async def test_the_list_carries_data_meta_and_links_as_documented(client: httpx.AsyncClient, path: str) -> None:
    body = (await client.get(path)).json()
    here = f"{client.base_url}".rstrip("/")
    assert [flow["id"] for flow in body["data"]] == [1]
    assert body["meta"] == {"page": 1, "results_per_page": 25, "total": 1, "total_pages": 1}
    assert body["links"] == {
        "first": f"{here}/flows?page=1",
        "last": f"{here}/flows?page=1",
        "next": None,
        "prev": None,
        "self": f"{here}/flows?page=1",
    }


@pytest.mark.parametrize(
    ("page", "ids", "previous", "following"),
    [
        (1, range(1, 11), None, 2),
        (2, range(11, 21), 1, 3),
        (3, range(21, 24), 2, None),
        (9, (), 3, None),
    ],
    ids=["first", "middle", "last", "beyond the end"],
)
async def test_pages_go_from_the_oldest_to_the_newest(
    page: int, ids: range | tuple[int, ...], previous: int | None, following: int | None
) -> None:
    sandbox = EnkapushSandbox(api_key="key", flows=generate_flows(23))
    async with sandbox.serve() as base, httpx.AsyncClient(verify=False) as client:
        answer = await client.get(
            f"{base}/flows/",
            params={"page": page, "results_per_page": 10},
            headers={"Authorization": "Bearer key"},
        )
    body = answer.json()
    assert [flow["id"] for flow in body["data"]] == list(ids)
    assert body["meta"] == {"page": page, "results_per_page": 10, "total": 23, "total_pages": 3}
    assert body["links"]["prev"] == (previous and f"{base}/flows?page={previous}")
    assert body["links"]["next"] == (following and f"{base}/flows?page={following}")


@pytest.mark.parametrize("size", [10, 25, 50, 100, 250, 500, 1000])
async def test_the_documented_page_sizes_are_allowed(client: httpx.AsyncClient, size: int) -> None:
    answer = await client.get("/flows/", params={"results_per_page": size})
    assert answer.json()["meta"]["results_per_page"] == size


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("results_per_page", "20"),
        ("results_per_page", "0"),
        ("results_per_page", "5000"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "two"),
        ("search", "indirim"),
        ("order_by", "datetime"),
    ],
)
async def test_any_other_parameter_is_refused_by_name(client: httpx.AsyncClient, parameter: str, value: str) -> None:
    answer = await client.get("/flows/", params={parameter: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]


async def test_segments_are_listed_and_shown(client: httpx.AsyncClient) -> None:
    segment = {
        "id": 7,
        "user_id": 1,
        "website_id": 1,
        "name": "VIP",
        "type": "filter",
        "total_subscribers": 12,
        "last_datetime": None,
        "datetime": "2025-09-16 23:05:58",
    }
    assert (await client.get("/segments/")).json()["data"] == [segment]
    assert (await client.get("/segments/7")).json() == {"data": segment}


@pytest.mark.parametrize("header", [None, "Bearer wrong", "key", "bearer key", "Bearer kéy"])
@pytest.mark.parametrize("path", ["/flows/", "/flows/1", "/segments/", "/nothing"])
async def test_without_the_key_nothing_is_answered(sandbox: EnkapushSandbox, header: str | None, path: str) -> None:
    headers = {} if header is None else {b"Authorization": header.encode()}
    async with sandbox.serve() as base, httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"{base}{path}", headers=headers)
    assert answer.status_code == 401
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/flows/2", 404),
        ("GET", "/flows/abc", 404),
        ("GET", "/flows/01", 404),
        ("GET", f"/flows/{'9' * 5000}", 404),
        ("GET", "/segments/8", 404),
        ("GET", "/websites/", 404),
        ("DELETE", "/flows/2", 404),
        ("PUT", "/flows/1", 405),
        ("PATCH", "/flows/1", 405),
        ("DELETE", "/flows", 405),
        ("POST", "/segments", 405),
    ],
)
async def test_what_does_not_exist_is_refused_in_json(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status
