"""What went wrong with a call of Slack's."""

from slack_sdk.errors import SlackApiError


def word_for(error: Exception) -> str:
    """What went wrong, in a word or two, fit for a log: Slack's own where it gave one."""
    if isinstance(error, SlackApiError):
        data = _data(error)
        return str(data.get("error", "unknown_error")) if isinstance(data, dict) else "no_json"
    return type(error).__name__


def detail_of(error: Exception) -> object:
    """What Slack says of the mistakes in a message or view; an outage answers with no such thing."""
    data = _data(error) if isinstance(error, SlackApiError) else None
    return data.get("response_metadata") if isinstance(data, dict) else None


def _data(error: SlackApiError) -> object:
    return getattr(error.response, "data", error.response)
