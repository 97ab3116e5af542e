"""Slack's web client: session, proxies, metered calls and rate limits."""

import re
import time
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.slack.api.errors import SLACK_ERRORS, UnreadableAnswerError, error_code

LONGEST_PAUSE_SECONDS: Final = 5.0
"""Where Slack asks for a longer pause, the call fails at once, and what has to be done is done later."""
TIMEOUT_SECONDS: Final = 10
PLAIN_URL: Final = re.compile(r"(?i:https?)://[A-Za-z0-9.:\[\]-]+(?:[/?#][\x21-\x5b\x5d-\x7e]*)?")
"""Nothing that two readers of addresses could take for different hosts: userinfo, escapes, backslashes, white space."""
SLACK_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)+slack(?:-gov)?\.com")


DateNote = Callable[[str | None], None]
"""Called with the `Date` of an answer, None where it has none."""
RefusalNote = Callable[[str, str], None]
"""Called with the method of a call that failed, and the error's code."""


class CallCounter(Protocol):
    """Counts calls of Slack's API."""

    def count_slack_call(self, method: str, result: str, seconds: float) -> None:
        """Count a call, with its repeats; `result` is `ok` or an error code."""

    def count_slack_throttle(self, method: str) -> None:
        """Count an answer with status 429."""

    def count_odd_part(self, part: str) -> None:
        """Count an answer about people, a part of which was left out; `part` is a field's name."""

    def count_shortened(self, method: str, reason: str) -> None:
        """Count a message that was shortened: for its `length`, or after an error code of Slack's."""


class MeteredWebClient(AsyncWebClient):
    """Slack's client, with every call counted, and the `Date` of every answer and every refusal noted."""

    counts: CallCounter | None = None
    note_date: DateNote | None = None
    note_refusal: RefusalNote | None = None

    async def api_call(self, api_method: str, **kwargs: Any) -> AsyncSlackResponse:
        """Call a method of the Web API, and count the call."""
        started = time.perf_counter()
        try:
            answer = await super().api_call(api_method, **kwargs)
        except SLACK_ERRORS as error:
            self._count(api_method, code := error_code(error), started)
            if self.note_refusal is not None:
                self.note_refusal(api_method, code)
            if _is_unreadable(error):
                raise UnreadableAnswerError(code) from error
            raise
        except (AttributeError, ValueError) as error:
            # slack_sdk takes every text for UTF-8, and every answer for an object.
            self._count(api_method, UnreadableAnswerError.__name__, started)
            raise UnreadableAnswerError(type(error).__name__) from error
        self._count(api_method, "ok", started)
        if self.note_date is not None:
            self.note_date(answer.headers.get("date"))
        return answer

    def _count(self, method: str, result: str, started: float) -> None:
        if self.counts is not None:
            self.counts.count_slack_call(method, result, time.perf_counter() - started)


class MeteredRateLimitHandler(AsyncRateLimitErrorRetryHandler):
    """Slack's own retries after a 429, counted, where the pause is short enough to wait for."""

    counts: CallCounter | None = None

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """Count an answer with status 429, and return whether to try again. Called for every answer."""
        if self.counts is not None and response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self.counts.count_slack_throttle(request.url.rstrip("/").rpartition("/")[2])
        again = await super().can_retry_async(state=state, request=request, response=response, error=error)
        if not again or response is None:
            return False
        headers = {name.lower(): values for name, values in response.headers.items()}
        seconds = (headers.get("retry-after") or ["1"])[0]
        return seconds.isdecimal() and float(seconds) <= LONGEST_PAUSE_SECONDS


def _is_unreadable(error: Exception) -> bool:
    """Check whether Slack answered with a success's status, and no word of how it went."""
    if not isinstance(error, SlackApiError):
        return False
    answer = error.response
    data, status = getattr(answer, "data", None), getattr(answer, "status_code", getattr(answer, "status", None))
    return status == HTTPStatus.OK and not (isinstance(data, dict) and data.get("error"))


def open_session() -> aiohttp.ClientSession:
    """Open the session for all calls of Slack. The caller closes it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=5)
    connector, no_cookies = aiohttp.TCPConnector(limit=50), aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=no_cookies)


def create_web_client(
    base_url: str,
    token: str,
    session: aiohttp.ClientSession,
    counts: CallCounter | None = None,
    note_date: DateNote | None = None,
) -> MeteredWebClient:
    """Return a client of the Web API at `base_url`, as the bot.

    Args:
        base_url: where the API is.
        token: the bot's.
        session: carries the calls.
        counts: counts them.
        note_date: is told the `Date` of each answer that is no error.
    """
    limits = MeteredRateLimitHandler(max_retry_count=2)
    limits.counts = counts
    client = MeteredWebClient(
        token=token,
        base_url=f"{base_url}/",
        session=session,
        timeout=TIMEOUT_SECONDS,
        retry_handlers=[
            AsyncConnectionErrorRetryHandler(max_retry_count=1, error_types=[aiohttp.ClientConnectorError]),
            limits,
        ],
    )
    client.counts, client.note_date = counts, note_date
    client.proxy = proxy_for(base_url)
    return client


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for `url`: honours NO_PROXY, and never one for this machine itself.

    slack_sdk reads HTTP_PROXY for every host, loopback included.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"} or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def is_slack_url(url: str, api_url: str) -> bool:
    """Check whether flowbot may call `url`: https on Slack's own hosts, or the configured API's own origin."""
    if not PLAIN_URL.fullmatch(url):
        return False
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        same_origin = (parts.scheme, parts.hostname, parts.port) == (api.scheme, api.hostname, api.port)
    except ValueError:
        return False
    host = parts.hostname or ""
    own = parts.scheme == "https" and parts.port in (None, 443) and SLACK_HOST.fullmatch(host) is not None
    return own or same_origin
