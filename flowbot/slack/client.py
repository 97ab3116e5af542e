"""How flowbot reaches Slack: one pooled session, retries of what never left, and proxies that leave loopback alone."""

import re
import urllib.request
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.slack.counted import CountedClient, CountedLimits, Counts

TIMEOUT_SECONDS: Final = 10
PLAIN_URL: Final = re.compile(r"(?i:https?)://[A-Za-z0-9.:\[\]-]+(?:[/?#][\x21-\x5b\x5d-\x7e]*)?")
"""Nothing that two readers of addresses could take for different hosts: userinfo, escapes, backslashes, white space."""
SLACKS_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+slack(?:-gov)?\.com")


def open_session() -> aiohttp.ClientSession:
    """One session for all of Slack. It must be closed."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=5)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=50))


def web_client(
    base_url: str, token: str, session: aiohttp.ClientSession, counts: Counts | None = None
) -> AsyncWebClient:
    """The Web API at `base_url`, as the bot; `counts` is told of every call."""
    limits = CountedLimits(max_retry_count=2)
    limits.counts = counts
    client = CountedClient(
        token=token,
        base_url=f"{base_url}/",
        session=session,
        timeout=TIMEOUT_SECONDS,
        retry_handlers=[
            AsyncConnectionErrorRetryHandler(max_retry_count=1, error_types=[aiohttp.ClientConnectorError]),
            limits,
        ],
    )
    client.counts = counts
    client.proxy = proxy_for(base_url)
    return client


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`, honouring NO_PROXY and never for this machine itself.

    slack_sdk reads HTTP_PROXY for every host, loopback included.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def is_slacks(url: str, api_url: str) -> bool:
    """Whether `url` is one that flowbot may call: https on Slack's own hosts, or the configured API's own origin."""
    if not PLAIN_URL.fullmatch(url):
        return False
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        same_origin = (parts.scheme, parts.hostname, parts.port) == (api.scheme, api.hostname, api.port)
    except ValueError:
        return False
    host = parts.hostname or ""
    own = parts.scheme == "https" and parts.port in (None, 443) and SLACKS_HOST.fullmatch(host) is not None
    return own or same_origin
