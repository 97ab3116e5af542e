"""The stand-in Enkapush comes with a believable account, keeps a log, and can be changed from outside."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO

import httpx
import PIL.Image
import pytest

from flowbot.sandbox.enkapush import (
    WEBSITES,
    EnkapushSandbox,
    Flow,
    FormField,
    FormFile,
    generate_flows,
    seed_flows,
    seed_segments,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW_IN_ISTANBUL = datetime.fromisoformat("2026-03-01 15:00:00")
FLOWS = seed_flows(NOW)
KEY = {"Authorization": "Bearer key"}
PNG = b"\x89PNG\r\n\x1a\n"

Part = tuple[str | None, str] | tuple[str, bytes, str]
Parts = list[tuple[str, Part]]


@pytest.mark.parametrize(
    "is_it",
    [
        lambda flow: flow.image is not None,
        lambda flow: not flow.is_enabled,
        lambda flow: flow.is_silent,
        lambda flow: flow.is_auto_hide,
        lambda flow: flow.last_sent_datetime is None,
        lambda flow: flow.last_datetime is not None,
        lambda flow: flow.segment != "all",
        lambda flow: bool(flow.utm_campaign),
        lambda flow: not flow.button_title_1,
        lambda flow: flow.button_title_1 and not flow.button_title_2,
        lambda flow: bool(flow.button_title_2),
        lambda flow: len(flow.description) > 1000,
        lambda flow: "<!channel>" in flow.title,
        lambda flow: "🎂" in flow.title,
        lambda flow: "أ" in flow.title,
        *[lambda flow, unit=unit: flow.wait_time_type == unit for unit in ("minutes", "hours", "days")],
        *[lambda flow, site=site: flow.website_id == site for site in WEBSITES],
    ],
)
def test_the_account_has_flows_of_every_kind(is_it: Callable[[Flow], bool]) -> None:
    assert any(is_it(flow) for flow in FLOWS)
    assert not all(is_it(flow) for flow in FLOWS)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_each_flow_of_the_account_is_believable(flow: Flow) -> None:
    sent = flow.total_sent_push_notifications
    assert sent >= flow.total_displayed_push_notifications >= flow.total_clicked_push_notifications
    assert flow.total_displayed_push_notifications >= flow.total_closed_push_notifications
    assert (sent == 0) is (flow.last_sent_datetime is None)
    assert NOW_IN_ISTANBUL - timedelta(days=430) < flow.datetime < NOW_IN_ISTANBUL
    for later in (flow.last_datetime, flow.last_sent_datetime):
        assert later is None or flow.datetime <= later < NOW_IN_ISTANBUL
    assert flow.url.startswith("https://")


async def test_the_account_is_one_that_the_api_itself_would_have_taken() -> None:
    sandbox = EnkapushSandbox(api_key="key", segments=seed_segments(NOW))
    async with sandbox.serve() as base, httpx.AsyncClient(headers=KEY, verify=False) as client:
        for flow in FLOWS:
            answer = await client.post(f"{base}/flows", files=parts_of(flow))
            assert answer.status_code == 200, answer.text


def parts_of(flow: Flow) -> dict[str, Part]:
    texts = ("name", "title", "description", "url", "wait_time_type", "segment")
    numbers = ("website_id", "wait_time", "ttl", "is_silent", "is_auto_hide", "is_enabled")
    parts: dict[str, Part] = {}
    parts |= {name: (None, getattr(flow, name)) for name in texts}
    parts |= {name: (None, str(int(getattr(flow, name)))) for name in numbers}
    if flow.image:
        parts["image"] = (flow.image.name, flow.image.content, flow.image.content_type)
    return parts


async def test_the_pictures_of_the_account_are_small_and_whole() -> None:
    sandbox = EnkapushSandbox(api_key="key", flows=FLOWS)
    sizes, types = Counter[tuple[int, int]](), set()
    async with sandbox.serve() as base, httpx.AsyncClient(headers=KEY, verify=False) as client:
        listed = (await client.get(f"{base}/flows/", params={"results_per_page": 50})).json()["data"]
        for url in (flow["image_url"] for flow in listed if flow["image_url"]):
            answer = await client.get(url)
            assert len(answer.content) < 40_000
            types.add(answer.headers["content-type"])
            with PIL.Image.open(BytesIO(answer.content)) as picture:
                picture.load()
                sizes[picture.size] += 1
    assert set(sizes) == {(720, 480)}
    assert types == {"image/png", "image/jpeg", "image/webp"}


def test_segments_stand_on_every_website() -> None:
    assert {segment.website_id for segment in seed_segments(NOW)} == set(WEBSITES)


def test_synthetic_flows_are_as_many_as_asked_and_the_same_each_time() -> None:
    flows = generate_flows(5000, website_ids=(2, 9), seed=4)
    assert [flow.id for flow in flows] == list(range(1, 5001))
    assert {flow.website_id for flow in flows} == {2, 9}
    assert flows == generate_flows(5000, website_ids=(2, 9), seed=4)
    assert flows != generate_flows(5000, website_ids=(2, 9), seed=5)


async def test_a_large_account_is_served_a_thousand_a_page() -> None:
    sandbox = EnkapushSandbox(api_key="key", flows=generate_flows(5000))
    async with sandbox.serve() as base, httpx.AsyncClient(headers=KEY, verify=False) as client:
        answer = await client.get(f"{base}/flows/", params={"results_per_page": 1000, "page": 5})
    assert [flow["id"] for flow in answer.json()["data"]] == list(range(4001, 5001))


def test_what_changes_from_outside_is_stamped_and_kept() -> None:
    store = EnkapushSandbox(api_key="key", flows=generate_flows(3), clock=lambda: NOW).store
    added = store.add_flow(name="From outside", website_id=2)
    changed = store.update_flow(2, title="Changed elsewhere")
    gone = store.delete_flow(3)
    assert (added.id, added.website_id, added.datetime) == (4, 2, NOW_IN_ISTANBUL)
    assert (changed.title, changed.last_datetime) == ("Changed elsewhere", NOW_IN_ISTANBUL)
    assert gone.id == 3
    assert list(store.flows) == [1, 2, 4]
    with pytest.raises(KeyError):
        store.flow(3)


def test_totals_may_move_without_a_time_of_change() -> None:
    store = EnkapushSandbox(api_key="key", flows=generate_flows(1), clock=lambda: NOW).store
    moved = store.update_flow(1, total_sent_push_notifications=99_999, last_datetime=None)
    assert (moved.total_sent_push_notifications, moved.last_datetime) == (99_999, None)


async def test_the_log_keeps_what_was_asked_but_not_the_key() -> None:
    sandbox = EnkapushSandbox(api_key="the-secret", flows=generate_flows(1), clock=lambda: NOW)
    parts: Parts = [("title", (None, "Yeni")), ("image", ("a.png", PNG, "image/png")), ("ttl", (None, "900"))]
    async with sandbox.serve() as base, httpx.AsyncClient(verify=False) as client:
        await client.get(f"{base}/flows/?page=1", headers={"X-Trace": "t"})
        await client.post(f"{base}/flows/1", files=parts, headers={"Authorization": "Bearer the-secret"})
    read, written = sandbox.requests
    assert (read.method, read.path, read.query) == ("GET", "/flows/", (("page", "1"),))
    assert (read.credentials, read.status, read.started_at) == ("none", 401, NOW)
    assert read.headers["x-trace"] == "t"
    assert (written.method, written.path, written.credentials) == ("POST", "/flows/1", "right")
    assert written.fields == (
        FormField("title", "Yeni"),
        FormField("image", FormFile("a.png", "image/png", PNG)),
        FormField("ttl", "900"),
    )
    assert written.texts == {"title": "Yeni", "ttl": "900"}
    assert list(written.files) == ["image"]
    assert "the-secret" not in repr(sandbox.requests)


async def test_requests_are_counted_by_method_and_path() -> None:
    sandbox = EnkapushSandbox(api_key="key", flows=generate_flows(1))
    async with sandbox.serve() as base, httpx.AsyncClient(headers=KEY, verify=False) as client:
        for path in ("/flows/", "/flows/1", "/segments/"):
            await client.get(f"{base}{path}")
        await client.delete(f"{base}/flows/1")
    assert sandbox.request_count() == 4
    assert sandbox.request_count("GET") == 3
    assert sandbox.request_count(path_prefix="/flows") == 3
    assert sandbox.request_count("GET", "/flows/") == 2
