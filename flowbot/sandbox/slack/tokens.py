"""Short-lived tokens in payloads: trigger ids and response URLs.

A trigger id lives 3 s and opens one view; a response URL takes 5 uses in 30 minutes.
Source: docs.slack.dev, "Handling user interaction".
"""

import secrets
from dataclasses import dataclass

from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Clock

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60
RESPONSE_URL_USES = 5


@dataclass
class Trigger:
    """Permission to open or push one view for one person."""

    user_id: str
    expires_at: float
    view_id: str | None = None
    used: bool = False


class TriggerIds:
    """Issues and redeems trigger ids."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[str, Trigger] = {}

    def issue(self, user_id: str, view_id: str | None = None) -> str:
        """Issue a trigger id; `view_id` is the modal in which the person acted, if any."""
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = Trigger(user_id, self._clock.now() + TRIGGER_SECONDS, view_id)
        return trigger_id

    def redeem(self, trigger_id: str) -> Trigger:
        """Use up a trigger id.

        Raises:
            SlackError: `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`.
        """
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._clock.now() > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger


@dataclass
class ResponseUrl:
    """Permission to reply in one channel; `ts` is the message it came from, if any."""

    path: str
    channel: str
    user_id: str
    ts: str | None
    expires_at: float
    uses: int = 0


class ResponseUrls:
    """Issues response URLs and counts their uses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[str, ResponseUrl] = {}

    def issue(self, prefix: str, channel: str, user_id: str, ts: str | None = None) -> str:
        """Issue a response URL and return its path, such as `/commands/T…/1234/abcd`."""
        path = f"/{prefix}/{secrets.randbelow(10**12)}/{secrets.token_urlsafe(18)}"
        expires_at = self._clock.now() + RESPONSE_URL_SECONDS
        self._issued[path] = ResponseUrl(path, channel, user_id, ts, expires_at)
        return path

    def resolve(self, path: str) -> ResponseUrl:
        """Return a response URL that may still be used.

        Raises:
            SlackError: `expired_url` or `used_url`; unknown paths count as expired.
        """
        url = self._issued.get(path)
        if url is None or self._clock.now() > url.expires_at:
            raise SlackError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        return url
