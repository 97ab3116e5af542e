"""Opening, filling and stacking views."""

from typing import Any, Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.errors import UserError
from flowbot.slack.directory import reason

View = dict[str, Any]

GONE: Final = frozenset({"not_found", "hash_conflict", "view_not_found"})

log = structlog.get_logger(__name__)


class Modals:
    """Slack's `views.*` methods.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def open(self, trigger: str, view: View) -> str:
        """Show a view to whoever holds the trigger. Its id.

        Raises:
            UserError: Slack did not open it: it was asked too late, say.
        """
        try:
            answer = await self._client.views_open(trigger_id=trigger, view=view)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("modal.not_opened", error=reason(error), detail=_detail(error))
            raise UserError("form.not_opened") from error
        return str((answer.get("view") or {}).get("id") or "")

    async def push(self, trigger: str, view: View) -> None:
        """Show a view on top of the one that is open.

        Raises:
            UserError: Slack did not show it.
        """
        try:
            await self._client.views_push(trigger_id=trigger, view=view)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("modal.not_pushed", error=reason(error), detail=_detail(error))
            raise UserError("form.not_opened") from error

    async def update(self, view_id: str, view: View) -> bool:
        """Put a view in the place of another. False where that is not there any more, or Slack did not do it."""
        try:
            await self._client.views_update(view_id=view_id, view=view)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            expected = reason(error) in GONE
            log.log(20 if expected else 30, "modal.not_updated", error=reason(error), detail=_detail(error))
            return False
        return True


def _detail(error: Exception) -> object:
    return error.response.get("response_metadata") if isinstance(error, SlackApiError) else None
