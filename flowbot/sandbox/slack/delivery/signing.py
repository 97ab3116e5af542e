"""Slack's request signature: HMAC-SHA256 over `v0:timestamp:body`."""

import hashlib
import hmac
import time


def signed_headers(signing_secret: str, body: str, timestamp: int | None = None) -> dict[str, str]:
    """Return the two headers by which a bot knows that a request is Slack's.

    Args:
        signing_secret: The app's secret.
        body: The request body exactly as sent.
        timestamp: Seconds since the epoch; now if not given.
    """
    moment = str(int(time.time()) if timestamp is None else timestamp)
    digest = hmac.new(signing_secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}
