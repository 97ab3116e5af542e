"""Counting calls of Slack's: by method, and by how they ended."""

import time
from http import HTTPStatus
from typing import Any, Final, Protocol

from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.slack.errors import SLACK_TROUBLE, word_for

LONGEST_PAUSE_SECONDS: Final = 5.0
"""Where Slack asks for a longer pause, whoever waits is told so instead, and what has to be done is done later."""


class Counts(Protocol):
    """Counts calls of Slack's."""

    def slack_called(self, method: str, result: str, seconds: float) -> None:
        """One call, with its repeats: `ok`, or what went wrong in a word."""

    def slack_throttled(self, method: str) -> None:
        """One answer with status 429."""


class CountedClient(AsyncWebClient):
    """Slack's client, whose every call is counted."""

    counts: Counts | None = None

    async def api_call(self, api_method: str, **kwargs: Any) -> AsyncSlackResponse:
        """As Slack's own."""
        started = time.perf_counter()
        try:
            answer = await super().api_call(api_method, **kwargs)
        except SLACK_TROUBLE as error:
            self._count(api_method, word_for(error), started)
            raise
        self._count(api_method, "ok", started)
        return answer

    def _count(self, method: str, result: str, started: float) -> None:
        if self.counts is not None:
            self.counts.slack_called(method, result, time.perf_counter() - started)


class CountedLimits(AsyncRateLimitErrorRetryHandler):
    """Slack's own way with a 429, where the pause is one that people wait for; counted also where it is not."""

    counts: Counts | None = None

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """As Slack's own; it is asked about every answer."""
        if self.counts is not None and response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self.counts.slack_throttled(request.url.rstrip("/").rpartition("/")[2])
        again = await super().can_retry_async(state=state, request=request, response=response, error=error)
        return again and response is not None and _is_short(response)


def _is_short(response: HttpResponse) -> bool:
    """Whether the pause that Slack asks for is short enough."""
    headers = {name.lower(): values for name, values in response.headers.items()}
    seconds = (headers.get("retry-after") or ["1"])[0]
    return seconds.isdecimal() and float(seconds) <= LONGEST_PAUSE_SECONDS
