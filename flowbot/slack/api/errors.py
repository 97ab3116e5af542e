"""What went wrong with a call of Slack's."""

from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

SLACK_ERRORS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""How a call of Slack's fails: with its refusal, which is a SlackApiError, or without an answer."""


REFUSED: Final = frozenset(
    {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "user_not_in_channel", "no_permission"}
)
"""What somebody in the workspace has to put right; asking again at once would not."""


UNREACHABLE: Final = REFUSED | {
    "user_not_found",
    "user_disabled",
    "user_not_visible",
    "cannot_dm_bot",
    "messages_tab_disabled",
    "is_inactive",
}
"""Why a person is not reached, however often it is tried."""


def error_code(error: Exception) -> str:
    """What went wrong, in a word or two, fit for a log: Slack's own where it gave one."""
    if isinstance(error, SlackApiError):
        data = _data(error)
        return str(data.get("error", "unknown_error")) if isinstance(data, dict) else "no_json"
    return type(error).__name__


def error_detail(error: Exception) -> object:
    """What Slack says of the mistakes in a message or view; an outage answers with no such thing."""
    data = _data(error) if isinstance(error, SlackApiError) else None
    return data.get("response_metadata") if isinstance(data, dict) else None


def _data(error: SlackApiError) -> object:
    return getattr(error.response, "data", error.response)
