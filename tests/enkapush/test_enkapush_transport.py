"""The one path of every request, against a server that says exactly what the test scripts."""

import asyncio
import gzip
import re
import traceback
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flowbot.enkapush.client import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    FlowPatch,
    ImagePart,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    ServerError,
    UnexpectedRedirectError,
    constants,
)
from flowbot.enkapush.client.errors import Redactor
from flowbot.enkapush.client.responses import convert_httpx_error, read_body
from tests.enkapush.scripted_server import (
    IMPATIENT,
    KEY,
    ONE_TRY,
    FakeTiming,
    MakeClient,
    ScriptedServer,
    flow_json,
    hang,
    http_answer,
    item_body,
    new_flow,
    page_body,
    reset,
)

FLOW_BODY = item_body(flow_json(12)).encode()
FLOW = http_answer(200, FLOW_BODY)


# --- reads -----------------------------------------------------------------------------------------------------


async def test_a_read_carries_the_key_and_the_documented_path(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(FLOW, http_answer(200, page_body()))
    client = make_client(server.url)
    assert (await client.flows.get(12)).id == 12
    await client.flows.list(page=2, results_per_page=100)
    assert [heard.target for heard in server.received] == [
        "/api/flows/12",
        "/api/flows/?page=2&results_per_page=100",
    ]
    assert {heard.headers["authorization"] for heard in server.received} == {f"Bearer {KEY}"}


async def test_a_trailing_slash_of_the_base_url_changes_nothing(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.add_answers(FLOW)
    await make_client(server.url + "/").flows.get(12)
    assert server.received[0].target == "/api/flows/12"


@pytest.mark.parametrize(("page", "size"), [(0, 25), (-1, 25), (1, 24), (1, 0), (1, 2000)])
async def test_a_page_that_the_api_does_not_know_is_not_asked_for(
    make_client: MakeClient, server: ScriptedServer, page: int, size: Any
) -> None:
    with pytest.raises(ValueError, match="no such page"):
        await make_client(server.url).flows.list(page, size)


async def test_a_session_cookie_is_not_kept(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(200, item_body(flow_json(12)), set_cookie="PHPSESSID=abc; path=/"), FLOW)
    client = make_client(server.url)
    await client.flows.get(12)
    await client.flows.get(12)
    assert "cookie" not in server.received[1].headers


@pytest.mark.parametrize(
    "trouble", [http_answer(500), http_answer(503, "<html>"), http_answer(429), reset, b"HTTP/1.1 20"]
)
async def test_a_read_gets_over_passing_trouble(
    server: ScriptedServer, make_client: MakeClient, clock: FakeTiming, trouble: Any
) -> None:
    server.add_answers(trouble, trouble, FLOW)
    assert (await make_client(server.url).flows.get(12)).id == 12
    assert clock.naps == [0.5, 1.0]


async def test_a_read_waits_as_long_as_the_server_asks(
    server: ScriptedServer, make_client: MakeClient, clock: FakeTiming
) -> None:
    server.add_answers(http_answer(429, retry_after="7"), http_answer(429, retry_after="3600"), FLOW)
    await make_client(server.url).flows.get(12)
    assert clock.naps == [7.0, 10.0]


async def test_a_read_gives_up_after_its_last_try(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(*[http_answer(500, x_request_id="r-9")] * 4)
    with pytest.raises(ServerError) as caught:
        await make_client(server.url).flows.get(12)
    assert (caught.value.attempts, caught.value.request_id) == (4, "r-9")


async def test_a_read_does_not_wait_beyond_its_budget(
    server: ScriptedServer, make_client: MakeClient, clock: FakeTiming
) -> None:
    server.add_answers(*[http_answer(429, retry_after="10")] * 3)
    with pytest.raises(RateLimitedError) as caught:
        await make_client(server.url).flows.get(12)
    assert (clock.naps, caught.value.retry_after) == ([10.0, 10.0], 10.0)


async def test_the_budget_bounds_the_try_itself(server: ScriptedServer, make_client: MakeClient) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.001)

    server.add_answers(drip)
    client = make_client(server.url, retry=RetryPolicy(attempts=1, budget=0.1))
    with pytest.raises(RequestTimeoutError):
        await client.flows.get(12)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (401, AuthError),
        (403, AuthError),
        (404, NotFoundError),
        (409, ResponseError),
        (422, InvalidError),
        (300, UnexpectedRedirectError),
    ],
)
async def test_a_refusal_is_told_by_its_kind_at_once(
    server: ScriptedServer, make_client: MakeClient, status: int, kind: type[EnkapushError]
) -> None:
    server.add_answers(http_answer(status, '{"message": "no"}'))
    with pytest.raises(kind) as caught:
        await make_client(server.url).flows.get(12)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.method, error.path) == (status, "GET", "/flows/12")
    assert error.body == '{"message": "no"}'


