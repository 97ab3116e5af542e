"""The pictures of flows, from wherever Enkapush says that they are: kept before a flow is deleted."""

import asyncio
import ipaddress
import socket
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from flowbot.domain.flow import Flow
from flowbot.domain.images import LARGEST_BYTES, ImageFile, image_type
from flowbot.enkapush._trust import trust
from flowbot.errors import Fault

TIMEOUT_SECONDS: Final = 10.0
WHOLE_SECONDS: Final = 30.0
"""For a whole picture: who sends a byte now and then is not waited for."""
MOST_REDIRECTS: Final = 3
GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PicturesByUrl:
    """Fetches pictures by their public addresses; no key goes with the request.

    Args:
        http: a client without credentials.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def of(self, flow: Flow) -> ImageFile | None:
        """The flow's picture; None where it has none, or where it is gone from its address.

        Raises:
            Fault: it could not be fetched, or it is no picture.
        """
        if not flow.image_url:
            return None
        try:
            async with asyncio.timeout(WHOLE_SECONDS), self._http.stream("GET", flow.image_url) as answer:
                if answer.status_code in GONE:
                    return None
                if answer.status_code != HTTPStatus.OK:
                    raise Fault("fault.picture", error=f"HTTP {answer.status_code}")
                content = await _capped(answer)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Fault("fault.picture", error=type(error).__name__) from error
        kind = image_type(content)
        if kind is None:
            raise Fault("fault.picture", error="not a picture")
        return ImageFile(content, kind, _name(flow.image_url))


def picture_client(api_url: str) -> httpx.AsyncClient:
    """A client for pictures. It must be closed.

    Args:
        api_url: Enkapush's; where that is inside a network, pictures may be there too.
    """

    async def guard(request: httpx.Request) -> None:
        """Look at every address before it is called, those of redirects too."""
        if not await _may_ask(request.url, httpx.URL(api_url)):
            raise httpx.UnsupportedProtocol("an address inside the network", request=request)

    return httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS,
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        verify=trust(),
        headers={"Accept-Encoding": "identity"},
        event_hooks={"request": [guard]},
    )


async def _may_ask(url: httpx.URL, api: httpx.URL) -> bool:
    """Whether a picture's address may be called: a public one, or one beside an Enkapush that is inside itself.

    A name that this machine cannot resolve is left to the connection, or to the proxy that it goes through.
    """
    inner = [address for address in await _addresses(url) if not address.is_global]
    if not inner:
        return True
    around = await _addresses(api)
    is_inside = bool(around) and not any(address.is_global for address in around)
    return is_inside and not any(address.is_link_local for address in inner)


async def _addresses(url: httpx.URL) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [_plain(ipaddress.ip_address(str(each[4][0]).partition("%")[0])) for each in found]


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one, as itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


async def _capped(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in answer.aiter_raw():
        content += chunk
        if len(content) > LARGEST_BYTES:
            raise Fault("fault.picture", error="too large")
    return bytes(content)


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2] or "image"
