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
        """Deliver once; errors are recorded in the delivery, not raised."""
        body = envelope.http_body()
        headers = {
            "Content-Type": envelope.content_type,
            "User-Agent": _USER_AGENT,
            "Accept": "application/json,*/*",
            **build_signature_headers(self._secret, body),
            **(extra_headers or {}),
        }
        delivery = Delivery(envelope.kind, envelope.label, envelope.payload, "http", headers=dict(extra_headers or {}))
        delivery.request = SignedRequest(body, headers)
        self._session = self._session or aiohttp.ClientSession()
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(self._ack_seconds),
                self._session.post(self.url, data=body.encode(), headers=headers, allow_redirects=False) as response,
            ):
                delivery.status, delivery.body = response.status, await response.text()
                delivery.headers = {k: v for k, v in response.headers.items() if k.lower().startswith("x-slack")}
            if delivery.status != 200:  # noqa: PLR2004 - Slack's rule is the number itself
                delivery.error = "dispatch_failed"
        except TimeoutError:
            delivery.error = "operation_timeout"
        except (aiohttp.ClientError, OSError):
            delivery.error = "dispatch_failed"
        delivery.seconds = time.perf_counter() - started
        return delivery

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def build_signature_headers(signing_secret: str, body: str, timestamp: int | None = None) -> dict[str, str]:
    """Return the two headers that prove a request is Slack's.

    Args:
        signing_secret: The app's secret.
        body: The request body exactly as sent.
        timestamp: Seconds since the epoch; now if not given.
    """
    moment = str(int(time.time()) if timestamp is None else timestamp)
    digest = hmac.new(signing_secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