async def test_a_refused_form_tells_which_field(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(422, '{"errors": {"title": ["çok uzun"]}}'))
    with pytest.raises(InvalidError) as caught:
        await make_client(server.url).flows.create(new_flow())
    assert caught.value.messages == {"title": ("çok uzun",)}


async def test_an_endless_answer_is_cut_off(
    server: ScriptedServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()

    monkeypatch.setattr(constants, "MAX_RESPONSE_BYTES", 1_000_000)
    server.add_answers(endless)
    with pytest.raises(MalformedResponseError, match="does not end"):
        await make_client(server.url).flows.get(12)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off_before_it_fills_the_memory(
    server: ScriptedServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "MAX_RESPONSE_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    server.add_answers(http_answer(200, bomb, content_encoding="gzip"))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedResponseError, match="does not end"):
            await make_client(server.url).flows.get(12)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
    ],
)
async def test_a_packed_answer_is_unpacked(
    server: ScriptedServer, make_client: MakeClient, packing: str, pack: Callable[[bytes], bytes]
) -> None:
    server.add_answers(http_answer(200, pack(FLOW_BODY), content_encoding=packing))
    assert (await make_client(server.url).flows.get(12)).id == 12


@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b"{}" * 10_000)[:-9]),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
        ("br", b"{}"),
    ],
    ids=["not gzip", "half of it", "twice", "another way"],
)
async def test_a_body_that_does_not_unpack_is_malformed(
    server: ScriptedServer, make_client: MakeClient, packing: str, body: bytes
) -> None:
    server.add_answers(http_answer(200, body, content_encoding=packing))
    with pytest.raises(MalformedResponseError, match="DecodingError"):
        await make_client(server.url).flows.get(12)


