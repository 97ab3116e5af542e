"""The stand-in Enkapush takes writes as strictly as the page "Akışlar" documents them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from flowbot.sandbox.enkapush import EnkapushSandbox, Segment

NOW = datetime(2026, 3, 1, 21, 30, 15, 999, tzinfo=UTC)
LONG_AGO = datetime.fromisoformat("2025-01-01")
NOW_IN_ISTANBUL = "2026-03-02 00:30:15"

PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF\x04\x00\x00\x00WEBPVP8 ",
}
REQUIRED = {
    "website_id": "1",
    "name": "Sepet",
    "title": "Sepetin seni bekliyor",
    "description": "Şimdi tamamla",
    "wait_time": "2",
    "wait_time_type": "hours",
}
EVERYTHING = REQUIRED | {
    "url": "https://shop.example/?a=1&b=2",
    "button_title_1": "Sepete git",
    "button_url_1": "https://shop.example/1",
    "button_title_2": "Vazgeç",
    "button_url_2": "https://shop.example/2",
    "is_silent": "1",
    "is_auto_hide": "0",
    "ttl": "900",
    "utm_source": "s",
    "utm_medium": "m",
    "utm_campaign": "c",
    "segment": "4",
    "is_enabled": "0",
}

Parts = list[tuple[str, tuple[str | None, bytes | str] | tuple[str, bytes, str]]]


def form(fields: dict[str, str]) -> Parts:
    return [(name, (None, text)) for name, text in fields.items()]


@pytest.fixture
async def sandbox() -> EnkapushSandbox:
    segments = [
        Segment(id=4, website_id=1, name="VIP", datetime=LONG_AGO),
        Segment(id=5, website_id=2, name="Hikers", datetime=LONG_AGO),
    ]
    sandbox = EnkapushSandbox(api_key="key", segments=segments, clock=lambda: NOW)
    sandbox.store.add_flow(name="Old", title="Old title", url="https://shop.example", segment="4", ttl=3600)
    return sandbox


@pytest.fixture
async def client(sandbox: EnkapushSandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer key"}
    async with sandbox.serve() as base, httpx.AsyncClient(base_url=base, headers=headers, verify=False) as client:
        yield client


async def test_a_creation_answers_the_id_alone_and_reads_back(client: httpx.AsyncClient) -> None:
    created = await client.post("/flows", files=form(EVERYTHING))
    assert created.json() == {"data": {"id": 2}}
    flow = (await client.get("/flows/2")).json()["data"]
    assert flow["name"] == "Sepet"
    assert flow["description"] == "Şimdi tamamla"
    assert (flow["wait_time"], flow["wait_time_type"]) == (2, "hours")
    assert flow["is_enabled"] is False
    assert flow["settings"] == {
        "ttl": 900,
        "urgency": "normal",
        "is_silent": 1,
        "is_auto_hide": 0,
        "button_title_1": "Sepete git",
        "button_url_1": "https://shop.example/1",
        "button_title_2": "Vazgeç",
        "button_url_2": "https://shop.example/2",
    }
    assert (flow["datetime"], flow["last_datetime"]) == (NOW_IN_ISTANBUL, None)
    assert flow.keys().isdisjoint({"segment", "utm_source", "utm_medium", "utm_campaign"})


async def test_write_only_fields_are_kept_although_never_read_back(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    await client.post("/flows", files=form(EVERYTHING))
    kept = sandbox.store.flow(2)
    assert (kept.segment, kept.utm_source, kept.utm_medium, kept.utm_campaign) == ("4", "s", "m", "c")


async def test_a_creation_that_does_not_say_is_enabled_is_live_at_once(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    await client.post("/flows", files=form(REQUIRED))
    assert sandbox.store.flow(2).is_enabled


async def test_an_update_changes_what_it_names_and_nothing_else(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/flows/1", files=form({"title": "New title", "url": ""}))
    assert answer.json() == {"data": {"id": 1}}
    flow = sandbox.store.flow(1)
    assert (flow.name, flow.title, flow.url, flow.segment, flow.ttl) == ("Old", "New title", "", "4", 3600)
    assert (await client.get("/flows/1")).json()["data"]["last_datetime"] == NOW_IN_ISTANBUL


async def test_a_deleted_flow_is_gone_and_its_id_is_never_given_again(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient
) -> None:
    gone = await client.delete("/flows/1")
    assert (gone.status_code, gone.content) == (200, b"")
    assert (await client.get("/flows/1")).status_code == 404
    assert (await client.delete("/flows/1")).status_code == 404
    assert (await client.post("/flows", files=form(REQUIRED))).json() == {"data": {"id": 2}}
    assert list(sandbox.store.flows) == [2]


@pytest.mark.parametrize("missing", sorted(REQUIRED))
async def test_each_required_field_must_be_there_to_create(client: httpx.AsyncClient, missing: str) -> None:
    fields = {name: text for name, text in REQUIRED.items() if name != missing}
    answer = await client.post("/flows", files=form(fields))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [missing]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[("is_enabled", text) for text in ("true", "false", "True", "on", "yes", "", "2", "01")],
        ("is_silent", "false"),
        ("is_auto_hide", "true"),
        *[("wait_time", text) for text in ("0", "-1", "1.5", "ten", "", " 1", "٣", "1e3")],
        *[("wait_time_type", text) for text in ("weeks", "Days", "")],
        *[("ttl", text) for text in ("60", "", "0900", "-900", "forever")],
        *[("website_id", text) for text in ("99", "", "one", "0")],
        *[("segment", text) for text in ("9", "", "ALL", "none")],
        ("segment", "5"),
        *[(field, "  ") for field in ("name", "title", "description")],
        ("image", "https://shop.example/a.png"),
        ("urgency", "high"),
        ("image_url", "https://shop.example/a.png"),
        ("total_sent_push_notifications", "1"),
    ],
)
async def test_what_is_not_documented_is_refused_by_name_and_changes_nothing(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, field: str, text: str
) -> None:
    before = dict(sandbox.store.flows)
    created = await client.post("/flows", files=form(REQUIRED | {field: text}))
    updated = await client.post("/flows/1", files=form({field: text, "url": "https://shop.example/new"}))
    for answer in (created, updated):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert sandbox.store.flows == before


@pytest.mark.parametrize("ttl", [0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 2419200])
async def test_documented_times_to_live_are_taken(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, ttl: int
) -> None:
    assert (await client.post("/flows/1", files=form({"ttl": str(ttl)}))).status_code == 200
    assert sandbox.store.flow(1).ttl == ttl


async def test_every_wrong_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/flows", files=form({"name": "x", "ttl": "1", "colour": "red"}))
    named = {error["field"] for error in answer.json()["errors"]}
    assert named == {"website_id", "title", "description", "wait_time", "wait_time_type", "ttl", "colour"}


async def test_a_field_sent_twice_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/flows/1", files=form({"title": "a"}) + form({"title": "b"}))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "title", "title": "The title field was sent 2 times."}]


async def test_a_text_field_sent_as_a_file_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/flows/1", files={"title": ("title.txt", b"a", "text/plain")})
    assert answer.status_code == 422


@pytest.mark.parametrize("content_type", PICTURES)
async def test_a_picture_is_served_as_it_came_until_its_flow_is_gone(
    client: httpx.AsyncClient, content_type: str
) -> None:
    content = PICTURES[content_type]
    await client.post("/flows/1", files={"image": ("a", content, content_type)})
    url = (await client.get("/flows/1")).json()["data"]["image_url"]
    picture = await client.get(url, headers={"Authorization": ""})
    assert url.startswith(f"{client.base_url}".replace("/api/", "/media/"))
    assert (picture.headers["content-type"], picture.content) == (content_type, content)
    await client.delete("/flows/1")
    assert (await client.get(url)).status_code == 404


async def test_another_picture_takes_the_place_of_the_first_under_another_address(
    client: httpx.AsyncClient,
) -> None:
    urls = []
    for _ in range(2):
        await client.post("/flows/1", files={"image": ("a.png", PICTURES["image/png"], "image/png")})
        urls.append((await client.get("/flows/1")).json()["data"]["image_url"])
    assert [(await client.get(url)).status_code for url in urls] == [404, 200]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PICTURES["image/png"], "image/jpeg"),
        (PICTURES["image/png"], "application/octet-stream"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"RIFF\x04\x00\x00\x00WAVEfmt ", "image/webp"),
        (b"", "image/png"),
    ],
    ids=["png as jpeg", "png as anything", "svg", "sound", "empty"],
)
async def test_what_is_no_picture_of_its_type_is_refused(
    client: httpx.AsyncClient, content: bytes, content_type: str
) -> None:
    answer = await client.post("/flows/1", files={"image": ("a", content, content_type)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "image"


@pytest.mark.parametrize("path", ["/flows", "/flows/1"])
async def test_only_multipart_forms_are_taken(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path, data=REQUIRED)).status_code == 415
    assert (await client.post(path, json=REQUIRED)).status_code == 415
    assert (await client.post(path)).status_code == 415


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
    ],
    ids=["no boundary", "no parts", "not UTF-8", "no name"],
)
async def test_a_broken_form_is_a_bad_request(client: httpx.AsyncClient, content_type: str, body: bytes) -> None:
    answer = await client.post("/flows/1", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/flows/"), ("POST", "/flows/1/"), ("DELETE", "/flows/1/"), ("GET", "/flows/1/")]
)
async def test_a_slash_too_many_is_a_redirect_and_has_no_effect(
    sandbox: EnkapushSandbox, client: httpx.AsyncClient, method: str, path: str
) -> None:
    before = dict(sandbox.store.flows)
    files = form(REQUIRED) if method == "POST" else None
    answer = await client.request(method, path, files=files)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{client.base_url}{path.strip('/')}"
    assert sandbox.store.flows == before
