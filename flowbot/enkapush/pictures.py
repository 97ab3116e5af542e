"""The pictures of flows, from wherever Enkapush says that they are: kept before a flow is deleted."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from flowbot.domain.changes import Image
from flowbot.domain.flows import Flow
from flowbot.domain.images import LARGEST_BYTES, image_type
from flowbot.enkapush._trust import trust
from flowbot.errors import Fault

TIMEOUT_SECONDS: Final = 10.0
MOST_REDIRECTS: Final = 3
GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class PicturesByUrl:
    """Fetches pictures by their public addresses; no key goes with the request.

    Args:
        http: a client without credentials.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def of(self, flow: Flow) -> Image | None:
        """The flow's picture; None where it has none, or where it is gone from its address.

        Raises:
            Fault: it could not be fetched, or it is no picture.
        """
        if not flow.image_url:
            return None
        try:
            async with self._http.stream("GET", flow.image_url) as answer:
                if answer.status_code in GONE:
                    return None
                if answer.status_code != HTTPStatus.OK:
                    raise Fault("fault.picture", error=f"HTTP {answer.status_code}")
                content = await _capped(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Fault("fault.picture", error=type(error).__name__) from error
        kind = image_type(content)
        if kind is None:
            raise Fault("fault.picture", error="not a picture")
        return Image(content, kind, _name(flow.image_url))


def picture_client() -> httpx.AsyncClient:
    """A client for pictures. It must be closed."""
    return httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS, follow_redirects=True, max_redirects=MOST_REDIRECTS, verify=trust()
    )


async def _capped(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > LARGEST_BYTES:
            raise Fault("fault.picture", error="too large")
    return bytes(content)


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2] or "image"
