"""What the measuring side and the stand-ins' process say to each other."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

BACK_DOOR: Final = "/bench"
"""Where the stand-ins' process is spoken to by the measuring side."""
CHANNEL: Final = "C0MARKETING"
API_KEY: Final = "enkapush-key-of-the-benchmarks"
BOLT_APP_TOKEN: Final = "xapp-1-A0BOLT-control"  # noqa: S105 - opens nothing but the stand-in
VOTERS: Final = 20
"""How many people may approve."""


class What(StrEnum):
    """What a person does."""

    LIST = "/flows list"
    SEARCH = "/flows list indirim"
    NEXT = "Next"
    NEXT_FOUND = "Next of a search"
    SUBMIT = "form submit"
    EVENT = "event without work"
    VOTE = "Approve"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Shot(_Message):
    """One request of Slack's, ready to be sent.

    Attributes:
        content_type: Of the HTTP body.
        body: As HTTP sends it, not signed yet.
        envelope: As Socket Mode sends it.
        envelope_id: What its acknowledgement names.
        answer_at: The path of the response URL where the finished answer is awaited; empty where there is none.
    """

    content_type: str
    body: str
    envelope: str
    envelope_id: str
    answer_at: str = ""


class Shots(_Message):
    """Several of them."""

    shots: tuple[Shot, ...]


class Order(_Message):
    """Some shots, please."""

    what: What
    count: int


class Bot(_Message):
    """Where people's doings are delivered to, by HTTP, and what they shall do.

    Attributes:
        url: The request URL.
        forms: Whether a form is to be sent.
        requests: How many requests for approval are to be asked for, instead of all else.
    """

    url: str
    forms: bool = True
    requests: int = 0


class Sockets(_Message):
    """Where `apps.connections.open` leads from now on; empty: to the stand-in itself."""

    url: str


class Answers(_Message):
    """What the bot sent so far.

    Attributes:
        count: Calls of the Web API, of response URLs and of Enkapush.
        last: When the last of them was answered; seconds of the machine's monotonic clock.
        at: When each response URL was answered, by its path.
    """

    count: int
    last: float
    at: dict[str, float]


class Addresses(_Message):
    """Where the stand-ins are."""

    slack: str
    enkapush: str
