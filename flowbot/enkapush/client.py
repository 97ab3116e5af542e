"""The client: one pool of connections, and the resources that speak through it."""

from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx

from flowbot.enkapush import _body
from flowbot.enkapush import _constants as constants
from flowbot.enkapush._origin import checked_base_url, is_loopback
from flowbot.enkapush._redaction import Redactor
from flowbot.enkapush._transport import OnRequest, Pace, Transport
from flowbot.enkapush._trust import trust
from flowbot.enkapush.flows import Flows
from flowbot.enkapush.retry import RetryPolicy
from flowbot.enkapush.segments import Segments


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step may take, in seconds.

    Attributes:
        connect: Until the connection stands, TLS included.
        read: Between two pieces of an answer.
        write: For one piece of the request.
        pool: Until a connection is free.
        write_deadline: For a write and its answer together. Reads have the retry policy's budget.
    """

    connect: float = constants.CONNECT_TIMEOUT
    read: float = constants.READ_TIMEOUT
    write: float = constants.WRITE_TIMEOUT
    pool: float = constants.POOL_TIMEOUT
    write_deadline: float = constants.WRITE_DEADLINE


class EnkapushClient:
    """Speaks to one Enkapush account; an async context manager.

    Example:
        async with EnkapushClient("https://enkapush.com/api", key) as client:
            flow = await client.flows.get(12)

    Args:
        base_url: Where the API is, such as `https://enkapush.com/api`.
        api_key: The bearer key. It is in no repr, log line or error.
        timeouts: How long each step may take.
        retry: How patient reads are; writes are sent once.
        on_request: Told of every try: method, path template, status or None, seconds.
        pace: Clock, sleep and chance; for tests.

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
        on_request: OnRequest | None = None,
        pace: Pace | None = None,
    ) -> None:
        redactor = Redactor(api_key)
        timeouts = timeouts or Timeouts()
        self._base_url = checked_base_url(base_url)
        self._http = _pool(self._base_url, api_key, timeouts)
        transport = Transport(
            self._http,
            redactor,
            retry=retry or RetryPolicy(),
            write_deadline=timeouts.write_deadline,
            on_request=on_request,
            pace=pace or Pace(),
        )
        self.flows = Flows(transport)
        self.segments = Segments(transport)

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


def _pool(base_url: httpx.URL, api_key: str, timeouts: Timeouts) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        headers={
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            "Accept-Encoding": _body.ACCEPTED,
        },
        timeout=httpx.Timeout(connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool),
        limits=httpx.Limits(
            max_connections=constants.MAX_CONNECTIONS,
            max_keepalive_connections=constants.KEEPALIVE_CONNECTIONS,
            keepalive_expiry=constants.KEEPALIVE_EXPIRY,
        ),
        follow_redirects=False,
        # The key says who we are. A session cookie would only tie requests together, and some servers then queue them.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # HTTP_PROXY and its kin count, except for this very machine: their NO_PROXY often forgets it.
        trust_env=not is_loopback(base_url),
        verify=trust(),
    )
