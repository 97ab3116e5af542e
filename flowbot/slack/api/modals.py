"""Modals: opened, updated, stacked, and the acknowledgement of a submitted one."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.errors import REFUSED_TOKEN, SlackFaultError, UserError
from flowbot.slack.api.errors import IMAGE_REFUSED, SLACK_ERRORS, error_code, error_detail
from flowbot.slack.views.block_kit import View, remove_images

GONE: Final = frozenset({"not_found", "hash_conflict", "view_not_found"})

AckArgs = dict[str, Any]
"""What a submitted view is acknowledged with."""

log = structlog.get_logger(__name__)


class ModalNotOpenedError(UserError):
    """Slack did not open the modal: it was asked too late, say. A button opens it as well."""

    def __init__(self) -> None:
        super().__init__("window.not_opened")


def ack_errors(errors: Mapping[str, str]) -> AckArgs:
    """Return the acknowledgement that shows errors at the view's fields, by block."""
    return {"response_action": "errors", "errors": dict(errors)}


def ack_update(view: View) -> AckArgs:
    """Return the acknowledgement that puts another view in the place of the submitted one."""
    return {"response_action": "update", "view": view}


def _view_id(answer: AsyncSlackResponse) -> str:
    """Return the id of the view that was opened; an empty one where Slack does not say, which no update finds."""
    view = answer.get("view")
    return str(view.get("id") or "") if isinstance(view, dict) else ""


class Modals:
    """Slack's `views.*` methods.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def open(self, trigger: str, view: View) -> str:
        """Open a view for the trigger's person, and return its id.

        Raises:
            ModalNotOpenedError: Slack did not open it.
            SlackFaultError: it refuses the bot's token, so that no button would open it either.
        """
        try:
            answer = await self._client.views_open(trigger_id=trigger, view=view)
        except SLACK_ERRORS as error:
            code = error_code(error)
            log.warning("modal.not_opened", error=code, detail=error_detail(error))
            if code in REFUSED_TOKEN:
                raise SlackFaultError(code) from error
            raise ModalNotOpenedError from error
        return _view_id(answer)

    async def push(self, trigger: str, view: View, *, otherwise: View | None = None) -> str:
        """Show a view on top of the one that is open, and return its id.

        Args:
            trigger: what the person did, for a few seconds.
            view: the view.
            otherwise: the view to show where Slack refuses that one, for a file that it does not show, say.

        Raises:
            ModalNotOpenedError: Slack did not show it.
        """
        try:
            answer = await self._client.views_push(trigger_id=trigger, view=view)
        except SLACK_ERRORS as error:
            if error_code(error) in IMAGE_REFUSED and otherwise is not None and otherwise != view:
                return await self.push(trigger, otherwise)
            log.warning("modal.not_pushed", error=error_code(error), detail=error_detail(error))
            raise ModalNotOpenedError from error
        return _view_id(answer)

    async def update(self, view_id: str, view: View) -> bool:
        """Put a view in the place of another. Return False where that one is gone, or Slack did not do it."""
        return await self._update(view_id, view) is None

    async def replace_loading(self, view_id: str, view: View) -> None:
        """Put a view in the place of its loading view; do nothing if that was closed meanwhile.

        A view that Slack refuses is shown once more without its images.

        Raises:
            UserError: Slack did not do it, so that somebody looks at a view that goes on loading.
        """
        refused = await self._update(view_id, view)
        if refused in IMAGE_REFUSED:
            refused = await self._update(view_id, {**view, "blocks": remove_images(view["blocks"])})
        if refused is not None and refused not in GONE:
            raise UserError("form.not_filled")

    async def _update(self, view_id: str, view: View) -> str | None:
        """Return None where Slack did it, else its error code."""
        try:
            await self._client.views_update(view_id=view_id, view=view)
        except SLACK_ERRORS as error:
            refused = error_code(error)
            log.log(
                logging.INFO if refused in GONE else logging.WARNING,
                "modal.not_updated",
                error=refused,
                detail=error_detail(error),
            )
            return refused
        return None
