"""What Enkapush answers, as values. Tolerant: unknown fields are ignored, unknown choices are kept.

Source: the API's page "Akışlar" (flows), and the same site's page on segments.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

TtlSeconds = Literal[
    0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200
]  # fmt: skip
"""How long the push service keeps a message for a device that is offline, in seconds."""

ResultsPerPage = Literal[10, 25, 50, 100, 250, 500, 1000]

TTL_SECONDS: tuple[int, ...] = get_args(TtlSeconds)
"""The times to live that Enkapush accepts (the API's page "Akışlar", `ttl`)."""

RESULTS_PER_PAGE: tuple[int, ...] = get_args(ResultsPerPage)
"""The page sizes that Enkapush accepts (the API's page "Akışlar", `results_per_page`)."""


class WaitUnit(StrEnum):
    """The units of a flow's wait (the API's page "Akışlar", `wait_time_type`)."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


def _empty_for_null(value: object) -> object:
    return "" if value is None else value


def _none_for_empty(value: object) -> object:
    return None if value == "" else value


def _zero_for_null(value: object) -> object:
    return 0 if value is None else value


def _none_for_no_moment(value: object, parse: ValidatorFunctionWrapHandler) -> dt.datetime | None:
    """Read a timestamp; one that names no moment, such as `0000-00-00 00:00:00`, is none."""
    if value is None:
        return None
    try:
        moment: dt.datetime | None = parse(value)
    except ValueError:
        return None
    return moment


Text = Annotated[str, BeforeValidator(_empty_for_null)]
TextOrNone = Annotated[str | None, BeforeValidator(_none_for_empty)]
Flag = Annotated[bool, BeforeValidator(_zero_for_null)]
Count = Annotated[int, BeforeValidator(_zero_for_null)]
Moment = Annotated[dt.datetime | None, WrapValidator(_none_for_no_moment)]


class Readable(BaseModel):
    """The common ground of everything that is read."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, validate_by_alias=True, validate_by_name=True
    )


class Record(Readable):
    """Something that lists are made of."""

    id: int


class FlowSettings(Readable):
    """A flow's `settings`.

    Attributes:
        ttl: Seconds; may be a number outside `TTL_SECONDS`. None where Enkapush names none.
        urgency: Read only; `normal` in the documentation.
    """

    ttl: Annotated[int | None, BeforeValidator(_none_for_empty)] = None
    urgency: Text = ""
    is_silent: Flag = False
    is_auto_hide: Flag = False
    button_title_1: Text = ""
    button_url_1: Text = ""
    button_title_2: Text = ""
    button_url_2: Text = ""


class Flow(Record):
    """One flow as Enkapush holds it (the API's page "Akışlar", `GET /flows/{flow_id}`).

    Timestamps are naive unless Enkapush ever sends an offset: their zone is not documented.

    Attributes:
        wait_time_type: One of `WaitUnit`, or another text where Enkapush has grown one.
        image_url: None where there is no image.
        last_sent_at: The API's `last_sent_datetime`.
        changed_at: The API's `last_datetime`.
        created_at: The API's `datetime`.
    """

    user_id: int | None = None
    website_id: int
    name: Text
    title: Text
    description: Text
    url: Text = ""
    image_url: TextOrNone = None
    settings: FlowSettings
    wait_time: int
    wait_time_type: str
    is_enabled: bool
    total_sent_push_notifications: Count = 0
    total_displayed_push_notifications: Count = 0
    total_clicked_push_notifications: Count = 0
    total_closed_push_notifications: Count = 0
    last_sent_at: Moment = Field(default=None, alias="last_sent_datetime")
    changed_at: Moment = Field(default=None, alias="last_datetime")
    created_at: Moment = Field(default=None, alias="datetime")


class Segment(Record):
    """A group of subscribers (the public page on segments, `GET /segments/{id}`).

    Attributes:
        type: `custom` or `filter` in the documentation.
    """

    website_id: int
    name: Text
    type: Text = ""
    total_subscribers: Count = 0
