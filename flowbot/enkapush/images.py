"""The images of flows, fetched from the public URLs that Enkapush gives, and kept before a flow is deleted."""

import asyncio
import ipaddress
import socket
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from flowbot.domain.flow import Flow
from flowbot.domain.images import MAX_IMAGE_BYTES, ImageFile, image_type
from flowbot.enkapush.client.client import shared_ssl_context
from flowbot.errors import DependencyError
from flowbot.services.ports.enkapush import FlowImages, ImageLostError

TIMEOUT_SECONDS: Final = 10.0
WHOLE_SECONDS: Final = 30.0
"""For a whole image: a server that drips bytes never trips the timeout of one read."""
MOST_REDIRECTS: Final = 3
PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""The client errors after which another try may help."""
MALFORMED_ADDRESS_ERRORS: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, OverflowError)
"""Raised where a host or a port is none; a port beyond any number overflows."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ImageFetcher(FlowImages):
    """Fetches images by their public URLs; no key goes with the request.

    Args:
        http: A client without credentials, guarded as by `create_image_client`.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def fetch_for(self, flow: Flow) -> ImageFile | None:
        if not flow.image_url:
            return None
        received = bytearray()
        try:
            async with asyncio.timeout(WHOLE_SECONDS), self._http.stream("GET", flow.image_url) as response:
                if response.is_client_error and response.status_code not in PASSING:
                    raise ImageLostError(f"HTTP {response.status_code}")
                if response.status_code != HTTPStatus.OK:
                    raise DependencyError("fault.picture", error=f"HTTP {response.status_code}")
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > MAX_IMAGE_BYTES:
                        raise ImageLostError("too large")
        except (httpx.TooManyRedirects, *MALFORMED_ADDRESS_ERRORS) as error:
            raise ImageLostError(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise DependencyError("fault.picture", error=type(error).__name__) from error
        content = bytes(received)
        kind = image_type(content)
        if kind is None:
            raise ImageLostError("not a picture")
        filename = urlsplit(flow.image_url).path.rpartition("/")[2] or "image"
        return ImageFile(content, kind, filename)


def create_image_client(api_url: str) -> httpx.AsyncClient:
    """Create an HTTP client for images that calls no address inside the network. It must be closed.

    Args:
        api_url: Enkapush's; where that is inside a network, images may be there too.
    """

    async def guard(request: httpx.Request) -> None:
        """Check every address before it is called, those of redirects too."""
        if not await _is_allowed(request.url, httpx.URL(api_url)):
            raise httpx.UnsupportedProtocol("an address inside the network", request=request)

    return httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS,
        follow_redirects=True,
        max_redirects=MOST_REDIRECTS,
        verify=shared_ssl_context(),
        headers={"Accept-Encoding": "identity"},
        event_hooks={"request": [guard]},
    )


async def _is_allowed(url: httpx.URL, api: httpx.URL) -> bool:
    """Check whether an image's URL is public, or beside an Enkapush that is inside the network itself.

    A name that this machine cannot resolve is left to the connection, or to the proxy that it goes through.
    """
    inner = [address for address in await _resolve(url) if not address.is_global]
    if not inner:
        return True
    around = await _resolve(api)
    is_inside = bool(around) and not any(address.is_global for address in around)
    return is_inside and not any(address.is_link_local for address in inner)


async def _resolve(url: httpx.URL) -> list[Address]:
    """Return the host's addresses, an IPv4 address written as an IPv6 one as itself; none where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]
