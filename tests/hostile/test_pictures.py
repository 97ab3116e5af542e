"""The pictures of flows come from where Enkapush says, which may be anywhere and anything."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from aiohttp import web

from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.images import MAX_IMAGE_BYTES, ImageFile
from flowbot.enkapush import images
from flowbot.enkapush.images import ImageFetcher, create_image_client
from flowbot.errors import DependencyError
from tests.journeys.form_steps import PNG

PUBLIC: Final = "https://1.1.1.1/api"


@dataclass
class Host:
    """A web server with pictures, or what goes for them."""

    origin: str = ""
    asked: list[str] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer: web.StreamResponse = await PAGES[request.path](self, request)
        return answer


async def picture(_host: Host, _request: web.Request) -> web.StreamResponse:
    return web.Response(body=PNG, content_type="image/png")


async def endless(_host: Host, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png"})
    await answer.prepare(request)
    await answer.write(PNG)
    for _ in range(2 * MAX_IMAGE_BYTES // 65536):
        await answer.write(bytes(65536))
    return answer


async def dripping(host: Host, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png"})
    await answer.prepare(request)
    await answer.write(PNG[:10])
    await host.goes_on.wait()
    return answer


async def broken_off(_host: Host, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png", "Content-Length": "5000"})
    await answer.prepare(request)
    await answer.write(PNG)
    assert request.transport is not None
    request.transport.close()
    return answer


async def squeezed(_host: Host, _request: web.Request) -> web.StreamResponse:
    bomb = zlib.compress(PNG + bytes(200 * 1024 * 1024), 9)
    return web.Response(body=bomb, headers={"Content-Encoding": "deflate", "Content-Type": "image/png"})


def of(body: bytes, kind: str = "image/png") -> Any:
    async def page(_host: Host, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind)

    return page


def led(to: str) -> Any:
    async def page(host: Host, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(to.format(origin=host.origin))

    return page


PAGES: Final[dict[str, Any]] = {
    "/picture.png": picture,
    "/endless": endless,
    "/dripping": dripping,
    "/broken": broken_off,
    "/squeezed": squeezed,
    "/page": of(b"<!doctype html><script>alert(1)</script>", "text/html"),
    "/svg": of(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/svg+xml"),
    "/svg-in-disguise": of(b'<?xml version="1.0"?><svg onload="alert(1)"/>'),
    "/nothing": of(b""),
    "/half": of(PNG[:7]),
    "/led": led("{origin}/picture.png"),
    "/led-to-a-file": led("file:///etc/passwd"),
    "/led-to-the-cloud": led("http://169.254.169.254/latest/meta-data"),
    "/led-on-and-on": led("{origin}/led-on-and-on"),
}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    app = web.Application()
    app.router.add_get("/{path:.*}", host.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield host
    host.goes_on.set()
    await runner.cleanup()


async def fetched(url: str, api: str) -> ImageFile | None:
    flow = Flow(FlowId(1), WebsiteId(1), "n", "t", "d", WaitTime(1, "hours"), is_enabled=False, image_url=url)
    async with create_image_client(api) as client:
        return await ImageFetcher(client).fetch_for(flow)


@pytest.mark.parametrize("page", ["/picture.png", "/led"])
async def test_a_picture_beside_an_enkapush_inside_the_network_is_fetched(host: Host, page: str) -> None:
    image = await fetched(host.origin + page, "http://127.0.0.1:1/api")
    assert image == ImageFile(PNG, "image/png", page[1:])


BAD: Final = [page for page in PAGES if page not in {"/picture.png", "/led", "/dripping"}]


@pytest.mark.parametrize("page", BAD)
async def test_what_is_no_picture_is_a_fault(host: Host, page: str) -> None:
    with pytest.raises(DependencyError, match="picture"):
        await fetched(host.origin + page, "http://127.0.0.1:1/api")


async def test_who_sends_a_byte_now_and_then_is_not_waited_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "WHOLE_SECONDS", 0.3)
    async with asyncio.timeout(5):
        with pytest.raises(DependencyError, match="picture"):
            await fetched(f"{host.origin}/dripping", "http://127.0.0.1:1/api")


INNER: Final = [
    "http://127.0.0.1:{port}/picture.png",
    "http://localhost:{port}/picture.png",
    "http://[::1]:{port}/picture.png",
    "http://[::ffff:127.0.0.1]:{port}/picture.png",
    "http://2130706433:{port}/picture.png",
    "http://0x7f.1:{port}/picture.png",
    "http://0.0.0.0:{port}/picture.png",
    "http://innocent.example:{port}/picture.png",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/picture.png",
    "gopher://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/picture.png",
    "picture.png",
    "http://",
    "http://\0/",
]


@pytest.mark.parametrize("url", INNER)
async def test_nothing_inside_the_network_is_asked_for_a_public_enkapush(
    host: Host, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, port = asyncio.get_running_loop(), host.origin.rpartition(":")[2]
    ask = loop.getaddrinfo

    async def resolve(name: Any, *args: Any, **named: Any) -> Any:
        return await ask("127.0.0.1" if name == "innocent.example" else name, *args, **named)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    with pytest.raises(DependencyError, match="picture"):
        await fetched(url.replace("{port}", port), PUBLIC)
    assert host.asked == []


async def test_the_cloud_is_not_asked_even_beside_an_enkapush_inside_the_network() -> None:
    with pytest.raises(DependencyError, match="picture") as caught:
        await fetched("http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/api")
    assert caught.value.params["error"] == "UnsupportedProtocol"
