"""Messages between the measuring process and the process of the fake servers."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

CONTROL_PATH: Final = "/bench"
"""The path of the control API on the fake Slack's server."""
CHANNEL: Final = "C0MARKETING"
API_KEY: Final = "enkapush-key-of-the-benchmarks"
NAIVE_APP_TOKEN: Final = "xapp-1-A0NAIVE-control"  # noqa: S105 - opens nothing but the stand-in


class RequestKind(StrEnum):
    """A request of Slack's that can be repeated."""

    LIST = "/flows list"
    SEARCH = "/flows list indirim"
    NEXT = "Next"
    NEXT_FOUND = "Next of a search"
    SUBMIT = "form submit"
    EVENT = "event without work"
    APPROVALS = "/flows approvals"
    HISTORY = "/flows history"
    STATS_7 = "/flows stats 7d"
    STATS_90 = "/flows stats 90d"
    STATS_OF_ONE = "/flows stats 101 90d"
    HOME = "Home"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class SlackRequest(_Message):
    """One request of Slack's, ready to be sent.

    Attributes:
        content_type: Of the HTTP body.
        body: The HTTP body, not signed yet.
        envelope: The envelope of Socket Mode.
        envelope_id: The id that the acknowledgement names.
        answer_path: The path of the response URL for the finished answer; empty where there is none.
    """

    content_type: str
    body: str
    envelope: str
    envelope_id: str
    answer_path: str = ""


class SlackRequests(_Message):
    """Several requests of Slack's."""

    requests: tuple[SlackRequest, ...]


class RequestOrder(_Message):
    """An order of requests to send."""

    kind: RequestKind
    count: int


class RecordingOrder(_Message):
    """An order to record what is repeated later, from the bot at `url`; a submitted form only `with_form`."""

    url: str
    with_form: bool = True


class MovingOrder(_Message):
    """An order to let the totals of this share of all flows grow, each time of others."""

    share: float


class SocketUrl(_Message):
    """The address given by `apps.connections.open` from now on; empty for the fake Slack's own."""

    url: str


class Activity(_Message):
    """Requests of the bot.

    Attributes:
        last: When the last one was answered, by the machine's monotonic clock in seconds.
        answered_at: When each response URL got its finished answer, by its path.
        flows: The flows that Enkapush has now.
    """

    last: float
    answered_at: dict[str, float]
    flows: int


class Addresses(_Message):
    """The base URLs of the fake servers."""

    slack: str
    enkapush: str
