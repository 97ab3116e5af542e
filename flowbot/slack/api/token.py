"""The monitor of the bot token: does Slack still take it?"""

import time
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError

from flowbot.errors import REFUSED_TOKEN, SlackFaultError
from flowbot.services.ports import Monotonic
from flowbot.slack.api.client import MeteredWebClient
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

RECHECK_SECONDS: Final = 60.0
"""Slack is asked so often whether it takes a token again that it refused: it may have been a fault of Slack's."""
APP_TOKEN_METHOD: Final = "apps.connections.open"  # noqa: S105 - no secret

log = structlog.get_logger(__name__)


class TokenRefusedError(SlackFaultError):
    """Slack does not take the bot token any more."""

    status = "revoked"


class TokenMonitor:
    """Knows whether Slack takes the bot token, from its events and its answers.

    Args:
        client: the Web API, as the bot; its refusals are noted.
        monotonic: seconds that only grow.
    """

    def __init__(self, client: MeteredWebClient, monotonic: Monotonic = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._refusal: str | None = None
        self._checked_at = 0.0
        client.note_refusal = self._note_call

    def note_refusal(self, reason: str) -> None:
        """Take the token for refused, for an event's or an error's name, until Slack takes it again."""
        if self._refusal is None:
            log.warning("slack.token_refused", error=reason)
            self._refusal, self._checked_at = reason, self._monotonic()

    async def is_accepted(self) -> bool:
        """Return whether Slack takes the token. Of one that it refused Slack is asked again, once a minute."""
        if self._refusal is None:
            return True
        if self._monotonic() - self._checked_at < RECHECK_SECONDS:
            return False
        self._checked_at = self._monotonic()
        try:
            await self._client.auth_test()
        except SlackApiError as error:
            log.warning("slack.token_refused", error=error_code(error))
            return False
        except SLACK_ERRORS:
            return False
        log.info("slack.token_accepted")
        self._refusal = None
        return True

    async def ping(self) -> None:
        """Ask for a sign that work is possible.

        Raises:
            TokenRefusedError: Slack refuses the token.
        """
        if not await self.is_accepted():
            raise TokenRefusedError(self._refusal or "")

    def _note_call(self, method: str, code: str) -> None:
        if code in REFUSED_TOKEN and method != APP_TOKEN_METHOD:
            self.note_refusal(code)
