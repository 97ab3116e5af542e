"""Slack's error codes, by what they mean."""

from collections.abc import Mapping
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from flowbot.domain.ids import ChannelId
from flowbot.errors import REFUSED_TOKEN, Text

SLACK_ERRORS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""The errors of a failed call: Slack's refusal, which is a SlackApiError, or no answer."""
PLACE_KEYS: Final[Mapping[str, str]] = {
    "not_in_channel": "place.absent",
    "channel_not_found": "place.absent",
    "no_permission": "place.absent",
    "user_not_in_channel": "place.absent",
    "is_archived": "place.archived",
    "is_inactive": "place.archived",
    "restricted_action": "place.restricted",
    "restricted_action_read_only_channel": "place.restricted",
    "restricted_action_thread_only_channel": "place.restricted",
    "restricted_action_non_threadable_channel": "place.restricted",
    "restricted_action_thread_locked": "place.locked",
    "thread_locked": "place.locked",
    "cannot_reply_to_message": "place.locked",
    "access_denied": "place.suspended",
    "ekm_access_denied": "place.suspended",
    "team_access_not_granted": "place.suspended",
}
"""The sentence about a channel or thread that takes no message, by Slack's error code."""
UNREACHABLE: Final = {code for code, key in PLACE_KEYS.items() if key != "place.suspended"} | {
    "user_not_found",
    "user_disabled",
    "user_not_visible",
    "cannot_dm_bot",
    "messages_tab_disabled",
}
"""Refusals that mean a person cannot be reached, however often it is tried."""
PASSING: Final = REFUSED_TOKEN | {
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "accesslimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "org_login_required",
    "external_channel_migrating",
    "update_failed",
    "fetch_members_failed",
    "unknown_error",
    "no_json",
}
"""Refusals that are not about the message or its place: the same call may be taken later."""

INVALID_BLOCKS: Final = "invalid_blocks"
BLOCKS_REFUSED: Final = (INVALID_BLOCKS, "msg_blocks_too_long")
"""Refusals of a message's blocks, which a shorter message may not meet."""
IMAGE_REFUSED: Final = frozenset({"invalid_arguments", INVALID_BLOCKS})
"""Refusals of a view, one of whose images Slack may not have been able to fetch."""


class UnreadableAnswerError(SlackClientError):
    """Slack took a call, as the status says, but its answer cannot be read: the call may have been carried out."""


def describe_refusal(channel: ChannelId, code: str) -> Text:
    """Say what keeps messages out of a channel, and what to do about it."""
    key = PLACE_KEYS.get(code)
    return Text(key, {"channel": channel}) if key else Text("place.refused", {"error": code})


def error_code(error: Exception) -> str:
    """Return Slack's error code, or the exception's name where Slack gave none."""
    if isinstance(error, SlackApiError):
        data = _data(error)
        return str(data.get("error") or "unknown_error") if isinstance(data, dict) else "no_json"
    return type(error).__name__


def error_detail(error: Exception) -> object:
    """Return Slack's details on the mistakes in a message or view; None where there are none."""
    data = _data(error) if isinstance(error, SlackApiError) else None
    return data.get("response_metadata") if isinstance(data, dict) else None


def _data(error: SlackApiError) -> object:
    return getattr(error.response, "data", error.response)
