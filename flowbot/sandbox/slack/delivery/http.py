"""Delivery by signed HTTP requests."""

import asyncio
import hashlib
import hmac
import time

import aiohttp

from flowbot.sandbox.slack.delivery.envelope import Delivery, Envelope, SignedRequest

_USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


class HttpTransport:
    """Posts envelopes to one request URL.

    Args:
        url: The bot's request URL.
        signing_secret: The app's secret.
        ack_seconds: How long Slack waits for the answer.
    """

    def __init__(self, url: str, signing_secret: str, ack_seconds: float) -> None:
        self.url = url
        self._secret = signing_secret
        self._ack_seconds = ack_seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, envelope: Envelope, extra_headers: dict[str, str] | None = None) -> Delivery:
        """Deliver once; what went wrong is told in the delivery, not raised."""
        delivery = Delivery(envelope.kind, envelope.label, envelope.payload, "http", headers=dict(extra_headers or {}))
        started = time.perf_counter()
        try:
            await self._post(envelope, delivery)
        except TimeoutError:
            delivery.error = "operation_timeout"
        except (aiohttp.ClientError, OSError):
            delivery.error = "dispatch_failed"
        delivery.seconds = time.perf_counter() - started
        return delivery

    async def _post(self, envelope: Envelope, delivery: Delivery) -> None:
        body = envelope.http_body()
        headers = {
            "Content-Type": envelope.content_type,
            "User-Agent": _USER_AGENT,
            "Accept": "application/json,*/*",
            **build_signature_headers(self._secret, body),
            **delivery.headers,
        }
        delivery.request = SignedRequest(body, headers)
        async with (
            asyncio.timeout(self._ack_seconds),
            self._client().post(self.url, data=body.encode(), headers=headers, allow_redirects=False) as answer,
        ):
            delivery.status, delivery.body = answer.status, await answer.text()
            delivery.headers = {k: v for k, v in answer.headers.items() if k.lower().startswith("x-slack")}
        if delivery.status != 200:  # noqa: PLR2004 - Slack's rule is the number itself
            delivery.error = "dispatch_failed"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def build_signature_headers(signing_secret: str, body: str, timestamp: int | None = None) -> dict[str, str]:
    """Return the two headers by which a bot knows that a request is Slack's.

    Args:
        signing_secret: The app's secret.
        body: The request body exactly as sent.
        timestamp: Seconds since the epoch; now if not given.
    """
    moment = str(int(time.time()) if timestamp is None else timestamp)
    digest = hmac.new(signing_secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
