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
from flowbot.services.ports.enkapush import ImageLostError
from tests.journeys.form_steps import PNG

PUBLIC: Final = "https://1.1.1.1/api"


@dataclass
class PictureServer:
    """A web server with pictures, or what passes for them."""

    origin: str = ""
    asked: list[str] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer: web.StreamResponse = await PAGES[request.path](self, request)
        return answer


async def picture(_host: PictureServer, _request: web.Request) -> web.StreamResponse:
    return web.Response(body=PNG, content_type="image/png")


async def endless(_host: PictureServer, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png"})
    await answer.prepare(request)
    await answer.write(PNG)
    for _ in range(2 * MAX_IMAGE_BYTES // 65536):
        await answer.write(bytes(65536))
    return answer


async def slow(server: PictureServer, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png"})
    await answer.prepare(request)
    await answer.write(PNG[:10])
    await server.goes_on.wait()
    return answer


async def cut_off(_host: PictureServer, request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "image/png", "Content-Length": "5000"})
    await answer.prepare(request)
    await answer.write(PNG)
    assert request.transport is not None
    request.transport.close()
    return answer


async def compressed_bomb(_host: PictureServer, _request: web.Request) -> web.StreamResponse:
    bomb = zlib.compress(PNG + bytes(200 * 1024 * 1024), 9)
    return web.Response(body=bomb, headers={"Content-Encoding": "deflate", "Content-Type": "image/png"})


def page_of(body: bytes, kind: str = "image/png", *, status: int = 200) -> Any:
    async def page(_host: PictureServer, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, status=status)

    return page


def redirect(to: str) -> Any:
    async def page(server: PictureServer, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(to.format(origin=server.origin))

    return page


PAGES: Final[dict[str, Any]] = {
    "/picture.png": picture,
    "/endless": endless,
    "/dripping": slow,
    "/broken": cut_off,
    "/squeezed": compressed_bomb,
    "/page": page_of(b"<!doctype html><script>alert(1)</script>", "text/html"),
    "/svg": page_of(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/svg+xml"),
    "/svg-in-disguise": page_of(b'<?xml version="1.0"?><svg onload="alert(1)"/>'),
    "/nothing": page_of(b""),
    "/half": page_of(PNG[:7]),
    "/gone": page_of(b"", status=410),
    "/missing": page_of(PNG, status=404),
    "/forbidden": page_of(PNG, status=403),
    "/busy": page_of(b"", status=429),
    "/down": page_of(b"", status=503),
    "/led": redirect("{origin}/picture.png"),
    "/led-to-nobody": redirect("http://127.0.0.1:1/picture.png"),
    "/led-to-a-file": redirect("file:///etc/passwd"),
    "/led-to-the-cloud": redirect("http://169.254.169.254/latest/meta-data"),
    "/led-on-and-on": redirect("{origin}/led-on-and-on"),
}


@pytest.fixture
async def server() -> AsyncIterator[PictureServer]:
    server = PictureServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    server.goes_on.set()
    await runner.cleanup()


async def fetch_picture(url: str, api: str) -> ImageFile | None:
    flow = Flow(WebsiteId(1), "n", "t", "d", WaitTime(1, "hours"), id=FlowId(1), is_enabled=False, image_url=url)
    async with create_image_client(api) as client:
        return await ImageFetcher(client).fetch_for(flow)


@pytest.mark.parametrize("page", ["/picture.png", "/led"])
async def test_a_picture_beside_an_enkapush_inside_the_network_is_fetched(server: PictureServer, page: str) -> None:
    image = await fetch_picture(server.origin + page, "http://127.0.0.1:1/api")
    assert image == ImageFile(PNG, "image/png", page[1:])


BAD: Final = [page for page in PAGES if page not in {"/picture.png", "/led", "/dripping"}]
PASSING: Final = {"/broken", "/busy", "/down", "/led-to-nobody"}


@pytest.mark.parametrize("page", BAD)
async def test_what_is_no_picture_is_a_fault(server: PictureServer, page: str) -> None:
    with pytest.raises(DependencyError, match="picture") as caught:
        await fetch_picture(server.origin + page, "http://127.0.0.1:1/api")
    assert isinstance(caught.value, ImageLostError) is (page not in PASSING)


async def test_who_sends_a_byte_now_and_then_is_not_waited_for(
    server: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "WHOLE_SECONDS", 0.3)
    async with asyncio.timeout(5):
        with pytest.raises(DependencyError, match="picture"):
            await fetch_picture(f"{server.origin}/dripping", "http://127.0.0.1:1/api")


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
    "http://xn--/",
    "http://[::1",
    "http://picture.example:99999999999999999999/",
    "http://picture.example/" + "a" * 5_000_000,
    "\ud800",
]


@pytest.mark.parametrize("url", INNER, ids=lambda url: ascii(url[:50]))
async def test_nothing_inside_the_network_is_asked_for_a_public_enkapush(
    server: PictureServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, port = asyncio.get_running_loop(), server.origin.rpartition(":")[2]
    ask = loop.getaddrinfo

    async def resolve(name: Any, *args: Any, **named: Any) -> Any:
        return await ask("127.0.0.1" if name == "innocent.example" else name, *args, **named)

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    with pytest.raises(ImageLostError, match="picture"):
        await fetch_picture(url.replace("{port}", port), PUBLIC)
    assert server.asked == []


async def test_the_cloud_is_not_asked_even_beside_an_enkapush_inside_the_network() -> None:
    with pytest.raises(DependencyError, match="picture") as caught:
        await fetch_picture("http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/api")
    assert caught.value.text.params["error"] == "UnsupportedProtocol"
