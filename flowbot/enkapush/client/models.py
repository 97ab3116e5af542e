"""Models: what is read from Enkapush, tolerantly, and what is sent to it, strictly.

Reading ignores unknown fields and keeps unknown choices; sending coerces nothing and lets nothing unknown pass.
Source: the API's page "Akışlar" (flows), and the same site's page on segments.
"""

import datetime as dt
import math
import re
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

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


MAX_AMOUNT: Final = 10**15
"""Numbers beyond it are taken for it: sums of many such still fit a database column, and every one can be printed."""
MAX_ID: Final = 2**63 - 1
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2999
"""Years of moments. Before, zones had offsets with seconds; outside 1 to 9999, a moment moved to a zone is none."""


def _none_for_empty(value: object) -> object:
    return None if value == "" else value


def _zero_for_null(value: object) -> object:
    return 0 if value is None else value


def _parse_amount(value: object, parse: ValidatorFunctionWrapHandler) -> int:
    """Parse a whole number and bring it within `MAX_AMOUNT`, also one that came as a float, such as 1e+30."""
    if isinstance(value, float) and abs(value) > MAX_AMOUNT:
        value = math.copysign(MAX_AMOUNT, value)
    amount: int = parse(value)
    return max(-MAX_AMOUNT, min(amount, MAX_AMOUNT))


def _parse_count(value: object, parse: ValidatorFunctionWrapHandler) -> int:
    """Parse a running total; return 0 for one that is null, negative or no whole number."""
    try:
        return max(0, _parse_amount(value, parse))
    except ValueError:
        return 0


def _parse_known_count(value: object, parse: ValidatorFunctionWrapHandler) -> int | None:
    """Parse a number of subscribers; return None for what is no such number."""
    try:
        amount = None if value is None or isinstance(value, bool) else _parse_amount(value, parse)
    except ValueError:
        return None
    return amount if amount is not None and amount >= 0 else None


def _parse_moment(value: object, parse: ValidatorFunctionWrapHandler) -> dt.datetime | None:
    """Parse a timestamp; return None for one that names no moment, such as `0000-00-00 00:00:00`, or an absurd one."""
    try:
        moment: dt.datetime | None = None if value is None else parse(value)
    except ValueError:
        return None
    return moment if moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR else None


Id = Annotated[int, Field(gt=0, le=MAX_ID)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
TextOrNone = Annotated[str | None, BeforeValidator(_none_for_empty)]
Flag = Annotated[bool, BeforeValidator(_zero_for_null)]
Amount = Annotated[int, WrapValidator(_parse_amount)]
Count = Annotated[int, WrapValidator(_parse_count)]
KnownCount = Annotated[int | None, WrapValidator(_parse_known_count)]
Moment = Annotated[dt.datetime | None, WrapValidator(_parse_moment)]


class Readable(BaseModel):
    """The base of everything that is read."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, validate_by_alias=True, validate_by_name=True
    )


class Record(Readable):
    """An item of the API's lists."""

    id: Id
    website_id: Id


class FlowSettings(Readable):
    """A flow's `settings`.

    Attributes:
        ttl: Seconds; may be a number outside `TTL_SECONDS`. None where Enkapush names none.
    """

    ttl: Annotated[Amount | None, BeforeValidator(_none_for_empty)] = None
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

    name: Text
    title: Text
    description: Text
    url: Text = ""
    image_url: TextOrNone = None
    settings: FlowSettings
    wait_time: Amount
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
        total_subscribers: None where Enkapush names no number: it is not taken for nobody.
    """

    name: Text
    total_subscribers: KnownCount = None


FormPart = tuple[str, tuple[str | None, bytes] | tuple[str, bytes, str]]
"""A field's name, then its file name (None for text), its bytes and, for a file, its content type."""

_UNSAFE_IN_FILENAME = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff"/\\%;]')

Required = Annotated[str, Field(min_length=1)]


class _Sendable(BaseModel):
    """The base of everything that is sent: nothing is coerced, nothing unknown passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ImagePart(_Sendable):
    """An image to upload.

    Attributes:
        filename: The file name as the person gave it; `safe_filename` is what is sent.
        content: The file's bytes.
        content_type: Such as `image/png`.
    """

    filename: str
    content: Annotated[bytes, Field(min_length=1, repr=False)]
    content_type: Annotated[str, Field(pattern=r"\A[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+\z")]

    @property
    def safe_filename(self) -> str:
        """Return the file name without quotes, slashes and control characters, on which form parsers disagree."""
        return _UNSAFE_IN_FILENAME.sub("_", self.filename) or "image"


class _FlowFields(_Sendable):
    """The fields that creation and update share. None leaves a field out; `""` empties it."""

    url: str | None = None
    image: ImagePart | None = None
    button_title_1: str | None = None
    button_url_1: str | None = None
    button_title_2: str | None = None
    button_url_2: str | None = None
    is_silent: bool | None = None
    is_auto_hide: bool | None = None
    ttl: TtlSeconds | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    segment: Literal["all"] | Id | None = None

    def parts(self) -> list[FormPart]:
        """Return the fields that are set as multipart parts."""
        parts: list[FormPart] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, ImagePart):
                parts.append((name, (value.safe_filename, value.content, value.content_type)))
            elif value is not None:
                # Form parsers take the text "false" for true; only 1 and 0 mean the same to all of them.
                text = str(int(value)) if isinstance(value, bool) else str(value)
                parts.append((name, (None, text.encode())))
        return parts


class NewFlow(_FlowFields):
    """A flow to create (the API's page "Akışlar", `POST /flows`).

    `is_enabled` is always sent, so that Enkapush's own default never decides.
    """

    website_id: Id
    name: Required
    title: Required
    description: Required
    wait_time: Annotated[int, Field(ge=0)]
    wait_time_type: Annotated[WaitUnit, Field(strict=False)]
    is_enabled: bool = False


class FlowPatch(_FlowFields):
    """The fields of a flow to change (the API's page "Akışlar", `POST /flows/{flow_id}`).

    None leaves a field as it is; `""` empties a text.

    Raises:
        ValueError: Nothing is set.
    """

    website_id: Id | None = None
    name: str | None = None
    title: str | None = None
    description: str | None = None
    wait_time: Annotated[int, Field(ge=0)] | None = None
    wait_time_type: Annotated[WaitUnit | None, Field(strict=False)] = None
    is_enabled: bool | None = None

    @model_validator(mode="after")
    def _require_change(self) -> Self:
        if not self.parts():
            raise ValueError("an update must set at least one field")
        return self
