"""What went wrong with a call of Slack's."""

from slack_sdk.errors import SlackApiError


def word_for(error: Exception) -> str:
    """What went wrong, in a word or two, fit for a log: Slack's own where it gave one."""
    if isinstance(error, SlackApiError):
        data = getattr(error.response, "data", error.response)
        return str(data.get("error", "unknown_error")) if isinstance(data, dict) else "no_json"
    return type(error).__name__
