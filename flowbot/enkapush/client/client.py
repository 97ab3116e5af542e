"""The client: one pool of connections, and the resources that share it."""

import ssl
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx

from flowbot.enkapush.client import constants
from flowbot.enkapush.client.errors import Redactor
from flowbot.enkapush.client.resources import FlowsResource, SegmentsResource
from flowbot.enkapush.client.retry import RetryPolicy
from flowbot.enkapush.client.transport import RequestHook, Timing, Transport, is_loopback, parse_base_url


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The time that each step may take, in seconds.

    Attributes:
        connect: Until the connection stands, TLS included.
        read: Between two pieces of a response.
        write: For one piece of the request.
        pool: Until a connection is free.
        write_deadline: For a write and its response together. Reads have the retry policy's budget.
    """

    connect: float = constants.CONNECT_TIMEOUT
    read: float = constants.READ_TIMEOUT
    write: float = constants.WRITE_TIMEOUT
    pool: float = constants.POOL_TIMEOUT
    write_deadline: float = constants.WRITE_DEADLINE


class EnkapushClient:
    """A client of one Enkapush account; an async context manager.

    Example:
        async with EnkapushClient("https://enkapush.com/api", key) as client:
            flow = await client.flows.get(12)

    Args:
        base_url: The API's address, such as `https://enkapush.com/api`.
        api_key: The bearer key. It is in no repr, log line or error.
        timeouts: The time that each step may take.
        retry: The retry policy of reads; writes are sent once.
        on_request: Called after every try: path template, what is known of the exchange, seconds.
        timing: Clock, sleep and jitter; for tests.

    Raises:
        ValueError: The URL or the key could never work.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        on_request: RequestHook | None = None,
        timing: Timing | None = None,
    ) -> None:
        redactor = Redactor(api_key)
        timeouts = timeouts or Timeouts()
        self._base_url = parse_base_url(base_url)
        self._http = _create_http_client(self._base_url, api_key, timeouts)
        transport = Transport(
            self._http,
            redactor,
            retry=retry or RetryPolicy(),
            write_deadline=timeouts.write_deadline,
            on_request=on_request,
            timing=timing or Timing(),
        )
        self.flows = FlowsResource(transport)
        self.segments = SegmentsResource(transport)

    def __repr__(self) -> str:
        return f"EnkapushClient({str(self._base_url)!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. The client cannot be used afterwards."""
        await self._http.aclose()


def _create_http_client(base_url: httpx.URL, api_key: str, timeouts: Timeouts) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        headers={
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            # A list of many flows is ten times smaller so.
            "Accept-Encoding": "gzip",
        },
        timeout=httpx.Timeout(connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool),
        limits=httpx.Limits(
            max_connections=constants.MAX_CONNECTIONS,
            max_keepalive_connections=constants.KEEPALIVE_CONNECTIONS,
            keepalive_expiry=constants.KEEPALIVE_EXPIRY,
        ),
        follow_redirects=False,
        # The key identifies us. A session cookie would only tie requests together, and some servers then queue them.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # HTTP_PROXY and its kin count, except for this very machine: their NO_PROXY often forgets it.
        trust_env=not is_loopback(base_url),
        verify=shared_ssl_context(),
    )


@cache
def shared_ssl_context() -> ssl.SSLContext:
    """Return the TLS context of every client; SSL_CERT_FILE and SSL_CERT_DIR count.

    Reading its certificates takes longer than all else about a client: once a process is enough.
    """
    return httpx.create_ssl_context()
