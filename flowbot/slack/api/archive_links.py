"""Addresses of messages, made of their place."""

from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.change import Change
from flowbot.domain.ids import ChangeId
from flowbot.slack.api.errors import SLACK_ERRORS, error_code

WEB: Final = ("https://", "http://")

log = structlog.get_logger(__name__)


class ArchiveLinks:
    """Links to messages without a call for each: Slack is asked once for the workspace's address (`auth.test`).

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._origin = ""

    async def find(self, changes: Iterable[Change]) -> Mapping[ChangeId, str]:
        """Return the links to the messages of changes, for those that have one; none where Slack does not answer."""
        posted = [change for change in changes if change.message_channel is not None and change.message_ts is not None]
        origin = await self._find_origin() if posted else ""
        if not origin:
            return {}
        return {
            change.id: f"{origin}/archives/{change.message_channel}/p{(change.message_ts or '').replace('.', '')}"
            for change in posted
        }

    async def find_one(self, change: Change) -> str | None:
        """Return the link to a change's message; None where it has none, or Slack does not answer."""
        return (await self.find([change])).get(change.id)

    async def _find_origin(self) -> str:
        if not self._origin:
            try:
                url = str((await self._client.auth_test()).get("url") or "")
            except SLACK_ERRORS as error:
                log.info("archive_links.no_origin", error=error_code(error))
                return ""
            self._origin = url.rstrip("/") if url.startswith(WEB) else ""
        return self._origin
