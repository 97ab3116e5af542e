"""Slack's error codes, by what they mean."""

from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

SLACK_ERRORS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""The errors of a failed call: Slack's refusal, which is a SlackApiError, or no answer."""
REFUSED: Final = frozenset(
    {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "user_not_in_channel", "no_permission"}
)
"""Refusals that somebody in the workspace has to put right; trying again at once does not help."""
UNREACHABLE: Final = REFUSED | {
    "user_not_found",
    "user_disabled",
    "user_not_visible",
    "cannot_dm_bot",
    "messages_tab_disabled",
    "is_inactive",
}
"""Refusals that mean a person cannot be reached, however often it is tried."""

INVALID_BLOCKS: Final = "invalid_blocks"
BLOCKS_REFUSED: Final = (INVALID_BLOCKS, "msg_blocks_too_long")
"""Refusals of a message's blocks, which a shorter message may not meet."""
IMAGE_REFUSED: Final = frozenset({"invalid_arguments", INVALID_BLOCKS})
"""Refusals of a view, one of whose images Slack may not have been able to fetch."""

REFUSED_TOKEN: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)
"""Refusals of the token itself."""


def error_code(error: Exception) -> str:
    """Return Slack's error code, or the exception's name where Slack gave none."""
    if isinstance(error, SlackApiError):
        data = _data(error)
        return str(data.get("error", "unknown_error")) if isinstance(data, dict) else "no_json"
    return type(error).__name__


def error_detail(error: Exception) -> object:
    """Return Slack's details on the mistakes in a message or view; None where there are none."""
    data = _data(error) if isinstance(error, SlackApiError) else None
    return data.get("response_metadata") if isinstance(data, dict) else None


def _data(error: SlackApiError) -> object:
    return getattr(error.response, "data", error.response)
