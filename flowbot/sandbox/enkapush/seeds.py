"""Accounts to begin with: a believable one, whose words and figures are in `seeds.toml`, and thousands of flows."""

import random
import tomllib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from flowbot.sandbox.enkapush.models import (
    DEFAULT_TTL,
    TTLS,
    WAIT_UNITS,
    ZONE,
    Flow,
    Image,
    Segment,
    SegmentType,
    WaitUnit,
    detect_image_type,
)

_HERE = files("flowbot.sandbox.enkapush")
_FIRST_CREATED = datetime.fromisoformat("2024-01-01")
_NAMES = ("Hoş geldin", "Sepet", "İndirim", "Welcome", "Win-back", "Price drop", "Yeni sezon", "Review", "Çok satan")
_TITLES = ("Seni özledik", "ILIK günler başladı", "Back in stock", "Kargo bedava", "Your cart is waiting")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    website_id: int
    name: str
    age: int


class _SegmentEntry(_Entry):
    id: int
    type: SegmentType
    subscribers: int


class _FlowEntry(_Entry):
    title: str
    description: str
    url: str
    wait_time: int
    wait_time_type: WaitUnit
    image: str | None = None
    ttl: int = DEFAULT_TTL
    is_enabled: bool = False
    is_silent: bool = False
    is_auto_hide: bool = False
    segment: str = "all"
    buttons: tuple[tuple[str, str], ...] = Field((), max_length=2)
    utm: tuple[str, str, str] = ("", "", "")
    totals: tuple[int, int, int, int] = (0, 0, 0, 0)
    changed: int | None = None
    sent: int | None = None


_CONVERTED = {"age", "image", "buttons", "utm", "totals", "changed", "sent"}
"""Fields of a flow's entry that are not taken over as they are."""


class _Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: tuple[_SegmentEntry, ...]
    flows: tuple[_FlowEntry, ...]


def seed_flows(now: datetime) -> list[Flow]:
    """Return about forty flows over `WEBSITES`, oldest first, ids from 1.

    Args:
        now: The present, aware; all dates lie in the 14 months before it.
    """
    wall = _wall_clock(now)
    oldest_first = sorted(_account().flows, key=lambda entry: -entry.age)
    return [_flow(number, entry, wall) for number, entry in enumerate(oldest_first, start=1)]


def seed_segments(now: datetime) -> list[Segment]:
    """Return about ten segments over `WEBSITES`; dates as in `seed_flows`."""
    wall = _wall_clock(now)
    return [
        Segment(
            id=entry.id,
            website_id=entry.website_id,
            name=entry.name,
            type=entry.type,
            total_subscribers=entry.subscribers,
            datetime=_days_before(wall, entry.age, entry.id),
        )
        for entry in _account().segments
    ]


def seed_image(name: str, file: str) -> Image:
    """Return one of the included images, to be served under another name.

    Args:
        name: The last part of its URL.
        file: Such as `tent.jpg`.

    Raises:
        FileNotFoundError: There is no such image.
    """
    content = (_HERE / "images" / file).read_bytes()
    return Image(name, detect_image_type(content) or "application/octet-stream", content)


def generate_flows(n: int, website_ids: Sequence[int] = (1, 2, 3), seed: int = 0) -> list[Flow]:
    """Return `n` flows with the ids 1 to `n` over the websites, the same ones for the same arguments.

    They are an hour apart, oldest first, starting in 2024.
    """
    chance = random.Random(seed)  # noqa: S311 - random enough for made-up flows, and repeatable
    flows = []
    for number in range(1, n + 1):
        name, sent = chance.choice(_NAMES), chance.randrange(20_000)
        displayed = int(sent * chance.uniform(0.8, 0.98))
        created = _FIRST_CREATED + timedelta(hours=number)
        flow = Flow(
            id=number,
            website_id=chance.choice(website_ids),
            name=f"{name} {number}",
            title=chance.choice(_TITLES),
            description=f"{name}: {chance.choice(_TITLES)} ({number})",
            url=f"https://shop.example/flow/{number}",
            wait_time=chance.randint(1, 60),
            wait_time_type=chance.choice(WAIT_UNITS),
            ttl=chance.choice(TTLS),
            is_enabled=chance.random() < 0.5,  # noqa: PLR2004 - a fair coin
            total_sent_push_notifications=sent,
            total_displayed_push_notifications=displayed,
            total_clicked_push_notifications=displayed // 7,
            total_closed_push_notifications=displayed // 3,
            last_sent_datetime=created + timedelta(days=1) if sent else None,
            datetime=created,
        )
        flows.append(flow)
    return flows


@cache
def _account() -> _Account:
    return _Account.model_validate(tomllib.loads((_HERE / "seeds.toml").read_text("utf-8")))


def _wall_clock(now: datetime) -> datetime:
    return now.astimezone(ZONE).replace(tzinfo=None, microsecond=0)


def _days_before(wall: datetime, days: int, number: int) -> datetime:
    # A spread over the day that is the same at every start, and never later than now.
    return wall - timedelta(days=days, seconds=1 + (number * 7919) % 36000)


def _flow(number: int, entry: _FlowEntry, wall: datetime) -> Flow:
    created = _days_before(wall, entry.age, number)

    def moment(days: int | None) -> datetime | None:
        # A number of its own moves the time of day; nothing happens before the creation.
        return None if days is None else max(created, _days_before(wall, days, entry.age + days))

    (title_1, url_1), (title_2, url_2) = (*entry.buttons, ("", ""), ("", ""))[:2]
    source, medium, campaign = entry.utm
    sent, displayed, clicked, closed = entry.totals
    return Flow(
        id=number,
        image=seed_image(f"{number}-{entry.image}", entry.image) if entry.image else None,
        button_title_1=title_1,
        button_url_1=url_1,
        button_title_2=title_2,
        button_url_2=url_2,
        utm_source=source,
        utm_medium=medium,
        utm_campaign=campaign,
        total_sent_push_notifications=sent,
        total_displayed_push_notifications=displayed,
        total_clicked_push_notifications=clicked,
        total_closed_push_notifications=closed,
        datetime=created,
        last_datetime=moment(entry.changed),
        last_sent_datetime=moment(entry.sent),
        **entry.model_dump(exclude=_CONVERTED),
    )