async def test_an_error_without_a_body_is_told_by_its_status_however_it_says_it_is_packed(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.add_answers(http_answer(422, b"", content_encoding="gzip"))
    with pytest.raises(InvalidError):
        await make_client(server.url).flows.create(new_flow())


@given(st.binary(max_size=200), st.integers(0, 3), st.integers(1, 40))
async def test_a_packed_body_comes_out_as_it_was_however_it_is_cut(text: bytes, times: int, cut: int) -> None:
    body = text * 10_000 * times
    packed = gzip.compress(body)
    step = max(1, len(packed) // cut)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(packed), step):
            yield packed[at : at + step]

    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=pieces())
    assert await read_body(response) == (body, True)


# --- redirects -------------------------------------------------------------------------------------------------


async def test_a_read_follows_a_redirect_to_the_same_host(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(301, location="/api/flows/12/"), FLOW)
    assert (await make_client(server.url).flows.get(12)).id == 12
    assert server.received[1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "elsewhere", ["http://localhost:1/api/flows/12", "http://127.0.0.1:1/", "//evil.example/", "ftp://127.0.0.1/"]
)
async def test_a_read_never_takes_the_key_to_another_host(
    server: ScriptedServer, make_client: MakeClient, elsewhere: str
) -> None:
    server.add_answers(http_answer(302, location=elsewhere))
    with pytest.raises(UnexpectedRedirectError):
        await make_client(server.url).flows.get(12)


async def test_a_read_does_not_run_in_circles(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(*[http_answer(302, location="/api/flows/12")] * 4)
    with pytest.raises(UnexpectedRedirectError, match="again and again"):
        await make_client(server.url).flows.get(12)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirected_write_is_an_error_and_in_doubt(
    server: ScriptedServer, make_client: MakeClient, status: int
) -> None:
    server.add_answers(*[http_answer(status, location="/api/flows/12/")] * 2)
    client = make_client(server.url)
    with pytest.raises(UnexpectedRedirectError) as caught:
        await client.flows.update(12, FlowPatch(name="x"))
    assert caught.value.ambiguous
    with pytest.raises(UnexpectedRedirectError):
        await client.flows.delete(12)
    assert [heard.method for heard in server.received] == ["POST", "DELETE"]


# --- writes ----------------------------------------------------------------------------------------------------


async def test_a_write_without_an_image_is_multipart_too(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(200, '{"data": {"id": 12}}'))
    await make_client(server.url).flows.update(12, FlowPatch(is_enabled=False))
    heard = server.received[0]
    boundary = re.fullmatch(r"multipart/form-data; boundary=(\w+)", heard.headers["content-type"])
    assert boundary
    assert heard.body.decode().split("\r\n") == [
        f"--{boundary[1]}",
        'Content-Disposition: form-data; name="is_enabled"',
        "",
        "0",
        f"--{boundary[1]}--",
        "",
    ]


async def test_writes_go_to_paths_without_a_trailing_slash(server: ScriptedServer, make_client: MakeClient) -> None:
    done = http_answer(200, '{"data": {"id": "12"}}')
    server.add_answers(done, done, http_answer(204))
    client = make_client(server.url)
    assert await client.flows.create(new_flow()) == 12
    assert await client.flows.update(12, FlowPatch(name="x")) == 12
    await client.flows.delete(12)
    assert [(heard.method, heard.target) for heard in server.received] == [
        ("POST", "/api/flows"),
        ("POST", "/api/flows/12"),
        ("DELETE", "/api/flows/12"),
    ]


async def test_an_image_is_a_file_part(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(200, '{"data": {"id": 12}}'))
    image = ImagePart(filename='gül "1".png', content=b"\x89PNG\r\n--x", content_type="image/png")
    await make_client(server.url).flows.update(12, FlowPatch(image=image))
    head, _, rest = server.received[0].body.partition(b"\r\n\r\n")
    assert 'form-data; name="image"; filename="gül _1_.png"' in head.decode()
    assert b"Content-Type: image/png" in head
    assert rest.startswith(b"\x89PNG\r\n--x\r\n--")


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"data": []}'])
async def test_any_success_will_do_for_a_deletion(server: ScriptedServer, make_client: MakeClient, body: str) -> None:
    server.add_answers(http_answer(200, body))
    await make_client(server.url).flows.delete(12)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (http_answer(500), ServerError),
        (http_answer(502, "<html>"), ServerError),
        (reset, ConnectionLostError),
        (b"HTTP/1.1 20", ConnectionLostError),
        (http_answer(200, "")[:-5], ConnectionLostError),
        (http_answer(200, "<html>"), MalformedResponseError),
        (http_answer(200, ""), MalformedResponseError),
        (hang, RequestTimeoutError),
    ],
)
async def test_a_write_in_doubt_says_so_and_is_not_repeated(
    server: ScriptedServer, make_client: MakeClient, trouble: Any, kind: type[EnkapushError]
) -> None:
    server.add_answers(trouble)
    patience = IMPATIENT if trouble is hang else None
    with pytest.raises(kind) as caught:
        await make_client(server.url, timeouts=patience).flows.create(new_flow())
    assert (caught.value.ambiguous, caught.value.sent, len(server.received)) == (True, True, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
async def test_a_refused_write_is_certain_and_is_not_repeated(
    server: ScriptedServer, make_client: MakeClient, status: int
) -> None:
    server.add_answers(http_answer(status, retry_after="1"))
    with pytest.raises(ResponseError) as caught:
        await make_client(server.url).flows.create(new_flow())
    assert (caught.value.ambiguous, len(server.received)) == (False, 1)


async def test_a_write_that_reached_nobody_is_certain(make_client: MakeClient, server: ScriptedServer) -> None:
    client = make_client("http://127.0.0.1:1/api")
    with pytest.raises(ConnectError) as caught:
        await client.flows.create(new_flow())
    assert (caught.value.sent, caught.value.ambiguous, caught.value.attempts) == (False, False, 1)


@pytest.mark.parametrize("trouble", [httpx.ConnectTimeout("-"), httpx.PoolTimeout("-"), httpx.ProxyError("-")])
def test_a_failure_before_the_request_left_keeps_that_knowledge(trouble: httpx.RequestError) -> None:
    error = convert_httpx_error(trouble, Exchange("POST", "/flows", sent=False), Redactor(KEY))
    assert (error.sent, error.ambiguous) == (False, False)


async def test_a_write_has_one_deadline_however_busy_the_server_seems(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.001)

    server.add_answers(drip)
    with pytest.raises(RequestTimeoutError) as caught:
        await make_client(server.url, timeouts=IMPATIENT).flows.create(new_flow())
    assert caught.value.ambiguous


async def test_an_idle_connection_that_the_server_closed_is_not_used_for_a_write(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    kept = FLOW.replace(b"connection: close\r\n", b"")
    server.add_answers(kept, http_answer(200, '{"data": {"id": 12}}'))
    client = make_client(server.url)
    await client.flows.get(12)
    assert await client.flows.update(12, FlowPatch(name="x")) == 12


# --- what is told to others ------------------------------------------------------------------------------------


def text_about(error: BaseException) -> str:
    return "".join(
        [str(error), repr(error), repr(error.args), *traceback.format_exception(error), repr(vars(error))]
        + [str(relative) for relative in (error.__cause__, error.__context__)]
    )


ECHOES = [
    http_answer(401, f'{{"message": "bad key {KEY}"}}', x_request_id=f"for-{KEY}"),
    http_answer(422, f'{{"errors": {{"{KEY}": ["{KEY}"]}}}}'),
    http_answer(200, f"<html>{KEY}</html>"),
    f"HTTP/1.1 200 OK\r\n{KEY} echoed\r\n\r\n".encode(),
    f"{KEY} nonsense\r\n\r\n".encode(),
    http_answer(302, location=f"http://evil.example/?{KEY}"),
]


@pytest.mark.parametrize("echo", ECHOES)
async def test_a_key_that_the_server_echoes_is_shown_nowhere(
    server: ScriptedServer, make_client: MakeClient, echo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server.add_answers(echo, echo, echo)
    client = make_client(server.url, retry=ONE_TRY)
    caplog.set_level("INFO")
    with capture_logs() as logs:
        outcomes = await asyncio.gather(
            client.flows.get(12),
            client.flows.list(),
            client.flows.create(new_flow()),
            return_exceptions=True,
        )
    for error in outcomes:
        assert isinstance(error, EnkapushError)
        assert KEY not in text_about(error)
        assert (error.__cause__, error.__context__) == (None, None)
    assert KEY not in str(logs) + caplog.text + repr(client)


async def test_each_try_is_logged_once(server: ScriptedServer, make_client: MakeClient) -> None:
    server.add_answers(http_answer(500), FLOW)
    with capture_logs() as logs:
        await make_client(server.url).flows.get(12)
    told = [(log["event"], log["log_level"], log["status"], log["attempt"]) for log in logs]
    assert told == [("enkapush.call", "warning", 500, 1), ("enkapush.call", "debug", 200, 2)]
    assert dict(logs[1]) | {"ms": 0} == {
        "event": "enkapush.call",
        "log_level": "debug",
        "method": "GET",
        "path": "/flows/12",
        "status": 200,
        "ms": 0,
        "attempt": 2,
    }


async def test_each_try_is_told_to_the_hook(server: ScriptedServer, make_client: MakeClient) -> None:
    told: list[tuple[str, str, int | None]] = []
    server.add_answers(http_answer(500), FLOW, reset, http_answer(200, page_body()))
    client = make_client(
        server.url,
        on_request=lambda path, exchange, seconds: told.append((exchange.method, path, exchange.status)),
    )
    await client.flows.get(12)
    with pytest.raises(ConnectionLostError):
        await client.flows.delete(12)
    await client.segments.list()
    assert told == [
        ("GET", "/flows/{id}", 500),
        ("GET", "/flows/{id}", 200),
        ("DELETE", "/flows/{id}", None),
        ("GET", "/segments/", 200),
    ]


async def test_the_hook_is_told_the_date_of_successes_and_refusals(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    told: list[str | None] = []
    date = "Sun, 29 Nov 2026 10:00:00 GMT"
    server.add_answers(
        http_answer(200, page_body(), date=date),
        http_answer(200, page_body()),
        http_answer(401, date=date),
        http_answer(401, date=f"{KEY} {'x' * 1000}"),
    )
    client = make_client(server.url, on_request=lambda path, exchange, seconds: told.append(exchange.date))
    for _ in range(2):
        await client.segments.list()
    for _ in range(2):
        with pytest.raises(AuthError):
            await client.segments.list()
    assert told == [date, None, date, None]


async def test_a_hook_that_fails_does_not_fail_the_write(server: ScriptedServer, make_client: MakeClient) -> None:
    def broken(path: str, exchange: Exchange, seconds: float) -> None:
        raise RuntimeError("no such counter")

    server.add_answers(http_answer(200, '{"data": {"id": 12}}'))
    with capture_logs() as logs:
        assert await make_client(server.url, on_request=broken).flows.create(new_flow()) == 12
    assert [log["event"] for log in logs] == ["enkapush.call", "enkapush.hook_failed"]


# --- proxies and addresses -------------------------------------------------------------------------------------


async def test_this_very_machine_is_not_reached_through_a_proxy(
    server: ScriptedServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.add_answers(FLOW)
    assert (await make_client(server.url).flows.get(12)).id == 12


async def test_other_hosts_are_reached_through_the_proxy_that_is_set(
    server: ScriptedServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.add_answers(FLOW)
    await make_client("http://enkapush.invalid/api").flows.get(12)
    assert server.received[0].target == "http://enkapush.invalid/api/flows/12"


@pytest.mark.parametrize(
    "url",
    ["", "enkapush.com/api", "ftp://enkapush.com", "http://", "https://user:pw@enkapush.com", "https://a/?b=c"],
)
def test_an_address_that_could_never_work_is_refused(url: str, make_client: MakeClient) -> None:
    with pytest.raises(ValueError, match="base URL"):
        make_client(url)
