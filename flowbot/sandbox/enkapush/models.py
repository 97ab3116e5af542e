"""Flows, segments and images as the stand-in Enkapush stores them.

Source of names, types and allowed values: Enkapush's page "Akışlar".
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypedDict
from zoneinfo import ZoneInfo

Clock = Callable[[], dt.datetime]
"""Returns the present as an aware datetime."""

WaitUnit = Literal["minutes", "hours", "days"]
SegmentType = Literal["custom", "filter"]

WAIT_UNITS: tuple[WaitUnit, ...] = ("minutes", "hours", "days")
TTLS = (0, 900, 1800, 3600, 10800, 21600, 43200, 86400, 259200, 432000, 604800, 1209600, 2419200)
"""Allowed times to live, in seconds."""

DEFAULT_TTL = 2419200
DEFAULT_USER_ID = 1
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S"
ZONE = ZoneInfo("Europe/Istanbul")

WEBSITES: Mapping[int, str] = MappingProxyType({1: "Lale Moda", 2: "Northbound Outdoor", 3: "Kitap Durağı"})
"""The account's websites: id to name."""

IMAGE_EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
)
"""Accepted content types, and the file extension that each is served under."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIFS = (b"GIF87a", b"GIF89a")
_RIFF, _WEBP = b"RIFF", b"WEBP"


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is served.

    Attributes:
        name: The last part of its URL, unique in a sandbox.
        content_type: Such as `image/png`.
        content: The file's bytes.
    """

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow as Enkapush stores it, including the write-only fields.

    Attributes:
        ttl: Seconds, one of `TTLS`.
        segment: `all` or a segment's id; never read back, like the `utm_…` texts.
        last_sent_datetime: Naive, in `ZONE`; None if it was never sent.
        last_datetime: When it was last changed; naive, in `ZONE`.
        datetime: When it was created; naive, in `ZONE`.
    """

    id: int
    website_id: int
    name: str
    title: str
    description: str
    wait_time: int
    wait_time_type: WaitUnit
    datetime: dt.datetime
    user_id: int = DEFAULT_USER_ID
    url: str = ""
    image: Image | None = None
    ttl: int = DEFAULT_TTL
    urgency: str = "normal"
    is_silent: bool = False
    is_auto_hide: bool = False
    button_title_1: str = ""
    button_url_1: str = ""
    button_title_2: str = ""
    button_url_2: str = ""
    is_enabled: bool = False
    total_sent_push_notifications: int = 0
    total_displayed_push_notifications: int = 0
    total_clicked_push_notifications: int = 0
    total_closed_push_notifications: int = 0
    last_sent_datetime: dt.datetime | None = None
    last_datetime: dt.datetime | None = None
    segment: str = "all"
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A named part of a website's subscribers."""

    id: int
    website_id: int
    name: str
    datetime: dt.datetime
    type: SegmentType = "custom"
    total_subscribers: int = 0
    user_id: int = DEFAULT_USER_ID
    last_datetime: dt.datetime | None = None


class FlowFields(TypedDict, total=False):
    """Fields of a flow to set; see `Flow`."""

    website_id: int
    name: str
    title: str
    description: str
    wait_time: int
    wait_time_type: WaitUnit
    url: str
    image: Image | None
    ttl: int
    is_silent: bool
    is_auto_hide: bool
    button_title_1: str
    button_url_1: str
    button_title_2: str
    button_url_2: str
    is_enabled: bool
    segment: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    user_id: int
    urgency: str
    total_sent_push_notifications: int
    total_displayed_push_notifications: int
    total_clicked_push_notifications: int
    total_closed_push_notifications: int
    last_sent_datetime: dt.datetime | None
    last_datetime: dt.datetime | None
    datetime: dt.datetime


def detect_image_type(content: bytes) -> str | None:
    """Return the content type that the first bytes show, or None for anything but a known image."""
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        return "image/jpeg"
    if content.startswith(_GIFS):
        return "image/gif"
    if content.startswith(_RIFF) and content[8:12] == _WEBP:
        return "image/webp"
    return None
